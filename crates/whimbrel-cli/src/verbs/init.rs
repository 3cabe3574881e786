//! `whimbrel init`: a configuration to begin with.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::config::FILE_NAME;
use crate::config::text::{self, Wrong};
use crate::context::Context;
use crate::exit::Code;
use crate::git;

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
    let directory = context.global.directory.as_deref().unwrap_or(Path::new("migrations"));
    let named = directory.to_str().ok_or_else(|| {
        Failure::of(Code::Usage, "--directory is not UTF-8, and the configuration is")
            .with_next("give another path")
    })?;
    // As it will be read: what is refused then must not be written.
    text::path(named).map_err(|wrong| wrong.of("--directory"))?;
    let database = match &arguments.sqlite {
        Some(path) => {
            let path = text::sqlite(path).map_err(|wrong| wrong.of("--sqlite"))?;
            format!("sqlite = {}", basic_string(&path))
        }
        None => {
            let variable = &arguments.variable;
            text::reference(&format!("env:{variable}")).map_err(|_| {
                Wrong::expected("the name of an environment variable, and not what it holds").of("--variable")
            })?;
            format!("url = {{ env = {} }}", basic_string(variable))
        }
    };
    let text = format!(
        "# Settings of `whimbrel`; docs/configuration.md lists all of them. No secret belongs here: refer to it.\n\
         environment = \"development\"\n\
         directory = {}\n\n\
         [environments.development]\n{database}\ndevelopment = true\n",
        basic_string(named)
    );
    let failed = |what: &Path, error: std::io::Error| {
        Failure::of(Code::Refused, format!("{} cannot be made: {error}", what.display()))
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
    let next = context.command("new create_users");
    let mut told = format!("made {FILE_NAME} and {}/\nnext: {next}", named.trim_end_matches('/'));
    if git::has(directory) {
        // What runs in a clone is for its owner to say.
        told.push_str(&format!("\nso that git merges: {}", context.command("merge --install")));
    }
    let attributes = attributes.map(|path| path.display().to_string());
    Ok(Answer::new(told, json!({ "files": [FILE_NAME, named], "attributes": attributes })))
}

/// A text as TOML has it.
fn basic_string(text: &str) -> String {
    // JSON's escapes are TOML's too.
    serde_json::Value::from(text).to_string()
}
