//! A cluster of two MariaDB servers: how it is configured, started and found in step. Knows no client library.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{ServerError, ServerErrorKind};
use super::installation::{Installation, ServerKind};
use super::options::ServerOptions;
use super::place::{self, Place};
use super::run::TestRun;
use super::supervisor::{Launch, Lifetime, Supervisor};
use super::{ATTEMPTS, Server, mariadb, mysql, port};

/// Starts a server in a cluster, or joins it to the one that there is.
const START: &str = include_str!("galera-start.sh");
/// What MariaDB calls on both sides to bring a server that joins up to date.
const TRANSFER: &str = include_str!("galera-transfer.sh");

/// Where Galera's library may be.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
];

/// A cluster of two MariaDB servers that replicate to each other by Galera, for tests. Both take writes.
///
/// Each is a [`Server`]: it can be killed, and [restarted](Server::restart), upon which it takes the other's data and joins
/// it again. The second one goes on only as long as it sees the first, whose vote counts twice; the first one goes on alone.
/// So at least one of the two must run: a cluster of which both were killed is not started again.
///
/// ```no_run
/// use whimbrel_testkit::{Galera, ServerKind, ServerOptions};
///
/// # fn main() -> Result<(), whimbrel_testkit::ServerError> {
/// let cluster = Galera::start(&ServerOptions::new(ServerKind::MariaDb))?;
/// let [one, other] = cluster.nodes();
/// // With a client: `CREATE DATABASE` at `one.url("mysql")` makes it on both.
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Galera {
    nodes: [Server; 2],
}

impl Galera {
    /// Starts a cluster that belongs to the caller, of the MariaDB that the options name and of the Galera that is
    /// installed. A server ends, and its data goes, when the last clone of its value is dropped, or when this process ends,
    /// be it by SIGKILL.
    ///
    /// # Errors
    /// [`NotInstalled`](ServerErrorKind::NotInstalled) without MariaDB or Galera, with what to install;
    /// [`NotStarted`](ServerErrorKind::NotStarted), with the server's words.
    pub fn start(options: &ServerOptions) -> Result<Self, ServerError> {
        if options.kind != ServerKind::MariaDb {
            let sentence = format!("a Galera cluster is made of {}", ServerKind::MariaDb);
            return Err(ServerError::new(ServerErrorKind::NotInstalled, sentence));
        }
        let installation = Installation::find(options.kind, options.version.as_deref())?;
        let library = LIBRARIES.iter().map(Path::new).find(|library| library.is_file()).ok_or_else(|| {
            let sentence = "there is no `libgalera_smm.so` here: install galera-4";
            ServerError::new(ServerErrorKind::NotInstalled, sentence)
        })?;
        TestRun::current()?.note_use("galera");
        let mut attempt = 1;
        loop {
            match start(installation, options, library) {
                Ok(nodes) => return Ok(Self { nodes }),
                Err(error) if attempt < ATTEMPTS && port::was_taken(&error) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The two servers.
    pub fn nodes(&self) -> &[Server; 2] {
        &self.nodes
    }
}

/// Where a server of the cluster is reached by clients, by the other one, and by what it sends to one that joins.
struct Ports {
    clients: u16,
    group: u16,
    transfer: u16,
}

fn start(
    installation: &Installation,
    options: &ServerOptions,
    library: &Path,
) -> Result<[Server; 2], ServerError> {
    let new_place = || Place::new(&place::temporary(), "whimbrel-own-galera");
    let ports = port::several::<6>();
    let ports = [&ports[..3], &ports[3..]].map(|of| Ports { clients: of[0], group: of[1], transfer: of[2] });
    let places = [new_place()?, new_place()?];
    let launch = |node| launch(installation, options, library, &places, &ports, node);
    let first = launch(0).and_then(|launch| start_node(installation, &places[0], &launch, ports[0].clients));
    let first = first.inspect_err(|_| {
        // It has no supervisor yet, which would do so.
        let _ = fs::remove_dir_all(&places[1].folder);
    })?;
    // A new one takes all of the first's data.
    let second = start_node(installation, &places[1], &launch(1)?, ports[1].clients)?;
    Ok([first, second])
}

fn start_node(
    installation: &Installation,
    place: &Place,
    launch: &Launch,
    port: u16,
) -> Result<Server, ServerError> {
    let supervisor = Supervisor::start(place, launch, Lifetime::Owner, &ready(&place.folder))?;
    Ok(Server::of_cluster(installation, place.folder.clone(), port, supervisor))
}

fn launch(
    installation: &Installation,
    options: &ServerOptions,
    library: &Path,
    places: &[Place; 2],
    ports: &[Ports; 2],
    node: usize,
) -> Result<Launch, ServerError> {
    let (place, peer) = (&places[node], &places[1 - node]);
    let Ports { clients, group, transfer } = ports[node];
    let start = place.write_program("start", START)?;
    // MariaDB looks for it by this name, which it makes of that of the method.
    let programs = place.write_program("wsrep_sst_whimbrel", TRANSFER)?;
    let programs: PathBuf = programs.parent().unwrap_or(&programs).to_owned();
    let shown = |path: &Path| path.display().to_string();
    let mut words = place.command(&start);
    words.extend([shown(&programs), shown(&place.data()), shown(&peer.data())]);
    words.push(if node == 0 { "first" } else { "second" }.to_owned());
    words.push(shown(&installation.program("mariadbd")));
    words.extend(mysql::arguments(options, place, clients)?);
    words.extend(mysql::durability(options).map(str::to_owned));
    words.extend(
        [
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=16M",
            "--wsrep-on=ON",
            "--wsrep-cluster-name=whimbrel",
            "--wsrep-sst-method=whimbrel",
        ]
        .map(str::to_owned),
    );
    words.extend([
        format!("--server-id={}", node + 1),
        format!("--wsrep-provider={}", library.display()),
        format!("--wsrep-node-name=node-{}", node + 1),
        format!("--wsrep-node-address=127.0.0.1:{group}"),
        format!("--wsrep-node-incoming-address=127.0.0.1:{clients}"),
        format!("--wsrep-sst-receive-address=127.0.0.1:{transfer}"),
        format!("--wsrep-cluster-address=gcomm://127.0.0.1:{},127.0.0.1:{}", ports[0].group, ports[1].group),
        format!(
            "--wsrep-provider-options=base_host=127.0.0.1;base_port={group};\
             gmcast.listen_addr=tcp://127.0.0.1:{group};ist.recv_addr=127.0.0.1:{transfer};\
             pc.weight={};gcache.size=16M",
            2 - node
        ),
    ]);
    words.extend(mysql::settings(options));
    let prepare = if node == 0 { vec![mariadb::prepare(installation, place)?] } else { Vec::new() };
    Ok(Launch { prepare, server: words, end: "KILL", beside: Vec::new() })
}

/// Whether a server that is started from now on is in step with the other: it greets before it is, and then refuses most
/// statements.
pub(crate) fn ready(folder: &Path) -> impl Fn(u32) -> bool + use<> {
    let folder = folder.to_owned();
    let read = |folder: &Path| fs::read(folder.join("log")).unwrap_or_default();
    let before = read(&folder).len();
    move |_| {
        let log = read(&folder);
        let since = String::from_utf8_lossy(log.get(before..).unwrap_or_default());
        since.contains("Synchronized with group, ready for connections") && mysql::is_ready(&folder)
    }
}
