//! How MariaDB is prepared and started.

use super::error::ServerError;
use super::installation::{Installation, program};
use super::mysql;
use super::options::ServerOptions;
use super::place::Place;
use super::supervisor::Launch;

pub(crate) fn launch(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Launch, ServerError> {
    let server = installation.program("mariadbd");
    let mut words = place.command(&server);
    words.extend(mysql::arguments(options, place, port)?);
    words.extend(mysql::durability(options).map(str::to_owned));
    words.extend(mysql::settings(options));
    Ok(Launch {
        prepare: vec![prepare(installation, place)?],
        server: words,
        end: "KILL",
        beside: Vec::new(),
    })
}

/// What makes the system's tables, with a `root` that has no password.
pub(crate) fn prepare(installation: &Installation, place: &Place) -> Result<Vec<String>, ServerError> {
    let name = "mariadb-install-db";
    let candidates = [
        installation.base().map(|base| base.join("bin").join(name)),
        installation.base().map(|base| base.join("scripts").join(name)),
    ];
    let script = candidates.into_iter().flatten().find(|script| script.is_file()).or_else(|| program(name));
    let script = script.ok_or_else(|| mysql::missing(name, "mariadb-server-core"))?;
    let mut words = place.command(&script);
    words.extend(
        [
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            // Else `root` could not log in over TCP where names are not resolved.
            "--skip-name-resolve",
            "--innodb-flush-method=nosync",
            "--innodb-log-file-size=16M",
        ]
        .map(str::to_owned),
    );
    words.extend([format!("--datadir={}", place.data().display()), mysql::temporary_files(place)]);
    Ok(words)
}
