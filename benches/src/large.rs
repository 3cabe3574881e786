//! A script of 200 MB beside a database's own client: time, and the peaks of memory.
//!
//! Each contestant is a process of its own, since a peak is one of a process. Whimbrel's is this very program, started
//! with [`CHILD`].

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::contest::{median, verdict};
use crate::process::Measured;

/// The first argument of the process that applies the script.
pub(crate) const CHILD: &str = "--large-script";

/// What a client may take above the file, in KiB, and how much larger the server may become.
const ABOVE_THE_FILE: usize = 64 << 10;
const SERVER: usize = 256 << 10;

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) rounds: usize,
    /// The database, where it is one only.
    pub(crate) database: Option<String>,
    /// Nothing but the large script.
    pub(crate) large_only: bool,
    /// How large that is.
    pub(crate) megabytes: usize,
}

impl Wanted {
    /// Reads `ROUNDS [DATABASE] [--large] [--megabytes=N]`.
    pub(crate) fn of(arguments: &[String], rounds: usize) -> Self {
        let mut wanted = Self { rounds, database: None, large_only: false, megabytes: 200 };
        for word in arguments {
            if word == "--large" {
                wanted.large_only = true;
            } else if let Some(number) = word.strip_prefix("--megabytes=") {
                wanted.megabytes = number.parse().expect("a number of megabytes");
            } else if let Ok(number) = word.parse() {
                wanted.rounds = number;
            } else {
                wanted.database = Some(word.clone());
            }
        }
        wanted
    }
}

/// A large script, as migrations and as a file for a client.
pub(crate) struct Script {
    /// The directory of migrations: a table, and INSERTs.
    pub(crate) migrations: PathBuf,
    /// The same as one file, the INSERTs in one transaction.
    pub(crate) whole: PathBuf,
    pub(crate) bytes: usize,
    pub(crate) rows: usize,
}

impl Script {
    /// Writes both below a folder; `begin` is how the client begins a transaction.
    pub(crate) fn write(folder: &Path, megabytes: usize, begin: &str) -> Self {
        let migrations = folder.join("large");
        fs::create_dir_all(&migrations).expect("a folder");
        let whole = folder.join("whole.sql");
        let create = "CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);\n";
        fs::write(migrations.join("0001_table.sql"), create).expect("a script");
        let open = |path: &Path| BufWriter::new(File::create(path).expect("a file"));
        let (mut script, mut all) = (open(&migrations.join("0002_big.sql")), open(&whole));
        writeln!(all, "{create}{begin};").expect("a line");
        let (mut bytes, mut rows, mut line) = (0, 0, String::new());
        while bytes < megabytes << 20 {
            line.clear();
            let note = rows % 1_000_003;
            let _ = writeln!(
                line,
                "INSERT INTO big (id, name, note) VALUES ({rows}, 'name of row {rows}', '{note:0>140}');"
            );
            script.write_all(line.as_bytes()).expect("a line");
            all.write_all(line.as_bytes()).expect("a line");
            bytes += line.len();
            rows += 1;
        }
        all.write_all(b"COMMIT;\n").expect("a line");
        script.flush().expect("a script");
        all.flush().expect("a script");
        Self { migrations, whole, bytes, rows }
    }

    /// Lets the client and Whimbrel go in turn, each from an empty database, and judges.
    pub(crate) fn contest(
        &self,
        rounds: usize,
        client: &str,
        theirs: &mut dyn FnMut() -> Measured,
        own: &mut dyn FnMut() -> Measured,
    ) -> bool {
        println!("a script of {} MiB, {} INSERTs in one transaction", self.bytes >> 20, self.rows);
        let mut measured: [Vec<Measured>; 2] = Default::default();
        for round in 0..rounds {
            // Whoever comes first in a round may find a colder machine.
            for turn in [round % 2, (round + 1) % 2] {
                measured[turn].push(if turn == 0 { theirs() } else { own() });
            }
        }
        let seconds = |of: &Measured| of.time.as_secs_f64();
        let mut ratios: Vec<f64> = measured[1]
            .iter()
            .zip(&measured[0])
            .map(|(own, theirs)| seconds(own) / seconds(theirs))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = median(ratios.clone());
        for (name, of) in [client, "whimbrel"].into_iter().zip(&measured) {
            let time = median(of.iter().map(seconds).collect());
            let (peak, server) = peaks(of);
            println!(
                "  {name:<30} {time:>8.2} s  client's peak {:>4} MiB  server's {:>4} MiB",
                peak >> 10,
                server >> 10
            );
        }
        let (first, last) = (ratios[0], ratios[ratios.len() - 1]);
        println!("  whimbrel to {client}: {ratio:.2} ({first:.2} to {last:.2} in {rounds} rounds)");
        let (peak, server) = peaks(&measured[1]);
        let above = peak.saturating_sub(self.bytes >> 10);
        verdict("within 1.2 of the client's time", ratio <= 1.2)
            & verdict(
                &format!("the client's peak at most 64 MiB above the file: {} MiB", above >> 10),
                above <= ABOVE_THE_FILE,
            )
            & verdict(&format!("the server at most 256 MiB larger: {} MiB", server >> 10), server <= SERVER)
    }
}

/// The largest peaks of the client, and of the server.
fn peaks(of: &[Measured]) -> (usize, usize) {
    let largest = |peak: fn(&Measured) -> usize| of.iter().map(peak).max().unwrap_or(0);
    (largest(|of| of.peak), largest(|of| of.server))
}
