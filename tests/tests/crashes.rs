//! Whatever dies, and whenever: after a rerun the schema, the data and the history are those of an undisturbed run.

use std::path::Path;
use std::process::{Command, Output};

use rusqlite::Connection;
use whimbrel::{Blocking, Transaction};
use whimbrel_sqlite as _;
use whimbrel_tests::dying::{Death, Dying};
use whimbrel_tests::picture::picture;
use whimbrel_tests::{memory_folder, sets};

const MODES: [(&str, Transaction); 2] = [("auto", Transaction::Auto), ("each", Transaction::PerMigration)];

fn victim(path: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_victim")).arg(path).args(arguments).output().expect("the victim starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The picture of an undisturbed run, and how many calls it took.
fn undisturbed(folder: &Path, mode: &str) -> (String, usize) {
    let path = folder.join(format!("undisturbed-{mode}.db"));
    let output = victim(&path, &[mode]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    let calls = text
        .lines()
        .find_map(|line| line.strip_prefix("calls "))
        .expect("a count")
        .parse()
        .expect("a number");
    (picture(&path), calls)
}

fn killed_by_signal(output: &Output) -> bool {
    use std::os::unix::process::ExitStatusExt;
    output.status.signal() == Some(9)
}

#[test]
fn auto_and_one_by_one_give_the_same_database() {
    let folder = memory_folder();
    assert_eq!(undisturbed(folder.path(), "auto").0, undisturbed(folder.path(), "each").0);
}

#[test]
fn killed_at_every_call_it_goes_on_from_a_known_place() {
    for (mode, _) in MODES {
        let folder = memory_folder();
        let (expected, calls) = undisturbed(folder.path(), mode);
        assert!(calls > 20, "{calls}");
        for call in 1..=calls {
            for when in ["before", "after"] {
                let path = folder.path().join(format!("{mode}-{call}-{when}.db"));
                let output = victim(&path, &[mode, &call.to_string(), when]);
                assert!(killed_by_signal(&output), "{mode} {call} {when}: {}", said(&output));
                let output = victim(&path, &[mode]);
                assert!(output.status.success(), "{mode} {call} {when}: {}", said(&output));
                assert_eq!(picture(&path), expected, "{mode} {call} {when}");
            }
        }
    }
}

#[test]
fn killed_twice_it_still_goes_on() {
    let folder = memory_folder();
    let (expected, calls) = undisturbed(folder.path(), "each");
    for first in (1..=calls).step_by(7) {
        for second in (1..calls).step_by(11) {
            let path = folder.path().join(format!("{first}-{second}.db"));
            victim(&path, &["each", &first.to_string(), "after"]);
            victim(&path, &["each", &second.to_string(), "before"]);
            let output = victim(&path, &["each"]);
            assert!(output.status.success(), "{first} {second}: {}", said(&output));
            assert_eq!(picture(&path), expected, "{first} {second}");
        }
    }
}

#[test]
fn killed_at_every_fsync_it_goes_on_from_a_known_place() {
    for (mode, _) in MODES {
        let folder = memory_folder();
        let (expected, _) = undisturbed(folder.path(), mode);
        let mut survived = false;
        for nth in 1..400 {
            let path = folder.path().join(format!("{mode}-{nth}.db"));
            let traced = Command::new("strace")
                .args(["-qq", "-f", "-e", "trace=fsync,fdatasync"])
                .arg(format!("--inject=fsync,fdatasync:signal=SIGKILL:when={nth}"))
                .args([env!("CARGO_BIN_EXE_victim"), &path.to_string_lossy(), mode])
                .output()
                .expect("strace is there: `cargo xtask test` installs it");
            let output = victim(&path, &[mode]);
            assert!(output.status.success(), "{mode} {nth}: {}", said(&output));
            assert_eq!(picture(&path), expected, "{mode} {nth}");
            if traced.status.success() {
                // There is no such fsync any more.
                assert!(nth > 20, "only {nth} fsyncs: {}", said(&traced));
                survived = true;
                break;
            }
        }
        assert!(survived, "the last fsync was never reached");
    }
}

#[test]
fn the_connection_lost_at_every_call_leaves_a_known_place() {
    for (mode, transaction) in MODES {
        let folder = memory_folder();
        let (expected, calls) = undisturbed(folder.path(), mode);
        for call in 1..=calls {
            for death in [Death::ConnectionBefore, Death::ConnectionAfter] {
                let path = folder.path().join(format!("{mode}-{call}-{death:?}.db"));
                let mut connection = Connection::open(&path).expect("a database");
                let mut driver = Dying::new(connection.driver(), call, death);
                let result = sets::migrator(transaction).run_blocking(&mut driver);
                drop(driver);
                let error = result.expect_err("the connection was lost");
                assert_eq!(error.kind(), whimbrel::ErrorKind::Retry, "{mode} {call} {death:?}: {error:#}");
                assert!(connection.is_autocommit(), "{mode} {call} {death:?}");
                // The same connection serves the next run: it was lent, and is as it was.
                let report = sets::migrator(transaction).run_blocking(&mut connection);
                report.unwrap_or_else(|error| panic!("{mode} {call} {death:?}: {error:#}"));
                assert_eq!(picture(&path), expected, "{mode} {call} {death:?}");
            }
        }
    }
}
