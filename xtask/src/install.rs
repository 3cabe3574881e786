//! That the command can be installed as the guide says, and in its small forms; how large each is, and how long it takes to
//! build.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use crate::Subcommand;
use crate::ci::Done;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::workspace;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "sizes",
    arguments: "",
    about: "builds the command in each form from nothing, and writes how large it is into its page",
    run,
};

/// The page, and the line behind which the table stands.
const PAGE: &str = "docs/guide/command.md";
const HEADING: &str = "## Size and build time\n";

/// The forms: what it is for, and the features.
const FORMS: [(&str, &str); 4] = [
    ("all databases", ""),
    ("PostgreSQL", "--no-default-features --features postgres,tls"),
    ("MySQL and MariaDB", "--no-default-features --features mysql,tls"),
    ("SQLite", "--no-default-features --features sqlite"),
];

/// Installs it into a folder of its own, unoptimised, and asks it for its version.
pub(crate) fn check() -> Result<Done> {
    let root = workspace::target().join("install");
    Command::cargo("install --path crates/whimbrel-cli --debug --locked --force --target-dir target --root")
        .args([&root])
        .run()?;
    let version = Command::new(root.join("bin/whimbrel")).args(["--version"]).read()?;
    if !version.starts_with("whimbrel ") {
        return Err(Failure::new(format!("`whimbrel --version` says {version:?}")));
    }
    let page = workspace::read(PAGE)?;
    for (form, _) in FORMS {
        if !page.contains(&format!("| {form} |")) {
            return Err(Failure::new(format!(
                "{PAGE} does not say how large it is for {form}: `cargo xtask sizes`"
            )));
        }
    }
    Ok(Done::noting(version.trim()))
}

fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        return Err(Failure::new("sizes wants no arguments"));
    }
    let mut table =
        String::from("| for | features | size | clean build, on two cores |\n| --- | --- | --- | --- |\n");
    for (form, features) in FORMS {
        let target = workspace::target().join("sizes");
        if target.exists() {
            fs::remove_dir_all(&target).map_err(Failure::at(&target))?;
        }
        let began = Instant::now();
        Command::cargo("build --release --locked -p whimbrel-cli --target-dir")
            .args([&target])
            .args(features.split_whitespace())
            .run()?;
        let time = began.elapsed().as_secs();
        let binary = target.join("release/whimbrel");
        let bytes = fs::metadata(&binary).map_err(Failure::at(&binary))?.len();
        let shown = if features.is_empty() { "the default".to_owned() } else { format!("`{features}`") };
        let size = format!("{:.1} MB", bytes as f64 / 1e6);
        let _ = writeln!(table, "| {form} | {shown} | {size} | {} min {:02} s |", time / 60, time % 60);
        println!("{form}: {size}, {time} s");
    }
    let page = workspace::read(PAGE)?;
    let (before, behind) =
        page.split_once(HEADING).ok_or_else(|| Failure::new(format!("{PAGE} has no {HEADING}")))?;
    let rest = behind.find("\n## ").map_or("", |next| &behind[next..]);
    let text = format!("{before}{HEADING}\n{table}\n`cargo xtask sizes` has measured this.\n{rest}");
    let path = workspace::root().join(PAGE);
    fs::write(&path, text).map_err(Failure::at(&path))
}
