//! The page of a database in which everything occurs, and of one whose every text is hostile.

use std::time::Duration;

use scraper::{ElementRef, Html};

use super::*;

/// A page in which every state, event and weight occurs. Each text that comes from files, people or a database goes through
/// `data`.
fn page(data: &dyn Fn(&str) -> String) -> Page {
    let migration = |label: &str, tone, state: &str, took: &str, down| Migration {
        label: data(label),
        state: Some((tone, state.to_owned())),
        since: data("2026-11-21 10:00:00"),
        took: took.to_owned(),
        by: data("app@web-3 (orders 1.8.0)"),
        down,
    };
    let finding = |weight, kind: &str, subject: &str, message: &str, place: &str| Finding {
        weight,
        kind: kind.to_owned(),
        set: data("app"),
        subject: data(subject),
        message: data(message),
        place: if place.is_empty() { String::new() } else { data(place) },
    };
    let sets = vec![
        Set {
            name: data("app"),
            dialect: data("postgres"),
            head: data("b3v1:00aa"),
            locked: true,
            migrations: vec![
                migration("1_users", Tone::Good, "applied", "4.0 ms", Some(true)),
                migration("2_legacy", Tone::Good, "baselined", "", Some(false)),
                migration("3_orders", Tone::Bad, "changed", "12.0 ms", Some(false)),
                migration("4_gone", Tone::Plain, "removed", "", None),
                migration("5_back", Tone::Plain, "reverted", "", Some(true)),
                migration("6_other", Tone::Bad, "unknown", "", None),
                migration("7_index", Tone::Bad, "open", "", Some(false)),
                migration("8_totals", Tone::Waiting, "pending", "", Some(true)),
            ],
        },
        Set {
            name: data("empty"),
            dialect: data("postgres"),
            head: data("b3v1:00bb"),
            locked: false,
            migrations: Vec::new(),
        },
    ];
    let step = |label: &str, action: &str, how: &str, count: Option<&str>, statements: &[&str]| Step {
        set: data("app"),
        action: action.to_owned(),
        label: data(label),
        file: data("migrations/8_totals.sql"),
        how: data(how),
        count: count.map(str::to_owned),
        statements: statements.iter().map(|it| data(it)).collect(),
    };
    let plan = Plan {
        digest: data("b3v1:00cc"),
        creates_history: true,
        wants_approval: true,
        steps: vec![
            step(
                "8_totals",
                "apply",
                "in a transaction",
                Some("2 statements"),
                &["CREATE TABLE t (n INT)", "INSERT INTO t VALUES (?)"],
            ),
            step("9_fill", "apply", "", Some("in Rust"), &[]),
            step("4_gone", "tombstone", "because: no longer needed", None, &[]),
        ],
    };
    Page {
        made: "2026-11-22 12:00:00".to_owned(),
        version: "0.1.0".to_owned(),
        database: Some(Database {
            name: data("orders"),
            server: data("PostgreSQL 15.18"),
            environment: Some(data("production")),
        }),
        summary: data("at 6_other, 7_index is begun and not known to be done, 1 pending"),
        sets,
        plan: Planned::Plan(plan),
        findings: vec![
            finding(
                (Tone::Bad, "refusal"),
                "changed",
                "3_orders",
                "was changed after it was applied",
                "migrations/3_orders.sql",
            ),
            finding(
                (Tone::Waiting, "approval"),
                "policy",
                "8_totals",
                "drops a column",
                "migrations/8_totals.sql:2:1",
            ),
            finding((Tone::Plain, "note"), "policy", "8_totals", "has no way down", ""),
        ],
        broken: vec![BrokenRow {
            set: data("app"),
            seq: 2,
            what: data("it was changed after it was written"),
        }],
        history: vec![
            Rows {
                set: None,
                rows: vec![row(data, 1, "environment", Tone::Plain, "", "1", &[("name", "production")])],
            },
            Rows { set: Some(data("app")), rows: rows(data) },
        ],
    }
}

fn row(
    data: &dyn Fn(&str) -> String,
    seq: i64,
    event: &str,
    tone: Tone,
    label: &str,
    writer: &str,
    details: &[(&'static str, &str)],
) -> Row {
    Row {
        seq,
        event: event.to_owned(),
        tone,
        broken: seq == 2,
        label: if label.is_empty() { String::new() } else { data(label) },
        at: data(&format!("2026-11-21T10:{seq:02}:00.000Z")),
        when: data(&format!("2026-11-21 10:{seq:02}:00")),
        by: data("app@web-3 (orders 1.8.0)"),
        writer: data(writer),
        details: details.iter().map(|(name, value)| (*name, data(value))).collect(),
        took: Vec::new(),
    }
}

fn rows(data: &dyn Fn(&str) -> String) -> Vec<Row> {
    let row =
        |seq, event, tone, label, writer, details: &[_]| row(data, seq, event, tone, label, writer, details);
    let mut rows = vec![
        row(1, "baselined", Tone::Good, "2_legacy", "a", &[("reason", "it has them already")]),
        row(2, "applied", Tone::Good, "1_users", "b", &[]),
        row(3, "applied", Tone::Good, "3_orders", "b", &[("order", "late")]),
        row(4, "finished", Tone::Good, "", "b", &[]),
        row(
            5,
            "backup",
            Tone::Plain,
            "",
            "c",
            &[("place", "/backups/1"), ("bytes", "4096"), ("check", "restored")],
        ),
        row(6, "failed", Tone::Bad, "5_back", "c", &[("statement", "1"), ("code", "23505")]),
        row(7, "begun", Tone::Plain, "7_index", "d", &[]),
        row(8, "statement", Tone::Plain, "7_index", "d", &[("statement", "1")]),
        row(
            9,
            "settled",
            Tone::Waiting,
            "7_index",
            "e",
            &[("because", "looked at it"), ("outcome", "did-not")],
        ),
        row(10, "attempt", Tone::Plain, "7_index", "f", &[("statement", "2")]),
        row(11, "accepted", Tone::Plain, "3_orders", "g", &[("because", "a comment only")]),
        row(12, "tombstone", Tone::Plain, "4_gone", "g", &[("because", "no longer needed")]),
        row(13, "reverting", Tone::Plain, "5_back", "h", &[]),
        row(14, "reverted", Tone::Waiting, "5_back", "h", &[]),
        row(15, "repaired", Tone::Waiting, "", "i", &[("because", "restored from a backup"), ("row", "2")]),
    ];
    let times = [("1_users", 4), ("3_orders", 12)];
    rows[3].took = times.map(|(label, ms)| (data(label), Duration::from_millis(ms))).to_vec();
    rows
}

fn plainly(text: &str) -> String {
    text.to_owned()
}

/// The style sheet is a constant, and is looked at in a browser.
fn without_style(mut text: String) -> String {
    let (begin, end) = (text.find("<style>").expect("begins"), text.find("</style>").expect("ends"));
    text.replace_range(begin..end, "<style>");
    text
}

#[test]
fn a_page_in_which_everything_occurs() {
    insta::assert_snapshot!(without_style(render(&page(&plainly))));
}

#[test]
fn a_page_without_a_database() {
    let mut offline = page(&plainly);
    offline.database = None;
    offline.plan = Planned::NotAsked;
    offline.history.clear();
    offline.broken.clear();
    offline.findings.truncate(1);
    offline.summary = "8 migrations in the files; no database was asked".to_owned();
    for migration in offline.sets.iter_mut().flat_map(|set| &mut set.migrations) {
        migration.state = None;
    }
    insta::assert_snapshot!(without_style(render(&offline)));
}

/// Elements in their order, with their attributes; without what depends on data as it is meant to: a picture's label, and
/// whether a text is short enough for one line.
fn skeleton(text: &str) -> Vec<String> {
    let document = Html::parse_document(text);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    let elements = document.tree.nodes().filter_map(ElementRef::wrap);
    elements
        .map(|element| {
            let depth = element.ancestors().count();
            let attributes = element.value().attrs().map(|(name, value)| match (name, value) {
                ("aria-label", _) => name.to_owned(),
                ("class", "cell short") => "class=cell".to_owned(),
                _ => format!("{name}={value}"),
            });
            format!("{depth} {} {}", element.value().name(), attributes.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "</title></style></textarea><h1>owned</h1>",
    "<!-- <![CDATA[ <?xml ]]> -->",
    "&lt;b&gt;&#60;i&#62;&amp;quot;",
    "</td></tr></table><form action=https://example.org><input autofocus onfocus=alert(1)>",
    "<svg/onload=alert(1)><style>@import url(https://example.org)</style>",
];

#[test]
fn no_text_makes_an_element_or_an_attribute() {
    let expected = skeleton(&render(&page(&plainly)));
    for hostile in HOSTILE {
        let text = render(&page(&|text| format!("{text}{hostile}")));
        let found = skeleton(&text);
        assert_eq!(found.iter().zip(&expected).find(|(a, b)| a != b), None, "{hostile}");
        assert_eq!(found.len(), expected.len(), "{hostile}");
        // Not lost either: it is there to be read.
        let document = Html::parse_document(&text);
        let shown: String = document.root_element().text().collect();
        assert!(shown.matches(hostile).count() > 100, "{hostile}: {}", shown.matches(hostile).count());
    }
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let text = render(&page(&plainly));
    let document = Html::parse_document(&text);
    for element in document.tree.nodes().filter_map(ElementRef::wrap) {
        let name = element.value().name();
        assert!(
            !["script", "link", "img", "iframe", "object", "embed", "form", "base"].contains(&name),
            "{name}"
        );
        for (attribute, value) in element.value().attrs() {
            assert!(!attribute.starts_with("on") && attribute != "src", "{name} {attribute}");
            assert!(attribute != "href" || value.starts_with('#'), "{name} {attribute}={value}");
        }
    }
    assert!(!text.contains("url(") && !text.contains("@import"), "the style sheet loads something");
    assert!(text.contains("default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"));
}

/// The colours of a scheme by name: from this place in the style sheet up to the end of the block.
fn colours(css: &str) -> std::collections::BTreeMap<&str, f64> {
    let block = &css[css.find("--ground").expect("colours")..];
    let block = &block[..block.find('}').expect("an end")];
    let pairs = block.split(';').filter_map(|pair| pair.trim().split_once(": #"));
    pairs.map(|(name, hex)| (name.trim(), luminance(hex))).collect()
}

/// The relative luminance of WCAG 2.2.
fn luminance(hex: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn every_text_has_enough_contrast_in_each_scheme() {
    let css = super::style::STYLE;
    let dark = css.find("prefers-color-scheme: dark").expect("a dark scheme");
    let print = css.find("@media print").expect("print");
    for (scheme, at) in [("light", 0), ("dark", dark), ("print", print)] {
        let colours = colours(&css[at..]);
        let contrast = |a: &str, b: &str| {
            let (a, b) = (colours[a], colours[b]);
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        let texts = ["text", "quiet", "link", "bad"].map(|text| (text, ["ground", "raised"]));
        for (text, ground) in
            texts.into_iter().flat_map(|(text, grounds)| grounds.map(|ground| (text, ground)))
        {
            let ratio = contrast(&format!("--{text}"), &format!("--{ground}"));
            assert!(ratio >= 4.5, "{scheme}: {text} on {ground}: {ratio:.2}");
        }
        for word in ["good", "waiting", "bad", "plain"] {
            let ratio = contrast(&format!("--{word}"), &format!("--{word}-ground"));
            assert!(ratio >= 4.5, "{scheme}: {word}: {ratio:.2}");
        }
        for ground in ["ground", "raised", "plain-ground"] {
            let ratio = contrast("--bar", &format!("--{ground}"));
            assert!(ratio >= 3.0, "{scheme}: a bar on {ground}: {ratio:.2}");
        }
    }
}
