//! `whimbrel lock`: writes the manifest of what is to be reviewed.

use clap::Args;
use serde_json::json;
use whimbrel::{Migrator, Version};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::locking::{self, Hold, Words};
use crate::output::count;
use crate::sets;

/// Writes whimbrel.sum, the manifest of what was reviewed
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel lock\n  whimbrel lock --accept 42 --reason 'typo in a comment'     databases have it: they take the new one\n  whimbrel lock --amend 42                                   no database has it\n  whimbrel lock --remove 7 --reason 'merged into 12'         its effects stay"
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
    /// Why; the manifest keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write nothing; end with 3 if something is to be locked
    #[arg(long)]
    check: bool,
    /// With --amend: do not ask the configured database whether it has it
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let reason = arguments.reason.as_deref().map(locking::reason).transpose()?.unwrap_or_default();
    let roots = sets::roots(context)?;
    if !arguments.amend.is_empty() && !arguments.offline {
        refuse_applied(context, &arguments.amend).await?;
    }
    let words = Words { accept: arguments.accept, remove: arguments.remove, amend: arguments.amend, reason };
    let mut text = String::new();
    let mut sets = Vec::new();
    let mut differs = false;
    let _hold = Hold::on(&context.settings.directory.value);
    // All of them, before the first is written.
    for locked in locking::lock(context, &roots, &words)? {
        if !arguments.check && locked.differs {
            locking::write(&locked)?;
        }
        differs |= locked.differs;
        for line in &locked.lines {
            text.push_str(&format!("{line}\n"));
        }
        let files = locked.manifest.files().len();
        let word = match (locked.differs, arguments.check) {
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
        sets.push(json!({
            "manifest": locked.path.display().to_string(), "set": locked.manifest.set(), "files": files,
            "head": locked.manifest.head(), "changes": locked.lines,
            "written": locked.differs && !arguments.check, "signature_stale": stale,
        }));
    }
    let answer = Answer::new(text, json!({ "sets": sets }));
    Ok(if arguments.check && differs { answer.with_code(Code::Pending) } else { answer })
}

/// Refuses to amend what the configured database has.
async fn refuse_applied(context: &Context, amend: &[Version]) -> Result<(), Failure> {
    // What is nowhere configured cannot be asked.
    if context.settings.database.value.is_none() {
        return Ok(());
    }
    let offline = "or, without asking it: --offline";
    let mut db = context.connect_or_imagine().await.map_err(|failure| failure.with_next(offline))?;
    // The files differ from the manifest just now: only the history can be looked at.
    let history = Migrator::new(context.directory())
        .with_table(context.settings.table.value.clone())
        .history(&mut db)
        .await?;
    let has = history.sets().flat_map(|(_, set)| set.in_force()).find(|(version, _)| amend.contains(version));
    match has {
        None => Ok(()),
        Some((version, label)) => Err(Failure::of(Code::Refused, format!("this database has {label}"))
            .with_next(context.command(&format!("lock --accept {version} --reason '…'")))
            .with_next(format!("or bring the file back, and revert it first: {}", context.command("down")))),
    }
}
