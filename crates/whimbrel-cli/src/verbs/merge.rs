//! `whimbrel merge`: merges the manifests of two branches, as git's merge driver. Reads no configuration: in the middle of a
//! merge it may be in conflict itself.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use whimbrel::layout::SIGNATURE_FILE;
use whimbrel::{Manifest, ManifestSides};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::output::safe::shown;
use crate::{git, output};

/// Merges whimbrel.sum of two branches: git runs it, once it is installed
#[derive(Debug, Args)]
#[command(
    after_help = "Example, once in each clone:\n  whimbrel merge --install\n\nGit then merges the lines of both branches by itself. Where both have changed the same migration it leaves a\nconflict, and `whimbrel lock` says what to do."
)]
pub(crate) struct Arguments {
    /// Tell git of this clone to merge whimbrel.sum so, and write .gitattributes
    #[arg(long, conflicts_with_all = ["base", "ours", "theirs"])]
    install: bool,
    /// The manifest that both come from
    #[arg(value_name = "BASE", required_unless_present = "install")]
    base: Option<PathBuf>,
    /// Ours, which is replaced by what both come to
    #[arg(value_name = "OURS", required_unless_present = "install")]
    ours: Option<PathBuf>,
    /// Theirs
    #[arg(value_name = "THEIRS", required_unless_present = "install")]
    theirs: Option<PathBuf>,
    /// How many letters a conflict marker has
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    marker_size: usize,
    /// Where the manifest lies
    #[arg(long, value_name = "PATH", default_value = "whimbrel.sum")]
    path: PathBuf,
}

impl Arguments {
    /// The files to merge, if it is that what is asked for.
    pub(crate) fn files(&self) -> Option<(&Path, &Path, &Path)> {
        Some((self.base.as_deref()?, self.ours.as_deref()?, self.theirs.as_deref()?))
    }
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    if arguments.files().is_some() {
        return merge(&arguments);
    }
    let directory = &context.settings.directory.value;
    let folder = if directory.is_dir() { directory.clone() } else { PathBuf::from(".") };
    if !git::has(&folder) {
        return Err(Failure::of(Code::Refused, format!("{} is in no repository of git", folder.display()))
            .with_next(format!("git init, then {}", context.command("merge --install"))));
    }
    git::install(&folder).map_err(|said| {
        Failure::of(Code::Failed, "git was not told how to merge whimbrel.sum")
            .with_note("why", said)
            .with_next(format!("git config merge.whimbrel.driver '{}'", git::DRIVER))
    })?;
    let written = match directory.is_dir() {
        true => git::write_attributes(directory).map_err(|error| {
            Failure::of(
                Code::Failed,
                format!("{}/.gitattributes cannot be written: {error}", directory.display()),
            )
        })?,
        false => None,
    };
    let mut text = "git merges whimbrel.sum in this clone by `whimbrel merge`".to_owned();
    let written = written.map(|path| path.display().to_string());
    if let Some(path) = &written {
        text.push_str(&format!(
            "\nwritten: {}; commit it: git add {}",
            shown(path),
            crate::context::quoted(path)
        ));
    }
    Ok(Answer::new(text, json!({ "driver": git::DRIVER, "attributes": written })))
}

/// Merges, or leaves a conflict in the place of our side.
pub(crate) fn merge(arguments: &Arguments) -> Result<Answer, Failure> {
    let Some((base, ours, theirs)) = arguments.files() else {
        return Err(Failure::of(Code::Usage, "merge wants three files, BASE, OURS and THEIRS"));
    };
    let read = |path: &Path| {
        fs::read_to_string(path)
            .map_err(|error| Failure::of(Code::Failed, format!("{} cannot be read: {error}", path.display())))
    };
    let texts = (read(base)?, read(ours)?, read(theirs)?);
    let name = arguments.path.display().to_string();
    let merged = sides(&texts).and_then(|sides| sides.merged().map_err(|undecided| undecided.to_string()));
    let write = |text: &str| {
        fs::write(ours, text).map_err(|error| {
            Failure::of(Code::Failed, format!("{} cannot be written: {error}", ours.display()))
        })
    };
    match merged {
        Ok(manifest) => {
            write(&manifest.to_string())?;
            let signature = arguments.path.with_file_name(SIGNATURE_FILE);
            let stale = signature.exists();
            if stale {
                // Git shows what is said here, and nothing of the answer.
                output::err(&format!(
                    "{} is of both branches now, and its signatures are of the former ones: whimbrel sign --key KEY",
                    shown(&name)
                ));
            }
            let text = format!("merged {}", shown(&name));
            Ok(Answer::new(text, json!({ "manifest": name, "signature_stale": stale })))
        }
        Err(why) => {
            write(&conflict(&texts, arguments.marker_size.max(7)))?;
            Err(Failure::of(Code::Refused, format!("{name}: {why}"))
                .with_next("whimbrel lock, which asks what only a person knows"))
        }
    }
}

fn sides((base, ours, theirs): &(String, String, String)) -> Result<ManifestSides, String> {
    let parse = |text: &str| text.parse::<Manifest>().map_err(|error| error.to_string());
    // Of a file that both have added there is no base.
    Ok(ManifestSides::new(parse(base).ok(), parse(ours)?, parse(theirs)?))
}

/// Both sides between markers, without the lines at the beginning and the end that all have.
fn conflict((base, ours, theirs): &(String, String, String), size: usize) -> String {
    let [base, ours, theirs] = [base, ours, theirs].map(|text| text.lines().collect::<Vec<_>>());
    let shortest = base.len().min(ours.len()).min(theirs.len());
    let same = |at: &dyn Fn(&[&str]) -> String| at(&base) == at(&ours) && at(&ours) == at(&theirs);
    let before = (0..shortest).take_while(|index| same(&|text| text[*index].to_owned())).count();
    let after = (0..shortest - before)
        .take_while(|index| same(&|text| text[text.len() - 1 - *index].to_owned()))
        .count();
    let marker = |letter: &str, label: &str| format!("{} {label}", letter.repeat(size)).trim_end().to_owned();
    let middle = |text: &[&str]| -> Vec<String> {
        text[before..text.len() - after].iter().map(|line| (*line).to_owned()).collect()
    };
    let mut lines: Vec<String> = ours[..before].iter().map(|line| (*line).to_owned()).collect();
    for (opening, text) in
        [(marker("<", "ours"), &ours), (marker("|", "base"), &base), (marker("=", ""), &theirs)]
    {
        lines.push(opening);
        lines.extend(middle(text));
    }
    lines.push(marker(">", "theirs"));
    lines.extend(ours[ours.len() - after..].iter().map(|line| (*line).to_owned()));
    lines.join("\n") + "\n"
}
