//! `whimbrel new`: begins a migration.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use whimbrel::{Version, layout};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::locking;

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
    let root = root(context)?;
    fs::create_dir_all(&root)
        .map_err(|error| Failure::of(Code::Failed, format!("{} cannot be made: {error}", root.display())))?;
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
    for file in &files {
        layout::parse_file_name(file).map_err(|error| {
            Failure::of(Code::Usage, error.to_string())
                .with_next("give a name of letters, digits, `_` and `-`")
        })?;
    }
    if let Some(version) = arguments.version.filter(|version| set.migration(*version).is_some()) {
        return Err(Failure::of(Code::Refused, format!("version {version} is there already"))
            .with_next("leave --version out: the next one is taken"));
    }
    let mut made: Vec<PathBuf> = Vec::new();
    for file in &files {
        let path = root.join(file);
        write_new(&path, &locking::template(file)).inspect_err(|_| {
            // Half a migration is none.
            for path in &made {
                let _ = fs::remove_file(path);
            }
        })?;
        made.push(path);
    }
    let locked = locking::add(&root, &locking::read(context, &root)?)?;
    let mut text: String = made.iter().map(|path| format!("made {}\n", path.display())).collect();
    match &locked {
        Some(locked) => {
            locking::write(locked)?;
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
    Ok(Answer::new(text, json!({ "files": made, "locked": locked.is_some() })))
}

/// The directory that it goes to: that of the dialect, where there is one for each.
fn root(context: &Context) -> Result<PathBuf, Failure> {
    let directory = &context.settings.directory.value;
    let roots = locking::roots(directory);
    match roots.as_slice() {
        [only] => Ok(only.clone()),
        _ => {
            let dialect = context.dialect_name().map_err(|_| {
                Failure::of(Code::Usage, format!("{} has folders for several databases", directory.display()))
                    .with_next("say which: --dialect postgres, mysql, mariadb or sqlite")
            })?;
            roots.into_iter().find(|root| root.ends_with(&dialect)).ok_or_else(|| {
                Failure::of(Code::Usage, format!("{} has no folder {dialect}", directory.display()))
                    .with_next("make it, or name another one with --dialect")
            })
        }
    }
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
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::of(Code::Refused, format!("{} cannot be made: {error}", path.display())))
}
