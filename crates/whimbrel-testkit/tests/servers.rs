//! The server harness: servers are reachable, are shared by processes, and are gone when whoever used them is.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use whimbrel_testkit::{
    Galera, Installation, PgBouncer, Pooling, Proxy, Server, ServerErrorKind, ServerKind, ServerOptions,
    TestRun,
};

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    stream
}

/// The version of the protocol in the greeting of MySQL or MariaDB.
fn greeting(port: u16) -> u8 {
    let mut packet = [0; 5];
    connect(port).read_exact(&mut packet).expect("it greets");
    packet[4]
}

/// What PostgreSQL answers to a request for TLS.
fn answer_to_tls(port: u16) -> u8 {
    let mut stream = connect(port);
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("it listens");
    let mut answer = [0];
    stream.read_exact(&mut answer).expect("it answers");
    answer[0]
}

fn speaks_its_protocol(server: &Server) {
    match server.kind() {
        ServerKind::Postgres => assert!(matches!(answer_to_tls(server.port()), b'N' | b'S')),
        _ => assert_eq!(greeting(server.port()), 10),
    }
}

/// A session of PostgreSQL, spoken by hand.
struct Session(TcpStream);

impl Session {
    fn open(port: u16) -> Self {
        let mut session = Self(connect(port));
        let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        let mut startup = (body.len() as u32 + 4).to_be_bytes().to_vec();
        startup.extend(body);
        session.0.write_all(&startup).expect("it listens");
        session.until_ready();
        session
    }

    /// The first column of the first row.
    fn query(&mut self, sql: &str) -> String {
        let mut message = vec![b'Q'];
        message.extend((sql.len() as u32 + 5).to_be_bytes());
        message.extend(sql.bytes().chain([0]));
        self.0.write_all(&message).expect("it is open");
        self.until_ready().expect("a row")
    }

    fn until_ready(&mut self) -> Option<String> {
        let mut value = None;
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head).expect("it is open");
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).expect("it is open");
            match head[0] {
                b'E' => panic!("{}", String::from_utf8_lossy(&body)),
                b'D' => value = Some(String::from_utf8_lossy(&body[6..]).into_owned()),
                b'Z' => return value,
                _ => {}
            }
        }
    }
}

/// The program that starts a server and keeps it until its input ends.
struct Player {
    child: Child,
    url: String,
    server: u32,
    folder: PathBuf,
}

impl Player {
    fn start(words: &[&str], run: TestRun) -> Self {
        let (variable, value) = run.variable();
        let mut child = Command::new(env!("CARGO_BIN_EXE_throw-away-server"))
            .args(words)
            .env(variable, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let mut line = || lines.next().expect("it says what it started").expect("it is text");
        let (url, about) = (line(), line());
        let (server, socket) = about
            .strip_prefix("process ")
            .and_then(|rest| rest.split_once(", socket "))
            .expect("a process and a socket");
        let folder = Path::new(socket).parent().and_then(Path::parent).expect("a place").to_owned();
        Self { child, url, server: server.parse().expect("a number"), folder }
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

/// A process that does nothing, and stands for a runner of tests.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        let mut sleep = Command::new("sleep");
        Self(sleep.arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("there is a sleep"))
    }

    fn end(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It has ended already, unless the test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn eventually(what: &str, happens: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happens() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_shared_postgres_speaks_its_protocol() {
    let server = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    speaks_its_protocol(server);
    assert!(server.url("a b").ends_with(&format!(":{}/a%20b", server.port())));
}

#[test]
fn the_shared_mariadb_speaks_its_protocol() {
    speaks_its_protocol(Server::shared(ServerKind::MariaDb).expect("there is a MariaDB"));
}

#[test]
fn every_server_that_is_listed_starts() {
    let all = Installation::all().expect("the list is right");
    assert!(!all.is_empty());
    for installation in all {
        let server = Server::shared_from(installation).expect("it starts");
        speaks_its_protocol(server);
        assert_eq!(server.version(), Some(installation.version()));
        assert!(server.pid().is_some_and(is_running));
    }
}

#[test]
fn a_version_that_is_not_here_is_named_with_a_remedy() {
    let options = ServerOptions::new(ServerKind::Postgres).with_version("1.0");
    let error = Server::start(&options).expect_err("nobody has it");
    assert_eq!(error.kind(), ServerErrorKind::NotInstalled);
    assert!(error.to_string().contains("WHIMBREL_POSTGRES_URL"), "{error}");
}

#[test]
fn a_server_that_does_not_start_is_quoted_and_leaves_nothing() {
    let options = ServerOptions::new(ServerKind::Postgres).with_setting("no_such_setting", "1");
    let error = Server::start(&options).expect_err("PostgreSQL refuses it");
    assert_eq!(error.kind(), ServerErrorKind::NotStarted);
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn a_shared_server_that_does_not_start_leaves_nothing_behind_the_run() {
    let mut run = Sleeper::new();
    let of_run = TestRun::of_process(run.0.id());
    let (variable, value) = of_run.variable();
    // A PostgreSQL that can be asked for its version, and can do nothing else.
    let folder = env::temp_dir().join(Server::unique_name());
    std::fs::create_dir(&folder).expect("a folder");
    let program = folder.join("postgres");
    std::fs::write(&program, "#!/bin/sh\necho 'postgres (PostgreSQL) 15.99'\n").expect("a file");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let output = Command::new(env!("CARGO_BIN_EXE_throw-away-server"))
        .args(["postgres", "shared"])
        .env(variable, &value)
        .env("WHIMBREL_SERVERS", format!("postgres-15:{}", folder.display()))
        .output()
        .expect("it was built");
    std::fs::remove_dir_all(&folder).expect("it is ours");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("its data could not be prepared"), "{said}");
    let data = env::var_os("WHIMBREL_SERVER_DATA").map_or_else(env::temp_dir, PathBuf::from);
    let place = data.join(format!("whimbrel-{value}"));
    assert!(place.is_dir());
    run.end();
    eventually("something stays", || !place.exists());
}

#[test]
fn a_shared_server_cannot_be_killed() {
    let server = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    let error = server.kill().expect_err("others use it");
    assert_eq!(error.kind(), ServerErrorKind::NotOwned);
}

#[test]
fn a_server_of_ones_own_is_killed_and_comes_back_with_its_data() {
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("there is a PostgreSQL");
    let pid = server.pid().expect("it runs");
    let mut session = Session::open(server.port());
    session.query("create table kept as select 1 as a; select 1");
    server.kill().expect("it is our own");
    assert_eq!(server.pid(), None);
    assert!(!is_running(pid));
    TcpStream::connect((server.host(), server.port())).expect_err("nobody listens any more");
    server.restart().expect("it comes back");
    assert_ne!(server.pid(), Some(pid));
    assert_eq!(Session::open(server.port()).query("select count(*) from kept"), "1");
}

#[test]
fn a_mariadb_of_ones_own_is_killed_and_comes_back() {
    let options = ServerOptions::new(ServerKind::MariaDb).with_setting("max-connections", "5");
    let server = Server::start(&options).expect("there is a MariaDB");
    server.restart().expect("it comes back");
    assert_eq!(greeting(server.port()), 10);
}

#[test]
fn dropping_a_server_of_ones_own_removes_it() {
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("there is a PostgreSQL");
    let (pid, socket) = (server.pid().expect("it runs"), server.socket().expect("it has one"));
    let folder = socket.parent().and_then(Path::parent).expect("its place").to_owned();
    let other = server.clone();
    drop(server);
    assert!(folder.is_dir());
    drop(other);
    assert!(!folder.exists());
    assert!(!is_running(pid));
}

#[test]
fn two_processes_of_a_run_share_a_server_which_ends_with_the_run() {
    for kind in ["postgres", "mariadb"] {
        let mut run = Sleeper::new();
        let of_run = TestRun::of_process(run.0.id());
        let words = [kind, "shared"];
        let (mut one, mut other) = thread::scope(|scope| {
            let one = scope.spawn(|| Player::start(&words, of_run));
            let other = scope.spawn(|| Player::start(&words, of_run));
            (one.join().expect("it starts"), other.join().expect("it starts"))
        });
        assert_eq!((&one.url, one.server), (&other.url, other.server));
        assert_eq!(of_run.servers_used().len(), 1);
        one.kill();
        other.kill();
        // Were it to end with the processes, it would have done so by then.
        thread::sleep(Duration::from_millis(700));
        assert!(is_running(one.server) && one.folder.is_dir());
        of_run.forget_servers_used();
        run.end();
        eventually("the server goes on", || !is_running(one.server));
        let folder = one.folder.parent().expect("the run's folder");
        eventually("its data stays", || !folder.exists());
    }
}

#[test]
fn a_server_of_ones_own_is_gone_after_its_process_was_killed() {
    for kind in ["postgres", "mariadb"] {
        let run = TestRun::of_this_process();
        let mut player = Player::start(&[kind], run);
        assert!(is_running(player.server) && player.folder.is_dir());
        player.kill();
        eventually("the server goes on", || !is_running(player.server));
        eventually("its data stays", || !player.folder.exists());
        run.forget_servers_used();
    }
}

#[test]
fn a_standby_follows_its_primary_and_is_read_only() {
    let primary = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    let standby = Server::standby_of(primary).expect("it was started here");
    let mut session = Session::open(standby.port());
    assert_eq!(session.query("select pg_is_in_recovery()"), "t");
    let table = Server::unique_name();
    let sql = format!("create table {table} (a int); select 1");
    Session::open(primary.port()).query(&sql);
    eventually("the standby does not follow", || {
        let sql = format!("select to_regclass('{table}') is not null");
        Session::open(standby.port()).query(&sql) == "t"
    });
}

#[test]
fn pgbouncer_in_transaction_mode_gives_many_clients_one_backend() {
    let server = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    let pooler = PgBouncer::start(server, Pooling::Transaction, 1, &[]).expect("there is a PgBouncer");
    let mut sessions: Vec<_> = (0..200).map(|_| Session::open(pooler.port())).collect();
    let mut backends: Vec<_> =
        sessions.iter_mut().map(|session| session.query("select pg_backend_pid()")).collect();
    backends.dedup();
    assert_eq!(backends.len(), 1);
    assert_eq!(Session::open(PgBouncer::shared().expect("it starts").port()).query("select 1"), "1");
}

#[test]
fn a_query_through_the_proxy_is_one_round_trip_and_one_message() {
    let server = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    let proxy = Proxy::to(server).expect("it listens");
    let mut session = Session::open(proxy.port());
    proxy.reset();
    session.query("select 1");
    let traffic = proxy.traffic();
    assert_eq!((traffic.round_trips, traffic.messages_to_server, traffic.bytes_to_server), (1, 1, 14));
    // Row description, row, completion, ready.
    assert_eq!(traffic.messages_to_client, 4);
}

#[test]
fn a_server_with_a_certificate_offers_tls() {
    let folder = env::temp_dir().join(Server::unique_name());
    std::fs::create_dir(&folder).expect("a folder");
    let status = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-subj", "/CN=localhost", "-days", "2", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(&folder)
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("there is an openssl").success());
    let options = ServerOptions::new(ServerKind::Postgres)
        .with_tls(folder.join("certificate.pem"), folder.join("key.pem"))
        .with_access("hostssl all all 127.0.0.1/32 scram-sha-256");
    let server = Server::start(&options);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    assert_eq!(answer_to_tls(server.expect("it starts").port()), b'S');
}

#[test]
fn a_server_of_a_cluster_that_was_killed_joins_it_again() {
    let cluster = Galera::start(&ServerOptions::new(ServerKind::MariaDb)).expect("there is a Galera");
    let [one, other] = cluster.nodes();
    speaks_its_protocol(one);
    speaks_its_protocol(other);
    let pids = [one.pid(), other.pid()].map(|pid| pid.expect("it runs"));
    other.restart().expect("it joins again");
    assert_eq!(one.pid(), Some(pids[0]));
    assert_ne!(other.pid(), Some(pids[1]));
    speaks_its_protocol(other);
    one.restart().expect("it joins the one that is left");
    speaks_its_protocol(one);
    let pids = [one.pid(), other.pid()].map(|pid| pid.expect("it runs"));
    drop(cluster);
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone");
    }
}
