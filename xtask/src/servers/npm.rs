//! Servers, and other things that the tests use, that are packed for npm. Nothing of a package is trusted but what its digest covers.

use std::path::Path;

use crate::command::{Command, find};
use crate::failure::{Failure, Result};

/// A package of this very content.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// SHA-512 of the archive in base64, as registries and lock files have it behind `sha512-`.
    pub(crate) digest: &'static str,
    /// A script of the package that makes its links, which an archive of npm cannot hold.
    pub(crate) links: Option<&'static str>,
}

/// Downloads the package into this folder, and checks it before anything of it is used.
pub(crate) fn unpack(package: &Package, into: &Path) -> Result<()> {
    let needed = ["npm", "node", "tar", "openssl"];
    if let Some(missing) = needed.into_iter().find(|program| find(program).is_none()) {
        return Err(Failure::new(format!("there is no `{missing}` here")));
    }
    let Package { name, version, digest, links } = package;
    // Short limits: without a network, the tests are to begin all the same.
    let file = Command::new("npm")
        .args(["pack", "--silent", "--fetch-retries=1", "--fetch-timeout=60000", "--pack-destination"])
        .args([into])
        .args([format!("{name}@{version}")])
        .within(into)
        .read()?;
    let archive = into.join(file.trim());
    let found = Command::new("sh")
        .args(["-c", "openssl dgst -sha512 -binary \"$1\" | openssl base64 -A", "sh"])
        .args([&archive])
        .read()?;
    if found.trim() != *digest {
        return Err(Failure::new(format!("{name} {version} is not what it was: sha512-{}", found.trim())));
    }
    Command::new("tar")
        .args(["--extract", "--strip-components=1", "--no-same-owner", "--file"])
        .args([&archive])
        .within(into)
        .run()?;
    if let Some(script) = links {
        Command::new("node").args([script]).within(into).run()?;
    }
    std::fs::remove_file(&archive).map_err(Failure::at(&archive))
}
