//! `whimbrel lock`: writes the manifest of what is to be reviewed.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use whimbrel::{Dialect, Driver, History, Migrator, Source, Version};

use crate::advice;
use crate::answer::{Answer, Failure};
use crate::context::{Context, quoted};
use crate::exit::Code;
use crate::locking::renumber::{self, Renames, Renumbered};
use crate::locking::{self, Hold, Locked, Looked, Previous, Words};
use crate::output::count;
use crate::{git, relock, sets};

/// Writes whimbrel.sum, the manifest of what was reviewed
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel lock\n  whimbrel lock --accept 42 --reason 'typo in a comment'     databases have it: they take the new one\n  whimbrel lock --amend 42                                   no database has it\n  whimbrel lock --remove 7 --reason 'merged into 12'         its effects stay\n  whimbrel lock --renumber migrations/0007_b.sql             two branches have taken 7\n\nAfter a merge it puts the lines of both branches together by itself, whatever the conflict looks like."
)]
pub(crate) struct Arguments {
    /// A migration that was changed on purpose, and that databases have
    #[arg(long, value_name = "VERSION", requires = "reason")]
    accept: Vec<Version>,
    /// A migration that was removed on purpose; its effects stay
    #[arg(long, value_name = "VERSION", requires = "reason")]
    remove: Vec<Version>,
    /// A migration that was changed or removed, and that no database has
    #[arg(long, value_name = "VERSION")]
    amend: Vec<Version>,
    /// A file of a migration that gets the next free version, and that no database has; the later ones of its branch follow
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    renumber: Vec<PathBuf>,
    /// Why; the manifest keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write nothing; end with 3 if something is to be locked
    #[arg(long)]
    check: bool,
    /// With --amend and --renumber: do not ask the configured database whether it has it
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let reason = arguments.reason.as_deref().map(locking::reason).transpose()?.unwrap_or_default();
    let roots = sets::roots(context)?;
    if !arguments.amend.is_empty() && !arguments.offline {
        refuse_applied(context, &arguments.amend).await?;
    }
    let _hold = Hold::on(&context.settings.directory.value);
    let mut text = String::new();
    let (renumbered, renames) = renumber(context, &roots, &arguments).await?;
    for it in &renumbered {
        text.push_str(&format!("renumbered {}: {}_{}\n", it.label(), it.now, it.name));
        if it.is_rust {
            text.push_str(&format!(
                "its step is bound to {} in the application: bind it to {}\n",
                it.was, it.now
            ));
        }
    }
    let renumbered = renumbered.iter().map(|it| (it.was, it.name.clone())).collect();
    let mut words = Words {
        accept: arguments.accept,
        remove: arguments.remove,
        amend: arguments.amend,
        reason,
        renumbered,
        ..Words::default()
    };
    let said = |version: &Version| words.accept.contains(version) || words.amend.contains(version);
    let looked = locking::look(context, &roots)?;
    if looked.iter().flat_map(Looked::changed).any(|version| !said(&version)) {
        words.fresh = relock::fresh(context, &looked).await;
    }
    // What is locked already may still be otherwise in the database.
    let is_locked = |version: &&Version| !looked.iter().any(|looked| looked.touched().contains(version));
    if words.accept.iter().any(|version| is_locked(&version)) {
        let history = history(context).await.ok();
        let has = |version: &Version| Some((*version, relock::applied(history.as_ref()?, *version)??));
        words.database = words.accept.iter().filter(is_locked).filter_map(has).collect();
        words.database.retain(|version, was| looked.iter().any(|it| it.now(*version) != Some(*was)));
    }
    // All of them, before the first is written.
    let locked = locking::lock(context, &roots, &words)?;
    let answer = write(context, &locked, text, arguments.check)?;
    renames.into_iter().for_each(Renames::keep);
    Ok(answer)
}

/// Gives migrations other versions, unless the database has them. Nothing if nobody has asked for it.
async fn renumber(
    context: &Context,
    roots: &[PathBuf],
    arguments: &Arguments,
) -> Result<(Vec<Renumbered>, Option<Renames>), Failure> {
    let wanted = &arguments.renumber;
    if wanted.is_empty() {
        return Ok((Vec::new(), None));
    }
    if let Some(unknown) = renumber::unknown(context, roots, wanted) {
        return Err(Failure::of(Code::Usage, format!("{} is no file of a version", unknown.display()))
            .with_next(format!("ls {}", quoted(&context.settings.directory.value.display().to_string()))));
    }
    let mut plan = Vec::new();
    for root in roots {
        plan.extend(renumber::plan(context, root, Previous::read(context, root)?.as_ref(), wanted)?);
    }
    if !arguments.offline && context.settings.database.value.is_some() {
        let offline = "or, without asking it: --offline";
        let history = history(context).await.map_err(|failure| failure.with_next(offline))?;
        let labels: Vec<String> =
            history.sets().flat_map(|(_, set)| set.in_force()).map(|(_, it)| it).collect();
        if let Some(has) = plan.iter().find(|it| labels.contains(&it.label())) {
            return Err(has_it(context, roots, wanted, &has.label()));
        }
    }
    let renames = Renames::carry_out(&plan)?;
    Ok((plan, Some(renames)))
}

/// Why a migration is not renumbered that the database has.
fn has_it(context: &Context, roots: &[PathBuf], wanted: &[PathBuf], label: &str) -> Failure {
    let files: Vec<String> =
        wanted.iter().map(|file| format!(" --renumber {}", quoted(&file.display().to_string()))).collect();
    let offline = context.command(&format!("lock{} --offline", files.concat()));
    let mut failure = Failure::of(Code::Refused, format!("this database has {label}"));
    let names: Vec<String> = wanted.iter().map(|file| file.display().to_string()).collect();
    for other in roots.iter().flat_map(|root| renumber::collisions(context, root)) {
        if !names.iter().any(|name| other.ends_with(name.as_str())) {
            failure = failure.with_next(other);
        }
    }
    if relock::is_allowed(context) {
        let reset = context.command("reset");
        failure.with_next(format!("if only this one has it, and may be made anew: {offline} && {reset}"))
    } else {
        failure.with_next(format!("if it is another one of that name: {offline}"))
    }
}

/// Writes manifests, and says what has changed.
fn write(context: &Context, locked: &[Locked], mut text: String, check: bool) -> Result<Answer, Failure> {
    let mut sets = Vec::new();
    let differs = locked.iter().any(|locked| locked.differs);
    for locked in locked {
        if !check && locked.differs {
            locking::write(locked)?;
        }
        for line in &locked.lines {
            text.push_str(&format!("{line}\n"));
        }
        let files = locked.manifest.files().len();
        let word = match (locked.differs, check) {
            (false, _) => "is as it is",
            (true, true) => "is to be written",
            (true, false) => "written",
        };
        text.push_str(&format!("{} {word}: {}\n", locked.path.display(), count(files, "file")));
        let signature = locked.path.with_file_name(whimbrel::layout::SIGNATURE_FILE);
        let stale = locked.differs && signature.exists();
        if stale {
            text.push_str(&format!(
                "its signatures are of the former one: {}\n",
                context.command("sign --key KEY")
            ));
        }
        if locked.resolves && !check && git::has(locked.path.parent().unwrap_or(&locked.path)) {
            let directory = quoted(&context.settings.directory.value.display().to_string());
            text.push_str(&format!("the conflict is resolved: git add {directory}\n"));
        }
        sets.push(json!({
            "manifest": locked.path.display().to_string(), "set": locked.manifest.set(), "files": files,
            "head": locked.manifest.head(), "changes": locked.lines,
            "written": locked.differs && !check, "signature_stale": stale,
        }));
    }
    let answer = Answer::new(text, json!({ "sets": sets }));
    Ok(if check && differs { answer.with_code(Code::Pending) } else { answer })
}

/// The history of the configured database.
async fn history(context: &Context) -> Result<History, Failure> {
    Ok(read(context).await?.0)
}

/// The same, and the database's dialect.
async fn read(context: &Context) -> Result<(History, Dialect), Failure> {
    let mut db = context.connect_or_imagine().await?;
    // The files differ from the manifest just now: only the history can be looked at.
    let migrator = Migrator::new(context.directory()).with_table(context.settings.table.value.clone());
    let history = migrator.history(&mut db).await?;
    Ok((history, db.dialect().clone()))
}

/// Refuses to amend what the configured database has.
async fn refuse_applied(context: &Context, amend: &[Version]) -> Result<(), Failure> {
    // What is nowhere configured cannot be asked.
    if context.settings.database.value.is_none() {
        return Ok(());
    }
    let offline = "or, without asking it: --offline";
    let (history, dialect) = read(context).await.map_err(|failure| failure.with_next(offline))?;
    if let Some(row) = history.broken().next() {
        // It may be the row that says that the database has it.
        let unreadable = history.broken().any(|row| row.column.is_some());
        return Err(Failure::of(Code::BrokenHistory, format!("what the database has cannot be told: {row}"))
            .advised(advice::for_broken(context, unreadable))
            .with_next(offline));
    }
    refuse_executed(context, &history, &dialect, amend).await?;
    let has = history.sets().flat_map(|(_, set)| set.in_force()).find(|(version, _)| amend.contains(version));
    match has {
        None => Ok(()),
        Some((version, label)) => Err(Failure::of(Code::Refused, format!("this database has {label}"))
            .with_next(context.command(&format!("lock --accept {version} --reason '…'")))
            .with_next(format!("or bring the file back, and revert it first: {}", context.command("down")))),
    }
}

/// Refuses to amend what the configured database has executed in part, where that part was changed: it would not be gone on
/// with.
async fn refuse_executed(
    context: &Context,
    history: &History,
    dialect: &Dialect,
    amend: &[Version],
) -> Result<(), Failure> {
    // A directory that cannot be read is refused where it is locked.
    let Ok(set) = context.directory().load(dialect.name).await else { return Ok(()) };
    let Some((_, state)) = history.sets().find(|(name, _)| *name == set.name().as_str()) else {
        return Ok(());
    };
    let mut changed = amend.iter().filter_map(|version| set.migration(*version));
    let Some(migration) = changed.find(|migration| !state.still_begins(migration, dialect)) else {
        return Ok(());
    };
    let label = migration.label();
    let version = migration.version().map_or_else(String::new, |version| version.to_string());
    Err(Failure::of(
        Code::Refused,
        format!("this database has executed a statement of {label} that was changed since"),
    )
    .with_next("bring its first statements back as they were: what is behind them may change")
    .with_next(format!(
        "or undo by hand what was executed, then: {} && {}",
        context.command(&format!("lock --amend {version} --offline")),
        context.command(&format!("settle {version} --undone --reason '…'"))
    )))
}
