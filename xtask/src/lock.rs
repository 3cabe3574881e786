//! `cargo xtask lock`: writes the manifest of a migrations directory. What a manifest is, is the library's.

use std::fs;
use std::path::{Path, PathBuf};

use whimbrel::layout::MANIFEST_FILE;
use whimbrel::{Directory, Manifest, SetName, Version};

use crate::Subcommand;
use crate::failure::{Failure, Result};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "lock",
    arguments: "DIR [--set NAME] [--recursive] [(--accept | --remove) VERSION --reason TEXT]",
    about: "writes DIR/whimbrel.sum",
    run,
};

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    directory: PathBuf,
    set: Option<String>,
    recursive: bool,
    accept: Option<Version>,
    remove: Option<Version>,
    reason: Option<String>,
}

fn run(arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    let path = options.directory.join(MANIFEST_FILE);
    let (manifest, lines) = lock(&options)?;
    for line in lines {
        println!("{line}");
    }
    fs::write(&path, manifest.to_string())
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
    println!("locked {} files, head {}", manifest.files().len(), manifest.head());
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    let mut directories = Vec::new();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next().cloned().ok_or_else(|| Failure::new(format!("{argument} wants a value behind it")))
        };
        let version = |text: String| {
            text.parse::<Version>().map_err(|error| Failure::new(format!("{argument}: `{text}` is {error}")))
        };
        match argument.as_str() {
            "--set" => options.set = Some(value()?),
            "--recursive" => options.recursive = true,
            "--accept" => options.accept = Some(version(value()?)?),
            "--remove" => options.remove = Some(version(value()?)?),
            "--reason" => options.reason = Some(value()?),
            option if option.starts_with('-') => {
                return Err(Failure::new(format!("unknown option {option}: see `cargo xtask help`")));
            }
            directory => directories.push(PathBuf::from(directory)),
        }
    }
    match <[PathBuf; 1]>::try_from(directories) {
        Ok([directory]) => options.directory = directory,
        Err(_) => return Err(Failure::new("lock wants one directory")),
    }
    if (options.accept.is_some() || options.remove.is_some()) != options.reason.is_some() {
        return Err(Failure::new("--reason goes with --accept or --remove, and they with it"));
    }
    Ok(options)
}

fn lock(options: &Options) -> Result<(Manifest, Vec<String>)> {
    let previous = previous(&options.directory.join(MANIFEST_FILE))?;
    let mut source = Directory::new(&options.directory).unlocked();
    if options.recursive {
        source = source.recursive();
    }
    if let Some(name) = &options.set {
        let name = SetName::new(name.as_str()).map_err(|error| Failure::new(format!("--set: {error}")))?;
        source = source.with_set(name);
    }
    // The directory's own name is that of no dialect, so its folders are not taken for dialects'.
    let set = source.read("\u{0}").map_err(|error| Failure::new(format!("{error:#}")))?;
    let (mut manifest, changes) = Manifest::lock(&set, previous.as_ref());
    let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    if let Some(reason) = &options.reason {
        let former = |version: Version| {
            let digest = previous.as_ref().and_then(|previous| previous.migration_digest(version));
            digest.ok_or_else(|| Failure::new(format!("the manifest before has no version {version}")))
        };
        if let Some(version) = options.accept {
            manifest = manifest.with_former(version, former(version)?, reason);
            lines.push(format!("accepted {version}: {reason}"));
        }
        if let Some(version) = options.remove {
            manifest = manifest.with_tombstone(version, former(version)?, reason);
            lines.push(format!("removed  {version}: {reason}"));
        }
    }
    Ok((manifest, lines))
}

fn previous(path: &Path) -> Result<Option<Manifest>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))?;
    text.parse().map(Some).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read() {
        let options = parse(&words("migrations --accept 7 --reason typo")).expect("good options");
        assert_eq!(options.directory, PathBuf::from("migrations"));
        assert_eq!(options.accept.map(Version::number), Some(7));
        for bad in
            ["", "a b", "a --accept 0 --reason x", "a --accept 7", "a --reason x", "a --what", "a --set"]
        {
            assert!(
                parse(&words(bad).into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>()).is_err(),
                "{bad}"
            );
        }
    }
}
