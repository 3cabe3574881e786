//! The configuration file of the command: nothing that stands in it is in an error about it.

use std::fs;
use std::path::Path;

use crate::config::FILE_NAME;
use crate::large::{numbered, repeated};
use crate::quoted::{SECRET, hides_the_secret, is_one_line};
use crate::settings::{Overrides, Settings};
use crate::{Target, corpus};

pub(crate) const TARGET: Target = Target {
    name: "configuration",
    check,
    seeds: || {
        let mut seeds = corpus::blocks("toml");
        seeds.push(
            format!("environment = \"a\"\n[environments.a]\nurl = {{ env = \"{SECRET}\" }}\n").into_bytes(),
        );
        seeds.push(
            format!("directory = '{SECRET}'\nvalues = {{ a = '{SECRET}' }}\n[policy]\nrules.x = 1\n")
                .into_bytes(),
        );
        seeds.push(format!("[environments.{SECRET}]\npassword = '{SECRET}'\nsqlite = 'x'\n").into_bytes());
        seeds.push(format!("[signatures]\nminisign = {{ {SECRET} = 'RW' }}\nthreshold = 2\n").into_bytes());
        seeds.push(
            format!("preflight = ['rights', '{SECRET}']\nlock-timeout = '3s'\nahead = '{SECRET}'\n")
                .into_bytes(),
        );
        seeds
    },
    words: &[
        "=",
        ".",
        "\n",
        "\r\n",
        "'",
        "\"",
        "'''",
        "\"\"\"",
        "[",
        "]",
        "[[",
        "]]",
        "{ ",
        " }",
        ",",
        "#",
        "\\u0041",
        "\\",
        "true",
        "false",
        "1",
        "0x1",
        "1e5",
        "inf",
        "1979-05-27T07:32:00Z",
        SECRET,
        "environment",
        "[environments.a]\n",
        "directory",
        "recursive",
        "set",
        "url",
        "env",
        "file",
        "fd",
        "sqlite",
        "password",
        "development",
        "writers",
        "init",
        "role",
        "table",
        "lock-deadline",
        "lock-timeout",
        "transaction",
        "per-run",
        "ahead",
        "refuse",
        "preflight",
        "rights",
        "values",
        "secrets",
        "[policy]\n",
        "rules",
        "concerns",
        "waivers",
        "[signatures]\n",
        "minisign",
        "threshold",
        "[signatures.approvals]\n",
        "[limits]\n",
        "script-bytes",
        "postgres://app:Xq7Zk9Wv@db/shop",
        "record-environment",
        "user",
        "3s",
        "5min",
    ],
    large: |size| {
        // It is refused when it is larger than 256 KiB.
        let size = size.min((256 << 10) - 256);
        vec![
            ("values", numbered(size, "[values]\n", |at| format!("a{at} = 'x'\n"), "")),
            ("environments", numbered(size, "", |at| format!("[environments.e{at}]\nsqlite = 'x'\n"), "")),
            ("unknown keys", numbered(size, "", |at| format!("a{at} = 1\n"), "")),
            ("a long key", repeated(size, "", "a", " = 1")),
            ("dotted keys", repeated(size, "a", ".a", " = 1")),
            ("arrays", repeated(size, "a = ", "[", "")),
            ("tables", repeated(size, "a = ", "{ a = ", "")),
            ("headers", repeated(size, "[a", ".a", "]\n")),
            ("an open text", repeated(size, "a = \"\"\"", "\\\\", "")),
            ("rules", numbered(size, "[policy]\n", |at| format!("rules.r{at} = 'off'\n"), "")),
            ("many of an array", numbered(size, "preflight = [", |at| format!("'r{at}',\n"), "]\n")),
        ]
    },
    longest: 1 << 11,
};

thread_local! {
    static FOLDER: tempfile::TempDir = folder();
}

fn folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("made");
    folder
}

fn check(bytes: &[u8]) {
    FOLDER.with(|folder| {
        fs::write(folder.path().join(FILE_NAME), bytes).expect("written");
        for environment in [None, Some("a".to_owned())] {
            let overrides = Overrides { environment, ..Overrides::default() };
            match Settings::load(&overrides, &|_| None, folder.path()) {
                Ok(settings) => {
                    let _ = format!("{settings:?}");
                }
                Err(problem) => {
                    let notes: String =
                        problem.notes().map(|(name, text)| format!("{name}: {text}\n")).collect();
                    let headline = problem.headline().to_owned();
                    let error = whimbrel::Error::from(problem);
                    let shown = format!("{headline}\n{notes}\n{error}\n{error:#}\n{error:?}");
                    // Where another environment was asked for, the names are shown.
                    if overrides.environment.is_none() {
                        hides_the_secret(&String::from_utf8_lossy(bytes), &shown);
                    }
                    is_one_line(&error.to_string());
                }
            }
        }
    });
}
