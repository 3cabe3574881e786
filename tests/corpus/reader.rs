//! Reads the corpus of scripts beside it; the format is told in `README.md`. Knows nothing of how scripts
//! are cut.

#![allow(dead_code, reason = "each test that mounts this file uses a part of it")]

use std::fs;
use std::ops::Range;
use std::path::Path;

/// One script, and what must be made of it.
#[derive(Debug)]
pub(crate) struct Case {
    /// File, line and title, for messages.
    pub(crate) name: String,
    pub(crate) flags: Vec<String>,
    pub(crate) script: String,
    /// Where the statements stand in the script.
    pub(crate) statements: Vec<Range<usize>>,
    /// Which problems it has, and where.
    pub(crate) problems: Vec<(usize, String)>,
}

impl Case {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }
}

/// All cases of one dialect's directory.
pub(crate) fn read(dialect: &str) -> Vec<Case> {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|at| at.join("tests/corpus").join(dialect));
    let directory = directory.into_iter().find(|path| path.is_dir()).expect("the corpus is there");
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("the corpus can be read")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| read_file(file)).collect()
}

fn read_file(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a corpus file is UTF-8");
    let name = file.file_name().expect("a file has a name").to_string_lossy();
    let mut cases: Vec<(String, Vec<&str>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("==== ") {
            cases.push((format!("{name}:{}: {title}", number + 1), Vec::new()));
        } else if let Some((_, lines)) = cases.last_mut() {
            lines.push(line);
        }
    }
    cases.into_iter().map(|(name, lines)| case(name, &lines.join("\n"))).collect()
}

fn case(name: String, marked: &str) -> Case {
    let flags: Vec<String> = match name.rsplit_once('[') {
        Some((_, flags)) if name.ends_with(']') => {
            flags.trim_end_matches(']').split_whitespace().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    let escaped = flags.iter().any(|flag| flag == "escaped");
    let (mut script, mut starts, mut statements, mut problems) =
        (String::new(), Vec::new(), Vec::new(), Vec::new());
    let mut rest = marked.chars();
    while let Some(character) = rest.next() {
        match character {
            '«' => starts.push(script.len()),
            '»' => {
                statements.push(starts.pop().unwrap_or_else(|| panic!("{name}: » without «"))..script.len())
            }
            '‹' => problems.push((script.len(), rest.by_ref().take_while(|next| *next != '›').collect())),
            '\\' if escaped => script.push(match rest.next() {
                Some('0') => '\0',
                Some('r') => '\r',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('f') => '\x0C',
                Some('v') => '\x0B',
                Some('\\') => '\\',
                Some('u') => {
                    let digits: String = rest.by_ref().skip(1).take_while(|next| *next != '}').collect();
                    let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    character.unwrap_or_else(|| panic!("{name}: \\u{{{digits}}}"))
                }
                other => panic!("{name}: \\{other:?}"),
            }),
            other => script.push(other),
        }
    }
    assert!(starts.is_empty(), "{name}: « without »");
    Case { name, flags, script, statements, problems }
}
