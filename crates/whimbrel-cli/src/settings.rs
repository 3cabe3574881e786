//! The settings of the command: what arguments, environment variables and the configuration file say, in this order, and
//! where each comes from. Opens no database, and reads no secret.

mod origin;
mod overrides;
mod place;
mod policy;
mod signatures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use whimbrel::{
    Ahead, Gaps, OutOfOrder, Preflight, Reverted, SecretReference, SetName, TableName, Transaction,
    Unbaselined,
};

use crate::config::Problem;

pub(crate) use self::origin::{Origin, Setting};
pub(crate) use self::overrides::Overrides;
pub(crate) use self::place::Place;
pub(crate) use self::policy::{Concern, Level, PolicySettings, Waivers};
pub(crate) use self::signatures::SignatureSettings;

/// All settings, each with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The configuration file that was read.
    pub(crate) config: Option<PathBuf>,
    pub(crate) environment: Setting<Option<String>>,
    pub(crate) directory: Setting<PathBuf>,
    pub(crate) recursive: Setting<bool>,
    /// The set's name, where the directory has no manifest that says it.
    pub(crate) set: Setting<Option<SetName>>,
    pub(crate) database: Setting<Option<Place>>,
    /// Belongs to the database's URL, which then has none.
    pub(crate) password: Setting<Option<SecretReference>>,
    /// Whether the database may be dropped and reset without more words.
    pub(crate) development: Setting<bool>,
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

/// One line of what `whimbrel config` shows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct SettingLine {
    /// The key, with dots, as in the configuration file.
    pub(crate) name: String,
    /// The value; of a secret, where it is.
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

impl Settings {
    /// Merges what is said. `start` is the working directory; where it is relative, so are the paths in the settings.
    pub(crate) fn load(
        overrides: &Overrides,
        variables: &dyn Fn(&str) -> Option<String>,
        start: &Path,
    ) -> Result<Self, Problem> {
        let mut settings = Self::defaults(start);
        if let Some(url) = &overrides.url {
            let place = Place::of_argument(url, start)?;
            settings.database = Setting::new(Some(place), Origin::Argument("--url"));
        } else if variables("DATABASE_URL").is_some_and(|url| !url.is_empty()) {
            let place = Place::Reference(SecretReference::Env("DATABASE_URL".to_owned()));
            settings.database = Setting::new(Some(place), Origin::Variable("DATABASE_URL"));
        }
        Ok(settings)
    }

    fn defaults(folder: &Path) -> Self {
        Self {
            config: None,
            environment: Setting::default(None),
            directory: Setting::default(folder.join("migrations")),
            recursive: Setting::default(false),
            set: Setting::default(None),
            database: Setting::default(None),
            password: Setting::default(None),
            development: Setting::default(false),
            role: Setting::default(None),
            table: Setting::default(TableName::default()),
            record_environment: Setting::default(false),
            lock_deadline: Setting::default(Duration::from_secs(60)),
            wait_deadline: Setting::default(Duration::from_secs(300)),
            lock_timeout: Setting::default(Duration::from_secs(3)),
            statement_timeout: Setting::default(None),
            failure_pause: Setting::default(Duration::from_secs(1)),
            transaction: Setting::default(Transaction::default()),
            out_of_order: Setting::default(OutOfOrder::default()),
            ahead: Setting::default(Ahead::default()),
            unbaselined: Setting::default(Unbaselined::default()),
            reverted: Setting::default(Reverted::default()),
            gaps: Setting::default(Gaps::default()),
            preflight: Setting::default(Preflight::new()),
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            database_messages: Setting::default(false),
            policy: PolicySettings::default(),
            signatures: None,
        }
    }

    /// What `whimbrel config` shows.
    pub(crate) fn lines(&self) -> Vec<SettingLine> {
        Vec::new()
    }
}
