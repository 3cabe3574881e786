//! A backup of a PostgreSQL database by `pg_dump`, to copy into an application.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use whimbrel::{Backup, DatabaseUrl, Driver, HostAddress, Plan, Receipt, StepError, async_trait};

use super::private_file::{PrivateFile, create};
use super::tool;

/// Dumps the database before anything pending is applied, and reads the dump once more.
///
/// When it is called, the migrator's transaction is open on another connection: it has the migrators' lock, which no
/// application waits for, and has changed nothing that others could see. `pg_dump` sees what was committed when it began.
/// So the dump is the database before the migrations, but what applications write from then on is in the database and not
/// in the dump. Where that matters, stop them first.
///
/// A table that somebody has locked for longer than ten seconds makes the dump fail, and with it the run.
#[derive(Clone, Debug)]
pub(crate) struct PgDump {
    programs: PathBuf,
    url: DatabaseUrl,
    folder: PathBuf,
}

impl PgDump {
    /// Dumps what this URL names into a folder, by the programs of another one; their version must be the server's or newer.
    pub(crate) fn new(programs: impl Into<PathBuf>, url: DatabaseUrl, folder: impl Into<PathBuf>) -> Self {
        Self { programs: programs.into(), url, folder: folder.into() }
    }

    fn dump(&self, digest: &str) -> Result<Receipt, StepError> {
        let database = tool::database(&self.url)?;
        let target = create(&self.folder, &format!("{database}-{digest}"), ".dump")?;
        // Half a dump must not be taken for one.
        self.fill(&target).inspect_err(|_| drop(fs::remove_file(&target)))
    }

    fn fill(&self, target: &Path) -> Result<Receipt, StepError> {
        let mut dump = self.program("pg_dump");
        let login = self.connect(&mut dump)?;
        dump.args(["--format=custom", "--no-password", "--lock-wait-timeout=10s"]).arg("--file").arg(target);
        tool::run(dump, self.url.password())?;
        drop(login);
        // All of it is read: an archive that ends early has no end of its last table.
        let mut read = self.program("pg_restore");
        read.args(["--file", "/dev/null"]).arg(target);
        tool::run(read, None)?;
        let mut list = self.program("pg_restore");
        list.arg("--list").arg(target);
        let entries = tool::run(list, None)?;
        let entries = entries.lines().filter(|line| !line.starts_with(';')).count();
        let file = fs::File::open(target)?;
        file.sync_all()?;
        Ok(Receipt {
            place: target.canonicalize()?.display().to_string(),
            bytes: file.metadata()?.len(),
            check: format!("pg_restore reads {entries} entries"),
        })
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG"))
        {
            command.env_remove(variable);
        }
        command
    }

    /// Where to connect, and as whom: by variables, and the password by a file (libpq's manual, section 34.16).
    fn connect(&self, command: &mut Command) -> Result<Option<PrivateFile>, StepError> {
        let url = &self.url;
        let host = tool::host(url)?;
        match &host.address {
            HostAddress::Socket(folder) => command.env("PGHOST", folder),
            HostAddress::Ip(address) => command.env("PGHOST", address.to_string()),
            HostAddress::Name(name) => command.env("PGHOST", name),
        };
        command.env("PGDATABASE", tool::database(url)?);
        command.env("PGSSLMODE", url.tls(&host.address).as_str());
        if let Some(port) = host.port {
            command.env("PGPORT", port.to_string());
        }
        if let Some(user) = url.user() {
            command.env("PGUSER", user);
        }
        if let Some(root) = url.root_certificate() {
            command.env("PGSSLROOTCERT", root);
        }
        if let Some((certificate, key)) = url.client_certificate() {
            command.env("PGSSLCERT", certificate).env("PGSSLKEY", key);
        }
        let Some(password) = url.password() else { return Ok(None) };
        let escaped = password.expose().replace('\\', "\\\\").replace(':', "\\:");
        let login = PrivateFile::write(&self.folder, &format!("*:*:*:*:{escaped}\n"))?;
        command.env("PGPASSFILE", login.path());
        Ok(Some(login))
    }
}

#[async_trait]
impl Backup for PgDump {
    async fn back_up(&self, _: &mut dyn Driver, plan: &Plan) -> Result<Receipt, StepError> {
        let (this, digest) = (self.clone(), plan.digest().short());
        tool::aside(move || this.dump(&digest)).await
    }
}
