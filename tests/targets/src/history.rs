//! Rows of the history: whatever stands in the table is read, told to be broken, or both.

use std::time::Duration;

use whimbrel::{Memory, Migrator};
use whimbrel_testkit::{Fake, Fault};

use crate::Target;
use crate::large::{numbered, repeated};

/// The columns of an input's lines, which tabs divide; an empty one is none.
const COLUMNS: &str =
    "set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash";

/// Those among them that hold numbers.
const NUMBERS: [usize; 3] = [1, 3, 8];

pub(crate) const TARGET: Target = Target {
    name: "history",
    check,
    seeds,
    words: &[
        "\t",
        "\n",
        "app",
        "*",
        "other",
        "1",
        "2",
        "-1",
        "9223372036854775807",
        "begun",
        "statement",
        "applied",
        "finished",
        "failed",
        "reverting",
        "reverted",
        "baselined",
        "accepted",
        "tombstone",
        "settled",
        "repaired",
        "attempt",
        "backup",
        "environment",
        "v1",
        " revision=2",
        " outcome=took-effect",
        " outcome=did-not",
        " outcome=applied",
        " outcome=undone",
        " because=busy",
        " next=unsent",
        " transaction=ended",
        " former=",
        " down=",
        " text=",
        " took=1_a:5",
        " server=v2:%20a",
        " order=x",
        " name=a",
        "%41",
        "b3v1:0000000000000000000000000000000000000000000000000000000000000000",
        "users",
        "books",
    ],
    large: |size| {
        let digest = "b3v1:0000000000000000000000000000000000000000000000000000000000000000";
        let row = |at: usize, event: &str, version: usize, detail: &str| {
            format!(
                "app\t{at}\t{event}\t{version}\ta\t{digest}\t{digest}\t{digest}\t\twho\tat\tv1{detail}\t{digest}\t{digest}\n"
            )
        };
        vec![
            ("applied", numbered(size, "", |at| row(at, "applied", at, ""), "")),
            ("statements", numbered(size, &row(0, "begun", 1, ""), |at| row(at, "statement", 1, ""), "")),
            (
                "repaired",
                numbered(
                    size,
                    "",
                    |at| {
                        format!(
                            "app\t{at}\trepaired\t\t\t\t\t{digest}\t\twho\tat\tv1 content={digest}\t{digest}\t{digest}\n"
                        )
                    },
                    "",
                ),
            ),
            ("failed", numbered(size, "", |at| row(at, "failed", at, ""), "")),
            (
                "sets",
                numbered(size, "", |at| row(1, "applied", 1, "").replace("app\t1", &format!("s{at}\t1")), ""),
            ),
            (
                "a long detail",
                [row(1, "finished", 1, &String::from_utf8_lossy(&repeated(size, "", " took=1_a:5", "")))]
                    .concat()
                    .into_bytes(),
            ),
        ]
    },
    longest: 1 << 12,
};

fn migrations() -> Memory {
    Memory::new()
        .with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);")
        .with_sql(2, "books", "CREATE TABLE books (id INTEGER PRIMARY KEY);")
        .with_down(2, "DROP TABLE books;")
        .with_sql(3, "file", "-- whimbrel: no-transaction\nMAKE FILE a; MAKE FILE b;")
        .with_repeatable("totals", "CREATE TABLE IF NOT EXISTS totals (a INTEGER);")
}

/// A migrator that waits for nobody.
fn without_waiting(migrations: &Memory) -> Migrator<'_> {
    Migrator::new(migrations).with_lock_deadline(Duration::ZERO).with_failure_pause(Duration::ZERO)
}

/// The rows of real runs: a whole one, one that failed, one that was cut off at each call, and one that was taken back.
fn seeds() -> Vec<Vec<u8>> {
    let migrations = migrations();
    let migrator = without_waiting(&migrations);
    let mut seeds = Vec::new();
    let mut keep = |db: &Fake| {
        let rows = rows(db);
        if !rows.is_empty() && !seeds.contains(&rows) {
            seeds.push(rows);
        }
    };
    for call in 1..40 {
        for fault in [Fault::LostBefore, Fault::LostAfter] {
            let mut db = Fake::new().with_fault(call, fault);
            let _ = migrator.run_blocking(&mut db);
            keep(&db);
            let mut again = db.another();
            let _ = migrator.run_blocking(&mut again);
            keep(&again);
        }
    }
    let mut db = Fake::new();
    let _ = migrator.run_blocking(&mut db);
    if let Ok(two) = "1".parse() {
        let _ = migrator.revert_to_blocking(&mut db, Some(two));
    }
    keep(&db);
    seeds
}

/// The history table of a database, as an input.
fn rows(db: &Fake) -> Vec<u8> {
    let mut other = db.another();
    let Ok(rows) = other.run(&format!("SELECT {COLUMNS} FROM whimbrel_history ORDER BY set_name, seq"))
    else {
        return Vec::new();
    };
    let mut text = String::new();
    for row in rows.iter() {
        for column in 0..14 {
            if column > 0 {
                text.push('\t');
            }
            let value = if NUMBERS.contains(&column) {
                row.read::<Option<i64>>(column).ok().flatten().map(|number| number.to_string())
            } else {
                row.read::<Option<String>>(column).ok().flatten()
            };
            text.push_str(&value.unwrap_or_default());
        }
        text.push('\n');
    }
    text.into_bytes()
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let migrations = migrations();
    let migrator = without_waiting(&migrations);
    let mut db = table(&migrator);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut values: Vec<String> =
            line.split('\t').take(14).enumerate().map(|(at, value)| shown(at, value)).collect();
        values.resize(14, "NULL".to_owned());
        // What the table itself refuses, such as a number twice, is not there.
        let _ = db.run(&format!("INSERT INTO whimbrel_history ({COLUMNS}) VALUES ({})", values.join(", ")));
    }
    let Ok(history) = migrator.history_blocking(&mut db.another()) else { return };
    let broken: Vec<String> = history.broken().map(ToString::to_string).collect();
    for (_, set) in history.sets() {
        for row in set.rows() {
            let _ = (row.label(), row.times().count(), row.who_value("user"), row.detail());
        }
        // Numbers begin with 1 and have no gaps, or something is told to be missing.
        let gaps = set.rows().iter().zip(1..).any(|(row, at)| row.seq() != at);
        assert!(
            !gaps || !broken.is_empty() || set.rows().iter().any(|row| row.event().as_str() == "repaired"),
            "{text:?}"
        );
    }
    if let Err(error) = migrator.status_blocking(&mut db.another()).map(|status| format!("{status:?}")) {
        let _ = format!("{error:#}");
    }
    match migrator.plan_blocking(&mut db.another()) {
        Ok(plan) => {
            let _ = plan.to_string();
        }
        Err(error) => {
            let _ = format!("{error:#}");
        }
    }
}

/// A database with an empty history.
fn table(migrator: &Migrator<'_>) -> Fake {
    let mut db = Fake::new();
    migrator.run_blocking(&mut db).expect("a run");
    let mut other = db.another();
    other.run("DELETE FROM whimbrel_history").expect("it is only a table");
    other
}

fn shown(column: usize, value: &str) -> String {
    match value.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&column) => number.to_string(),
        _ if value.is_empty() => "NULL".to_owned(),
        _ => format!("'{}'", value.replace('\'', "''")),
    }
}
