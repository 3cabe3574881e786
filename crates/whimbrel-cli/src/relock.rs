//! The edit loop: a migration is written, applied to a database for development, and changed again. What may be locked anew
//! without a word there, and what `up` offers. Never in another environment, and never with signatures.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use whimbrel::layout::{MANIFEST_FILE, SIGNATURE_FILE};
use whimbrel::{Digest, Error, FindingKind, History, HistoryEvent, Manifest, Migrator, Version, Weight};

use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::exit::Code;
use crate::locking::{self, Hold, Looked, Words};
use crate::output::safe::shown;
use crate::verbs::drop::Consent;
use crate::verbs::reset;
use crate::{git, sets};

/// Whether the environment is marked as one for development, and nobody signs.
pub(crate) fn is_allowed(context: &Context) -> bool {
    let settings = &context.settings;
    let roots = sets::roots(context).unwrap_or_default();
    settings.config.value.is_some()
        && settings.development.value
        && settings.signatures.is_none()
        && !roots.iter().any(|root| root.join(SIGNATURE_FILE).exists())
}

/// Why it is not.
fn refusal(context: &Context) -> Failure {
    let settings = &context.settings;
    let failure = if settings.config.value.is_none() || !settings.development.value {
        let name = settings.environment.value.as_deref().unwrap_or("this environment");
        Failure::of(Code::Refused, format!("{name} is not marked as one for development"))
    } else {
        Failure::of(Code::Refused, "the manifest is signed: who has signed has to see what changes")
    };
    failure.with_next(context.command("lock"))
}

/// What the database has been told; nothing if it cannot be asked, or belongs to another environment.
async fn history(context: &Context) -> Option<History> {
    context.settings.database.value.as_ref()?;
    let mut db = context.connect_or_imagine().await.ok()?;
    // The files differ from the manifest just now: only the history can be looked at.
    let migrator = Migrator::new(context.directory()).with_table(context.settings.table.value.clone());
    let history = migrator.history(&mut db).await.ok()?;
    let ours = match (history.environment(), &context.settings.environment.value) {
        (Some(is), Some(meant)) => is == meant,
        (Some(_), None) => false,
        (None, _) => true,
    };
    (ours && history.broken().next().is_none()).then_some(history)
}

/// The digest under which a database has a version, or has begun it; nothing if it has nothing of it.
pub(crate) fn applied(history: &History, version: Version) -> Option<Option<Digest>> {
    let rows = history.sets().flat_map(|(_, set)| set.rows()).filter(|row| row.version() == Some(version));
    rows.fold(None, |has, row| match row.event() {
        HistoryEvent::Reverted => None,
        // What has failed in its transaction has left nothing; outside, it was begun before.
        HistoryEvent::Failed | HistoryEvent::Finished => has,
        _ => Some(row.digest().copied().or(has.flatten())),
    })
}

/// The versions that have changed since they were locked, and that nobody can have: no commit has a file of theirs, and the
/// database for development has not begun them. Where this is not known for certain, none.
pub(crate) async fn fresh(context: &Context, looked: &[Looked<'_>]) -> BTreeSet<Version> {
    if !is_allowed(context) {
        return BTreeSet::new();
    }
    let never = |looked: &&Looked<'_>, version: &Version| {
        let paths: Vec<String> = looked.paths(*version).into_iter().collect();
        let committed = git::committed_manifest(looked.root());
        // One that cannot be read may have it.
        let has = committed.is_some_and(|text| match text.parse::<Manifest>() {
            Ok(manifest) => manifest.migration_digest(*version).is_some(),
            Err(_) => true,
        });
        !has && git::never_committed(looked.root(), &paths)
    };
    let mut fresh: BTreeSet<Version> = BTreeSet::new();
    let mut others: BTreeSet<Version> = BTreeSet::new();
    for looked in looked.iter().filter(|looked| !looked.is_in_conflict()) {
        for version in looked.changed() {
            if never(&looked, &version) {
                fresh.insert(version)
            } else {
                others.insert(version)
            };
        }
    }
    // Of two directories that both have it, both have to be so.
    fresh.retain(|version| !others.contains(version));
    if fresh.is_empty() {
        return fresh;
    }
    let Some(history) = history(context).await else { return BTreeSet::new() };
    fresh.retain(|version| applied(&history, *version).is_none());
    fresh
}

/// Manifests that were locked anew; they are put back as they were unless they are kept.
#[derive(Debug)]
pub(crate) struct Relocked {
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// What has changed, for people.
    pub(crate) lines: Vec<String>,
}

impl Relocked {
    /// Locks whatever has changed.
    ///
    /// # Errors
    /// The environment is not one for development, or somebody signs; a manifest cannot be read or written.
    pub(crate) fn write(context: &Context) -> Result<Self, Failure> {
        if !is_allowed(context) {
            return Err(refusal(context));
        }
        let roots = sets::roots(context)?;
        let _hold = Hold::on(&context.settings.directory.value);
        let looked = locking::look(context, &roots)?;
        if let Some(looked) = looked.iter().find(|looked| looked.is_in_conflict()) {
            let path = looked.root().join(MANIFEST_FILE);
            return Err(Failure::of(Code::Refused, format!("two branches have changed {}", path.display()))
                .with_next(context.command("lock")));
        }
        let mut this = Self { before: Vec::new(), lines: Vec::new() };
        for locked in locking::lock(context, &roots, &Words { amend_all: true, ..Words::default() })? {
            this.lines.extend(locked.lines.iter().cloned());
            if locked.differs {
                this.before.push((locked.path.clone(), fs::read(&locked.path).ok()));
                locking::write(&locked)?;
            }
        }
        for looked in &looked {
            this.lines.extend(elsewhere(looked));
        }
        Ok(this)
    }

    /// Lets the new ones stay.
    pub(crate) fn keep(mut self) {
        self.before.clear();
    }
}

impl Drop for Relocked {
    fn drop(&mut self) {
        for (path, before) in self.before.drain(..) {
            // What cannot be put back differs from its files as before, and `lock` says so.
            let _ = match before {
                Some(bytes) => fs::write(&path, bytes),
                None => fs::remove_file(&path),
            };
        }
    }
}

/// What is to be known of versions that other databases may have as the last commit has them.
fn elsewhere(looked: &Looked<'_>) -> Option<String> {
    let committed = git::committed_manifest(looked.root())?.parse::<Manifest>().ok()?.migration_digests();
    let there: Vec<String> = looked
        .touched()
        .into_iter()
        .filter(|version| committed.get(version).is_some_and(|was| looked.now(*version) != Some(*was)))
        .map(|version| version.to_string())
        .collect();
    (!there.is_empty()).then(|| {
        format!(
            "to know  the last commit has {} otherwise: other databases that have it would refuse it",
            there.join(", ")
        )
    })
}

/// Whether `up` can offer to lock, or to make the database anew, instead of an error.
pub(crate) fn can_offer(context: &Context, error: &Error) -> bool {
    use FindingKind::{Changed, Differs, Manifest, NoFile, Revision, Unknown, Unlisted, Unlocked};
    let of_files = |kind| {
        matches!(kind, Changed | Differs | Manifest | NoFile | Revision | Unknown | Unlisted | Unlocked)
    };
    let mut refusals =
        error.findings().iter().filter(|finding| finding.weight() == Weight::Refusal).peekable();
    refusals.peek().is_some()
        && refusals.all(|finding| of_files(finding.kind()))
        && confirm::can_ask(context)
        && is_allowed(context)
}

/// Offers to lock what has changed and, where the database has it otherwise, to make the database anew. Returns what was applied
/// then, or nothing if it is to be tried again.
///
/// # Errors
/// Nobody has said yes, or it cannot be offered: the failure that led here.
pub(crate) async fn offer(context: &Context, failure: Failure) -> Result<Option<Answer>, Failure> {
    let roots = sets::roots(context)?;
    let Ok(looked) = locking::look(context, &roots) else { return Err(failure) };
    if looked.iter().any(Looked::is_in_conflict) {
        return Err(failure);
    }
    let words = Words { amend_all: true, ..Words::default() };
    let (Ok(locked), Some(history)) = (locking::lock(context, &roots, &words), history(context).await) else {
        return Err(failure);
    };
    let mut text = String::new();
    for line in locked.iter().flat_map(|locked| &locked.lines) {
        let _ = writeln!(text, "{}", shown(line));
    }
    looked.iter().filter_map(elsewhere).for_each(|line| text.push_str(&format!("{line}\n")));
    let otherwise = |looked: &Looked<'_>, version: Version| {
        applied(&history, version).is_some_and(|digest| digest.is_none() || digest != looked.now(version))
    };
    let mut has: BTreeSet<Version> = BTreeSet::new();
    for looked in &looked {
        has.extend(looked.touched().into_iter().filter(|version| otherwise(looked, *version)));
    }
    let of_database = failure.error.findings().iter().filter(|finding| {
        matches!(finding.kind(), FindingKind::Changed | FindingKind::Unknown | FindingKind::Revision)
    });
    let mut labels: BTreeSet<String> = of_database.map(|finding| finding.subject().to_owned()).collect();
    labels.extend(has.iter().map(ToString::to_string));
    if labels.is_empty() {
        let how = context.command("lock");
        confirm::confirm(context, &text, "Lock it, and go on?", false, &how).await?;
        let _hold = Hold::on(&context.settings.directory.value);
        for locked in locked.iter().filter(|locked| locked.differs) {
            locking::write(locked)?;
        }
        return Ok(None);
    }
    let labels: Vec<String> = labels.iter().map(|label| shown(label)).collect();
    let _ = write!(
        text,
        "this database has {} as it was before\n{} and everything in it would be lost",
        labels.join(", "),
        context.address()?.shown()
    );
    let how = context.command("reset --relock --yes");
    let question = "Lock it, remove the database, and make it anew?";
    confirm::confirm(context, &text, question, false, &how).await?;
    let consent = Consent { yes: true, ..Consent::default() };
    reset::carry_out(context, consent, true).await.map(Some)
}
