//! The server harness: servers are reachable, are shared by processes, and are gone when whoever used them is.

use std::io::{Read, Write};
use std::net::TcpStream;

use whimbrel_testkit::{Server, ServerKind, ServerOptions};

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect((server.host(), server.port())).expect("the server listens")
}

/// The version of the protocol in the greeting.
fn greeting(server: &Server) -> u8 {
    let mut packet = [0; 5];
    connect(server).read_exact(&mut packet).expect("it greets");
    packet[4]
}

/// What PostgreSQL answers to a request for TLS.
fn answer_to_tls(server: &Server) -> u8 {
    let mut stream = connect(server);
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("it listens");
    let mut answer = [0];
    stream.read_exact(&mut answer).expect("it answers");
    answer[0]
}

#[test]
fn a_shared_postgres_speaks_its_protocol() {
    let server = Server::shared(ServerKind::Postgres).expect("there is a PostgreSQL");
    assert_eq!(answer_to_tls(server), b'N');
}

#[test]
fn a_shared_mariadb_speaks_its_protocol() {
    let server = Server::shared(ServerKind::MariaDb).expect("there is a MariaDB");
    assert_eq!(greeting(server), 10);
}

#[test]
fn a_server_of_ones_own_is_killed_and_comes_back() {
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("there is a PostgreSQL");
    let pid = server.pid().expect("it runs");
    server.kill().expect("it is our own");
    assert_eq!(server.pid(), None);
    TcpStream::connect((server.host(), server.port())).expect_err("nobody listens any more");
    server.restart().expect("it comes back");
    assert_ne!(server.pid(), Some(pid));
    assert_eq!(answer_to_tls(&server), b'N');
}
