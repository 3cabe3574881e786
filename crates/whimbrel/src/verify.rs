//! The two gates: a set is verified before the driver is called, a plan before anything is executed. The only
//! module that makes a [`Verified`]; runs no SQL.

use std::sync::Arc;

use async_trait::async_trait;

use crate::approval::Approvals;
use crate::dialect::Dialect;
use crate::digest::{Digest, migration_chain};
use crate::error::{Error, Result};
use crate::finding::{Finding, FindingKind, Weight};
use crate::layout::MANIFEST_FILE;
use crate::migration::{Kind, Migration, MigrationSet, Provenance};
use crate::plan::Plan;
use crate::prepare::prepare;
use crate::shown;

/// Decides whether a set, and later a plan, may be run.
///
/// **Who implements it:** crates that check signatures, policies or approvals; applications with rules of their own.
///
/// **Who calls it:** the [`Migrator`](crate::Migrator): [`check_set`](Self::check_set) once per set and verb, before the
/// driver is called at all; [`check_plan`](Self::check_plan) once per plan that has something to do, before anything
/// is executed, and again whenever the plan had to be made anew.
///
/// **On failure:** what cannot be decided is refused: return an error, or a finding. An empty list lets the run go on.
/// All findings of all verifiers are gathered before the run is refused. At the second gate a finding may also be a note, or
/// ask for an approval: see [`Weight`].
///
/// A verifier that has nothing to say at one of the gates returns an empty list there, in so many words.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// The reasons not to run this set.
    ///
    /// # Errors
    /// The verifier cannot decide.
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>>;

    /// The reasons not to run this plan.
    ///
    /// # Errors
    /// The verifier cannot decide.
    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>>;

    /// Whether [`check_plan`](Self::check_plan) looks at [`Conditions::server`](crate::Conditions::server). It then costs a
    /// query more when something is pending.
    fn reads_server(&self) -> bool {
        false
    }
}

#[async_trait]
impl<V: Verifier + ?Sized> Verifier for &V {
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>> {
        (**self).check_set(set).await
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        (**self).check_plan(plan).await
    }

    fn reads_server(&self) -> bool {
        (**self).reads_server()
    }
}

/// The verifier that every set goes through: the files agree with the manifest, and the manifest with itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManifestVerifier;

#[async_trait]
impl Verifier for ManifestVerifier {
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>> {
        Ok(check_files(set))
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        Ok(check_plan_files(plan))
    }
}

/// Something that has gone through its gate. There is no other way to make one, and nothing else reaches a database.
///
/// ```compile_fail
/// # fn forge(set: whimbrel::MigrationSet) {
/// let verified = whimbrel::Verified(std::sync::Arc::new(set));
/// # }
/// ```
#[derive(Debug)]
pub struct Verified<T>(Arc<T>);

impl<T> Clone for Verified<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Verified<T> {
    pub(crate) fn shared(&self) -> Arc<T> {
        Arc::clone(&self.0)
    }
}

impl Verified<MigrationSet> {
    /// The first gate: the manifest, the scripts' framing for the dialect, and each of the verifiers.
    ///
    /// # Errors
    /// All findings in one error; or a verifier that could not decide.
    pub async fn set(set: MigrationSet, dialect: &Dialect, verifiers: &[&dyn Verifier]) -> Result<Self> {
        let mut findings = check_names(&set);
        findings.extend(check_files(&set));
        if findings.is_empty() && set.provenance() != Provenance::Compiled {
            findings = check_scripts(&set, dialect);
        }
        for verifier in verifiers {
            findings.extend(verifier.check_set(&set).await?);
        }
        if findings.is_empty() { Ok(Self(Arc::new(set))) } else { Err(Error::refused(findings)) }
    }
}

impl Verified<Plan> {
    /// The second gate: what will run is still what was verified, and each of the verifiers agrees.
    ///
    /// # Errors
    /// All findings in one error, also those that ask for an approval; or a verifier that could not decide.
    pub async fn plan(plan: Plan, verifiers: &[&dyn Verifier]) -> Result<Self> {
        Self::approved(plan, verifiers, &mut Approvals::none()).await
    }

    /// The second gate, where somebody may have approved the plan.
    pub(crate) async fn approved(
        mut plan: Plan,
        verifiers: &[&dyn Verifier],
        approvals: &mut Approvals<'_>,
    ) -> Result<Self> {
        let findings = judge(&plan, verifiers).await?;
        let (notes, mut findings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.weight() == Weight::Note);
        if findings.iter().all(|finding| finding.weight() == Weight::Approval) {
            findings = approvals.settle(&mut plan, findings).await?;
        }
        plan.note(notes);
        if findings.is_empty() {
            return Ok(Self(Arc::new(plan)));
        }
        let unapproved = findings.iter().all(|finding| finding.weight() == Weight::Approval);
        let error = Error::refused(findings);
        Err(if unapproved { approvals.explain(error, &plan) } else { error })
    }

    /// The second gate for a plan that is only shown: what asks for an approval becomes a part of it.
    pub(crate) async fn shown(mut plan: Plan, verifiers: &[&dyn Verifier]) -> Result<Plan> {
        let findings = judge(&plan, verifiers).await?;
        if findings.iter().any(|finding| finding.weight() == Weight::Refusal) {
            // The same as the run would tell: what else has to be approved is told with it.
            let told = findings.into_iter().filter(|finding| finding.weight() != Weight::Note);
            return Err(Error::refused(told.collect()));
        }
        plan.note(findings);
        Ok(plan)
    }
}

/// Everything that there is to say of a plan.
async fn judge(plan: &Plan, verifiers: &[&dyn Verifier]) -> Result<Vec<Finding>> {
    let mut findings = check_plan_files(plan);
    for verifier in verifiers {
        findings.extend(verifier.check_plan(plan).await?);
    }
    Ok(findings)
}

/// Names that would do something where they are shown. A directory's have been looked at already; a source of the
/// application's may have looked at nothing.
fn check_names(set: &MigrationSet) -> Vec<Finding> {
    if set.provenance() == Provenance::Compiled {
        return Vec::new();
    }
    let acts = |text: &str| text.contains(shown::acts);
    let wrong = set.iter().filter(|migration| {
        let files = std::iter::once(migration.up()).chain(migration.down());
        acts(migration.name()) || files.into_iter().any(|file| acts(file.path()))
    });
    wrong
        .map(|migration| {
            let message = "has a control character in its name or in its file's: name it otherwise";
            Finding::new(FindingKind::Script, set.name(), migration.label(), message)
        })
        .collect()
}

/// What is wrong between a set's files and its manifest.
pub(crate) fn check_files(set: &MigrationSet) -> Vec<Finding> {
    match set.provenance() {
        // The compiler has; each script is hashed again before it is executed.
        Provenance::Compiled => return Vec::new(),
        Provenance::Unlocked => return Vec::new(),
        Provenance::Manifest | Provenance::Missing => {}
    }
    let Some(manifest) = set.manifest() else {
        return vec![Finding::new(
            FindingKind::Unlocked,
            set.name(),
            MANIFEST_FILE,
            "is not there: lock the directory (`whimbrel lock`, or `Manifest::lock`), or ask for `unlocked`",
        )];
    };
    let mut findings = Vec::new();
    let mut find = |kind, subject: &str, message: &str, at: String| {
        findings.push(Finding::new(kind, set.name(), subject, message).at(at));
    };
    let mut lines = manifest.by_path();
    for migration in set.iter() {
        for file in std::iter::once(migration.up()).chain(migration.down()) {
            match lines.remove(file.path()) {
                None => find(
                    FindingKind::Unlisted,
                    file.path(),
                    "has no line in the manifest: have it reviewed, then lock the directory again",
                    file.location(),
                ),
                Some(line) if line.digest != *file.digest() => find(
                    FindingKind::Differs,
                    file.path(),
                    &format!(
                        "is not the file that was reviewed: it has {}…, the manifest says {}…; restore it, or lock again",
                        file.digest().short(),
                        line.digest.short()
                    ),
                    file.location(),
                ),
                Some(_) if !file.is_intact() => find(
                    FindingKind::Tampered,
                    file.path(),
                    "does not have the digest that it was loaded with",
                    file.location(),
                ),
                Some(_) => {}
            }
        }
    }
    let mut left: Vec<&str> = lines.into_keys().collect();
    left.sort_unstable();
    for path in left {
        find(
            FindingKind::NoFile,
            path,
            "is in the manifest, and there is no such file: restore it, or lock again",
            path.to_owned(),
        );
    }
    if findings.is_empty() {
        let mut find = |message: &str| {
            findings.push(Finding::new(FindingKind::Manifest, set.name(), MANIFEST_FILE, message));
        };
        if *manifest.head()
            != migration_chain(set.name().as_str(), set.versioned().iter().map(Migration::digest))
        {
            find("its head does not follow from its files: lock again");
        }
        if manifest.repeatables() != set.repeatables_digest() {
            find("its repeatables line does not follow from its files and revisions: lock again");
        }
        for tombstone in manifest.tombstones() {
            if set.migration(tombstone.version).is_some() {
                find(&format!("version {} has both a tombstone and a file: keep one", tombstone.version));
            }
        }
    }
    findings
}

/// What no script may hold, in every script of a set.
fn check_scripts(set: &MigrationSet, dialect: &Dialect) -> Vec<Finding> {
    let scripts = set.iter().filter(|migration| migration.kind() == Kind::Sql);
    scripts
        .flat_map(|migration| {
            let files = std::iter::once(migration.up()).chain(migration.down());
            files
                .filter_map(|file| prepare(set.name(), migration, file, dialect).err())
                .flatten()
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Whether each script of a plan still has the digest under which it was verified: what is embedded in a binary was
/// hashed when it was compiled, and is hashed again here, just before it is executed.
fn check_plan_files(plan: &Plan) -> Vec<Finding> {
    plan.items()
        .iter()
        .filter_map(|item| {
            let migration = item.migration()?;
            let intact = item.scripts().all(|file| Digest::of_script(file.text()) == *file.digest())
                && migration.is_consistent();
            (!intact).then(|| {
                Finding::new(
                    FindingKind::Tampered,
                    item.set_name(),
                    item.label(),
                    "its text is not the one that was verified: the program's file is damaged or was changed",
                )
                .at(migration.up().location())
            })
        })
        .collect()
}
