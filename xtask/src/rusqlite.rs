//! The SQLite driver's tests at both ends of the range of rusqlite versions that it declares, each in a
//! copy of the workspace, whose own lock file stays as it is.

use std::fs;
use std::path::Path;

use crate::ci::Done;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::tally::Tally;
use crate::{copy, packages, test, workspace};

/// Tests the driver with the oldest and the newest rusqlite that its range admits. The version that the
/// workspace's lock file has is passed over: the workspace's tests are run with it.
pub(crate) fn check() -> Result<Done> {
    let range = Range::declared_in(&workspace::read("Cargo.toml")?)?;
    let locked = locked(workspace::root())?;
    let mut notes = Vec::new();
    let mut tallies = Vec::new();
    for (pin, release) in [(Some(format!("0.{}.0", range.oldest)), range.oldest), (None, range.newest)] {
        let copy = copy::update("rusqlite/workspace")?;
        let mut update = Command::cargo("update --package rusqlite").within(&copy);
        if let Some(pin) = &pin {
            update = update.args(["--precise", pin]);
        }
        update.run()?;
        let version = self::locked(&copy)?;
        if !version.starts_with(&format!("0.{release}.")) {
            return Err(Failure::new(format!(
                "rusqlite 0.{release} was expected to be locked, not {version}"
            )));
        }
        if version == locked {
            notes.push(format!("{version} as in `test`"));
            continue;
        }
        // One folder for both ends: what does not depend on rusqlite is built once.
        let target = workspace::target().join("rusqlite/target");
        let variables =
            [("CARGO_TARGET_DIR", target.to_str().ok_or_else(|| Failure::new("a path is not UTF-8"))?)];
        tallies.push(test::suite(
            &copy,
            &["-p", "whimbrel-sqlite", "--all-features"],
            &[],
            &variables,
            test::Without::Nothing,
        )?);
        notes.push(version);
    }
    Ok(Done { note: notes.join(", "), tests: tallies.into_iter().sum::<Tally>() })
}

/// The minor versions between which, both included, the driver works.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    oldest: u32,
    newest: u32,
}

impl Range {
    /// Reads `rusqlite = { version = ">=0.37, <0.42", … }`.
    fn declared_in(manifest: &str) -> Result<Self> {
        let parse = |line: &str| {
            let (_, bounds) = line.split_once("\">=0.")?;
            let (bounds, _) = bounds.split_once('"')?;
            let (oldest, after_newest) = bounds.split_once(", <0.")?;
            let newest = after_newest.parse::<u32>().ok()?.checked_sub(1)?;
            Some(Self { oldest: oldest.parse().ok()?, newest })
        };
        manifest
            .lines()
            .find(|line| line.starts_with("rusqlite = "))
            .and_then(parse)
            .ok_or_else(|| Failure::new("Cargo.toml: no `rusqlite` with a version like \">=0.37, <0.42\""))
    }
}

fn locked(workspace: &Path) -> Result<String> {
    let path = workspace.join("Cargo.lock");
    let lock = packages::in_lock(&fs::read_to_string(&path).map_err(Failure::at(&path))?);
    match packages::versions(&lock, "rusqlite")[..] {
        [version] => Ok(version.to_owned()),
        ref versions => {
            Err(Failure::new(format!("{}: one rusqlite expected, not {versions:?}", path.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_read_from_the_manifest() {
        let manifest =
            "serde = \"1\"\nrusqlite = { version = \">=0.37, <0.42\", default-features = false }\n";
        assert_eq!(Range::declared_in(manifest).expect("valid"), Range { oldest: 37, newest: 41 });
    }

    #[test]
    fn a_version_that_is_no_range_is_refused() {
        let failure = Range::declared_in("rusqlite = { version = \"0.41\" }\n").expect_err("no range");
        assert!(failure.to_string().starts_with("Cargo.toml: no `rusqlite`"), "{failure}");
    }

    #[test]
    fn the_workspace_itself_declares_a_range() {
        let manifest = workspace::read("Cargo.toml").expect("the workspace has a manifest");
        let range = Range::declared_in(&manifest).expect("it names rusqlite");
        assert!(range.oldest < range.newest, "{range:?}");
    }
}
