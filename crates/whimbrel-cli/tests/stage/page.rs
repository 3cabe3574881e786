//! Runs a page of the documentation: makes the files that it shows, types the commands that it types, and compares what it
//! says with what came.
//!
//! | block | what is done |
//! | --- | --- |
//! | ```` ```console ```` | each line after `$ ` is typed, `> ` goes on with it; the lines below are what came |
//! | ```` ```console,exit=4 ```` | the last command ends with 4; all others end with 0 |
//! | ```` ```sql,file=PATH ```` | the file is made so, in whatever language |
//! | ```` ```sql,append=PATH ```` | the text is put behind what is there |
//! | `<!-- run: LINE -->` | the line is typed unseen, and ends with 0 |
//! | `<!-- background: LINE -->` | the line is typed unseen and goes on until the page's end |
//! | `<!-- end background -->` | what goes on is ended |

use std::fmt::Write as _;
use std::path::Path;
use std::process::Child;

use super::Stage;
use super::redact::stand_in;

/// A page after it was run: as it stands, and as it came.
pub(crate) struct Run {
    pub(crate) page: String,
    pub(crate) came: String,
    pub(crate) differences: Vec<String>,
    pub(crate) commands: usize,
}

/// A command of a block, and what it is said to say.
struct Typed {
    line: String,
    said: String,
    from: usize,
}

/// Runs a page on a stage.
pub(crate) fn run(stage: &mut Stage, page: &str) -> Run {
    let mut run = Run { page: page.to_owned(), came: String::new(), differences: Vec::new(), commands: 0 };
    let mut background: Vec<Child> = Vec::new();
    let mut lines = page.lines().enumerate().peekable();
    let mut folder = String::from(".");
    while let Some((number, line)) = lines.next() {
        let _ = writeln!(run.came, "{line}");
        if let Some(hidden) = comment(line, "run") {
            let said = stage.shell(&stage.meant(&format!("cd {folder}; {hidden}")));
            assert_eq!(said.code, 0, "line {}: {hidden}: {}", number + 1, said.stdout);
        } else if let Some(hidden) = comment(line, "background") {
            let mut command = stage.command("bash");
            let child = command.arg("-c").arg(format!("exec {hidden}")).stdout(std::process::Stdio::null());
            background.push(child.stderr(std::process::Stdio::null()).spawn().expect("a shell"));
        } else if line.trim() == "<!-- end background -->" {
            background.drain(..).for_each(end);
        }
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let mut body = String::new();
        let mut closed = String::new();
        for (_, line) in lines.by_ref() {
            if line.starts_with("```") {
                closed = line.to_owned();
                break;
            }
            let _ = writeln!(body, "{line}");
        }
        assert!(!closed.is_empty(), "line {}: the block does not end", number + 1);
        let words: Vec<&str> = info.split([',', ' ']).collect();
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
        if let Some(file) = value("file=") {
            stage.write(&format!("{folder}/{file}"), &body);
        } else if let Some(file) = value("append=") {
            let file = format!("{folder}/{file}");
            let text = stage.read(&file) + &body;
            stage.write(&file, &text);
        }
        if words[0] == "console" {
            let exit: i32 = value("exit=").map_or(0, |code| code.parse().expect("a number"));
            body = console(stage, &body, exit, number + 2, &mut folder, &mut run);
        }
        run.came.push_str(&body);
        let _ = writeln!(run.came, "{closed}");
    }
    background.into_iter().for_each(end);
    run
}

/// Types the commands of a block. Returns the block as it came.
fn console(
    stage: &mut Stage,
    body: &str,
    exit: i32,
    first: usize,
    folder: &mut String,
    run: &mut Run,
) -> String {
    let commands = commands(body, first);
    let mut block = String::new();
    let last = commands.len().saturating_sub(1);
    for (index, typed) in commands.iter().enumerate() {
        run.commands += 1;
        let shown = typed.line.replace('\n', "\n> ");
        let _ = writeln!(block, "$ {shown}");
        if let Some((name, _)) = typed.line.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
            // What the page shows is a reader's, what the stage has is this run's.
            assert!(stage.has_variable(name), "line {}: the stage has no {name}", typed.from);
            continue;
        }
        // What is installed is what is tested; that it can be installed, `cargo xtask ci install` shows.
        if typed.line.starts_with("cargo install ") {
            continue;
        }
        if let Some(to) = typed.line.strip_prefix("cd ") {
            *folder = format!("{folder}/{to}");
            continue;
        }
        let said = stage.shell(&stage.meant(&format!("cd {folder}; {}", typed.line)));
        let expected = if index == last { exit } else { 0 };
        let mut wrong = Vec::new();
        assert_eq!(said.code, expected, "line {}: $ {}\n{}", typed.from, typed.line, said.stdout);
        let (is, should) = (stage.redacted(said.stdout.trim_end()), stage.redacted(typed.said.trim_end()));
        let fits = is == should;
        if !fits {
            wrong.push(format!("--- the page\n{should}\n--- came\n{is}"));
        }
        if !wrong.is_empty() {
            run.differences.push(format!("line {}: $ {}\n{}", typed.from, typed.line, wrong.join("\n")));
        }
        let came = stand_in(said.stdout.trim_end(), &stage.stand_ins);
        // What only differs where it always does stays as it is.
        let kept = if fits { typed.said.trim_end() } else { &came };
        if !kept.is_empty() {
            let kept: Vec<&str> = kept.lines().map(str::trim_end).collect();
            let _ = writeln!(block, "{}", kept.join("\n"));
        }
    }
    block
}

fn commands(body: &str, first: usize) -> Vec<Typed> {
    let mut commands: Vec<Typed> = Vec::new();
    for (index, line) in body.lines().enumerate() {
        if let Some(typed) = line.strip_prefix("$ ") {
            commands.push(Typed { line: typed.to_owned(), said: String::new(), from: first + index });
        } else if let Some(command) = commands.last_mut() {
            match line.strip_prefix("> ").filter(|_| command.said.is_empty()) {
                Some(more) => command.line.push_str(&format!("\n{more}")),
                None => {
                    let _ = writeln!(command.said, "{line}");
                }
            }
        } else {
            panic!("line {}: a block of the console begins with `$ `", first + index);
        }
    }
    commands
}

fn comment<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    inner.strip_prefix(word)?.strip_prefix(':').map(str::trim)
}

fn end(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Runs a page that lies in a file, and writes it anew if that was asked for.
pub(crate) fn check(stage: &mut Stage, path: &Path) -> usize {
    let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let run = run(stage, &page);
    if std::env::var_os("WHIMBREL_WRITE_DOCS").is_some() && run.came != run.page {
        std::fs::write(path, &run.came).expect("the page");
        return run.commands;
    }
    assert!(run.differences.is_empty(), "{}\n{}", path.display(), run.differences.join("\n\n"));
    run.commands
}
