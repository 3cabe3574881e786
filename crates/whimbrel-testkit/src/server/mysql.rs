//! How MySQL is prepared, started and found ready; and what MariaDB has in common with it.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::error::{ServerError, ServerErrorKind};
use super::installation::Installation;
use super::options::{Durability, ServerOptions};
use super::place::Place;
use super::supervisor::Launch;

/// The superuser of a server that was started here. It has no password.
pub(crate) const USER: &str = "root";
pub(crate) const SOCKET: &str = "s";

pub(crate) fn launch(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Launch, ServerError> {
    let mut server = place.command(&installation.program("mysqld"));
    server.push("--no-defaults".into());
    server.extend(installed_at(installation));
    let mut prepare = server.clone();
    prepare.extend([
        "--initialize-insecure".to_owned(),
        format!("--datadir={}", place.data().display()),
        temporary_files(place),
    ]);
    let modern = installation.major() >= 8;
    if modern {
        prepare.push("--innodb-redo-log-capacity=64M".into());
    }
    // It is what the data are made with, and cannot be another one later.
    prepare.extend(settings(options).filter(|word| word.starts_with("--lower_case_table_names=")));
    server.extend(arguments(options, place, port)?.into_iter().skip(1));
    if options.durability == Durability::Process {
        server.extend(
            ["--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"].map(str::to_owned),
        );
        if modern {
            server.push("--innodb-doublewrite=OFF".into());
        }
    }
    if modern {
        server
            .extend(["--mysqlx=OFF", "--skip-log-bin", "--innodb-redo-log-capacity=64M"].map(str::to_owned));
    }
    server.extend(settings(options));
    Ok(Launch { prepare: vec![prepare], server, end: "KILL", beside: Vec::new() })
}

/// Where a server that is not the machine's own has its files.
fn installed_at(installation: &Installation) -> Vec<String> {
    let mut words = vec!["--secure-file-priv=NULL".to_owned()];
    let Some(base) = installation.base() else {
        // One folder holds all of it.
        let base = installation.folder().display();
        words.extend([format!("--basedir={base}"), format!("--lc-messages-dir={base}/share/mysql")]);
        return words;
    };
    if base != Path::new("/usr") {
        let base = base.display();
        words.extend([
            format!("--basedir={base}"),
            format!("--lc-messages-dir={base}/share/mysql"),
            format!("--character-sets-dir={base}/share/mysql/charsets"),
            format!("--plugin-dir={base}/lib/mysql/plugin"),
        ]);
    }
    words
}

/// What both are started with; `--no-defaults` comes first, as they want it.
pub(crate) fn arguments(
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Vec<String>, ServerError> {
    let mut words = vec![
        "--no-defaults".to_owned(),
        format!("--datadir={}", place.data().display()),
        format!("--socket={}", place.run().join(SOCKET).display()),
        temporary_files(place),
        format!("--pid-file={}", place.run().join("server.pid").display()),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".into(),
        "--max-connections=400".into(),
    ];
    if let Some(files) = &options.certificate {
        let mut copy = |option: &str, name: &str, from: &Path| {
            let text = fs::read(from).map_err(ServerError::at(from))?;
            words.push(format!("--{option}={}", place.write_private(name, &text)?.display()));
            Ok::<_, ServerError>(())
        };
        copy("ssl-cert", "certificate.pem", &files.certificate)?;
        copy("ssl-key", "key.pem", &files.key)?;
        if let Some(clients) = &files.clients {
            copy("ssl-ca", "clients.pem", clients)?;
        }
    }
    Ok(words)
}

/// A server that starts removes the temporary tables of whichever server left them in the folder: none but its own may be
/// there.
pub(crate) fn temporary_files(place: &Place) -> String {
    format!("--tmpdir={}", place.run().display())
}

/// What keeps a server from waiting for the disk, as far as it may.
pub(crate) fn durability(options: &ServerOptions) -> impl Iterator<Item = &'static str> {
    let words: &[_] = match options.durability {
        Durability::Machine => &[],
        // At each commit the log goes to the system, not to the disk.
        Durability::Process => &["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2"],
        Durability::Nothing => &[
            "--innodb-flush-method=nosync",
            "--innodb-flush-log-at-trx-commit=0",
            // Else a page that is half written when the server is killed can be repaired.
            "--innodb-doublewrite=OFF",
        ],
    };
    words.iter().copied()
}

/// The settings that were asked for.
pub(crate) fn settings(options: &ServerOptions) -> impl Iterator<Item = String> {
    options.settings.iter().map(|(name, value)| format!("--{name}={value}"))
}

/// Whether the server greets on its socket; one with too many connections greets with an error.
pub(crate) fn is_ready(folder: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(folder.join("run").join(SOCKET)) else { return false };
    let mut packet = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut packet).is_ok()
        // Four bytes of length and number, then the version of the protocol.
        && packet[4] == 10
}

pub(crate) fn missing(program: &str, package: &str) -> ServerError {
    let sentence = format!("there is no `{program}` here: install {package}");
    ServerError::new(ServerErrorKind::NotInstalled, sentence)
}
