//! Which right is missing, and the statement that gives it, read from what PostgreSQL says. Knows English messages only:
//! a server that speaks another language is told as it is.

/// The statement that the owner of an object, or a superuser, has to run.
pub(crate) fn remedy(message: &str) -> Option<String> {
    if let Some(object) = message.strip_prefix("must be owner of ") {
        return Some(format!(
            "the role has to own it, or to be a member of the role that does: GRANT … TO …, or ALTER {} OWNER TO …",
            shouted(object)
        ));
    }
    let object = message.strip_prefix("permission denied for ")?;
    let (kind, name) = object
        .split_once(' ')
        .filter(|(kind, _)| *kind != "materialized" && *kind != "foreign")
        .or_else(|| object.splitn(3, ' ').nth(2).map(|name| ("table", name)))?;
    let grant = match kind {
        "schema" => format!("USAGE, CREATE ON SCHEMA {name}"),
        // The history is only ever read and appended to.
        "table" | "view" | "relation" if name.ends_with("whimbrel_history") => {
            format!("SELECT, INSERT ON {name}")
        }
        "table" | "view" | "relation" => format!("SELECT, INSERT, UPDATE, DELETE ON {name}"),
        "sequence" => format!("USAGE ON SEQUENCE {name}"),
        "database" => format!("CREATE ON DATABASE {name}"),
        "function" | "procedure" | "routine" => format!("EXECUTE ON ROUTINE {name}"),
        "type" | "language" => format!("USAGE ON {} {name}", kind.to_uppercase()),
        "tablespace" => format!("CREATE ON TABLESPACE {name}"),
        _ => return None,
    };
    Some(format!("GRANT {grant} TO … (the role that migrates)"))
}

/// An object with its kind in upper case: `table t` is `TABLE t`.
fn shouted(object: &str) -> String {
    object
        .rsplit_once(' ')
        .map_or_else(|| object.to_owned(), |(kind, name)| format!("{} {name}", kind.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn a_missing_right_is_told_with_the_statement_that_gives_it() {
        for (message, part) in [
            ("permission denied for schema public", "GRANT USAGE, CREATE ON SCHEMA public TO"),
            ("permission denied for table whimbrel_history", "GRANT SELECT, INSERT ON whimbrel_history TO"),
            ("permission denied for table t", "GRANT SELECT, INSERT, UPDATE, DELETE ON t TO"),
            ("permission denied for materialized view v", "ON v TO"),
            ("permission denied for database app", "GRANT CREATE ON DATABASE app TO"),
            ("permission denied for sequence s", "GRANT USAGE ON SEQUENCE s TO"),
            ("must be owner of table t", "ALTER TABLE t OWNER TO"),
            ("must be owner of materialized view v", "ALTER MATERIALIZED VIEW v OWNER TO"),
        ] {
            let told = remedy(message).unwrap_or_default();
            assert!(told.contains(part), "{message}: {told}");
        }
        assert_eq!(remedy("permission denied to create role"), None);
        assert_eq!(remedy("Zugriff verweigert"), None);
    }
}
