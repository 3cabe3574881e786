//! What MySQL and MariaDB tell of a user before anything is applied. Builds text, no I/O.

use std::fmt::Write as _;

use whimbrel::{PreflightSql, Right, RightsQuery};

use crate::dialect::MYSQL;

/// The user as the tables of privileges write it: `'user'@'host'`.
macro_rules! grantee {
    () => {
        "concat(char(39), left(current_user(), char_length(current_user()) - char_length(substring_index(current_user(), '@', -1)) - 1), \
         char(39), '@', char(39), substring_index(current_user(), '@', -1), char(39))"
    };
}

/// What a role adds these tables do not tell. MariaDB has NULL for no role, MySQL `NONE`.
macro_rules! no_role {
    () => {
        "coalesce(current_role(), 'NONE') = 'NONE'"
    };
}

/// Any of these gives all others: a file of the server's, another user, a setting.
pub(crate) const PREFLIGHT: PreflightSql = PreflightSql {
    superuser: concat!(
        // Who may take on a role may do what it may; and everybody has at least a row that says that they have no right.
        "(SELECT if(",
        no_role!(),
        " AND NOT EXISTS (SELECT 1 FROM information_schema.applicable_roles) AND count(*) > 0, \
         coalesce(sum(privilege_type IN ('SUPER', 'FILE', 'CREATE USER', 'SHUTDOWN')), 0) > 0, NULL) \
         FROM information_schema.user_privileges WHERE grantee = ",
        grantee!(),
        ")"
    ),
    missing,
};

/// A row for each right that is neither given on the table, nor on its database, nor on all of them.
fn missing(query: &RightsQuery<'_>) -> String {
    let mut rights: Vec<(&str, Option<&str>, &str)> = Vec::new();
    let (schema, table) = (query.table.schema(), query.table.name());
    rights.push(("SELECT", schema, table));
    rights.push(("INSERT", schema, table));
    if query.creates_table {
        rights.push(("CREATE", schema, table));
    }
    for need in query.needs {
        let right = match need.right {
            Right::Create => "CREATE",
            Right::CreateView => "CREATE VIEW",
            Right::Alter => "ALTER",
            Right::Drop | Right::Truncate => "DROP",
            Right::Index => "INDEX",
            Right::Insert => "INSERT",
            Right::Update => "UPDATE",
            Right::Delete => "DELETE",
            _ => continue,
        };
        rights.push((right, need.schema.as_ref().map(|schema| schema.text.as_str()), &need.name));
    }
    let literal = MYSQL.literal;
    let mut sql = "SELECT what FROM (".to_owned();
    for (number, (right, schema, table)) in rights.into_iter().enumerate() {
        let place = schema.map_or_else(|| "database()".to_owned(), literal);
        let name = literal(table);
        let granted = |from: &str, which: &str| {
            format!(
                "EXISTS (SELECT 1 FROM information_schema.{from} WHERE grantee = {} AND privilege_type = '{right}'{which})",
                grantee!()
            )
        };
        let _ = write!(
            sql,
            "SELECT {number} n, concat('{right} on ', {place}, '.', {name}) what, {} OR {} OR {} has UNION ALL ",
            granted("user_privileges", ""),
            granted("schema_privileges", &format!(" AND {place} LIKE table_schema")),
            granted("table_privileges", &format!(" AND table_schema = {place} AND table_name = {name}"))
        );
    }
    // With a role nothing is answered: what cannot be told is not so.
    let _ = write!(sql, "SELECT 1000000, 'end', 0) r WHERE NOT has AND {} ORDER BY n", no_role!());
    sql
}
