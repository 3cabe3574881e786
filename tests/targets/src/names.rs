//! The names of files: the layout, and what is said of names that are none.

use whimbrel::layout::{self, parse_file_name};
use whimbrel::{MigrationSet, SourceFile};

use crate::Target;
use crate::large::{numbered, repeated};
use crate::quoted::is_one_line;

pub(crate) const TARGET: Target = Target {
    name: "names",
    check,
    seeds: || {
        [
            "0001_create_users.sql\n0002_orders.up.sql\n0002_orders.down.sql\nR__totals.sql\n0003_step.rust",
            "V1__init.sql\nV1.1__more.sql\nU1__undo.sql\nR__view.sql\nB1__base.sql",
            "20240101120000_users.sql\n20240101120000_users.up.sql\n20240101120000_users.down.sql",
            "001-users.sql\n2_a\u{e9}.sql\nreadme.md\nwhimbrel.sum\n.hidden\n#a#\na~",
            "folder/0001_a.sql\nfolder/sub/0002_b.sql\n0001_c.sql",
            "2024-01-01-120000_users/up.sql\n2024-01-01-120000_users/down.sql\nm20220101_000001_create.rs",
            "0001_a.sql\n1_a.sql\n01_b.sql",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    },
    words: &[
        "\n",
        "/",
        ".",
        "_",
        "__",
        "-",
        "R__",
        "V",
        "U",
        "B",
        "0001_",
        "9223372036854775807",
        "9223372036854775808",
        ".sql",
        ".up.sql",
        ".down.sql",
        ".rust",
        ".rs",
        "up",
        "down",
        "20240101120000",
        "\u{e9}",
        "\u{202e}",
        "\u{1b}",
        " ",
        "..",
        "whimbrel.sum",
    ],
    large: |size| {
        vec![
            ("slashes", repeated(size, "", "a/", "1_a.sql")),
            (
                "wrong names of two kinds",
                numbered(
                    size,
                    "",
                    |at| {
                        if at % 2 == 0 { format!("{at}_a.txt\n") } else { format!("V{at}__a.sql\n") }
                    },
                    "",
                ),
            ),
            ("wrong names of one kind", numbered(size, "", |at| format!("a{at}.sql\n"), "")),
            ("names of one version", numbered(size, "", |at| format!("1_a{at}.sql\n"), "")),
            ("good names", numbered(size, "", |at| format!("{at}_a.sql\n"), "")),
            ("a long name", repeated(size, "1_", "a", ".sql")),
            ("a long version", repeated(size, "", "1", "_a.sql")),
            ("points", repeated(size, "1_", ".", ".sql")),
        ]
    },
    longest: 1 << 9,
};

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for name in text.split('\n') {
        check_name(name.rsplit('/').next().unwrap_or(name));
    }
    let paths: Vec<&str> = text.split('\n').collect();
    let _ = layout::folder_advice(paths.iter().copied());
    for pair in paths.windows(2) {
        assert_eq!(
            layout::are_ways(pair[0], pair[1]),
            layout::are_ways(pair[1], pair[0]),
            "one way only: {text:?}"
        );
    }
    let files = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| SourceFile { path: (*path).to_owned(), bytes: b"SELECT 1;".to_vec() })
            .collect()
    };
    let said = |paths: &[&str]| match MigrationSet::from_files(None, "db", files(paths), None) {
        Ok(set) => Ok(*set.head()),
        Err(error) => {
            for line in format!("{error}\n{error:#}").lines() {
                is_one_line(line);
            }
            Err(format!("{error:#}"))
        }
    };
    let turned: Vec<&str> = paths.iter().rev().copied().collect();
    assert_eq!(said(&paths), said(&turned), "the order of a directory matters: {text:?}");
}

fn check_name(name: &str) {
    let _ = layout::is_ignored(name);
    is_one_line(&layout::shown(name));
    match parse_file_name(name) {
        Ok(parsed) => {
            let _ = parsed.template();
            let ending = match parsed.role {
                layout::Role::Up if name.ends_with(".up.sql") => ".up.sql",
                layout::Role::Up => ".sql",
                layout::Role::Down => ".down.sql",
                layout::Role::Rust => ".rust",
            };
            let begin = parsed.version.map_or("R__".to_owned(), |version| format!("{version}_"));
            let again = format!("{begin}{}{ending}", parsed.name);
            assert_eq!(parse_file_name(&again).as_ref(), Ok(&parsed), "{name:?} is not {again:?}");
        }
        Err(error) => {
            is_one_line(&error.to_string());
            if let Some(better) = error.suggestion() {
                assert!(parse_file_name(&better).is_ok(), "{better:?} is proposed for {name:?}");
            }
        }
    }
}
