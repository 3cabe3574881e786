//! How PostgreSQL is prepared, started and found ready.

use std::fs;
use std::path::Path;

use super::error::ServerError;
use super::installation::Installation;
use super::options::{Durability, ServerOptions};
use super::place::Place;
use super::supervisor::Launch;

/// The superuser of a server that was started here. It has no password.
pub(crate) const USER: &str = "postgres";

/// A new, empty server.
pub(crate) fn launch(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Launch, ServerError> {
    let mut init = place.command(&installation.program("initdb"));
    let data = place.data().display().to_string();
    init.extend(
        ["-D", &data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C"].map(str::to_owned),
    );
    Ok(Launch {
        prepare: vec![init],
        server: command(installation, options, place, port)?,
        end: "QUIT",
        beside: Vec::new(),
    })
}

/// A streaming standby of the server whose socket is in that folder.
pub(crate) fn standby(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
    primary: (&Path, u16),
) -> Result<Launch, ServerError> {
    let mut copy = place.command(&installation.program("pg_basebackup"));
    let (data, host, primary_port) =
        (place.data().display().to_string(), primary.0.display().to_string(), primary.1.to_string());
    copy.extend(
        ["-D", &data, "-h", &host, "-p", &primary_port, "-U", USER, "-R", "-X", "stream", "-c", "fast", "-N"]
            .map(str::to_owned),
    );
    Ok(Launch {
        prepare: vec![copy],
        server: command(installation, options, place, port)?,
        end: "QUIT",
        beside: Vec::new(),
    })
}

fn command(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Vec<String>, ServerError> {
    let mut words = place.command(&installation.program("postgres"));
    let (data, run) = (place.data().display().to_string(), place.run().display().to_string());
    words.extend(["-D", &data, "-k", &run, "-p", &port.to_string()].map(str::to_owned));
    let mut set = |name: &str, value: &str| words.extend(["-c".to_owned(), format!("{name}={value}")]);
    set("listen_addresses", "127.0.0.1");
    set("max_connections", "300");
    // In the data's folder, where nothing is left of it when the server was killed.
    set("dynamic_shared_memory_type", "mmap");
    if options.durability != Durability::Machine {
        set("fsync", "off");
    }
    if options.durability == Durability::Nothing {
        // A page may be half written when the server is killed, and what was committed be in its memory only.
        set("full_page_writes", "off");
        set("synchronous_commit", "off");
    }
    if let Some(files) = &options.certificate {
        let copy = |name: &str, from: &Path| {
            let text = fs::read(from).map_err(ServerError::at(from))?;
            Ok::<_, ServerError>(place.write_private(name, &text)?.display().to_string())
        };
        set("ssl", "on");
        set("ssl_cert_file", &copy("certificate.pem", &files.certificate)?);
        set("ssl_key_file", &copy("key.pem", &files.key)?);
        if let Some(clients) = &files.clients {
            set("ssl_ca_file", &copy("clients.pem", clients)?);
        }
    }
    if !options.access.is_empty() {
        let lines =
            format!("local all all trust\nlocal replication all trust\n{}\n", options.access.join("\n"));
        set("hba_file", &place.write_private("access.conf", lines.as_bytes())?.display().to_string());
    }
    for (name, value) in &options.settings {
        set(name, value);
    }
    Ok(words)
}

/// Whether the process with this id accepts connections, by what it writes into its lock file.
pub(crate) fn is_ready(folder: &Path, pid: u32) -> bool {
    let file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let lines: Vec<_> = file.lines().map(str::trim).collect();
    // The first line is checked since a server that was killed has left its file behind.
    lines.first() == Some(&pid.to_string().as_str()) && matches!(lines.get(7), Some(&("ready" | "standby")))
}
