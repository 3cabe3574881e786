//! What a program takes on with Whimbrel: how many packages, and which never.

use std::collections::BTreeSet;

use crate::ci::Done;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::packages::{self, Package};
use crate::{scratch, workspace};

/// The most packages that a program with SQLite and embedded migrations may have, itself included, as
/// `cargo tree` lists them for the platform that it runs on.
const MOST_PACKAGES: usize = 40;

/// Names of packages, where a closing `*` stands for any ending.
type Names = &'static [&'static str];

/// No async runtime, no TLS, no command line parser in a program that uses SQLite.
const NEVER: Names = &[
    "tokio",
    "tokio-*",
    "async-std",
    "smol",
    "rustls",
    "rustls-*",
    "openssl*",
    "native-tls",
    "ring",
    "aws-lc*",
    "clap*",
];

/// TLS is rustls with ring, and nothing else.
const NEVER_WITH_TLS: Names =
    &["openssl", "openssl-sys", "native-tls", "aws-lc*", "rusqlite", "libsqlite3-sys", "clap*"];

/// Nor any of that where TLS was left out.
const NEVER_WITHOUT_TLS: Names = &[
    "openssl",
    "openssl-sys",
    "native-tls",
    "aws-lc*",
    "ring",
    "rustls",
    "rustls-*",
    "tokio-rustls",
    "webpki*",
];

/// No client of any database in the core.
const CLIENTS: Names = &[
    "rusqlite",
    "libsqlite3-sys",
    "sqlite*",
    "postgres*",
    "tokio-postgres",
    "pq-sys",
    "mysql*",
    "mariadb*",
    "sqlx*",
    "diesel*",
    "sea-orm*",
    "sea-query*",
    "tiberius",
    "duckdb",
    "libduckdb-sys",
];

/// Checks a generated program with the default features of the crates that an application with SQLite
/// names, and the core by itself with all of its features.
pub(crate) fn check() -> Result<Done> {
    let dependencies: String = ["whimbrel", "whimbrel-embed", "whimbrel-sqlite"].map(scratch::own).concat();
    // With the workspace's own lock file: these versions are the ones that are tested.
    let lock = workspace::read("Cargo.lock")?;
    let program = scratch::program("footprint", &dependencies, Some(&lock))?;
    let tree = Command::cargo("tree -e normal,build --prefix none").within(&program).read()?;
    let packages = packages::in_tree(&tree);
    refuse("a program with SQLite", &packages, NEVER)?;
    if packages.len() > MOST_PACKAGES {
        let all: Vec<_> = packages.iter().map(ToString::to_string).collect();
        return Err(Failure::new(format!(
            "a program with SQLite has {} packages, {MOST_PACKAGES} at most: {}",
            packages.len(),
            all.join(", ")
        )));
    }

    let core = Command::cargo("tree -p whimbrel --all-features -e normal,build --prefix none").read()?;
    let core = packages::in_tree(&core);
    refuse("the core", &core, NEVER)?;
    refuse("the core", &core, CLIENTS)?;
    let mut note = format!("{} packages; the core with all features: {}", packages.len(), core.len());
    for driver in ["whimbrel-postgres", "whimbrel-mysql"] {
        note += &format!("; with {driver} {}", with_server(driver)?);
    }
    Ok(Done::noting(note))
}

/// Counts the packages of a program with one of the drivers that connect over a network, with TLS and without, and sees to
/// it that no second provider of cryptography comes in, and none without TLS.
fn with_server(driver: &str) -> Result<String> {
    let mut counts = Vec::new();
    for (features, never) in [("", NEVER_WITH_TLS), (", default-features = false", NEVER_WITHOUT_TLS)] {
        let dependencies = ["whimbrel", "whimbrel-embed"].map(scratch::own).concat()
            + &scratch::own(driver).replace(" }", &format!("{features} }}"));
        let lock = workspace::read("Cargo.lock")?;
        let program = scratch::program("footprint", &dependencies, Some(&lock))?;
        let tree = Command::cargo("tree -e normal,build --prefix none").within(&program).read()?;
        let packages = packages::in_tree(&tree);
        refuse(&format!("a program with {driver}{features}"), &packages, never)?;
        counts.push(packages.len());
    }
    Ok(format!("{}, {} without TLS", counts[0], counts[1]))
}

fn refuse(what: &str, packages: &BTreeSet<Package>, names: Names) -> Result<()> {
    let found: Vec<_> =
        packages.iter().filter(|package| has(names, &package.name)).map(ToString::to_string).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{what} must not depend on {}", found.join(", "))))
}

fn has(names: Names, package: &str) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => package.starts_with(beginning),
        None => *name == package,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_ending_and_nothing_else_does() {
        for package in ["tokio", "tokio-util", "openssl", "openssl-sys", "aws-lc-rs", "clap", "clap_derive"] {
            assert!(has(NEVER, package), "{package}");
        }
        for package in ["string", "tokioish", "smol_str", "spring", "futures-channel"] {
            assert!(!has(NEVER, package), "{package}");
        }
        assert!(has(CLIENTS, "postgres-types"));
        assert!(!has(CLIENTS, "whimbrel-sqlite"));
    }

    #[test]
    fn a_refusal_names_the_package() {
        let packages = packages::in_tree("blake3 v1.8.5\ntokio v1.50.0\n");
        let failure = refuse("the core", &packages, NEVER).expect_err("it has a runtime");
        assert_eq!(failure.to_string(), "the core must not depend on tokio 1.50.0");
    }
}
