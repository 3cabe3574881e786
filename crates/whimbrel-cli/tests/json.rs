//! What programs read is what `docs/guide/json.md` describes: one object a line, nothing beside it, no field that the page does
//! not name.

mod stage;

use std::collections::BTreeSet;

use serde_json::Value;
use stage::{Kind, Stage};

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_line_is_an_object_and_every_field_is_described() {
    let stage = Stage::new(Kind::Sqlite);
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    stage.migration(2, "email", "ALTER TABLE users ADD email TEXT;\n");
    stage.write("migrations/0002_email.down.sql", "ALTER TABLE users DROP COLUMN email;\n");
    let mut found = BTreeSet::new();
    let mut verbs = BTreeSet::new();
    for (arguments, code) in [
        ("init", 0),
        ("verify", 4),
        ("lock", 0),
        ("verify", 0),
        ("lint", 0),
        ("lint --rules", 0),
        ("lint --explain drop-column", 0),
        ("status", 0),
        ("plan", 0),
        ("plan --sql", 0),
        ("check", 3),
        ("up --to 1", 0),
        ("up", 0),
        ("up", 0),
        ("wait", 0),
        ("history", 0),
        ("history --verify", 0),
        ("doctor", 0),
        ("report", 0),
        ("config", 0),
        ("settle", 0),
        ("repair --reason x", 0),
        ("down --yes", 4),
        ("redo --yes", 4),
        ("create", 0),
        ("completions bash", 0),
        ("man man", 0),
        ("sign --key nowhere", 1),
        ("new more", 0),
        ("up", 4),
        ("reset", 4),
        ("drop", 4),
        ("baseline 1", 4),
        ("nonsense", 2),
        ("up --url postgres://a:b@localhost/c", 2),
        ("up --url postgres://nobody@127.0.0.1:1/none", 6),
        ("up --config nowhere.toml", 2),
    ] {
        let said = stage.whimbrel(&format!("{arguments} --format json"));
        assert_eq!(said.stderr, "", "{arguments}");
        let mut last = Value::Null;
        for line in said.stdout.lines() {
            last = serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments}: {error}: {line}"));
            assert_eq!(last["schema"], 1, "{arguments}: {line}");
            keys(&last, &mut found);
        }
        assert_eq!(
            (said.code, last["exit"]["code"].as_i64()),
            (code, Some(i64::from(code))),
            "{arguments}: {last}"
        );
        verbs.insert(last["verb"].as_str().unwrap_or_default().to_owned());
    }
    assert!(verbs.len() > 22, "{verbs:?}");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/json.md"));
    let page = page.expect("the page");
    let unknown: Vec<&String> = found.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(unknown.is_empty(), "docs/guide/json.md does not describe {unknown:?}");
}

/// Whoever reads the beginning only has seen enough.
#[test]
fn a_closed_pipe_ends_it_quietly() {
    let stage = Stage::new(Kind::Sqlite);
    for verb in ["--help", "lint --rules", "completions bash", "lint --rules --format json"] {
        let said = stage.shell(&format!("whimbrel {verb} | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}"));
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{verb}");
    }
}
