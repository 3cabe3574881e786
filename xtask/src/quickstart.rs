//! What the pages for newcomers promise: that their commands exist, and what the first one prints.

use std::collections::BTreeSet;
use std::fs;

use whimbrel_testkit::ServerKind;

use crate::ci::Done;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::servers::{Breadth, Servers};
use crate::{SUBCOMMANDS, needs, workspace};

/// The command that a newcomer runs, as it stands in the first block of commands of the README.
const COMMAND: &str = "cargo run --example quickstart";

/// Checks every command of the README and of CONTRIBUTING, and runs the quickstart twice on a new file, and on a server of
/// each kind.
pub(crate) fn check() -> Result<Done> {
    let readme = workspace::read("README.md")?;
    let contributing = workspace::read("CONTRIBUTING.md")?;
    if !first_commands(&readme).iter().any(|command| command == COMMAND) {
        return Err(Failure::new(format!(
            "README.md: its first block of commands does not hold `{COMMAND}`"
        )));
    }
    for page in [&readme, &contributing] {
        for chore in words_after(page, "cargo xtask ") {
            if !SUBCOMMANDS.iter().any(|subcommand| subcommand.name == chore) {
                return Err(Failure::new(format!(
                    "`cargo xtask {chore}` is named, but there is no such chore"
                )));
            }
        }
    }
    for example in words_after(&readme, "cargo run --example ") {
        Command::cargo("build --example").args([example]).run()?;
    }

    let folder = workspace::target().join("quickstart");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    let run = || -> Result<String> {
        let printed = Command::cargo(COMMAND.trim_start_matches("cargo "))
            .args(["--"])
            .args([folder.join("quickstart.db")])
            .read()?;
        print!("{printed}");
        Ok(printed.trim_end().lines().last().unwrap_or_default().to_owned())
    };
    expect("first", &run()?, "applied", "")?;
    let second = run()?;
    expect("second", &second, "up to date", "1 query")?;
    Ok(Done::noting(format!("sqlite, {}", on_servers()?)))
}

/// Runs the quickstart on a throw-away server of each kind, on which it boots twice. Answers which these were.
fn on_servers() -> Result<String> {
    needs::meet()?;
    let servers = Servers::gather(Breadth::Usual)?;
    let mut notes = Vec::new();
    for kind in ServerKind::ALL {
        let name = kind.name();
        if !servers.has(kind) {
            notes.push(format!("no {name} to be had"));
            continue;
        }
        let feature = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
        let command = Command::cargo(COMMAND.trim_start_matches("cargo ")).args([
            "--features",
            feature,
            "--",
            "--database",
            name,
        ]);
        let variables = servers.variables();
        let printed =
            variables.iter().fold(command, |command, (name, value)| command.env(name, value)).read()?;
        print!("{printed}");
        let mut ends =
            printed.lines().filter(|line| ["applied", "up to date"].iter().any(|it| line.starts_with(it)));
        expect("first", ends.next().unwrap_or_default(), "applied 10 migrations", "")?;
        expect("second", ends.next().unwrap_or_default(), "up to date", "1 query")?;
        notes.push(name.to_owned());
    }
    Ok(notes.join(", "))
}

fn expect(run: &str, line: &str, beginning: &str, content: &str) -> Result<()> {
    if line.starts_with(beginning) && line.contains(content) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the {run} run of the quickstart must end with a line that begins with `{beginning}` and contains \
         `{content}`, not with `{line}`"
    )))
}

/// The lines of the first fenced block that is marked as a shell's, without prompts.
fn first_commands(page: &str) -> Vec<String> {
    page.lines()
        .skip_while(|line| !matches!(*line, "```sh" | "```console" | "```bash" | "```shell"))
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| line.strip_prefix("$ ").unwrap_or(line).to_owned())
        .collect()
}

/// The words (names of chores and of examples) that follow a command somewhere in a page.
fn words_after<'a>(page: &'a str, command: &str) -> BTreeSet<&'a str> {
    page.split(command)
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap_or("")
        })
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Whimbrel

```rust
fn main() {}
```

```console
$ cargo run --example quickstart
```

Then `cargo run --example tour`, and `cargo xtask test --long`; see `cargo xtask …`.
";

    #[test]
    fn the_first_commands_are_those_of_the_first_shell_block() {
        assert_eq!(first_commands(PAGE), [COMMAND]);
        assert!(first_commands("no block").is_empty());
    }

    #[test]
    fn words_after_a_command_are_found_wherever_it_stands() {
        assert_eq!(
            words_after(PAGE, "cargo run --example ").into_iter().collect::<Vec<_>>(),
            ["quickstart", "tour"]
        );
        assert_eq!(words_after(PAGE, "cargo xtask ").into_iter().collect::<Vec<_>>(), ["test"]);
    }

    #[test]
    fn a_last_line_that_breaks_the_promise_is_quoted() {
        assert!(expect("second", "up to date at 8_audit (1 query, 0.2 ms)", "up to date", "1 query").is_ok());
        let failure = expect("second", "up to date (13 queries)", "up to date", "1 query").expect_err("13");
        assert!(failure.to_string().contains("not with `up to date (13 queries)`"), "{failure}");
    }
}
