//! `whimbrel report` as people meet it: the page that the command writes, in a real browser, and as a screen reader is told
//! of it.

use std::fs;
use std::path::{Path, PathBuf};

use whimbrel_testkit::ServerKind;
use whimbrel_tests::browser::{Browser, Node};
use whimbrel_tests::command::Workplace;
use whimbrel_tests::either::Database;

/// A folder with migrations, and a database.
struct Project(Workplace);

impl Project {
    fn new(url: &str) -> Self {
        Self(Workplace::new(url, ""))
    }

    fn done(&self, arguments: &[&str]) {
        let said = self.0.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
    }

    /// Writes the report into a file.
    fn report(&self, arguments: &[&str]) -> PathBuf {
        self.done(&[&["report", "--out", "report.html"], arguments].concat());
        self.0.path().join("report.html")
    }
}

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// A database with a run that failed, one that finished, and something left to do that has to be approved.
fn with_everything() -> Project {
    let project = Project::new("sqlite:app.db");
    let Project(place) = &project;
    place.write("migrations/1_users.down.sql", "DROP TABLE users;\n");
    place.migration("1_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    let orders = "CREATE TABLE orders (id INTEGER);\nINSERT INTO users (name) VALUES ('hidden-literal');\n";
    place.migration("2_orders.sql", orders);
    let totals = "CREATE TABLE totals (n INTEGER);\nINSERT INTO nowhere VALUES (4711);\n";
    place.migration("3_totals.sql", totals);
    assert_eq!(place.run(&["up", "--reason", HOSTILE]).code, 1, "there is no such table");
    place.write("migrations/3_totals.sql", &totals.replace("nowhere", "totals"));
    project.done(&["lock", "--amend", "3"]);
    project.done(&["up", "--to", "3", "--reason", HOSTILE]);
    let no_name = "INSERT INTO totals VALUES (4712);\nALTER TABLE users DROP COLUMN name;\n";
    place.migration("4_no_name.sql", no_name);
    project
}

/// Loads the page as wide and as narrow as people do, light and dark: nothing goes wrong, and nothing is wider than the
/// window. Then `look`s at it.
fn on_screens(widths: &[u32], file: &Path, mut look: impl FnMut(&mut Browser, &str)) {
    let mut browser = Browser::start();
    for &width in widths {
        for scheme in ["light", "dark"] {
            let screen = format!("{width} px, {scheme}");
            assert_eq!(browser.load(file, width, 900, scheme), Vec::<String>::new(), "{screen}");
            let wide = browser.evaluate("document.documentElement.scrollWidth").as_u64();
            assert_eq!(wide, Some(u64::from(width)), "{screen}");
            look(&mut browser, &screen);
        }
    }
}

/// What stands below a node.
fn below(nodes: &[Node], at: usize) -> &[Node] {
    let rest = &nodes[at + 1..];
    let end = rest.iter().position(|node| node.depth <= nodes[at].depth).unwrap_or(rest.len());
    &rest[..end]
}

fn headings(nodes: &[Node]) -> Vec<(i64, &str)> {
    let headings = nodes.iter().filter(|node| node.role == "heading");
    headings.map(|node| (node.level.expect("a level"), node.name.as_str())).collect()
}

/// The names of all nodes with a role.
fn names<'n>(nodes: &'n [Node], role: &str) -> Vec<&'n str> {
    nodes.iter().filter(|node| node.role == role).map(|node| node.name.as_str()).collect()
}

/// A table: its name, its columns, and its rows as texts.
type Table<'n> = (&'n str, Vec<&'n str>, Vec<Vec<String>>);

/// The tables, in their order.
fn tables(nodes: &[Node]) -> Vec<Table<'_>> {
    let tables = nodes.iter().enumerate().filter(|(_, node)| node.role == "table");
    tables
        .map(|(at, table)| {
            let inside = below(nodes, at);
            let columns = names(inside, "columnheader");
            let rows = inside.iter().enumerate().filter(|(_, node)| node.role == "row").skip(1);
            let rows = rows.map(|(at, _)| {
                let row = below(inside, at);
                let cells = row
                    .iter()
                    .enumerate()
                    .filter(|(_, node)| matches!(node.role.as_str(), "rowheader" | "cell"));
                cells.map(|(at, _)| names(below(row, at), "StaticText").join(" ")).collect()
            });
            (table.name.as_str(), columns, rows.collect())
        })
        .collect()
}

#[test]
fn a_browser_shows_a_report_on_every_screen_and_a_screen_reader_is_told_all_of_it() {
    let project = with_everything();
    let file = project.report(&[]);
    on_screens(&[320, 800, 1600], &file, |browser, screen| {
        let nodes = browser.accessible();
        assert_eq!(nodes[0].role, "RootWebArea");
        assert_eq!(nodes[0].name, "Migrations of app.db (development)", "{screen}");
        for landmark in ["banner", "navigation", "main", "contentinfo"] {
            assert_eq!(names(&nodes, landmark).len(), 1, "{screen}: {landmark}");
        }
        let expected = [
            (1, "Migrations of app.db (development)"),
            (2, "Sets"),
            (3, "Set app"),
            (2, "Plan"),
            (2, "Findings"),
            (2, "Timeline"),
            (2, "History"),
            (3, "History of all sets"),
            (3, "History of set app"),
        ];
        assert_eq!(headings(&nodes), expected, "{screen}");
        let tables = tables(&nodes);
        let [sets, plan, findings, runs, migrations, all, history] = tables.as_slice() else {
            panic!("{screen}: {tables:?}")
        };
        for (name, columns, rows) in &tables {
            assert!(!name.is_empty() && !columns.is_empty() && !rows.is_empty(), "{screen}: {name}");
            for row in rows {
                assert_eq!(row.len(), columns.len(), "{screen}: {name}: {row:?}");
                assert!(row.iter().all(|cell| !cell.is_empty()), "{screen}: {name}: {row:?}");
            }
        }
        assert_eq!(sets.0, "Migrations of app, and how they stand");
        assert_eq!(sets.1, ["Migration", "State", "Since (UTC)", "Took", "By", "Way down"]);
        let states: Vec<_> = sets.2.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
        let expected = [
            ("1_users", "applied"),
            ("2_orders", "applied"),
            ("3_totals", "applied"),
            ("4_no_name", "pending"),
        ];
        assert_eq!(states, expected, "{screen}");
        assert!(plan.2[0][0].starts_with("4_no_name") && plan.2[0][4].contains("2 statements"), "{plan:?}");
        assert!(
            findings.2.iter().any(|row| row[0].starts_with("4_no_name") && row[1] == "approval"),
            "{findings:?}"
        );
        let ends: Vec<_> = runs.2.iter().map(|row| row[2].as_str()).collect();
        assert_eq!(ends, ["failed", "finished"], "{screen}");
        assert_eq!(migrations.2.len(), 1, "{screen}: only the run that finished tells times");
        assert!(migrations.2[0][2].ends_with('s'), "{screen}: {migrations:?}");
        assert_eq!(
            (all.2[0][2].as_str(), all.2[0][4].contains("development")),
            ("environment", true),
            "{screen}"
        );
        let events: Vec<_> = history.2.iter().map(|row| (row[2].as_str(), row[3].as_str())).collect();
        let expected = [
            ("applied", "1_users"),
            ("applied", "2_orders"),
            ("failed", "3_totals"),
            ("applied", "3_totals"),
            ("finished", "–"),
        ];
        assert_eq!(events, expected, "{screen}");
        assert!(history.2[0][4].contains(HOSTILE), "{screen}: {history:?}");
        let label = names(&nodes, "image").join("");
        assert!(label.starts_with("2 runs between "), "{screen}: {label}");
    });
}

#[test]
fn axe_finds_nothing_to_say_about_a_report() {
    const VARIABLE: &str = "WHIMBREL_AXE";
    let axe = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} does not say where axe.min.js of npm's axe-core is: `cargo xtask test` fetches it; `none` goes without")
    });
    if axe == "none" {
        // `cargo xtask test` says so in its closing table.
        return eprintln!("{VARIABLE}=none: not looked at");
    }
    let axe = fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{axe}: {error}"));
    let project = with_everything();
    for file in [project.report(&[]), project.report(&["--offline"])] {
        on_screens(&[320, 1600], &file, |browser, screen| {
            // What is folded is looked at as well.
            browser.evaluate("for (const it of document.querySelectorAll('details')) it.open = true");
            browser.evaluate(&format!("{axe};0"));
            let found = browser.evaluate(
                "axe.run().then(said => JSON.stringify({ passes: said.passes.length, violations: said.violations.map(\
                 it => `${it.id}: ${it.help}: ${it.nodes.map(node => node.html).join(' ')}`) }))",
            );
            let found = found.as_str().expect("a text").to_owned();
            let nothing = found.ends_with("\"violations\":[]}") && !found.starts_with("{\"passes\":0,");
            assert!(nothing, "{screen}: {found}");
        });
    }
}

#[test]
fn the_first_key_shows_a_way_past_the_navigation() {
    let project = with_everything();
    let file = project.report(&[]);
    let mut browser = Browser::start();
    assert_eq!(browser.load(&file, 320, 900, "light"), Vec::<String>::new());
    browser.press_tab();
    let seen = browser.evaluate(
        "(() => { const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it); return \
         it.className === 'skip' && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && style.outlineStyle === 'solid'; })()",
    );
    assert_eq!(seen, true, "the link is not to be seen");
    let stops = browser.evaluate("document.activeElement.hash");
    assert_eq!(stops, "#content");
}

#[test]
fn a_report_shows_no_literal_of_a_script_and_no_path_of_the_database() {
    let project = with_everything();
    let text = fs::read_to_string(project.report(&[])).expect("the report");
    for hidden in ["hidden-literal", "4711", "4712", "<script", "<img"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let folder = project.0.path().to_str().expect("UTF-8");
    assert!(!text.contains(folder), "{folder}");
    assert!(text.contains("INSERT INTO totals VALUES (?)"), "statements are shown without their literals");
}

#[test]
fn files_that_are_refused_are_told_in_a_report_and_not_compared() {
    let project = with_everything();
    project.0.write("migrations/2_orders.sql", "CREATE TABLE orders (id TEXT);\n");
    let file = project.report(&[]);
    let mut browser = Browser::start();
    assert_eq!(browser.load(&file, 800, 900, "light"), Vec::<String>::new());
    let nodes = browser.accessible();
    let tables = tables(&nodes);
    let findings = tables.iter().find(|(name, ..)| name.starts_with("Findings")).expect("findings");
    let refused =
        |row: &Vec<String>| row[0].contains("2_orders.sql") && row[1] == "refusal" && row[2] == "differs";
    assert!(findings.2.iter().any(refused), "{findings:?}");
    let texts = names(&nodes, "StaticText").join(" ");
    assert!(texts.contains("A run would be refused"), "{texts}");
    assert!(texts.contains("the files are refused, so nothing was compared"), "{texts}");
}

#[tokio::test]
async fn a_failed_and_a_settled_migration_are_told_on_postgres() {
    let database = Database::new(ServerKind::Postgres).await;
    let url = database.server.url(&database.name);
    let project = Project::new(&url);
    project.0.migration("1_a.sql", "CREATE TABLE a (n integer);\n");
    let index = "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n);\n\
                 CREATE INDEX CONCURRENTLY b_n ON nowhere (n);\n";
    project.0.migration("2_index.sql", index);
    assert_eq!(project.0.run(&["up"]).code, 1, "there is no such table");
    project.done(&["settle", "2", "--undone", "--reason", "dropped a_n by hand", "--yes"]);
    let file = project.report(&[]);
    on_screens(&[800], &file, |browser, screen| {
        let nodes = browser.accessible();
        let tables = tables(&nodes);
        let table = |begin: &str| &tables.iter().find(|(name, ..)| name.starts_with(begin)).expect(begin).2;
        let states: Vec<_> = table("Migrations of app").iter().map(|row| row[1].as_str()).collect();
        assert_eq!(states, ["applied", "pending"], "{screen}");
        let told: Vec<_> =
            table("Rows of set app").iter().map(|row| (row[2].clone(), row[4].clone())).collect();
        let has = |event: &str, detail: &str| told.iter().any(|row| row.0 == event && row.1.contains(detail));
        assert!(has("begun", "") && has("statement", "statement:  1"), "{screen}: {told:?}");
        assert!(has("failed", "42P01"), "{screen}: {told:?}");
        assert!(has("settled", "dropped a_n by hand") && has("settled", "undone"), "{screen}: {told:?}");
        let ends: Vec<_> = table("Runs").iter().map(|row| row[2].as_str()).collect();
        assert_eq!(ends, ["failed"], "{screen}");
        let texts = names(&nodes, "StaticText").join(" ");
        assert!(texts.contains("PostgreSQL ") && texts.contains(&database.name), "{screen}");
    });
    let text = fs::read_to_string(&file).expect("the report");
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a URL").0;
    assert!(!text.contains(authority), "who connects, and where, is nobody else's affair");
}
