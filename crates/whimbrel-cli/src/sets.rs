//! The sets that lie in the directory: where, for which database, and what the first gate and the policy say of them. Asks
//! no database.

use std::path::PathBuf;

use whimbrel::layout::{self, MANIFEST_FILE};
use whimbrel::{Error, Finding, MigrationSet, Source, Verified, Verifier, Weight};

use crate::answer::Failure;
use crate::context::Context;
use crate::database;
use crate::exit::Code;
use crate::locking::files;

/// The dialects that there are, and so the folders that a directory may have for them.
pub(crate) const DIALECTS: [&str; 4] = ["postgres", "mysql", "mariadb", "sqlite"];

/// The directories that hold a manifest of their own: one for each dialect, or the directory itself.
///
/// # Errors
/// It has folders for dialects and migrations of its own, one of which would hide the other.
pub(crate) fn roots(context: &Context) -> Result<Vec<PathBuf>, Failure> {
    let directory = &context.settings.directory.value;
    let folders: Vec<&str> = DIALECTS.into_iter().filter(|name| directory.join(name).is_dir()).collect();
    let Some(first) = folders.first() else { return Ok(vec![directory.clone()]) };
    let own = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !path.is_dir() && (name == MANIFEST_FILE || layout::parse_file_name(name).is_ok())
    };
    match files(directory).into_iter().find(own) {
        None => Ok(folders.into_iter().map(|name| directory.join(name)).collect()),
        Some(path) => Err(Failure::of(
            Code::Refused,
            format!("{} has migrations of its own and a folder `{first}`", directory.display()),
        )
        .with_note("file", path.display().to_string())
        .with_next("put all of them into folders, one for each database")
        .with_next(format!("or rename the folder {}", directory.join(first).display()))),
    }
}

/// The directories with the dialects that they are for: what a folder is named after, or else the configured one.
pub(crate) fn all(context: &Context) -> Result<Vec<(PathBuf, String)>, Failure> {
    let with_dialect = |root: PathBuf| {
        // The directory itself may happen to have such a name.
        let is_folder = root != context.settings.directory.value;
        let dialect = match root.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_folder => name.to_owned(),
            _ => context.dialect_name()?,
        };
        Ok((root, dialect))
    };
    roots(context)?.into_iter().map(with_dialect).collect()
}

/// The directory of the configured dialect.
pub(crate) fn own(context: &Context) -> Result<PathBuf, Failure> {
    let directory = context.settings.directory.value.display();
    let roots = roots(context)?;
    match roots.as_slice() {
        [only] => Ok(only.clone()),
        _ => {
            let dialect = context.dialect_name().map_err(|_| {
                Failure::of(Code::Usage, format!("{directory} has folders for several databases"))
                    .with_next("say which: --dialect postgres, mysql, mariadb or sqlite")
            })?;
            roots.into_iter().find(|root| root.ends_with(&dialect)).ok_or_else(|| {
                Failure::of(Code::Usage, format!("{directory} has no folder {dialect}"))
                    .with_next("make it, or name another one with --dialect")
            })
        }
    }
}

/// A set that has passed.
pub(crate) struct Passed {
    pub(crate) root: PathBuf,
    pub(crate) dialect: String,
    pub(crate) set: MigrationSet,
    /// What the policy says of it, and does not refuse.
    pub(crate) known: Vec<Finding>,
}

/// Leads all sets through the first gate, and past the policy.
///
/// # Errors
/// All refusals of all sets, or the first thing that keeps one from being looked at.
pub(crate) async fn pass(context: &Context) -> Result<Vec<Passed>, Failure> {
    let mut passed = Vec::new();
    let mut refused = Vec::new();
    for (root, dialect) in all(context)? {
        let set = context.source(&root).load(&dialect).await?;
        let judged = judge(context, &set, &dialect)?;
        refused.extend(gate(context, &set, &dialect).await?);
        let (bad, known): (Vec<Finding>, Vec<Finding>) =
            judged.into_iter().partition(|finding| finding.weight() == Weight::Refusal);
        refused.extend(bad);
        passed.push(Passed { root, dialect, set, known });
    }
    if refused.is_empty() { Ok(passed) } else { Err(Error::refused(refused).into()) }
}

/// What this program knows nothing of.
pub(crate) fn not_built(dialect: &str) -> Failure {
    Failure::of(Code::Usage, format!("this `whimbrel` was built without {dialect}"))
        .with_next("build it with that feature, or say another --dialect")
}

/// Leads a set through the first gate: its scripts, its manifest and the manifest's signatures.
///
/// # Errors
/// Whatever keeps it from being looked at; what is found is no error.
pub(crate) async fn gate(
    context: &Context,
    set: &MigrationSet,
    dialect: &str,
) -> Result<Vec<Finding>, Failure> {
    let facts = database::dialect(dialect).ok_or_else(|| not_built(dialect))?;
    #[cfg(feature = "sign")]
    let signers = {
        let settings = &context.settings;
        settings.signatures.as_ref().map(|it| it.verifier(settings.protected())).transpose()?
    };
    #[cfg(feature = "sign")]
    let verifiers: Vec<&dyn Verifier> = signers.iter().map(|signers| signers as &dyn Verifier).collect();
    #[cfg(not(feature = "sign"))]
    let (verifiers, _): (Vec<&dyn Verifier>, _) = (Vec::new(), context);
    match Verified::set(set.clone(), facts, &verifiers).await {
        Ok(_) => Ok(Vec::new()),
        Err(error) if error.findings().is_empty() => Err(error.into()),
        Err(error) => Ok(error.findings().to_vec()),
    }
}

/// What the policy says of a set.
#[cfg(feature = "policy")]
pub(crate) fn judge(context: &Context, set: &MigrationSet, dialect: &str) -> Result<Vec<Finding>, Failure> {
    use whimbrel::{Conditions, Product};

    let Some(policy) = context.settings.policy.policy() else { return Ok(Vec::new()) };
    let product = match dialect {
        "postgres" => Product::Postgres,
        "mysql" => Product::Mysql,
        "mariadb" => Product::Mariadb,
        "sqlite" => Product::Sqlite,
        _ => return Ok(Vec::new()),
    };
    let conditions = Conditions::default().with_lock_timeout(context.settings.lock_timeout.value);
    Ok(policy.lint(set, product, &conditions)?)
}

/// There is no policy.
#[cfg(not(feature = "policy"))]
pub(crate) fn judge(_: &Context, _: &MigrationSet, _: &str) -> Result<Vec<Finding>, Failure> {
    Ok(Vec::new())
}
