//! What every verb works with: the settings, and what is made of them. Runs nothing.

use std::cell::OnceCell;
use std::path::Path;
#[cfg(feature = "sign")]
use std::path::PathBuf;

use whimbrel::{Dialect, Directory, Migrator, Scheme, Secret, SecretProvider, Stop, async_trait};

use crate::answer::Failure;
use crate::arguments::{Format, Global};
use crate::database::init::InitScript;
#[cfg(feature = "sqlite")]
use crate::database::unmade::Unmade;
use crate::database::{self, Address, Connection};
use crate::exit::Code;
use crate::interrupt::Interrupts;
use crate::output::words::spoken;
use crate::progress::Progress;
use crate::sets;
use crate::settings::{Overrides, Place, Settings};

/// What a verb works with.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) settings: Settings,
    pub(crate) interrupts: Interrupts,
    /// Asked by the first Ctrl-C.
    pub(crate) stop: Stop,
    /// What the verb was told that the next command has to be told too, like ` --to 3`.
    words: OnceCell<String>,
    /// The address is read once: a file descriptor can be.
    address: OnceCell<Address>,
}

impl Context {
    pub(crate) fn new(global: Global, interrupts: &Interrupts) -> Result<Self, Failure> {
        let overrides = Overrides {
            config: global.config.clone(),
            environment: global.environment.clone(),
            directory: global.directory.clone(),
            url: global.url.clone(),
            lock_deadline: global.lock_deadline.clone(),
            writers: global.writers.clone(),
            ..Overrides::default()
        };
        for name in ["DATABASE_URL", "WHIMBREL_ENVIRONMENT", "WHIMBREL_CONFIG", "WHIMBREL_WRITERS"] {
            if matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_))) {
                return Err(Failure::of(
                    Code::Usage,
                    format!("the environment variable {name} is not UTF-8"),
                ));
            }
        }
        let variables = |name: &str| std::env::var(name).ok();
        let settings = Settings::load(&overrides, &variables, Path::new(""))?;
        let context = Self {
            global,
            settings,
            interrupts: interrupts.clone(),
            stop: interrupts.stop().clone(),
            words: OnceCell::new(),
            address: OnceCell::new(),
        };
        interrupts.advise(context.command("status"));
        Ok(context)
    }

    pub(crate) fn is_for_people(&self) -> bool {
        self.global.format == Format::Human
    }

    /// Takes note of what the verb was told that the next command has to be told too.
    pub(crate) fn say(&self, words: String) {
        // A verb says it once.
        let _ = self.words.set(words);
    }

    /// What the verb was told, to be put behind it.
    fn words(&self) -> &str {
        self.words.get().map_or("", String::as_str)
    }

    /// The command that does something else in the same place.
    pub(crate) fn command(&self, rest: &str) -> String {
        self.command_in(self.global.environment.as_deref(), rest)
    }

    /// The command that does the same again in another environment.
    pub(crate) fn elsewhere(&self, environment: &str, verb: &str) -> String {
        self.command_in(Some(environment), &format!("{verb}{}", self.words()))
    }

    fn command_in(&self, environment: Option<&str>, rest: &str) -> String {
        let mut command = "whimbrel".to_owned();
        if let Some(environment) = environment {
            command.push_str(&format!(" -e {}", quoted(environment)));
        }
        if let Some(config) = &self.global.config {
            command.push_str(&format!(" --config {}", quoted(&config.display().to_string())));
        }
        if let Some(directory) = &self.global.directory {
            command.push_str(&format!(" --directory={}", quoted(&directory.display().to_string())));
        }
        if let Some(writers) = &self.global.writers {
            command.push_str(&format!(" --writers {}", quoted(writers)));
        }
        match (&self.global.url, self.settings.database.value.as_ref()) {
            (None, _) => {}
            // A user's name may be a password that was typed in the wrong place.
            (Some(_), Some(Place::Url(url))) if url.user().is_some() => command.push_str(" -u …"),
            (Some(url), _) => command.push_str(&format!(" -u {}", quoted(url))),
        }
        command + " " + rest
    }

    /// The command that does the same again, as it was told to, and with `more`.
    pub(crate) fn again(&self, verb: &str, more: &str) -> String {
        self.command(&format!("{verb}{}{more}", self.words()))
    }

    /// Where the migrations are.
    pub(crate) fn directory(&self) -> Directory {
        self.source(&self.settings.directory.value)
    }

    /// A directory, read as the settings have it.
    pub(crate) fn source(&self, root: &Path) -> Directory {
        let mut directory = Directory::new(root)
            .with_limits(self.settings.limits())
            .with_writers(self.settings.writers.value);
        if self.settings.recursive.value {
            directory = directory.recursive();
        }
        match &self.settings.set.value {
            Some(set) => directory.with_set(set.clone()),
            None => directory,
        }
    }

    /// Where the database is.
    pub(crate) fn address(&self) -> Result<Address, Failure> {
        if let Some(address) = self.address.get() {
            return Ok(address.clone());
        }
        let address = self.read_address()?;
        Ok(self.address.get_or_init(|| address).clone())
    }

    fn read_address(&self) -> Result<Address, Failure> {
        let place = self.settings.place()?;
        let address = match place {
            Place::Sqlite(path) => Address::Sqlite(path.clone()),
            Place::Url(url) => Address::Server(url.clone()),
            Place::Reference(reference) => {
                let url = reference.url().map_err(whimbrel::Error::from).map_err(|error| Failure {
                    code: Code::Usage,
                    ..Failure::from(error.with_note("where", self.settings.database.origin.to_string()))
                })?;
                match url.scheme() {
                    Scheme::Sqlite => Address::Sqlite(url.database().unwrap_or_default().into()),
                    _ => Address::Server(url),
                }
            }
        };
        match (address, &self.settings.password.value) {
            (Address::Server(url), Some(reference)) => {
                let password =
                    reference.secret().map_err(whimbrel::Error::from).map_err(|error| Failure {
                        code: Code::Usage,
                        ..Failure::from(error.with_note("where", self.settings.password.origin.to_string()))
                    })?;
                Ok(Address::Server(url.with_password(password)))
            }
            (address, _) => Ok(address),
        }
    }

    /// Opens the connection.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        self.open(false).await
    }

    /// Opens the connection to look: a file of SQLite's that is not there is an empty database.
    pub(crate) async fn connect_or_imagine(&self) -> Result<Connection, Failure> {
        match self.address()? {
            #[cfg(feature = "sqlite")]
            Address::Sqlite(path) if !path.exists() => {
                Ok(Connection::Sqlite(whimbrel_sqlite::Sqlite::in_memory()?))
            }
            _ => self.connect().await,
        }
    }

    /// Opens the connection; a file of SQLite's that is not there is made when something is first written.
    pub(crate) async fn connect_to_write(&self) -> Result<Connection, Failure> {
        match self.address()? {
            #[cfg(feature = "sqlite")]
            Address::Sqlite(path) if !path.exists() && path.as_os_str() != ":memory:" => {
                let init = InitScript::of(&self.settings)?;
                self.interrupts.connected(true);
                Ok(Connection::Unmade(Box::new(Unmade::new(path, init)?)))
            }
            _ => self.open(true).await,
        }
    }

    async fn open(&self, create: bool) -> Result<Connection, Failure> {
        let address = self.address()?;
        let init = InitScript::of(&self.settings)?;
        let opened = Connection::open(&address, create).await;
        self.interrupts.connected(opened.is_ok());
        let mut db = opened.map_err(|error| {
            let said = error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| spoken(text));
            let next = said.chain([self.command("doctor")]).collect();
            Failure::from(error.with_note("database", address.shown())).advised(next)
        })?;
        if let Some(init) = &init {
            init.run(&mut db).await?;
        }
        Ok(db)
    }

    /// The name of the dialect, without asking the database.
    pub(crate) fn dialect_name(&self) -> Result<String, Failure> {
        if let Some(name) = &self.global.dialect {
            return Ok(name.clone());
        }
        self.address().map(|address| address.dialect().to_owned()).map_err(|failure| {
            failure.advised(vec!["say which: --dialect postgres, mysql, mariadb or sqlite".to_owned()])
        })
    }

    /// The table of facts of the dialect, without asking the database.
    pub(crate) fn dialect(&self) -> Result<&'static Dialect, Failure> {
        let name = self.dialect_name()?;
        database::dialect(&name).ok_or_else(|| sets::not_built(&name))
    }

    /// A migrator as the settings have it, that tells people how far it is.
    pub(crate) fn migrator(&self) -> Result<Migrator<'static>, Failure> {
        let migrator = self.migrator_of_any_environment()?;
        let settings = &self.settings;
        let name = settings.environment.value.as_ref().filter(|_| settings.record_environment.value);
        Ok(match name {
            Some(name) => migrator.with_environment(name),
            None => migrator,
        })
    }

    /// The same, which takes a database for its own whatever environment that belongs to.
    pub(crate) fn migrator_of_any_environment(&self) -> Result<Migrator<'static>, Failure> {
        let settings = &self.settings;
        let mut migrator = Migrator::new(self.directory())
            .with_table(settings.table.value.clone())
            .with_limits(settings.limits())
            .with_lock_deadline(settings.lock_deadline.value)
            .with_wait_deadline(settings.wait_deadline.value)
            .with_lock_timeout(settings.lock_timeout.value)
            .with_failure_pause(settings.failure_pause.value)
            .with_transaction(settings.transaction.value)
            .with_out_of_order(settings.out_of_order.value)
            .with_ahead(settings.ahead.value)
            .with_unbaselined(settings.unbaselined.value)
            .with_reverted(settings.reverted.value)
            .with_gaps(settings.gaps.value)
            .with_preflight(settings.preflight.value.clone())
            .with_application("whimbrel-cli", env!("CARGO_PKG_VERSION"))
            .without_steps()
            .with_stop(self.stop.clone());
        if let Some(longest) = settings.statement_timeout.value {
            migrator = migrator.with_statement_timeout(longest);
        }
        if let Some(role) = &settings.role.value {
            migrator = migrator.with_role(role);
        }
        if settings.database_messages.value {
            migrator = migrator.with_database_messages();
        }
        for (name, value) in &settings.values {
            migrator = migrator.with_value(name, &value.value);
        }
        if !settings.secrets.is_empty() {
            let references = settings.secrets.iter().map(|(name, it)| (name.clone(), it.value.clone()));
            migrator = migrator.with_secrets(References(references.collect()), PROVIDING);
        }
        #[cfg(feature = "policy")]
        if let Some(policy) = settings.policy.policy() {
            migrator = migrator.with_verifier(policy);
        }
        #[cfg(feature = "sign")]
        if let Some(signatures) = &settings.signatures {
            migrator = migrator.with_verifier(signatures.verifier(settings.protected())?);
        }
        Ok(migrator.with_observer(Progress::new(self.global.format, self.global.quiet)))
    }
}

/// What somebody has signed to approve a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Approvals {
    /// Signatures of the plan, as `whimbrel sign --plan` makes them; may be repeated
    #[cfg(feature = "sign")]
    #[arg(long, value_name = "PATH")]
    approval: Vec<PathBuf>,
}

impl Approvals {
    /// Lets a migrator count them.
    #[cfg(feature = "sign")]
    pub(crate) fn give<'a>(
        &self,
        context: &Context,
        migrator: Migrator<'a>,
    ) -> Result<Migrator<'a>, Failure> {
        let Some(signatures) = context.settings.signatures.as_ref() else {
            return match self.approval.first() {
                None => Ok(migrator),
                Some(_) => {
                    Err(Failure::of(Code::Usage, "--approval: whose signatures count is said nowhere")
                        .with_next("write [signatures] and [signatures.approvals] into whimbrel.toml"))
                }
            };
        };
        let Some(approvers) = signatures.approvers(context.settings.protected())? else {
            return Ok(migrator);
        };
        let mut approvals = whimbrel_sign::SignedApprovals::new(approvers);
        for path in &self.approval {
            let bytes = std::fs::read(path).map_err(|error| {
                Failure::of(Code::Usage, format!("{} cannot be read: {error}", path.display()))
            })?;
            approvals = approvals.with_signatures(bytes);
        }
        Ok(migrator.with_approver(approvals))
    }

    #[cfg(not(feature = "sign"))]
    pub(crate) fn give<'a>(&self, _: &Context, migrator: Migrator<'a>) -> Result<Migrator<'a>, Failure> {
        Ok(migrator)
    }
}

/// How long a secret that is referred to may take to be read.
const PROVIDING: std::time::Duration = std::time::Duration::from_secs(10);

/// Hands out the secrets that the configuration refers to.
struct References(std::collections::BTreeMap<String, whimbrel::SecretReference>);

#[async_trait]
impl SecretProvider for References {
    async fn secret(&self, name: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        let reference = self.0.get(name).ok_or("whimbrel.toml has no such name below `secrets`")?;
        Ok(reference.secret()?)
    }
}

/// An argument as a shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A place without the line and the column behind it. The path may have colons of its own.
pub(crate) fn without_position(place: &str) -> &str {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match place.rsplit_once(':') {
        Some((rest, column)) if number(column) => match rest.rsplit_once(':') {
            Some((file, line)) if number(line) => file,
            _ => rest,
        },
        _ => place,
    }
}
