//! What was locked: the manifest that is there, or both sides of one that two branches have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use whimbrel::layout::MANIFEST_FILE;
use whimbrel::{Digest, Manifest, ManifestError, ManifestSides, Version};

use crate::answer::Failure;
use crate::context::{Context, quoted};
use crate::exit::Code;
use crate::git;

/// What a new manifest is written upon.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    /// The manifest; of two sides, the union of their lines.
    pub(crate) manifest: Manifest,
    /// Both sides, while there is a conflict.
    pub(crate) sides: Option<ManifestSides>,
}

impl Previous {
    /// Reads the manifest of a directory.
    ///
    /// # Errors
    /// It cannot be read, or is no manifest and has no readable sides.
    pub(crate) fn read(context: &Context, root: &Path) -> Result<Option<Self>, Failure> {
        let path = root.join(MANIFEST_FILE);
        let most = context.settings.limits().manifest_bytes;
        let length = fs::metadata(&path).map_or(0, |found| found.len());
        if length > most {
            let headline = format!("{} has {length} bytes, and may have {most}", path.display());
            return Err(Failure::of(Code::Refused, headline)
                .with_next("if that is meant, raise `manifest-bytes` below `[limits]` in whimbrel.toml"));
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Failure::of(Code::Failed, format!("{} cannot be read: {error}", path.display())));
            }
        };
        let sides = of_text(root, &text).map_err(|error| unreadable(context, root, &error))?;
        let manifest = match &sides {
            Some(sides) => sides.united(),
            None => text.parse().map_err(|error| unreadable(context, root, &error))?,
        };
        Ok(Some(Self { manifest, sides }))
    }

    /// The digests under which versions were locked, and that are not what the files have now.
    pub(crate) fn left(&self, now: &BTreeMap<Version, Digest>) -> BTreeMap<Version, Vec<Digest>> {
        match &self.sides {
            Some(sides) => sides.left(now),
            None => {
                let was = self.manifest.migration_digests();
                let touched = was.into_iter().filter(|(version, was)| now.get(version) != Some(was));
                touched.map(|(version, was)| (version, vec![was])).collect()
            }
        }
    }

    /// The manifests in which somebody has locked something.
    pub(crate) fn manifests(&self) -> Vec<&Manifest> {
        match &self.sides {
            Some(sides) => vec![sides.ours(), sides.theirs()],
            None => vec![&self.manifest],
        }
    }

    /// The paths below the directory that were locked for a version.
    pub(crate) fn paths(&self, version: Version) -> BTreeSet<String> {
        let files = self.manifests().into_iter().flat_map(Manifest::files);
        let own = files.filter(|file| super::version_of(&file.path) == Some(version));
        own.map(|file| file.path.clone()).collect()
    }
}

/// The sides of a manifest's text. What git has of an unfinished merge says more than the text.
fn of_text(root: &Path, text: &str) -> Result<Option<ManifestSides>, ManifestError> {
    let parsed = ManifestSides::parse(text);
    let stages = git::stages(root).unwrap_or_default();
    let stage = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Manifest>().ok());
    let (base, ours, theirs) = (stage(&stages.base), stage(&stages.ours), stage(&stages.theirs));
    let of_git = ours.zip(theirs).map(|(ours, theirs)| ManifestSides::new(base, ours, theirs));
    match (parsed?, of_git) {
        // The text is one side's alone: whoever should have merged them did not, and the other one's lines are lost.
        (None, Some(of_git)) if is_one_side(text, &of_git) => Ok(Some(of_git)),
        (None, _) => Ok(None),
        // Both sides' lines may have been kept, so that nobody can tell whose they are.
        (Some(_), Some(of_git)) => Ok(Some(of_git)),
        (Some(sides), None) => Ok(Some(sides)),
    }
}

/// Whether a text is what one of both sides has.
fn is_one_side(text: &str, sides: &ManifestSides) -> bool {
    text.parse().is_ok_and(|manifest: Manifest| manifest == *sides.ours() || manifest == *sides.theirs())
}

/// Says why the manifest cannot be read, and how to get one that can.
fn unreadable(context: &Context, root: &Path, error: &ManifestError) -> Failure {
    let path = root.join(MANIFEST_FILE);
    let place = quoted(&path.display().to_string());
    let failure = Failure::of(Code::Refused, format!("{}: {error}", path.display()));
    let is_manifest =
        |bytes: Vec<u8>| String::from_utf8(bytes).is_ok_and(|text| text.parse::<Manifest>().is_ok());
    let lock = context.command("lock");
    if git::stages(root).is_some() {
        // Whatever else is in the other side is locked anew.
        return failure.with_next(format!("git checkout --ours {place} && {lock}"));
    }
    if let Some(restore) = git::restore(root, MANIFEST_FILE, is_manifest) {
        return failure.with_next(restore);
    }
    failure
        .with_next("bring it back from a copy: it knows which migrations were changed or removed on purpose")
        .with_next(format!("or write it anew from the files: mv {place} {place}.bak && {lock}"))
}
