//! What is seen in a real terminal, of 80 and of 200 columns: nothing is wider than it, colours are there and only there,
//! what passes is wiped, and a person is asked.

mod offers;
mod stage;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use stage::{Kind, Stage};

/// A terminal with a program in it.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    reader: std::thread::JoinHandle<()>,
    raw: Arc<Mutex<Vec<u8>>>,
}

const ROWS: u16 = 60;

impl Terminal {
    fn run(stage: &Stage, columns: u16, arguments: &str, variables: &[(&str, &str)]) -> Self {
        let nonzero = |number| std::num::NonZero::new(number).expect("more than none");
        let (rows, wide) = (nonzero(ROWS), nonzero(columns));
        let size = PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_whimbrel"));
        command.args(arguments.split_whitespace());
        command.cwd(stage.path());
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("DATABASE_URL", stage.url());
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("whimbrel");
        // The terminal ends with the program.
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, wide, 1000)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut output = pair.master.try_clone_reader().expect("a reader");
        let (shown, kept) = (Arc::clone(&screen), Arc::clone(&raw));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("a screen").process(&bytes[..count]);
                kept.lock().expect("bytes").extend_from_slice(&bytes[..count]);
            }
        });
        let input = pair.master.take_writer().expect("a writer");
        Self { screen, input, child, reader, raw }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("a screen").screen().contents()
    }

    /// Waits until something is seen.
    fn until(&self, what: &str) {
        let began = Instant::now();
        while !self.text().contains(what) {
            assert!(began.elapsed() < Duration::from_secs(60), "never seen: {what}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).expect("a keyboard");
        self.input.flush().expect("a keyboard");
    }

    /// Waits for its end. The code, the screen, and every byte.
    fn end(mut self) -> (u32, String, String) {
        let code = self.child.wait().expect("an end").exit_code();
        // The end of the program is the end of its output.
        drop(self.input);
        self.reader.join().expect("a reader");
        let text = self.screen.lock().expect("a screen").screen().contents();
        let raw = String::from_utf8_lossy(&self.raw.lock().expect("bytes")).into_owned();
        (code, text, raw)
    }
}

fn stage() -> Stage {
    let stage = Stage::new(Kind::Sqlite);
    stage.migration(1, "create_users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    stage.migration(
        2,
        "add_a_column_whose_name_is_long_enough_to_be_cut_in_a_narrow_terminal_of_eighty_columns",
        "ALTER TABLE users ADD email TEXT;\n",
    );
    stage.write(
        "migrations/0002_add_a_column_whose_name_is_long_enough_to_be_cut_in_a_narrow_terminal_of_eighty_columns.down.sql",
        "ALTER TABLE users DROP COLUMN email;\n",
    );
    stage.done("lock");
    stage
}

/// All verbs that look, in terminals of both widths.
#[test]
fn what_is_seen_fits_the_terminal() {
    for columns in [80, 200] {
        let stage = stage();
        let mut seen = String::new();
        let mut see = |arguments: &str, codes: &[u32]| {
            let (code, text, raw) = Terminal::run(&stage, columns, arguments, &[]).end();
            assert!(codes.contains(&code), "{arguments}: {code}\n{text}");
            // The terminal breaks what is too wide: then a line of what was written is longer than it.
            let sql = arguments.contains("--sql");
            // A line that passes is written over.
            for line in raw.split(['\n', '\r']).filter(|_| !sql) {
                let bare = anstream::adapter::strip_str(line).to_string();
                let wide = bare.chars().count();
                let word = bare.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
                assert!(
                    wide <= usize::from(columns) || word + 30 > usize::from(columns),
                    "{columns}: {arguments}: {wide} columns: {bare}"
                );
            }
            seen.push_str(&format!("$ whimbrel {arguments}\n{}\n\n", stage.redacted(text.trim_end())));
        };
        see("status", &[0]);
        see("plan", &[0]);
        see("check", &[3]);
        see("lint", &[0]);
        see("up", &[0]);
        see("status", &[0]);
        see("history", &[0]);
        see("config", &[0]);
        std::fs::write(stage.path().join("migrations/0001_create_users.sql"), "SELECT 1;\n").expect("a file");
        see("up", &[4]);
        see("lock", &[4]);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("terminal_{columns}"), seen);
        });
    }
}

#[test]
fn colours_are_there_in_a_terminal_and_nowhere_else() {
    let stage = stage();
    let escape = |text: &str| text.contains("\u{1b}[3") || text.contains("\u{1b}[1m");
    let (_, _, coloured) = Terminal::run(&stage, 80, "status", &[]).end();
    assert!(escape(&coloured), "{coloured:?}");
    for (arguments, variables) in [
        ("status", &[("NO_COLOR", "1")][..]),
        ("status --color never", &[][..]),
        ("status --format json", &[][..]),
    ] {
        let (_, _, raw) = Terminal::run(&stage, 80, arguments, variables).end();
        assert!(!escape(&raw), "{arguments}: {raw:?}");
    }
    let said = stage.done("status");
    assert!(!escape(&said.stdout), "{}", said.stdout);
    assert!(escape(&stage.done("status --color always").stdout));
}

#[test]
fn what_passes_is_wiped() {
    let stage = stage();
    let (code, text, raw) = Terminal::run(&stage, 80, "up", &[]).end();
    assert_eq!(code, 0, "{text}");
    assert!(raw.contains("applying 1_create_users"), "{raw:?}");
    assert!(!text.contains("applying"), "{text}");
    assert!(text.contains("applied  1_create_users  1 statement"), "{text}");
}

#[test]
fn a_person_is_asked_before_something_is_lost() {
    let stage = stage();
    stage.done("up");
    for (answer, code, applied) in [("no\n", 4, true), ("\n", 4, true), ("yes\n", 0, false)] {
        let mut terminal = Terminal::run(&stage, 120, "down", &[]);
        terminal.until("Type `yes`");
        assert!(terminal.text().contains("drop-column"), "{}", terminal.text());
        terminal.type_in(answer);
        let (ended, text, _) = terminal.end();
        assert_eq!(ended, code, "{answer:?}: {text}");
        let status = stage.done("status --format json").json();
        let standing = &status["data"]["sets"][0]["entries"][1]["standing"];
        assert_eq!(standing == "applied", applied, "{status}");
    }
    let mut terminal = Terminal::run(&stage, 120, "drop", &[]);
    terminal.until("Type `yes`");
    terminal.type_in("yes\n");
    assert_eq!(terminal.end().0, 0);
    assert!(!stage.path().join("shop.db").exists());
}

#[test]
fn a_plan_that_loses_something_is_approved_at_the_terminal() {
    let stage = stage();
    stage.done("up");
    stage.migration(3, "no_names", "ALTER TABLE users DROP COLUMN name;\n");
    stage.done("lock");
    assert_eq!(stage.whimbrel("up").code, 4);
    let mut terminal = Terminal::run(&stage, 120, "up", &[]);
    terminal.until("Type `yes`");
    terminal.type_in("yes\n");
    let (code, text, _) = terminal.end();
    assert_eq!(code, 0, "{text}");
    let history = stage.done("history --format json").json();
    let rows = history["data"]["rows"].as_array().expect("rows");
    assert!(
        rows.iter().any(|row| row["detail"].as_str().is_some_and(|it| it.contains("approved=b3v1:"))),
        "{history}"
    );
}

#[test]
fn whoever_presses_ctrl_c_has_not_said_yes() {
    let stage = stage();
    stage.done("up");
    for verb in ["down", "drop", "reset"] {
        let mut terminal = Terminal::run(&stage, 120, verb, &[]);
        terminal.until("Type `yes`");
        terminal.type_in("\u{3}");
        let (code, text, _) = terminal.end();
        assert_eq!(code, 130, "{verb}: {text}");
        assert!(text.contains("broken off"), "{verb}: {text}");
        assert!(stage.done("status").stdout.contains("nothing pending"));
    }
}
