//! Arguments that cannot be taken: said without repeating what may be a password, and with the verb or option that
//! somebody means who comes from another tool.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::held;
use super::{Arguments, Format};
use crate::answer::Failure;
use crate::exit::Code;
use crate::output::style::plain;

/// Why there are no arguments to work with.
pub(crate) enum Misuse {
    /// Help, or the version, was asked for.
    Page(String),
    /// They are wrong. For people there may be a text that says more than the failure.
    Wrong(Option<String>, Failure),
}

/// The verbs that destroy something, or make it: whoever has mistyped another one is not led to them.
const NEVER_PROPOSED: [&str; 4] = ["create", "down", "drop", "reset"];

/// Reads the arguments.
pub(crate) fn parse(typed: &[OsString]) -> Result<Arguments, Misuse> {
    let parsed = match Arguments::try_parse_from(typed) {
        // `whimbrel help up` is `whimbrel up --help`.
        Err(error) if word(&error, ContextKind::InvalidSubcommand) == Some("help") => {
            let without = typed.iter().filter(|argument| *argument != "help").cloned();
            Arguments::try_parse_from(without.chain([OsString::from("--help")]))
        }
        parsed => parsed,
    };
    let error = match parsed {
        Ok(_) if held::any(typed) => return Err(Misuse::Wrong(None, holds())),
        Ok(arguments) => return Ok(arguments),
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Err(Misuse::Page(error.render().ansi().to_string()));
    }
    Err(if held::any(typed) { Misuse::Wrong(None, holds()) } else { explained(error, typed) })
}

/// For whom is written, and in which colours, may be wanted where the rest is wrong.
pub(crate) fn value<'a>(typed: &'a [OsString], option: &str) -> Option<&'a str> {
    let mut arguments = typed.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix(option) {
            Some("") => return arguments.next(),
            Some(rest) if rest.starts_with('=') => return rest.get(1..),
            _ => {}
        }
    }
    None
}

/// The same for the format.
pub(crate) fn format(typed: &[OsString]) -> Format {
    if value(typed, "--format") == Some("json") { Format::Json } else { Format::Human }
}

fn holds() -> Failure {
    Failure::of(Code::Usage, "an argument looks as if it held a password, and is not --url")
        .with_next("put the URL into an environment variable and say --url env:NAME; see whimbrel --help")
}

/// What clap says, as far as it can be repeated.
fn explained(mut error: clap::Error, typed: &[OsString]) -> Misuse {
    let rejected = [ContextKind::InvalidSubcommand, ContextKind::InvalidValue].into_iter();
    // What is wrong with an option's value comes with the option; an unknown argument comes as it was typed.
    let rejected =
        rejected.chain((error.kind() == ErrorKind::UnknownArgument).then_some(ContextKind::InvalidArg));
    if !rejected.into_iter().all(|kind| word(&error, kind).is_none_or(held::is_plain)) {
        return Misuse::Wrong(None, unrepeated(&error, typed));
    }
    discourage(&mut error);
    let next = meant(&error, typed);
    if let Some(next) = next.clone() {
        for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::Suggested] {
            error.remove(kind);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![next.into()]));
    }
    let text = error.render().ansi().to_string();
    let said = plain(&text);
    let first: Vec<&str> =
        said.trim_start().lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let headline = first.join(" ");
    let headline = headline.trim_start_matches("error: ");
    let failure = Failure::of(Code::Usage, headline).advised(next.into_iter().collect());
    Misuse::Wrong(Some(text), failure)
}

/// What is wrong, without the word that is.
fn unrepeated(error: &clap::Error, typed: &[OsString]) -> Failure {
    let option = word(error, ContextKind::InvalidArg).unwrap_or("an argument");
    let headline = match error.kind() {
        ErrorKind::UnknownArgument => "unexpected argument found".to_owned(),
        ErrorKind::InvalidSubcommand => "unrecognized subcommand".to_owned(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("invalid value for '{option}'"),
        ErrorKind::TooManyValues => format!("'{option}' has a value too many"),
        _ => "the arguments are wrong".to_owned(),
    };
    let mut failure = Failure::of(Code::Usage, headline);
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue) {
        failure = failure.with_note("possible values", values.join(", "));
    }
    let failure = failure.with_note("why", "it is not repeated here, since it could be a password");
    failure.with_next(
        verb(typed).map_or_else(|| "whimbrel --help".to_owned(), |verb| format!("whimbrel {verb} --help")),
    )
}

/// A word of the error's context.
fn word(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    }
}

/// Takes out of the error what would lead to a verb that destroys something.
fn discourage(error: &mut clap::Error) {
    let proposed = match error.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(several)) => several,
        _ => return,
    };
    let command = Arguments::command();
    let harmless = |name: &String| {
        command.find_subcommand(name).is_some_and(|verb| !NEVER_PROPOSED.contains(&verb.get_name()))
    };
    let typed = word(error, ContextKind::InvalidSubcommand).unwrap_or_default().to_owned();
    let proposed: Vec<String> =
        proposed.into_iter().filter(harmless).filter(|name| is_slip_of(&typed, name)).collect();
    if !proposed.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(proposed));
    }
}

/// Whether a word is a name with a slip of the pen in it, or its beginning. Another word, such as another tool's, is not: to be
/// led to a verb that only sounds alike is worse than no help.
fn is_slip_of(word: &str, name: &str) -> bool {
    let slips = if word.len() < 8 { 1 } else { 2 };
    (word.len() > 2 && name.starts_with(word)) || strsim::osa_distance(word, name) <= slips
}

/// The verb among the arguments.
fn verb(typed: &[OsString]) -> Option<String> {
    let command = Arguments::command();
    let mut words = typed.iter().skip(1).filter_map(|argument| argument.to_str());
    words.find_map(|word| command.find_subcommand(word).map(|verb| verb.get_name().to_owned()))
}

/// What somebody means who types what another tool has.
fn meant(error: &clap::Error, typed: &[OsString]) -> Option<String> {
    let said = match error.kind() {
        ErrorKind::InvalidSubcommand => match word(error, ContextKind::InvalidSubcommand)? {
            "revision" | "make" | "makemigration" | "makemigrations" | "migration" | "generate-migration" => {
                "`whimbrel new NAME` begins a migration"
            }
            "stamp" | "mark" | "fake" | "changelog-sync" => {
                "`whimbrel baseline VERSION` declares that a database has everything up to a version"
            }
            "unlock" | "release-locks" | "force-unlock" => {
                "nothing has to be unlocked: a lock ends with its session; `whimbrel doctor` shows who holds it"
            }
            "upgrade" | "deploy" | "latest" | "update" => "`whimbrel up` applies what is pending",
            "downgrade" => {
                "`whimbrel down` reverts the newest one, `whimbrel down --to VERSION` what is newer"
            }
            "current" | "heads" | "pending" | "showmigrations" | "show" => {
                "`whimbrel status` shows what is in force and what is pending"
            }
            "log" => "`whimbrel history` shows what was done, when and by whom",
            "diff" | "dump" | "schema" | "hash" => {
                "`whimbrel plan` shows what would be done, `whimbrel lock` writes the manifest with the hashes"
            }
            "sqlmigrate" | "update-sql" | "sql" => {
                "`whimbrel plan --sql` writes what would be done as one script"
            }
            "setup" => "`whimbrel init` makes whimbrel.toml, `whimbrel create` the database",
            "squash" | "squashmigrations" | "merge" => {
                "`whimbrel lock --remove VERSION --reason '…'` takes a migration out whose effects stay"
            }
            "validate" => "`whimbrel verify` checks the files, `whimbrel check` whether something is pending",
            "goto" => "`whimbrel up --to VERSION` goes forward, `whimbrel down --to VERSION` back",
            "clean" => "`whimbrel drop` removes the database with everything in it (development)",
            "force" => "`whimbrel settle` records what became of a statement whose outcome is unknown",
            "test" => "`whimbrel verify` checks the files, `whimbrel redo` goes back and forward again",
            "version" => "`whimbrel --version` is that of the command, `whimbrel status` has the database's",
            _ => return None,
        },
        ErrorKind::UnknownArgument => {
            let argument = word(error, ContextKind::InvalidArg)?;
            let verb = verb(typed)?;
            let number = argument.trim_start_matches('-');
            let number = !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit());
            match (verb.as_str(), argument) {
                ("up" | "plan", _) if number => {
                    return Some(format!(
                        "`whimbrel {verb} --to VERSION` goes up to and including a version"
                    ));
                }
                ("create", _) if !argument.starts_with('-') => {
                    return Some(format!(
                        "`whimbrel create` makes the database; `whimbrel new {argument}` begins a migration"
                    ));
                }
                ("down", _) if number => {
                    "`whimbrel down` reverts the newest one, `whimbrel down --to VERSION` what is newer than a version"
                }
                ("up", "--yes" | "-y" | "--force" | "-f") => {
                    "`whimbrel up` asks for no yes; what wants an approval is approved with `--approve DIGEST`"
                }
                ("up", "--dry-run" | "--dry" | "--pretend" | "-n") => {
                    "`whimbrel plan` shows what `up` would do"
                }
                ("down", "--dry-run" | "--dry" | "--pretend" | "-n") => {
                    "`whimbrel plan --down` shows what `down` would do"
                }
                ("redo", "--dry-run" | "--dry" | "--pretend" | "-n") => {
                    "`whimbrel plan --redo` shows what `redo` would do"
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(said.to_owned())
}
