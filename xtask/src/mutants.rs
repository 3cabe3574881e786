//! `cargo xtask mutants`: puts defects back into a copy of the sources, one at a time, and runs the tests that must find
//! each. `tests/mutants` has a file for each defect; its README gives the form.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::servers::{Breadth, Servers};
use crate::tally::Tally;
use crate::{Subcommand, copy, needs, workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "mutants",
    arguments: "[NAME…]",
    about: "puts known defects back, one at a time, and fails if the tests named for one still pass",
    run: |names| run(names),
};

const FOLDER: &str = "tests/mutants";

/// A defect as replacements of text.
#[derive(Debug)]
struct Mutant {
    name: String,
    why: String,
    /// Arguments of `cargo test`: the test programs, `--`, parts of the tests' names.
    found_by: Vec<String>,
    edits: Vec<Edit>,
}

#[derive(Debug, PartialEq, Eq)]
struct Edit {
    file: String,
    old: String,
    new: String,
}

fn run(names: &[String]) -> Result<()> {
    let all = all()?;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|mutant| mutant.name != **name)) {
        let known: Vec<_> = all.iter().map(|mutant| mutant.name.as_str()).collect();
        return Err(Failure::new(format!("there is no mutant `{unknown}`, only {}", known.join(", "))));
    }
    needs::meet()?;
    let servers = Servers::gather(Breadth::Usual)?;
    let mut lines = Vec::new();
    let mut missed = Vec::new();
    for mutant in all.iter().filter(|it| names.is_empty() || names.contains(&it.name)) {
        println!("\n== {}: {}", mutant.name, mutant.why);
        // Brings back what the mutant before this one changed.
        let folder = copy::update("mutants/workspace")?;
        let healthy = test(mutant, &folder, &servers)?;
        if healthy.failed > 0 || healthy.passed == 0 {
            return Err(Failure::new(format!("without `{}`, its tests do not pass: {healthy}", mutant.name)));
        }
        mutant.put_into(&folder)?;
        let tally = test(mutant, &folder, &servers)?;
        let verdict = if tally.failed > 0 { "found" } else { "MISSED" };
        lines.push(format!("{:<24} {verdict:<6}  {tally}", mutant.name));
        if tally.failed == 0 {
            missed.push(mutant.name.as_str());
        }
    }
    copy::update("mutants/workspace")?;
    println!("\n{}", lines.join("\n"));
    match missed[..] {
        [] => Ok(()),
        _ => Err(Failure::new(format!("the tests pass in spite of {}", missed.join(", ")))),
    }
}

/// Builds first: a mutant that does not compile proves nothing.
fn test(mutant: &Mutant, folder: &Path, servers: &Servers) -> Result<Tally> {
    let target = workspace::target().join("mutants/target");
    let programs: Vec<_> = mutant.found_by.iter().take_while(|word| *word != "--").collect();
    let cargo = |words: &str| {
        let command = Command::cargo(words).within(folder).env("CARGO_TARGET_DIR", &target);
        servers.variables().into_iter().fold(command, |command, (name, value)| command.env(name, value))
    };
    let words = "test --workspace --all-features --no-fail-fast";
    cargo(words).args(["--no-run"]).args(&programs).run()?;
    let watched = cargo(words).args(&mutant.found_by).watch()?;
    Ok(Tally::of_lines(&watched.lines))
}

/// Every mutant, by name.
fn all() -> Result<Vec<Mutant>> {
    let folder = workspace::root().join(FOLDER);
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Failure::at(&folder))? {
        let path = entry.map_err(Failure::at(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(read).collect()
}

fn read(path: &PathBuf) -> Result<Mutant> {
    let text = fs::read_to_string(path).map_err(Failure::at(path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Mutant::parse(&name, &text).map_err(|why| Failure::new(format!("{}: {why}", path.display())))
}

impl Mutant {
    fn parse(name: &str, text: &str) -> std::result::Result<Self, String> {
        let mut mutant =
            Self { name: name.to_owned(), why: String::new(), found_by: Vec::new(), edits: Vec::new() };
        let mut file = None;
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            if line == "<<<<<<<" {
                let file: &String = file.as_ref().ok_or(format!("line {number}: no `file:` before this"))?;
                let mut part = |end: &str| {
                    let mut part = String::new();
                    for (line, _) in lines.by_ref() {
                        if line == end {
                            return Ok(part);
                        }
                        part += line;
                        part.push('\n');
                    }
                    Err(format!("line {number}: this block has no line `{end}`"))
                };
                mutant.edits.push(Edit { file: file.clone(), old: part("=======")?, new: part(">>>>>>>")? });
            } else if let Some((key, value)) = line.split_once(": ") {
                match key {
                    "file" => file = Some(value.to_owned()),
                    "why" => value.clone_into(&mut mutant.why),
                    "found-by" => mutant.found_by = value.split_whitespace().map(str::to_owned).collect(),
                    _ => return Err(format!("line {number}: no key `{key}`, only file, why, found-by")),
                }
            } else if !line.is_empty() {
                return Err(format!("line {number}: neither `KEY: VALUE` nor `<<<<<<<`"));
            }
        }
        if mutant.why.is_empty() || mutant.found_by.is_empty() || mutant.edits.is_empty() {
            return Err("`why:`, `found-by:` and a block are needed".to_owned());
        }
        Ok(mutant)
    }

    /// Changes the sources in this folder.
    fn put_into(&self, folder: &Path) -> Result<()> {
        for edit in &self.edits {
            let path = folder.join(&edit.file);
            let text = fs::read_to_string(&path).map_err(Failure::at(&path))?;
            let text = edit.apply(&text).map_err(|why| Failure::new(format!("{}: {why}", self.name)))?;
            fs::write(&path, text).map_err(Failure::at(&path))?;
        }
        Ok(())
    }
}

impl Edit {
    fn apply(&self, text: &str) -> std::result::Result<String, String> {
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            times => Err(format!("the old text stands {times} times in {}, not once", self.file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "file: a.rs\nfound-by: --test killed -- cut\nwhy: a row too many\n<<<<<<<\nold\n\n=======\nnew\n>>>>>>>\n";

    #[test]
    fn a_mutant_is_read() {
        let mutant = Mutant::parse("rows", TEXT).expect("valid");
        assert_eq!(mutant.found_by, ["--test", "killed", "--", "cut"]);
        let edit = Edit { file: "a.rs".into(), old: "old\n\n".into(), new: "new\n".into() };
        assert_eq!(mutant.edits, [edit]);
    }

    #[test]
    fn text_that_is_not_there_once_is_refused() {
        let mutant = Mutant::parse("rows", TEXT).expect("valid");
        let edit = &mutant.edits[0];
        assert_eq!(edit.apply("old\n\nrest\n"), Ok("new\nrest\n".to_owned()));
        assert!(edit.apply("old\n").is_err());
        assert!(edit.apply("old\n\nold\n\n").is_err());
    }

    #[test]
    fn an_unfinished_block_is_refused_by_its_line() {
        let why = Mutant::parse("rows", &TEXT.replace("=======\n", "")).expect_err("no middle");
        assert_eq!(why, "line 4: this block has no line `=======`");
    }

    /// Sources move on; a mutant that no longer fits them has to move with them.
    #[test]
    fn every_mutant_fits_the_sources() {
        let mutants = all().expect("all can be read");
        assert!(!mutants.is_empty());
        for mutant in mutants {
            // Edits of one file follow one another.
            let mut files: Vec<(String, String)> = Vec::new();
            for edit in &mutant.edits {
                let known = files.iter().position(|(file, _)| *file == edit.file);
                let at = known.unwrap_or_else(|| {
                    files.push((edit.file.clone(), workspace::read(&edit.file).expect("a source")));
                    files.len() - 1
                });
                let text = edit.apply(&files[at].1).unwrap_or_else(|why| panic!("{}: {why}", mutant.name));
                files[at].1 = text;
            }
        }
    }
}
