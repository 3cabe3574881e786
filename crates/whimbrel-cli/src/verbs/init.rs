//! `whimbrel init`: a configuration to begin with.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::Args;
use serde_json::json;
use whimbrel::SecretReference;

use crate::answer::{Answer, Failure};
use crate::config::FILE_NAME;
use crate::config::text::{self, Wrong};
use crate::context::Context;
use crate::exit::Code;
use crate::git;
use crate::settings::Place;

/// Makes whimbrel.toml and the migrations directory
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel init                          the URL comes from DATABASE_URL\n  whimbrel init --sqlite app.db\n  whimbrel init --url file:/run/secrets/url"
)]
pub(crate) struct Arguments {
    /// A file of SQLite
    #[arg(long, value_name = "PATH")]
    sqlite: Option<String>,
    /// The environment variable that holds the URL
    #[arg(long, value_name = "NAME", default_value = DATABASE_URL, conflicts_with = "sqlite")]
    variable: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let directory = context.global.directory.as_deref().unwrap_or(Path::new("migrations"));
    let named = directory.to_str().ok_or_else(|| {
        Failure::of(Code::Usage, "--directory is not UTF-8, and the configuration is")
            .with_next("give another path")
    })?;
    // As it will be read: what is refused then must not be written.
    text::path(named).map_err(|wrong| wrong.of("--directory"))?;
    if context.global.config.is_some() {
        return Err(Failure::of(
            Code::Usage,
            format!("`init` makes {FILE_NAME} here, and --config names another file"),
        )
        .with_next("leave --config out, and move the file afterwards"));
    }
    let environment = context.global.environment.as_deref().unwrap_or(DEVELOPMENT);
    let environment = text::environment(environment).map_err(|wrong| wrong.of("--environment"))?;
    let database = database(context, &arguments)?;
    // What may be dropped without more words is said of no other one.
    let development = if environment == DEVELOPMENT { "development = true\n" } else { "" };
    let text = format!(
        "# Settings of `whimbrel`; docs/configuration.md lists all of them. No secret belongs here: refer to it.\n\
         environment = {}\n\
         directory = {}\n\n\
         [environments.{}]\n{database}\n{development}",
        basic_string(&environment),
        basic_string(named),
        key(&environment),
    );
    let failed = |what: &Path, error: std::io::Error| {
        let failure = Failure::of(Code::Refused, format!("{} cannot be made: {error}", what.display()));
        match error.kind() {
            ErrorKind::AlreadyExists if what == Path::new(FILE_NAME) => failure
                .with_next(format!("to see its settings: {}", context.command("config")))
                .with_next(format!("to begin a migration with it: {}", context.command("new create_users"))),
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                failure.with_next("name another directory: whimbrel init --directory=DIR")
            }
            _ => failure.with_next("take another folder, or the right to write to this one"),
        }
    };
    let path = Path::new(FILE_NAME);
    let mut file =
        File::options().write(true).create_new(true).open(path).map_err(|error| failed(path, error))?;
    let written = file.write_all(text.as_bytes()).map_err(|error| failed(path, error));
    written
        .and_then(|()| fs::create_dir_all(directory).map_err(|error| failed(directory, error)))
        .inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
    let attributes = git::write_attributes(directory).map_err(|error| {
        let _ = fs::remove_file(path);
        failed(&directory.join(".gitattributes"), error)
    })?;
    // What was said of the place stands in the file now.
    let next = "whimbrel new create_users";
    let mut told = format!("made {FILE_NAME} and {}/\nnext: {next}", named.trim_end_matches('/'));
    if git::has(directory) {
        // What runs in a clone is for its owner to say.
        told.push_str(&format!("\nso that git merges: {}", context.command("merge --install")));
    }
    let attributes = attributes.map(|path| path.display().to_string());
    Ok(Answer::new(told, json!({ "files": [FILE_NAME, named], "attributes": attributes })))
}

/// Where the database is, as a line of the environment's table.
fn database(context: &Context, arguments: &Arguments) -> Result<String, Failure> {
    if context.global.url.is_some() {
        if arguments.sqlite.is_some() || arguments.variable != DATABASE_URL {
            return Err(Failure::of(Code::Usage, "--url and --sqlite or --variable both name the database")
                .with_next("leave --url out"));
        }
        return of_url(context);
    }
    match &arguments.sqlite {
        Some(path) => {
            let path = text::sqlite(path).map_err(|wrong| wrong.of("--sqlite"))?;
            Ok(format!("sqlite = {}", basic_string(&path)))
        }
        None => {
            let variable = &arguments.variable;
            text::reference(&format!("env:{variable}")).map_err(|_| {
                Wrong::expected("the name of an environment variable, and not what it holds").of("--variable")
            })?;
            Ok(format!("url = {{ env = {} }}", basic_string(variable)))
        }
    }
}

/// The same for what `--url` names.
fn of_url(context: &Context) -> Result<String, Failure> {
    let utf8 = |path: &Path| {
        let wrong = || {
            Failure::of(Code::Usage, "`--url` is not UTF-8, and the configuration is")
                .with_next("give another path")
        };
        path.to_str().map(basic_string).ok_or_else(wrong)
    };
    match &context.settings.database.value {
        Some(Place::Sqlite(path)) => Ok(format!("sqlite = {}", utf8(path)?)),
        Some(Place::Reference(SecretReference::Env(name))) => {
            Ok(format!("url = {{ env = {} }}", basic_string(name)))
        }
        Some(Place::Reference(SecretReference::File(path))) => {
            Ok(format!("url = {{ file = {} }}", utf8(path)?))
        }
        Some(Place::Reference(SecretReference::Descriptor(number))) => {
            Ok(format!("url = {{ fd = {number} }}"))
        }
        _ => Err(Failure::of(
            Code::Usage,
            format!("{FILE_NAME} refers to the database's URL and does not hold it"),
        )
        .with_next("put the URL into an environment variable, then: whimbrel init --variable NAME")
        .with_next("or into a file that only you may read, then: whimbrel init --url file:PATH")),
    }
}

/// The environment that is begun with.
const DEVELOPMENT: &str = "development";
/// The variable that holds the URL if nothing else is said.
const DATABASE_URL: &str = "DATABASE_URL";

/// A key as TOML has it.
fn key(name: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { basic_string(name) }
}

/// A text as TOML has it.
fn basic_string(text: &str) -> String {
    // JSON's escapes are TOML's too.
    serde_json::Value::from(text).to_string()
}
