//! What PostgreSQL tells of a user before anything is applied. Builds text, no I/O.

use std::fmt::Write as _;

use whimbrel::{PreflightSql, Right, RightsQuery};

use crate::dialect::DIALECT;

/// Whoever may assume a superuser's role is as good as one.
pub(crate) const PREFLIGHT: PreflightSql = PreflightSql {
    superuser: "(SELECT coalesce(bool_or(rolsuper), true)::int FROM pg_roles \
                WHERE pg_has_role(session_user, oid, 'MEMBER'))",
    missing,
};

/// A row for each right that is not there. An object that is not there, since a statement makes it that this did not see, is
/// no right that is missing.
fn missing(query: &RightsQuery<'_>) -> String {
    let literal = DIALECT.literal;
    let me = "session_user::text".to_owned();
    let role = query.role.map_or_else(|| me.clone(), literal);
    let mut rows = Vec::new();
    let may_create = |who: &str, schema: &str| {
        format!(
            "(SELECT has_schema_privilege({who}, oid, 'CREATE') FROM pg_namespace WHERE nspname = {schema})"
        )
    };
    // No schema to create tables in is no right to.
    let create_here = |who: &str| {
        let here = "current_schema()";
        (
            "concat('CREATE on schema ', coalesce(current_schema(), 'that does not exist'))".to_owned(),
            format!("coalesce({}, false)", may_create(who, here)),
        )
    };
    if query.creates_table {
        rows.push(match query.table.schema() {
            None => create_here(&me),
            Some(schema) => (
                literal(&format!("CREATE on schema {schema}")),
                format!("coalesce({}, false)", may_create(&me, &literal(schema))),
            ),
        });
    } else {
        let table = literal(&query.table.qualified(DIALECT.identifier, None));
        for right in ["SELECT", "INSERT"] {
            rows.push((
                literal(&format!("{right} on {}", query.table)),
                format!("has_table_privilege({me}, to_regclass({table}), '{right}')"),
            ));
        }
    }
    for need in query.needs {
        let table = format!("to_regclass({})", literal(&need.object));
        rows.push(match need.right {
            Right::Create | Right::CreateView => match &need.schema {
                None => create_here(&role),
                // One that is not there is made by the plan itself.
                Some(schema) => {
                    let name = if schema.quoted { schema.text.clone() } else { schema.text.to_lowercase() };
                    (literal(&format!("CREATE on schema {name}")), may_create(&role, &literal(&name)))
                }
            },
            Right::Insert | Right::Update | Right::Delete | Right::Truncate => {
                let right = match need.right {
                    Right::Insert => "INSERT",
                    Right::Update => "UPDATE",
                    Right::Truncate => "TRUNCATE",
                    _ => "DELETE",
                };
                (
                    literal(&format!("{right} on {}", need.object)),
                    format!("has_table_privilege({role}, {table}, '{right}')"),
                )
            }
            // Only the owner may, or who is a member of the owner's role.
            _ => (
                literal(&format!("ownership of {}", need.object)),
                format!("(SELECT pg_has_role({role}, relowner, 'USAGE') FROM pg_class WHERE oid = {table})"),
            ),
        });
    }
    let mut sql = "SELECT what FROM (VALUES ".to_owned();
    for (number, (what, has)) in rows.iter().enumerate() {
        let _ = write!(sql, "{}({number}, {what}, {has})", if number == 0 { "" } else { ", " });
    }
    let _ = write!(sql, ", ({}, 'end', false)) AS r (n, what, has) WHERE NOT has ORDER BY n", rows.len());
    sql
}
