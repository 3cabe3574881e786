//! How often the disk is waited for, counted from outside the process.

use std::path::Path;
use std::process::Command;

/// Builds a database of so many migrations on a real disk, and counts its fsyncs.
fn fsyncs(folder: &Path, count: usize, mode: &str) -> usize {
    let log = folder.join(format!("{mode}.strace"));
    let output = Command::new("strace")
        .args(["-qq", "-f", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_builder"))
        .arg(folder.join(format!("{mode}.db")))
        .args([&count.to_string(), mode])
        .output()
        .expect("strace is there: `cargo xtask test` installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with(&format!("applied {count} migrations")), "{said}");
    let log = std::fs::read_to_string(log).expect("strace wrote its log");
    // A call that another thread interrupts is told in two lines.
    log.lines().filter(|line| line.contains("sync(")).count()
}

/// On a real disk: the build's.
fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

#[test]
fn a_thousand_migrations_on_an_empty_file_take_at_most_8_fsyncs() {
    let folder = folder();
    let counted = fsyncs(folder.path(), 1_000, "auto");
    println!("{counted} fsyncs");
    assert!((1..=8).contains(&counted), "{counted} fsyncs");
}

#[test]
fn a_transaction_each_takes_at_most_4_fsyncs_a_migration() {
    let folder = folder();
    let counted = fsyncs(folder.path(), 1_000, "each");
    println!("{counted} fsyncs");
    assert!((1_000..=4 * 1_000).contains(&counted), "{counted} fsyncs");
}
