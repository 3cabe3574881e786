//! The settings of the command: what arguments, environment variables and the configuration file say, in this order, and
//! where each comes from. Opens no database, and reads no secret.

mod lines;
mod merge;
mod origin;
mod overrides;
mod place;
mod policy;
mod signatures;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use whimbrel::{
    Ahead, Gaps, Limits, OutOfOrder, Preflight, Reverted, SecretReference, SetName, TableName, Transaction,
    Unbaselined, Writers,
};

use crate::config::Problem;

pub(crate) use self::origin::{Origin, Setting};
pub(crate) use self::overrides::Overrides;
pub(crate) use self::place::Place;
pub(crate) use self::policy::{Concern, Level, PolicySettings, Waivers};
#[cfg(feature = "sign")]
pub(crate) use self::signatures::Protected;
pub(crate) use self::signatures::SignatureSettings;

/// All settings, each with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The configuration file that was read.
    pub(crate) config: Setting<Option<PathBuf>>,
    /// The environments that the file has.
    pub(crate) environments: Vec<String>,
    pub(crate) environment: Setting<Option<String>>,
    pub(crate) directory: Setting<PathBuf>,
    pub(crate) recursive: Setting<bool>,
    /// The limits that are set, by their names.
    pub(crate) limits: BTreeMap<&'static str, Setting<u64>>,
    /// Who may be able to write to the migrations.
    pub(crate) writers: Setting<Writers>,
    /// The set's name, where the directory has no manifest that says it.
    pub(crate) set: Setting<Option<SetName>>,
    pub(crate) database: Setting<Option<Place>>,
    /// Belongs to the database's URL, which then has none.
    pub(crate) password: Setting<Option<SecretReference>>,
    /// Whether the database may be dropped and reset without more words.
    pub(crate) development: Setting<bool>,
    /// The script that prepares each connection.
    pub(crate) init: Setting<Option<PathBuf>>,
    pub(crate) role: Setting<Option<String>>,
    pub(crate) table: Setting<TableName>,
    /// Whether the database is to remember the environment's name.
    pub(crate) record_environment: Setting<bool>,
    pub(crate) lock_deadline: Setting<Duration>,
    pub(crate) wait_deadline: Setting<Duration>,
    pub(crate) lock_timeout: Setting<Duration>,
    pub(crate) statement_timeout: Setting<Option<Duration>>,
    pub(crate) failure_pause: Setting<Duration>,
    pub(crate) transaction: Setting<Transaction>,
    pub(crate) out_of_order: Setting<OutOfOrder>,
    pub(crate) ahead: Setting<Ahead>,
    pub(crate) unbaselined: Setting<Unbaselined>,
    pub(crate) reverted: Setting<Reverted>,
    pub(crate) gaps: Setting<Gaps>,
    pub(crate) preflight: Setting<Preflight>,
    pub(crate) values: BTreeMap<String, Setting<String>>,
    pub(crate) secrets: BTreeMap<String, Setting<SecretReference>>,
    pub(crate) database_messages: Setting<bool>,
    pub(crate) policy: PolicySettings,
    /// None if signatures are not asked for.
    pub(crate) signatures: Option<SignatureSettings>,
}

impl Settings {
    /// How much is read into memory.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.iter().fold(Limits::default(), |limits, (name, most)| match *name {
            "manifest-bytes" => limits.with_manifest_bytes(most.value),
            "script-bytes" => limits.with_script_bytes(most.value),
            "directory-bytes" => limits.with_directory_bytes(most.value),
            "history-rows" => limits.with_history_rows(most.value),
            _ => limits.with_files(most.value),
        })
    }

    /// What the files of the signers are held against.
    #[cfg(feature = "sign")]
    pub(crate) fn protected(&self) -> Protected<'_> {
        Protected {
            directory: &self.directory.value,
            config: self.config.value.as_deref(),
            writers: self.writers.value,
        }
    }

    /// Where the database is.
    ///
    /// # Errors
    /// Nobody has said so; what to do depends on what was said otherwise.
    pub(crate) fn place(&self) -> Result<&Place, Problem> {
        if let Some(place) = &self.database.value {
            return Ok(place);
        }
        if self.environment.value.is_some() && self.config.value.is_some() {
            return Err(Problem::new("the environment names no database").with_next(
                "write `url = { env = \"DATABASE_URL\" }` or `sqlite = \"app.db\"` into its table, or say `--url`",
            ));
        }
        if self.environments.is_empty() {
            return Err(Problem::new("no database is named").with_next(
                "set DATABASE_URL, say `--url` (sqlite:app.db, env:NAME), or write whimbrel.toml: whimbrel init",
            ));
        }
        let environments = self.environments.join(", ");
        Err(Problem::new("no environment is named, and so no database")
            .with_next(format!("say `--environment NAME`, or `--url`; the environments: {environments}")))
    }
}
