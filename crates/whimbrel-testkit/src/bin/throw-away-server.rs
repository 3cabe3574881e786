//! A throw-away server to play with: `cargo run --bin throw-away-server -- postgres`, or `mariadb`, or `mysql`. It
//! ends with this program, at the end of its input or by Ctrl-C, and nothing of it stays.

use std::error::Error;
use std::io::{Read, stdin};

use whimbrel_testkit::{Server, ServerKind, ServerOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kind = ServerKind::ALL.into_iter().find(|kind| words.first().is_some_and(|word| word == kind.name()));
    let kind = kind.ok_or("usage: throw-away-server postgres|mariadb|mysql [shared]")?;
    let server = match words.get(1).map(String::as_str) {
        None => Server::start(&ServerOptions::new(kind))?,
        Some("shared") => Server::shared(kind)?.clone(),
        Some(_) => return Err("only `shared` may follow the kind of server".into()),
    };
    let database = match kind {
        ServerKind::Postgres => "postgres",
        _ => "mysql",
    };
    println!("{}", server.url(database));
    if let (Some(pid), Some(socket)) = (server.pid(), server.socket()) {
        println!("process {pid}, socket {}", socket.display());
    }
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
