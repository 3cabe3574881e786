//! Which right is missing, and the statement that gives it, read from what the server says. Knows English messages only: a
//! server that speaks another language is told as it is.

/// The statement that an administrator has to run.
pub(crate) fn remedy(code: u16, message: &str) -> Option<String> {
    let (before, after) =
        message.split_once(" to user ").or_else(|| message.split_once(" for user ")).unwrap_or((message, ""));
    let user = after.split_whitespace().next().filter(|user| user.starts_with('\''));
    let grant = match code {
        // INSERT command denied to user 'u'@'h' for table `d`.`t`; MySQL names no database.
        1142 | 1143 => {
            let privileges = before.strip_suffix(" command denied")?.to_uppercase();
            let object = message.rsplit_once(" for table ").or_else(|| message.rsplit_once(" in table "))?.1;
            match object.replace(['`', '\''], "").split_once('.') {
                Some((database, _)) => format!("{privileges} ON {database}.*"),
                None => format!("{privileges} ON *"),
            }
        }
        // Access denied for user 'u'@'h' to database 'd'
        1044 => format!("ALL ON {}.*", message.rsplit_once(" to database ")?.1.trim_matches('\'')),
        // execute command denied to user 'u'@'h' for routine 'd.p'
        1370 => {
            let privilege = before.strip_suffix(" command denied")?.to_uppercase();
            let routine = message.rsplit_once(" for routine ")?.1.trim_matches('\'');
            format!("{privilege} ON PROCEDURE {routine}")
        }
        // Access denied; you need (at least one of) the SUPER, … privilege(s) for this operation
        1227 => {
            let privileges = message.split_once(" the ")?.1.split_once(" privilege")?.0;
            format!("{} ON *.*", privileges.split(" or ").next()?.split(',').next()?.trim())
        }
        _ => return None,
    };
    // The host that the message has is the one from which the user connects, and not that of the account.
    Some(match user.and_then(|user| user.rsplit_once('@')) {
        Some((name, _)) => {
            format!("GRANT {grant} TO {name}@'…' (the account's host, which `SELECT current_user()` shows)")
        }
        None => format!("GRANT {grant} TO … (the user that migrates)"),
    })
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn a_missing_right_is_told_with_the_statement_that_gives_it() {
        for (code, message, told) in [
            (
                1142,
                "CREATE command denied to user 'u'@'h' for table `d`.`t`",
                "GRANT CREATE ON d.* TO 'u'@'…' (the account's host, which `SELECT current_user()` shows)",
            ),
            (
                1142,
                "INDEX command denied to user 'u'@'h' for table 't'",
                "GRANT INDEX ON * TO 'u'@'…' (the account's host, which `SELECT current_user()` shows)",
            ),
            (
                1142,
                "SELECT, INSERT command denied to user 'u'@'h' for table 't'",
                "GRANT SELECT, INSERT ON * TO 'u'@'…' (the account's host, which `SELECT current_user()` shows)",
            ),
            (
                1044,
                "Access denied for user 'u'@'%' to database 'd'",
                "GRANT ALL ON d.* TO 'u'@'…' (the account's host, which `SELECT current_user()` shows)",
            ),
            (
                1370,
                "execute command denied to user 'u'@'h' for routine 'd.p'",
                "GRANT EXECUTE ON PROCEDURE d.p TO 'u'@'…' (the account's host, which `SELECT current_user()` shows)",
            ),
            (
                1227,
                "Access denied; you need (at least one of) the SUPER, X privilege(s) for this operation",
                "GRANT SUPER ON *.* TO … (the user that migrates)",
            ),
        ] {
            assert_eq!(remedy(code, message).as_deref(), Some(told), "{message}");
        }
        assert_eq!(remedy(1142, "Zugriff verweigert"), None);
    }
}
