//! The script of an environment that prepares each new connection. Nothing of it is recorded.

use std::path::PathBuf;

use whimbrel::script::Script;
use whimbrel::{Answers, Driver, Error, ErrorKind, Memory, Message, TrustedFile, Verified};

use crate::answer::Failure;
use crate::exit::Code;
use crate::settings::Settings;

/// The script, read and held to the rules of migrations.
#[derive(Clone, Debug)]
pub(crate) struct InitScript {
    path: PathBuf,
    origin: String,
    text: String,
}

impl InitScript {
    /// Reads the script of the settings, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or others may write to it.
    pub(crate) fn of(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(path) = &settings.init.value else { return Ok(None) };
        let origin = settings.init.origin.to_string();
        let file = TrustedFile::new(path).with_writers(settings.writers.value);
        let text = file.read().map_err(|error| Failure {
            code: Code::Usage,
            ..Failure::from(error.with_note("where", format!("`init` at {origin}")))
        })?;
        Ok(Some(Self { path: path.clone(), origin, text }))
    }

    /// Runs it, statement by statement.
    ///
    /// # Errors
    /// It holds what no script may hold, or a statement fails.
    pub(crate) async fn run(&self, db: &mut (dyn Driver + '_)) -> Result<(), Failure> {
        let dialect = db.dialect().clone();
        // What may share no transaction may stand here; what controls one may not.
        let set = Memory::new().with_sql(1, "init", format!("-- whimbrel: no-transaction\n{}", self.text));
        if let Err(error) = Verified::set(set.set()?, &dialect, &[]).await {
            let first = error.findings().first().map(|finding| finding.message().to_owned());
            return Err(self.refused(&first.unwrap_or_else(|| error.to_string())));
        }
        let script = Script::parse(&self.text, &dialect.lexing)
            .map_err(|_| self.refused("it is not one script of this database"))?;
        for (index, statement) in script.statements().iter().enumerate() {
            let message = Message::new(statement.text(), 1);
            db.execute(&[message], &mut Answers::new()).await.map_err(|error| {
                let headline = format!(
                    "statement {} of the `init` script {} failed: {}",
                    index + 1,
                    self.path.display(),
                    error.message()
                );
                let failure = Error::new(ErrorKind::Database, headline).with_code(error.code());
                Failure::from(failure.with_note("where", self.origin.clone()))
                    .with_next("correct it: it runs on each new connection, before anything else")
            })?;
        }
        Ok(())
    }

    fn refused(&self, why: &str) -> Failure {
        Failure::of(Code::Refused, format!("the `init` script {} is refused: {why}", self.path.display()))
            .with_note("where", self.origin.clone())
            .with_next(
                "leave in it only what prepares a connection, such as settings and temporary functions",
            )
    }
}
