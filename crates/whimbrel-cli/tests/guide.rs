//! The guide is true: each of its commands is typed, on real databases, and what it shows is what comes.
//!
//! `WHIMBREL_WRITE_DOCS=1 cargo nextest run -p whimbrel-cli --test guide` writes what came into the pages.

mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stage::{Kind, Stage, page};

/// Each page with commands, and the database that it is about.
const PAGES: &[(&str, Kind)] = &[
    ("start-sqlite", Kind::Sqlite),
    ("start-postgres", Kind::Postgres),
    ("start-mysql", Kind::MariaDb),
    ("writing", Kind::Sqlite),
    ("editing", Kind::Sqlite),
    ("merging", Kind::Sqlite),
    ("rolling", Kind::Sqlite),
    ("testing", Kind::Sqlite),
    ("production", Kind::Sqlite),
    ("failures", Kind::Postgres),
    ("other-tools", Kind::Sqlite),
    ("command", Kind::Sqlite),
    ("json", Kind::Sqlite),
];

/// Pages that only show programs and tables.
const WITHOUT_COMMANDS: &[&str] = &["embedding", "driver", "servers"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn file(name: &str) -> PathBuf {
    docs().join("guide").join(name).with_extension("md")
}

fn check(name: &str) {
    let (_, kind) = PAGES.iter().find(|(page, _)| *page == name).expect("a page of the list");
    check_on(*kind, &file(name));
}

fn check_on(kind: Kind, page: &Path) {
    let mut stage = Stage::new(kind);
    if kind != Kind::Sqlite {
        stage.name("shop_app");
        let url = stage.url_of("shop_app");
        stage.variable("APP_URL", &url);
    }
    let commands = page::check(&mut stage, page);
    assert!(commands > 0, "{} has no commands", page.display());
}

/// The page is about both, and shows what comes on the other one.
#[test]
fn five_minutes_with_mysql() {
    if !Kind::all().contains(&Kind::MySql) {
        return;
    }
    let text = std::fs::read_to_string(file("start-mysql")).expect("the page");
    assert_eq!(text.matches(" on mariadb\n").count(), 1, "the servers differ in this alone");
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("start-mysql.md");
    std::fs::write(&page, text.replace(" on mariadb\n", " on mysql\n")).expect("a page");
    check_on(Kind::MySql, &page);
}

macro_rules! pages {
    ($($test:ident = $page:literal;)*) => {
        $(#[test] fn $test() { check($page); })*

        #[test]
        fn every_page_of_the_guide_is_run_or_has_nothing_to_run() {
            let run: BTreeSet<&str> = [$($page),*].into_iter().collect();
            let listed: BTreeSet<&str> = PAGES.iter().map(|(page, _)| *page).collect();
            assert_eq!(run, listed);
            for entry in std::fs::read_dir(docs().join("guide")).expect("the guide") {
                let path = entry.expect("an entry").path();
                let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
                let has = std::fs::read_to_string(&path).expect("a page").contains("```console");
                assert_eq!(run.contains(name.as_str()), has, "{name}");
                assert!(has || WITHOUT_COMMANDS.contains(&name.as_str()), "{name}");
            }
        }
    };
}

pages! {
    five_minutes_with_sqlite = "start-sqlite";
    five_minutes_with_postgres = "start-postgres";
    five_minutes_with_mariadb = "start-mysql";
    writing_migrations = "writing";
    editing_a_migration = "editing";
    merging_branches = "merging";
    rolling_deployments = "rolling";
    testing = "testing";
    going_to_production = "production";
    when_something_failed = "failures";
    from_other_tools = "other-tools";
    the_command = "command";
    json = "json";
}

/// What is said of a page is that it is there.
#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let docs = docs();
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).expect("the summary");
    let mut pages = Vec::new();
    for folder in ["", "guide", "design"] {
        for entry in std::fs::read_dir(docs.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "md") && !path.ends_with("SUMMARY.md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 15, "{pages:?}");
    let mut wrong = Vec::new();
    for page in &pages {
        let relative = page.strip_prefix(&docs).expect("below").display().to_string();
        if !summary.contains(&format!("({relative})")) {
            wrong.push(format!("{relative} is not in the book"));
        }
        let text = std::fs::read_to_string(page).expect("a page");
        for target in links(&text) {
            let (file, anchor) =
                target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let to = if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            if !to.exists() {
                wrong.push(format!("{relative}: there is no {target}"));
            } else if let Some(anchor) = anchor
                && to.is_file()
                && !anchors(&std::fs::read_to_string(&to).expect("a page")).contains(anchor)
            {
                wrong.push(format!("{relative}: there is no heading {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The relative links of a page, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut code = false;
    let prose = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        code ^= fence;
        !code && !fence
    });
    let mut links = Vec::new();
    for line in prose {
        let mut rest = line;
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = &rest[..end];
            if !target.contains("://") && !target.is_empty() {
                links.push(target);
            }
            rest = &rest[end..];
        }
    }
    links
}

/// What headings are called in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let name = line.trim_start_matches('#').trim().to_lowercase();
            name.chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

/// The table of exit codes is the code's.
#[test]
fn the_exit_codes_in_the_guide_are_those_of_the_command() {
    let page = std::fs::read_to_string(docs().join("guide/command.md")).expect("the page");
    let help = Stage::new(Kind::Sqlite).done("--help").stdout;
    let rows =
        page.lines().skip_while(|line| *line != "## Exit codes").take_while(|line| !line.starts_with("## F"));
    let codes: Vec<&str> = rows
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|code| code.parse::<u8>().is_ok())
        .collect();
    assert_eq!(codes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "10", "130"]);
    for code in codes.iter().filter(|code| code.len() == 1) {
        assert!(help.contains(&format!("  {code}  ")), "{code} is not in --help");
    }
}
