//! `whimbrel new`: begins a migration.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use whimbrel::Version;
use whimbrel::layout::{self, Role};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::locking::{self, Hold, Locked};
use crate::sets;

/// Begins a migration: makes its files and adds their lines to the manifest
#[derive(Debug, Args)]
#[command(
    aliases = ["add", "generate"],
    after_help = "Examples:\n  whimbrel new create_users\n  whimbrel new add_email --down\n  whimbrel new totals --repeatable          a view or a function, run again when it changes\n  whimbrel new hash_passwords --rust        a step that the application binds\n\nWrite the SQL, then: whimbrel lock"
)]
pub(crate) struct Arguments {
    /// What it does, like create_users
    name: String,
    /// A way back as well
    #[arg(long)]
    down: bool,
    /// Without a version: run again whenever it was changed
    #[arg(long, conflicts_with_all = ["down", "rust", "timestamp", "version"])]
    repeatable: bool,
    /// A step in Rust, bound by the application
    #[arg(long, conflicts_with = "down")]
    rust: bool,
    /// The time as its version, instead of the next number
    #[arg(long, conflicts_with = "version")]
    timestamp: bool,
    /// This version
    #[arg(long, value_name = "VERSION")]
    version: Option<Version>,
}

/// The smallest version that is taken for a time: 14 digits.
const TIMES_FROM: i64 = 19_700_101_000_000;

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let name = arguments.name.trim().replace([' ', '\t'], "_");
    let root = sets::own(context)?;
    fs::create_dir_all(&root)
        .map_err(|error| Failure::of(Code::Failed, format!("{} cannot be made: {error}", root.display())))?;
    // From the look for a free version to the manifest's new lines.
    let _hold = Hold::on(&context.settings.directory.value);
    let set = locking::read(context, &root)?;
    let last = set.last().map_or(0, Version::number);
    let stem = if arguments.repeatable {
        format!("R__{name}")
    } else {
        let version = match arguments.version {
            Some(version) => version.number(),
            None if arguments.timestamp || last >= TIMES_FROM => now().max(last.saturating_add(1)),
            None => {
                last.checked_add(1).ok_or_else(|| Failure::of(Code::Refused, "there is no higher version"))?
            }
        };
        let width = set.versioned().last().map_or(4, |migration| digits(migration.up().path()));
        format!("{version:0width$}_{name}")
    };
    let mut files = vec![if arguments.rust { format!("{stem}.rust") } else { format!("{stem}.sql") }];
    if arguments.down {
        files.push(format!("{stem}.down.sql"));
    }
    refuse_other_names(&name, &files, arguments.rust)?;
    if let Some(version) = arguments.version.filter(|version| set.migration(*version).is_some()) {
        return Err(Failure::of(Code::Refused, format!("version {version} is there already"))
            .with_next("leave --version out: the next one is taken"));
    }
    let made: Vec<PathBuf> = files.iter().map(|file| root.join(file)).collect();
    let locked = make(context, &root, &files)?;
    let mut text: String = made.iter().map(|path| format!("made {}\n", path.display())).collect();
    match &locked {
        Some(_) => {
            text.push_str(&format!("next: write it, then {}", context.command("lock")));
        }
        None => {
            // Its lines would have blessed what else has changed.
            text.push_str(&format!(
                "other files have changed since they were locked: {}",
                context.command("lock")
            ));
        }
    }
    let made: Vec<String> = made.iter().map(|path| path.display().to_string()).collect();
    Ok(Answer::new(text, json!({ "files": made, "locked": locked.is_some() })))
}

/// Refuses a name that a file's name would not give back: with `.down` at its end it would be a way back.
fn refuse_other_names(name: &str, files: &[String], rust: bool) -> Result<(), Failure> {
    let next = "give a name of letters, digits, `_` and `-`";
    for file in files {
        let parsed = layout::parse_file_name(file)
            .map_err(|error| Failure::of(Code::Usage, error.to_string()).with_next(next))?;
        let role = match (rust, file.ends_with(".down.sql")) {
            (true, _) => Role::Rust,
            (false, true) => Role::Down,
            (false, false) => Role::Up,
        };
        if name.contains('.') || parsed.name != name || parsed.role != role {
            return Err(Failure::of(Code::Usage, "a migration's name may hold no `.`").with_next(next));
        }
    }
    Ok(())
}

/// Makes the files and adds their lines to the manifest, if nothing else is new or has changed; all, or nothing.
fn make(context: &Context, root: &Path, files: &[String]) -> Result<Option<Locked>, Failure> {
    let mut made: Vec<PathBuf> = Vec::new();
    let mut all = || -> Result<Option<Locked>, Failure> {
        for file in files {
            let path = root.join(file);
            write_new(&path, &locking::template(file))?;
            made.push(path);
        }
        let locked = locking::add(context, root, &locking::read(context, root)?, files)?;
        if let Some(locked) = &locked {
            locking::write(locked)?;
        }
        Ok(locked)
    };
    let outcome = all();
    if outcome.is_err() {
        // Half a migration is none.
        for path in &made {
            let _ = fs::remove_file(path);
        }
    }
    outcome
}

/// How many digits the version of a file has.
fn digits(path: &str) -> usize {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.chars().take_while(char::is_ascii_digit).count()
}

/// The time as a version: YYYYMMDDhhmmss, in UTC.
fn now() -> i64 {
    let now = OffsetDateTime::now_utc();
    let parts = [u8::from(now.month()), now.day(), now.hour(), now.minute(), now.second()];
    parts.iter().fold(i64::from(now.year()), |version, part| version * 100 + i64::from(*part))
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::of(Code::Refused, format!("{} cannot be made: {error}", path.display()))
    };
    let mut file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(|error| {
        let _ = fs::remove_file(path);
        failed(error)
    })
}
