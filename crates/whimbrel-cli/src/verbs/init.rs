//! `whimbrel init`: a configuration to begin with.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::config::FILE_NAME;
use crate::context::Context;
use crate::exit::Code;

/// Makes whimbrel.toml and the migrations directory
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel init                          the URL comes from DATABASE_URL\n  whimbrel init --sqlite app.db"
)]
pub(crate) struct Arguments {
    /// A file of SQLite
    #[arg(long, value_name = "PATH")]
    sqlite: Option<String>,
    /// The environment variable that holds the URL
    #[arg(long, value_name = "NAME", default_value = "DATABASE_URL", conflicts_with = "sqlite")]
    variable: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let database = match &arguments.sqlite {
        Some(path) => format!("sqlite = {}", basic_string(path)),
        None => format!("url = {{ env = {} }}", basic_string(&arguments.variable)),
    };
    let text = format!(
        "# Settings of `whimbrel`; docs/configuration.md lists all of them. No secret belongs here: refer to it.\n\
         environment = \"development\"\n\
         directory = \"migrations\"\n\n\
         [environments.development]\n{database}\ndevelopment = true\n"
    );
    let failed = |what: &Path, error: std::io::Error| {
        Failure::of(Code::Refused, format!("{} cannot be made: {error}", what.display()))
    };
    let path = Path::new(FILE_NAME);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| failed(path, error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(path, error))?;
    let directory = Path::new("migrations");
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let next = context.command("new create_users");
    let told = format!("made {FILE_NAME} and migrations/\nnext: {next}");
    Ok(Answer::new(told, json!({ "files": [FILE_NAME, "migrations"] })))
}

/// A text as TOML has it.
fn basic_string(text: &str) -> String {
    // JSON's escapes are TOML's too.
    serde_json::Value::from(text).to_string()
}
