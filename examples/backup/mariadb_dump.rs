//! A backup of a MariaDB or MySQL database by `mariadb-dump` or `mysqldump`, to copy into an application.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use whimbrel::{Backup, DatabaseUrl, Driver, HostAddress, Plan, Receipt, StepError, TlsMode, async_trait};

use super::private_file::{PrivateFile, create};
use super::tool;

/// What the tool writes when it has come to its end.
const END: &str = "-- Dump completed";

/// Dumps the database before anything pending is applied, and looks for the dump's end.
///
/// When it is called, the migrator's own connection has the migrators' lock, which no application waits for, and has
/// changed nothing but, on a first run, made the history's table. The tool reads by one transaction, so the dump is the
/// database at the moment when it began: rows that applications write later are in the database and not in the dump. That
/// holds for InnoDB's tables alone. Where that matters, stop them first.
#[derive(Clone, Debug)]
pub(crate) struct MariaDbDump {
    program: PathBuf,
    url: DatabaseUrl,
    folder: PathBuf,
}

impl MariaDbDump {
    /// Dumps what this URL names into a folder, by this program.
    pub(crate) fn new(program: impl Into<PathBuf>, url: DatabaseUrl, folder: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), url, folder: folder.into() }
    }

    fn dump(&self, digest: &str) -> Result<Receipt, StepError> {
        let database = tool::database(&self.url)?;
        let target = create(&self.folder, &format!("{database}-{digest}"), ".sql")?;
        // Half a dump must not be taken for one.
        self.fill(database, &target).inspect_err(|_| drop(fs::remove_file(&target)))
    }

    fn fill(&self, database: &str, target: &Path) -> Result<Receipt, StepError> {
        let login = PrivateFile::write(&self.folder, &self.options()?)?;
        let mut dump = Command::new(&self.program);
        // It has to come first, and no other file is read.
        dump.arg(format!("--defaults-file={}", login.path().display()))
            .args([
                "--single-transaction",
                "--skip-lock-tables",
                "--routines",
                "--triggers",
                "--events",
                "--hex-blob",
            ])
            .arg(format!("--result-file={}", target.display()))
            .arg(database);
        tool::run(dump, self.url.password())?;
        drop(login);
        let mut file = fs::File::open(target)?;
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(bytes.saturating_sub(200)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        if !String::from_utf8_lossy(&end).contains(END) {
            return Err("the dump ends before its end".into());
        }
        file.sync_all()?;
        let place = target.canonicalize()?.display().to_string();
        Ok(Receipt { place, bytes, check: "the dump is complete".to_owned() })
    }

    /// An option file, with user and password among them.
    fn options(&self) -> Result<String, StepError> {
        let url = &self.url;
        let host = tool::host(url)?;
        let mut text = "[client]\n".to_owned();
        let mut add = |name: &str, value: &str| -> Result<(), StepError> {
            if value.contains(char::is_control) {
                return Err(format!("{name} has a control character").into());
            }
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            Ok(writeln!(text, "{name}=\"{escaped}\"")?)
        };
        match &host.address {
            HostAddress::Socket(path) => add("socket", &path.to_string_lossy())?,
            address => {
                add("protocol", "tcp")?;
                add("host", address.to_string().trim_matches(['[', ']']))?;
            }
        }
        if let Some(port) = host.port {
            add("port", &port.to_string())?;
        }
        if let Some(user) = url.user() {
            add("user", user)?;
        }
        if let Some(password) = url.password() {
            add("password", password.expose())?;
        }
        // The tool's words; `mysqldump` wants `ssl-mode` instead.
        match url.tls(&host.address) {
            TlsMode::Disable => add("ssl", "0")?,
            TlsMode::Require => add("ssl", "1")?,
            TlsMode::VerifyFull => add("ssl-verify-server-cert", "1")?,
            _ => {
                return Err(
                    "the tool verifies certificate and name, or neither: ask for `verify-full`".into()
                );
            }
        }
        if let Some(root) = url.root_certificate() {
            add("ssl-ca", &root.to_string_lossy())?;
        }
        if let Some((certificate, key)) = url.client_certificate() {
            add("ssl-cert", &certificate.to_string_lossy())?;
            add("ssl-key", &key.to_string_lossy())?;
        }
        Ok(text)
    }
}

#[async_trait]
impl Backup for MariaDbDump {
    async fn back_up(&self, _: &mut dyn Driver, plan: &Plan) -> Result<Receipt, StepError> {
        let (this, digest) = (self.clone(), plan.digest().short());
        tool::aside(move || this.dump(&digest)).await
    }
}
