//! What people see, on each database.

use whimbrel_tests::either::{Database, kinds};

use crate::{owner, url, workplace};

/// What changes from run to run, by words for it.
fn redacted(text: &str, words: &[(&str, &str)]) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (word, stand_in) in words {
            line = line.replace(word, stand_in);
        }
        if let Some(at) = line.find(", in ").filter(|_| line.contains("a round trip takes")) {
            line.truncate(at);
            line.push_str(", in TIME; a round trip takes TIME");
        }
        for product in ["PostgreSQL ", "MariaDB ", "MySQL ", "SQLite "] {
            if let Some((before, after)) = line.split_once(product)
                && after.starts_with(|letter: char| letter.is_ascii_digit())
            {
                let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
                line = format!("{before}{product}VERSION{rest}");
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[tokio::test]
async fn a_database_that_is_well_and_a_superuser_are_shown() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let (user, own) = owner(&database).await;
        let port = database.server.port().to_string();
        // As a grant of MySQL's has it.
        let escaped = database.name.replace('_', "\\_");
        let words = [
            (user.as_str(), "USER"),
            (database.name.as_str(), "DATABASE"),
            (escaped.as_str(), "DATABASE"),
            (port.as_str(), "PORT"),
            // A connection that has just been closed still counts as one.
            ("2 sessions of", "1 session of"),
            ("3 sessions of", "1 session of"),
        ];
        let _other = database.open().await;
        let work = workplace(&own, "");
        assert_eq!(work.run(&["up"]).code, 0);
        let said = work.run(&["doctor"]);
        assert_eq!(said.code, 0, "{said:?}");
        insta::assert_snapshot!(format!("{}_well", kind.name()), redacted(&said.out, &words));
        let said = work.at(&url(&database)).run(&["doctor"]);
        // Of the shared servers a superuser sees the transactions of other tests, too.
        let mut kept = Vec::new();
        let mut is_kept = true;
        for line in said.out.lines() {
            is_kept = if line.starts_with(' ') { is_kept } else { !line.contains("  transactions ") };
            if is_kept && !line.ends_with("warning") && !line.ends_with("warnings") {
                kept.push(line);
            }
        }
        insta::assert_snapshot!(format!("{}_superuser", kind.name()), redacted(&kept.join("\n"), &words));
    }
}

#[test]
fn a_file_of_sqlites_and_nothing_at_all_are_shown() {
    let work = workplace("sqlite:app.db", "");
    let said = work.run(&["doctor"]);
    insta::assert_snapshot!("sqlite_missing", redacted(&said.out, &[]));
    assert_eq!(work.run(&["up"]).code, 0);
    let said = work.run(&["doctor"]);
    insta::assert_snapshot!("sqlite_well", redacted(&said.out, &[]));
    let said = work.without("DATABASE_URL").run(&["doctor"]);
    insta::assert_snapshot!("no_url", redacted(&said.out, &[]));
}
