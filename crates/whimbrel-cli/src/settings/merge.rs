//! Merges what is said: arguments go before environment variables, these before the environment's table of the file, that
//! before the file's top level, and that before the defaults.

use std::path::Path;
use std::time::Duration;

use whimbrel::{Preflight, SecretReference, TableName};

use super::{Origin, Overrides, Place, PolicySettings, Setting, Settings, SignatureSettings};
use crate::config::text::{self, Wrong};
use crate::config::words::{self, Words};
use crate::config::{ConfigFile, Document, Environment, Problem};
use crate::settings::Waivers;

/// Looks an environment variable up.
type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Names the configuration file.
const CONFIG: &str = "WHIMBREL_CONFIG";
/// Names the environment.
const ENVIRONMENT: &str = "WHIMBREL_ENVIRONMENT";
/// Says who may be able to write to the migrations.
const WRITERS: &str = "WHIMBREL_WRITERS";
/// Holds the URL of the database, where no file says where that is.
const DATABASE: &str = "DATABASE_URL";

impl Settings {
    /// Merges what is said. `start` is the working directory; where it is relative, so are the paths in the settings.
    ///
    /// # Errors
    /// What is said is not what it may be, or the file cannot be read. Nothing of it is in the error.
    pub(crate) fn load(
        overrides: &Overrides,
        variables: Variables<'_>,
        start: &Path,
    ) -> Result<Self, Problem> {
        // Who sets a variable to nothing wants it not to be set.
        let variable = |name: &str| variables(name).filter(|value| !value.is_empty());
        let (config, origin) = config(overrides, &variable, start)?;
        let has_file = config.is_some();
        let (path, folder, document) = match config {
            Some(ConfigFile { path, folder, document }) => (Some(path), folder, document),
            None => (None, start.to_owned(), Document::default()),
        };
        let Document {
            environment,
            directory,
            recursive,
            limits,
            set,
            options,
            mut environments,
            policy,
            signatures,
        } = document;
        let names: Vec<String> = environments.keys().cloned().collect();
        let named_somewhere = environments.values().any(|environment| environment.database.is_some());

        let environment = named_environment(overrides, &variable)?.or(environment);
        let table = match &environment {
            Some(environment) if has_file => {
                let table = environments.remove(&environment.value);
                table.ok_or_else(|| no_environment(&environment.origin, &names))?
            }
            _ => Environment::default(),
        };
        let (database, password, development) = match &overrides.url {
            // The file's password is not sent to where an argument points, nor is that for development since the
            // environment's own database is.
            Some(url) => {
                let place = Place::of_argument(url, start)?;
                (Some(Setting::new(place, Origin::Argument("--url"))), None, None)
            }
            None => {
                // With the database of no environment chosen, another one is not taken in its stead.
                let chosen = environment.is_some() || !named_somewhere;
                let fallback = || {
                    let place = Place::Reference(SecretReference::Env(DATABASE.to_owned()));
                    (chosen && variable(DATABASE).is_some())
                        .then(|| Setting::new(place, Origin::Variable(DATABASE)))
                };
                (table.database.or_else(fallback), table.password, table.development)
            }
        };
        let options = table.options.over(options);
        let switch = |given: bool, name| given.then(|| Setting::new(true, Origin::Argument(name)));
        Ok(Self {
            config: Setting::new(path, origin),
            environments: names,
            record_environment: options.record_environment.unwrap_or(Setting::by_default(has_file)),
            environment: optional(environment),
            directory: argument("--directory", overrides.directory.as_deref(), text::argument_path)?
                .map(|path| path.map(|path| start.join(path)))
                .or(directory)
                .unwrap_or_else(|| Setting::by_default(folder.join("migrations"))),
            limits,
            recursive: switch(overrides.recursive, "--recursive")
                .or(recursive)
                .unwrap_or(Setting::by_default(false)),
            writers: word("--writers", &overrides.writers, &words::WRITERS)?
                .or(variable_word(&variable, WRITERS, &words::WRITERS)?)
                .or(options.writers)
                .unwrap_or_default(),
            set: optional(argument("--set", overrides.set.as_deref(), text::set)?.or(set)),
            database: optional(database),
            password: optional(password),
            development: development.unwrap_or(Setting::by_default(false)),
            init: optional(options.init),
            role: optional(argument("--role", overrides.role.as_deref(), text::role)?.or(options.role)),
            table: argument("--table", overrides.table.as_deref(), text::table)?
                .or(options.table)
                .unwrap_or_else(|| Setting::by_default(TableName::default())),
            lock_deadline: time("--lock-deadline", &overrides.lock_deadline)?
                .or(options.lock_deadline)
                .unwrap_or(Setting::by_default(Duration::from_secs(60))),
            wait_deadline: time("--wait-deadline", &overrides.wait_deadline)?
                .or(options.wait_deadline)
                .unwrap_or(Setting::by_default(Duration::from_secs(300))),
            lock_timeout: time("--lock-timeout", &overrides.lock_timeout)?
                .or(options.lock_timeout)
                .unwrap_or(Setting::by_default(Duration::from_secs(3))),
            statement_timeout: optional(
                time("--statement-timeout", &overrides.statement_timeout)?.or(options.statement_timeout),
            ),
            failure_pause: time("--failure-pause", &overrides.failure_pause)?
                .or(options.failure_pause)
                .unwrap_or(Setting::by_default(Duration::from_secs(1))),
            transaction: word("--transaction", &overrides.transaction, &words::TRANSACTION)?
                .or(options.transaction)
                .unwrap_or_default(),
            out_of_order: word("--out-of-order", &overrides.out_of_order, &words::OUT_OF_ORDER)?
                .or(options.out_of_order)
                .unwrap_or_default(),
            ahead: word("--ahead", &overrides.ahead, &words::AHEAD)?.or(options.ahead).unwrap_or_default(),
            unbaselined: word("--unbaselined", &overrides.unbaselined, &words::UNBASELINED)?
                .or(options.unbaselined)
                .unwrap_or_default(),
            reverted: word("--reverted", &overrides.reverted, &words::REVERTED)?
                .or(options.reverted)
                .unwrap_or_default(),
            gaps: word("--gaps", &overrides.gaps, &words::GAPS)?.or(options.gaps).unwrap_or_default(),
            preflight: options.preflight.unwrap_or_else(|| Setting::by_default(Preflight::new())),
            values: options.values,
            secrets: options.secrets,
            database_messages: switch(overrides.database_messages, "--database-messages")
                .or(options.database_messages)
                .unwrap_or(Setting::by_default(false)),
            policy: policy.map_or_else(PolicySettings::default, |policy| PolicySettings {
                enabled: policy.enabled.unwrap_or(Setting::by_default(cfg!(feature = "policy"))),
                waivers: policy.waivers.unwrap_or(Setting::by_default(Waivers::Accept)),
                concerns: policy.concerns,
                rules: policy.rules,
            }),
            signatures: signatures.map(|signatures| SignatureSettings {
                allowed_signers: signatures.allowed_signers,
                minisign: signatures.minisign,
                threshold: signatures.threshold.unwrap_or(Setting::by_default(1)),
                approvals: signatures
                    .approvals
                    .map(|approvals| approvals.map(|threshold| threshold.unwrap_or(1))),
            }),
        })
    }
}

/// The configuration file, and who named it.
fn config(
    overrides: &Overrides,
    variable: Variables<'_>,
    start: &Path,
) -> Result<(Option<ConfigFile>, Origin), Problem> {
    let by_argument = overrides.config.clone().map(|path| (path, Origin::Argument("--config")));
    let by_variable = || variable(CONFIG).map(|path| (path.into(), Origin::Variable(CONFIG)));
    if let Some((path, origin)) = by_argument.or_else(by_variable) {
        text::argument_path(&path).map_err(|wrong| wrong.of(&origin))?;
        return Ok((Some(ConfigFile::named(&path, start)?), origin));
    }
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    Ok((ConfigFile::search(start, home.as_deref().map(Path::new))?, Origin::Default))
}

fn named_environment(
    overrides: &Overrides,
    variable: Variables<'_>,
) -> Result<Option<Setting<String>>, Problem> {
    if let Some(named) = argument("--environment", overrides.environment.as_deref(), text::environment)? {
        return Ok(Some(named));
    }
    let origin = Origin::Variable(ENVIRONMENT);
    let Some(named) = variable(ENVIRONMENT) else { return Ok(None) };
    match text::environment(&named) {
        Ok(named) => Ok(Some(Setting::new(named, origin))),
        Err(wrong) => Err(wrong.of(&origin)),
    }
}

/// The names in the file are shown here: they are recorded in databases, and no place for a secret.
fn no_environment(origin: &Origin, names: &[String]) -> Problem {
    let problem = Problem::new(format!("`{origin}`: the configuration file has no environment of this name"));
    match names {
        [] => problem.with_next("add its table, `[environments.NAME]`"),
        names => problem.with_next(format!("it has: {}", names.join(", "))),
    }
}

/// What an argument gives, read.
fn argument<G: ?Sized, T>(
    name: &'static str,
    given: Option<&G>,
    read: impl FnOnce(&G) -> Result<T, Wrong>,
) -> Result<Option<Setting<T>>, Problem> {
    let origin = Origin::Argument(name);
    let Some(given) = given else { return Ok(None) };
    match read(given) {
        Ok(value) => Ok(Some(Setting::new(value, origin))),
        Err(wrong) => Err(wrong.of(&origin)),
    }
}

fn time(name: &'static str, given: &Option<String>) -> Result<Option<Setting<Duration>>, Problem> {
    argument(name, given.as_deref(), text::duration)
}

fn word<T: Copy + PartialEq>(
    name: &'static str,
    given: &Option<String>,
    words: &Words<T>,
) -> Result<Option<Setting<T>>, Problem> {
    argument(name, given.as_deref(), |given| text::word(words, given))
}

fn variable_word<T: Copy + PartialEq>(
    variable: Variables<'_>,
    name: &'static str,
    words: &Words<T>,
) -> Result<Option<Setting<T>>, Problem> {
    let origin = Origin::Variable(name);
    let Some(given) = variable(name) else { return Ok(None) };
    match text::word(words, &given) {
        Ok(value) => Ok(Some(Setting::new(value, origin))),
        Err(wrong) => Err(wrong.of(&origin)),
    }
}

/// What may be left out altogether.
fn optional<T>(setting: Option<Setting<T>>) -> Setting<Option<T>> {
    setting.map_or(Setting::by_default(None), |setting| setting.map(Some))
}
