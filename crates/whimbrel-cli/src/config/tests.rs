//! Claims about the file: what each key takes, what is refused with which words, and that nothing of it is in an error.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use whimbrel::Error;

use super::keys::{KEYS, Key, Section};
use super::*;
use crate::settings::{Overrides, Settings};

/// The settings of a file, and of arguments.
fn load(text: &[u8], overrides: &Overrides) -> Result<Settings, Problem> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("made");
    fs::write(folder.path().join(FILE_NAME), text).expect("written");
    Settings::load(overrides, &|_| None, folder.path())
}

fn read(text: &str) -> Result<Document, Problem> {
    Document::read(&SourceText::new(FILE_NAME.into(), text.to_owned()), Path::new(""))
}

/// All that is ever shown of a problem.
fn shown(problem: &Problem) -> String {
    let notes: String = problem.notes().map(|(name, text)| format!("{name}: {text}\n")).collect();
    let error = Error::from(problem.clone());
    format!("{problem}\n{notes}{problem:?}\n{error}\n{error:#}\n{error:?}\n{}", problem.headline())
}

/// A file that has this key, with its example.
fn file_with(key: &Key) -> String {
    let example = key.example;
    let nobody = "minisign = { alice = \"RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK\" }";
    match (key.section, key.name) {
        (_, "environment") => format!("{example}\n[environments.development]\n"),
        (_, "signatures") => format!("{example}\n{nobody}\n"),
        (Section::Top, _) => format!("{example}\n"),
        (Section::Environment, "password") => format!("[environments.a]\nurl.env = 'A'\n{example}\n"),
        (Section::Environment | Section::Shared, _) => format!("[environments.a]\n{example}\n"),
        (Section::Policy, _) => format!("[policy]\n{example}\n"),
        (Section::Limits, _) => format!("[limits]\n{example}\n"),
        (Section::Signatures, "minisign") => format!("[signatures]\n{example}\n"),
        (Section::Signatures, _) => format!("[signatures]\n{nobody}\n{example}\n"),
        (Section::Approvals, _) => format!("[signatures]\n{nobody}\n[signatures.approvals]\n{example}\n"),
    }
}

#[cfg(all(feature = "policy", feature = "sign"))]
#[test]
fn every_keys_example_is_read_and_a_wrong_type_behind_it_is_refused() {
    for key in KEYS {
        let text = file_with(key);
        assert!(read(&text).is_ok_and(|_| text.contains(key.name)), "{text}: {:?}", read(&text));
        // No key takes a point in time.
        let wrong = format!("{} = 1979-05-27T07:32:00Z", key.name);
        let wrong = match (key.name, key.example.starts_with('[')) {
            ("approvals", _) => format!("[signatures]\nallowed-signers = 'x'\n{wrong}"),
            (_, true) => wrong,
            (_, false) => text.replace(key.example, &wrong),
        };
        let problem = read(&wrong).expect_err(&wrong);
        assert!(problem.headline().contains(&format!("{}`: ", key.name)), "{wrong}: {problem}");
    }
}

#[test]
fn shared_keys_are_read_at_the_top_level_too() {
    for key in KEYS.iter().filter(|key| key.section == Section::Shared) {
        assert!(read(key.example).is_ok(), "{}", key.example);
    }
}

/// Wrong files.
#[cfg(all(feature = "policy", feature = "sign"))]
const WRONG: &[&str] = &[
    // Keys.
    "directoy = 'migrations'",
    "lock_deadline = '1s'",
    "zzz = 1",
    "'' = 1",
    "[environments.a]\ndirectory = 'x'",
    "[environments.a]\nurll.env = 'X'",
    "[environments.a]\nhost = 'db'",
    "[environments.a]\nUser = 'app'",
    "dsn = 'x'",
    "[policy]\ntoken = 'x'",
    "url.env = 'X'",
    "password = 'x'",
    "[policy]\nrole = 'x'",
    "[signatures.approvals]\nminisign = {}",
    "a = 1\nb = 2",
    "a = 1\nb = 2\nc = 3",
    // Types.
    "directory = 7",
    "recursive = 'true'",
    "environments = []",
    "[[environments]]",
    "[environments]\na = 1",
    "policy = true",
    "values = 'x'",
    "values = { a = 1 }",
    "preflight = 'rights'",
    "preflight = [1]",
    // Words.
    "preflight = ['right']",
    "ahead = 'accpt'",
    "ahead = 'maybe'",
    "transaction = 'per-rn'",
    "out-of-order = ''",
    "[policy]\nwaivers = 'allow'",
    "[policy]\nrules.drop-tabel = 'off'",
    "[policy]\nrules.zzzzzzzzz = 'off'",
    "[policy]\nrules.drop-table = 'error'",
    "[policy]\nconcerns.dataloss = 'off'",
    // Times, names, numbers.
    "lock-deadline = '5 minutes'",
    "lock-deadline = 5",
    "lock-timeout = '99999h'",
    "set = 'Shop'",
    "table = 'a.b.c'",
    "role = ''",
    "directory = ''",
    "directory = 'a@b'",
    "directory = 'a\\b'\nset = \"\\u0000\"",
    "environment = 'a b'",
    "environment = 'a'\n[environments.b]",
    "[environments.'a b']",
    "values = { 'a b' = 'x' }",
    "secrets.'--' = { env = 'X' }",
    "[signatures]",
    "[signatures]\nallowed-signers = 'x'\nthreshold = 0",
    "[signatures]\nallowed-signers = 'x'\nthreshold = -1",
    "[signatures]\nminisign = { alice = 'RWx' }",
    "[signatures]\nminisign = { '' = 'RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK' }",
    // References and credentials.
    "[environments.a]\nurl = 'postgres://db/app'",
    "[environments.a]\nurl = 'sqlite:app.db'",
    "[environments.a]\nurl = { env = 'A', file = 'b' }",
    "[environments.a]\nurl = {}",
    "[environments.a]\nurl = { evn = 'A' }",
    "[environments.a]\nurl = { env = 'a-b' }",
    "[environments.a]\nurl = { fd = -1 }",
    "[environments.a]\nurl = { fd = 0x3 }",
    "[environments.a]\nurl = { file = '' }",
    "[environments.a]\nurl = { file = 'a@b' }",
    "[environments.a]\nurl = 'file:url'",
    "[environments.a]\npassword = 'x'",
    "[environments.a]\nsqlite = 'sqlite:app.db'",
    "[environments.a]\nsqlite = 'file:app.db?mode=ro'",
    "environment = 'a'\nenvironments.a = 1",
    "[environments.a]\nsqlite = 'a.db'\nurl.env = 'A'",
    "[environments.a]\nsqlite = 'a.db'\npassword.env = 'A'",
    "values.home = 'https://app:x@example.com'",
    "secrets.api_key = 'x'",
    // Syntax.
    "directory = migrations",
    "directory =",
    "directory",
    "directory = 'a",
    "directory = \"\\q\"",
    "directory = 'a' set = 'b'",
    "directory = 'a'\ndirectory = 'b'",
    "[policy\nenabled = true",
    "preflight = ['rights'",
    "values = { a = 'b'",
    "values = { a = 'b' c = 'd' }",
    "lock-deadline = 3s",
    "directory = 007",
    "directory = 1979-99-99",
    "a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "= 1",
];

#[cfg(all(feature = "policy", feature = "sign"))]
#[test]
fn wrong_files_are_refused_with_their_place_and_the_remedy() {
    let mut told = String::new();
    for text in WRONG {
        let problem = read(text).expect_err(text);
        assert!(problem.place().is_some(), "{text}: {problem}");
        let notes: String = problem.notes().map(|(name, text)| format!("\n  = {name}: {text}")).collect();
        told.push_str(&format!("{text}\n-> {problem}{notes}\n\n"));
    }
    insta::assert_snapshot!("wrong_files", told);
}

#[test]
fn files_that_are_no_text_or_too_large_are_refused() {
    let told = |bytes: &[u8]| load(bytes, &Overrides::default()).expect_err("refused").to_string();
    assert_eq!(told(b"set = '\xff'"), "whimbrel.toml is not UTF-8");
    assert_eq!(told(&[b'\n'; 256 * 1024 + 1]), "whimbrel.toml is larger than 256 KiB");
    assert!(load(&[b'\n'; 256 * 1024], &Overrides::default()).is_ok());
}

/// A password, as a text and as a number.
const PASSWORD: &str = "hunter2!Xq9";
const DIGITS: &str = "8675309";

/// Files in which somebody has put a password.
const PLANTED: &[&str] = &[
    // Where the database is named.
    "[environments.a]\nurl = 'postgres://app:hunter2!Xq9@db.example.com/app'",
    "[environments.a]\nurl = 'hunter2!Xq9'",
    "[environments.a]\nurl = 'hunter2!Xq9@db.example.com'",
    "[environments.a]\nurl = \"\"\"\npostgres://app:hunter2!Xq9@db\n\"\"\"",
    "[environments.a]\nurl = ['postgres://app:hunter2!Xq9@db']",
    "[environments.a]\nurl = { value = 'postgres://app:hunter2!Xq9@db' }",
    "[environments.a]\nurl = { env = 'postgres://app:hunter2!Xq9@db' }",
    "[environments.a]\nurl = { env = 'hunter2!Xq9' }",
    "[environments.a]\nurl = { file = 'postgres://app:hunter2!Xq9@db' }",
    "[environments.a]\nurl = { file = 'app:hunter2!Xq9@db' }",
    "[environments.a]\nurl = { fd = 'hunter2!Xq9' }",
    "[environments.a]\nurl = { fd = 867530986753098675309 }",
    "[environments.a]\nurl = { 'hunter2!Xq9' = 'A' }",
    "[environments.a]\nurl = 'env:hunter2!Xq9'",
    "[environments.a]\nurl = 'file:hunter2!Xq9'",
    "[environments.a]\nurl = 'fd:hunter2!Xq9'",
    "[environments.a]\nurl = { env = 'A', password = 'hunter2!Xq9' }",
    "[environments.a]\nurl = 8675309",
    "[environments.a]\nurl = 1979-05-27T07:32:00.8675309",
    "[environments.a]\nurl = postgres://app:hunter2!Xq9@db",
    "[environments.a]\nurl = postgres://app:8675309@db",
    "[environments.a]\nsqlite = 'postgres://app:hunter2!Xq9@db'",
    "[environments.a]\nsqlite = 'sqlite://app:hunter2!Xq9@db'",
    "[environments.a]\npassword = 'hunter2!Xq9'",
    "[environments.a]\npassword = 8675309",
    "[environments.a]\npassword = { plain = 'hunter2!Xq9' }",
    "[environments.a]\npassword = true # hunter2!Xq9",
    "[environments.a]\ndevelopment = 'hunter2!Xq9'",
    // In keys.
    "'postgres://app:hunter2!Xq9@db' = 1",
    "\"hunter2!Xq9\" = 1",
    "[environments.'hunter2!Xq9']",
    "[environments.\"postgres://app:hunter2!Xq9@db\"]\nsqlite = 1",
    "[environments.a]\n'hunter2!Xq9' = 1",
    "['hunter2!Xq9']",
    "[policy.rules]\n'hunter2!Xq9' = 'off'",
    "[policy.concerns]\n'hunter2!Xq9' = 'off'",
    "[signatures.minisign]\n'https://app:hunter2!Xq9@host' = 'x'",
    "values = { 'hunter2!Xq9' = 'x' }",
    "secrets = { 'hunter2!Xq9' = { env = 'X' } }",
    "hunter2!Xq9 = 1",
    "8675309 = 1",
    "a.'hunter2!Xq9' = 1\na = 1",
    "'hunter2!Xq9' = 1\n'hunter2!Xq9' = 2",
    // Elsewhere.
    "host = 'hunter2!Xq9'",
    "user = 'hunter2!Xq9'",
    "token = 'hunter2!Xq9'",
    "password = 'hunter2!Xq9'",
    "dsn = 'host=db password=hunter2!Xq9'",
    "environment = 'hunter2!Xq9'",
    "environment = 'postgres://app:hunter2!Xq9@db'",
    "set = 'hunter2!Xq9'",
    "table = 'hunter2!Xq9'",
    "table = 'app:hunter2!Xq9@db'",
    "directory = 'postgres://app:hunter2!Xq9@db/'",
    "directory = 'app:hunter2!Xq9@db'",
    "role = 'app:hunter2!Xq9@db'",
    "role = 'password=hunter2!Xq9'",
    "ahead = 'hunter2!Xq9'",
    "transaction = ['hunter2!Xq9']",
    "lock-deadline = 'hunter2!Xq9'",
    "lock-deadline = '8675309'",
    "preflight = ['hunter2!Xq9']",
    "preflight = ['rights', 8675309]",
    "recursive = 'hunter2!Xq9'",
    "values = { region = 'postgres://app:hunter2!Xq9@db' }",
    "values = { region = 'host=db password=hunter2!Xq9' }",
    "values = { region = ['hunter2!Xq9'] }",
    "values = { region = { text = 'hunter2!Xq9' } }",
    "secrets = { region = 'hunter2!Xq9' }",
    "[policy]\nenabled = 'hunter2!Xq9'",
    "[policy.rules]\ndrop-table = 'hunter2!Xq9'",
    "[signatures]\nallowed-signers = 'app:hunter2!Xq9@db'",
    "[signatures]\nminisign = { alice = 'hunter2!Xq9' }",
    "[signatures]\nthreshold = 'hunter2!Xq9'",
    "[signatures]\nthreshold = 8675309",
    // In what is not TOML.
    "directory = hunter2!Xq9",
    "directory = 'hunter2!Xq9",
    "directory = \"hunter2!Xq9\\q\"",
    "directory = \"\"\"hunter2!Xq9",
    "directory = 'a' hunter2!Xq9",
    "directory = { hunter2!Xq9 }",
    "directory = ['hunter2!Xq9'",
    "directory = 1979-05-27T99:hunter2!Xq9",
    "directory = 1979-99-8675309",
    "directory = 0x8675309hunter2!Xq9",
    "directory = 08675309",
    "directory = 8675309.",
    "[hunter2!Xq9",
    "[[hunter2!Xq9]",
    "hunter2!Xq9",
    "# hunter2!Xq9 \u{1}\n",
    "postgres://app:hunter2!Xq9@db",
];

fn assert_hidden(shown: &str, of: &str) {
    // A part of it would be too much already.
    for secret in [PASSWORD, DIGITS, "hunter2", "Xq9"] {
        assert!(!shown.contains(secret), "{of}\n{shown}");
    }
}

#[test]
fn a_password_in_the_file_is_refused_and_never_shown() {
    for text in PLANTED {
        assert!(text.contains(PASSWORD) || text.contains(DIGITS), "{text}");
        let problem = load(text.as_bytes(), &Overrides::default()).expect_err(text);
        assert!(problem.place().is_some(), "{text}: {problem}");
        assert_hidden(&shown(&problem), text);
    }
}

#[test]
fn a_password_in_an_argument_is_refused_and_never_shown() {
    type Put = fn(&mut Overrides, String);
    let url: Put = |overrides, text| overrides.url = Some(text);
    let arguments: &[(Put, &str)] = &[
        (url, "postgres://app:hunter2!Xq9@db/app"),
        (url, "postgres://app:hunter2%21Xq9@db/app"),
        (url, "mysql://app@db/app?password=hunter2!Xq9"),
        (url, "mariadb://app@db/app?passwd=hunter2!Xq9"),
        (url, "postgres://db/app?sslpassword=hunter2!Xq9"),
        (url, "postgres://app%3Ahunter2!Xq9@db/app"),
        (url, "postgres://:hunter2!Xq9@db/app"),
        (url, "POSTGRES://app:hunter2!Xq9@db/app"),
        (url, "oracle://app:hunter2!Xq9@db/app"),
        (url, "sqlite://app:hunter2!Xq9@db"),
        (url, "sqlite:app:hunter2!Xq9@db"),
        (url, "sqlite:app.db?key=hunter2!Xq9"),
        (url, "sqlite:app.db?password=hunter2!Xq9"),
        (url, "sqlite:file:app.db?key=hunter2!Xq9"),
        (url, "sqlite:file:hunter2!Xq9"),
        (url, "env:hunter2!Xq9"),
        (url, "file:hunter2!Xq9"),
        (url, "file:/postgres://app:hunter2!Xq9@db"),
        (url, "fd:hunter2!Xq9"),
        (url, "hunter2!Xq9"),
        (url, "hunter2!Xq9@db.example.com"),
        (url, "host=db password=hunter2!Xq9"),
        (url, ""),
        (|overrides, text| overrides.config = Some(text.into()), "postgres://app:hunter2!Xq9@db/app"),
        (|overrides, text| overrides.directory = Some(text.into()), "postgres://app:hunter2!Xq9@db/app"),
        (|overrides, text| overrides.config = Some(text.into()), "app:hunter2!Xq9@db"),
        (|overrides, text| overrides.directory = Some(text.into()), "app:hunter2!Xq9@db"),
        (|overrides, text| overrides.environment = Some(text), "postgres://app:hunter2!Xq9@db/app"),
        (|overrides, text| overrides.environment = Some(text), "hunter2"),
        (|overrides, text| overrides.set = Some(text), "hunter2!Xq9"),
        (|overrides, text| overrides.table = Some(text), "hunter2!Xq9"),
        (|overrides, text| overrides.role = Some(text), "app:hunter2!Xq9@db"),
        (|overrides, text| overrides.lock_deadline = Some(text), "hunter2!Xq9"),
        (|overrides, text| overrides.transaction = Some(text), "hunter2!Xq9"),
    ];
    for (put, text) in arguments {
        let mut overrides = Overrides::default();
        put(&mut overrides, (*text).to_owned());
        let problem = load(b"[environments.a]\n", &overrides).expect_err(text);
        assert_hidden(&format!("{}{overrides:?}", shown(&problem)), text);
    }
}

#[test]
fn a_password_in_a_variable_is_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("made");
    for name in ["WHIMBREL_CONFIG", "WHIMBREL_ENVIRONMENT"] {
        let variables = |asked: &str| (asked == name).then(|| "postgres://app:hunter2!Xq9@db/app".to_owned());
        let problem = Settings::load(&Overrides::default(), &variables, folder.path()).expect_err(name);
        assert!(problem.headline().starts_with(&format!("`{name}`: ")), "{problem}");
        assert_hidden(&shown(&problem), name);
    }
}

#[test]
fn a_users_name_in_an_argument_is_not_shown_where_it_may_be_a_password() {
    let overrides =
        Overrides { url: Some("postgres://hunter2!Xq9@db/app".to_owned()), ..Overrides::default() };
    let settings = load(b"", &overrides).expect("a user without a password");
    assert_hidden(&format!("{settings:?} {:?}", settings.lines()), "the user alone");
}

/// A good file, into which a marker is put.
const GOOD: &str = r#"environment = "production"
directory = "db/migrations"
preflight = ["protected", 'rights']
[environments.production]
url = { env = "PRODUCTION_URL" }
password = { file = "secrets/password" }
lock-deadline = "1min"
values = { region = """us""" }
secrets.mail = "fd:3"
[policy.rules]
drop-table = "refusal"
[signatures]
threshold = 2
minisign.carol = "RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK"
"#;

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,80}", argument in "(?s)[a-z:/@?=%.]{0,12}.{0,20}") {
        let _ = crate::settings::Place::of_argument(&argument, Path::new(""));
        if let Err(problem) = read(&text) {
            let _ = shown(&problem);
        }
    }

    #[test]
    fn what_is_put_anywhere_into_a_file_is_in_no_error(
        at in 0..GOOD.len(), cut in 0_usize..6, before in "['\"=\\[\\]{}#\n.,@: ]{0,3}", after in "['\"=\\[\\]{}#\n.,@: ]{0,3}",
        marker in "[A-Z]{3}[0-9]{4}[a-z]{3}",
    ) {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{before}{marker}{after}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(problem) = read(&text) {
            prop_assert!(!shown(&problem).contains(&marker), "{text}\n{}", shown(&problem));
        }
    }

    #[test]
    fn what_is_put_behind_any_key_is_in_no_error(
        key in 0..KEYS.len(), form in 0_usize..8, marker in "[A-Z]{3}[0-9]{4}[a-z]{3}",
    ) {
        let key = &KEYS[key];
        let value = match form {
            0 => format!("'{marker}'"),
            1 => format!("['{marker}']"),
            2 => format!("{{ {marker} = 1 }}"),
            3 => format!("{{ a = '{marker}' }}"),
            4 => marker.clone(),
            5 => format!("'postgres://app:{marker}@db'"),
            6 => format!("'{marker}@db'"),
            _ => format!("\"\"\"\n{marker}"),
        };
        let text = file_with(key).replace(key.example, &format!("{} = {value}", key.name));
        if let Err(problem) = read(&text) {
            prop_assert!(!shown(&problem).contains(&marker), "{text}\n{}", shown(&problem));
        }
    }
}

/// The table of all keys, as the documentation has it.
fn table() -> String {
    let mut table = "| key | where | what | default | about |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for key in KEYS {
        let Key { section, name, kind, default, about, .. } = key;
        table.push_str(&format!("| `{name}` | {} | {kind} | {default} | {about} |\n", section.place()));
    }
    table
}

/// The page about the file, and where it is.
fn page() -> (std::path::PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = fs::read_to_string(&path).expect("the page is there").replace("\r\n", "\n");
    (path, page)
}

#[test]
fn the_documentation_has_all_keys() {
    let (path, page) = page();
    if std::env::var_os("WHIMBREL_WRITE_DOCS").is_some() {
        let (before, _) = page.split_once("| key |").expect("the page ends with the table");
        fs::write(&path, format!("{before}{}", table())).expect("the page can be written");
        return;
    }
    assert!(
        page.ends_with(&table()),
        "docs/configuration.md is behind the keys: write its table anew, as its comment says"
    );
}

#[cfg(all(feature = "policy", feature = "sign"))]
#[test]
fn the_documentations_examples_are_read() {
    let (_, page) = page();
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 3);
    for example in examples {
        let _: Document = read(example).unwrap_or_else(|problem| panic!("{example}\n{problem}"));
    }
}
