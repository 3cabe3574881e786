//! Packages as cargo names them, in its trees and in lock files. Knows no rule about them.

use std::collections::BTreeSet;
use std::fmt;

/// A package at one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The packages of `cargo tree --prefix none`, each once: `blake3 v1.8.5 (*)`.
pub(crate) fn in_tree(tree: &str) -> BTreeSet<Package> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.to_owned();
            Some(Package { name, version })
        })
        .collect()
}

/// The packages of a `Cargo.lock`.
pub(crate) fn in_lock(lock: &str) -> BTreeSet<Package> {
    lock.split("[[package]]")
        .skip(1)
        .filter_map(|entry| Some(Package { name: value(entry, "name")?, version: value(entry, "version")? }))
        .collect()
}

/// The versions at which a package occurs.
pub(crate) fn versions<'a>(packages: &'a BTreeSet<Package>, name: &str) -> Vec<&'a str> {
    packages.iter().filter(|package| package.name == name).map(|package| &*package.version).collect()
}

/// The value of `key = "value"` on a line of its own.
fn value(entry: &str, key: &str) -> Option<String> {
    entry
        .lines()
        .find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(packages: &BTreeSet<Package>) -> Vec<String> {
        packages.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_package_of_a_tree_counts_once_for_each_version() {
        let tree = "\
app v0.0.0 (/somewhere/app)
syn v3.0.9
syn v2.0.119
blake3 v1.8.5
async-trait v0.1.92 (proc-macro)
blake3 v1.8.5 (*)

[build-dependencies]
cc v1.2.0
";
        let expected =
            ["app 0.0.0", "async-trait 0.1.92", "blake3 1.8.5", "cc 1.2.0", "syn 2.0.119", "syn 3.0.9"];
        assert_eq!(shown(&in_tree(tree)), expected);
    }

    #[test]
    fn packages_are_read_from_a_lock_file() {
        let lock = "\
version = 4

[[package]]
name = \"libsqlite3-sys\"
version = \"0.37.0\"
dependencies = [
 \"cc\",
]

[[package]]
name = \"rusqlite\"
version = \"0.39.0\"
";
        let packages = in_lock(lock);
        assert_eq!(shown(&packages), ["libsqlite3-sys 0.37.0", "rusqlite 0.39.0"]);
        assert_eq!(versions(&packages, "rusqlite"), ["0.39.0"]);
        assert!(versions(&packages, "cc").is_empty());
    }
}
