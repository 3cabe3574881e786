//! Which rows of other tables a `DROP TABLE` deletes or changes, as queries. No I/O.
//!
//! Where foreign keys are enforced, SQLite deletes a table's rows before it drops the table, and that has the actions of the
//! foreign keys which refer to it, though no trigger fires (sqlite.org/foreignkeys.html#fk_schemacommands).

use whimbrel::DroppedTable;

use crate::dialect::{identifier, literal};

/// The schema in which SQLite finds the table: an unqualified name is looked for in `temp`, `main`, and the attached
/// databases in their order (sqlite.org/lang_naming.html).
pub(crate) fn schema(table: &DroppedTable) -> String {
    let named = table
        .schema
        .as_ref()
        .map_or_else(String::new, |schema| format!(" AND d.name = {} COLLATE NOCASE", literal(schema)));
    format!(
        "SELECT d.name FROM pragma_database_list d \
         WHERE EXISTS (SELECT 1 FROM pragma_table_info({}, d.name)){named} \
         ORDER BY CASE d.name WHEN 'temp' THEN -1 ELSE d.seq END LIMIT 1",
        literal(&table.name)
    )
}

/// Each foreign key to the table with an action on delete: who has it, the action, and the query whether a row of theirs
/// refers to a row of the table. The columns are compared as SQLite does for the action: the parent's is on the left. Rows of
/// the table itself go in any case. A key to a primary key that the table does not have acts on nothing.
pub(crate) fn referring(table: &DroppedTable) -> String {
    let schema = table.schema.as_deref().unwrap_or("main");
    // The schema tables have had these names before SQLite 3.33 too.
    let tables = match schema.eq_ignore_ascii_case("temp") {
        true => "sqlite_temp_master".to_owned(),
        false => format!("{}.sqlite_master", identifier(schema)),
    };
    let (name, place) = (literal(&table.name), literal(schema));
    let quoted = |column: &str| format!("'\"' || replace({column}, '\"', '\"\"') || '\"'");
    let (child, parent) =
        (quoted("c.name"), literal(&format!("{}.{}", identifier(schema), identifier(&table.name))));
    let (from, to) = (quoted("f.\"from\""), quoted("f.\"to\""));
    let own = literal(&format!("{}.", identifier(schema)));
    format!(
        "SELECT f.child, f.on_delete, \
         'SELECT EXISTS (SELECT 1 FROM ' || {own} || f.quoted || ' AS c JOIN ' || {parent} || ' AS p ON ' || \
         group_concat('p.' || {to} || ' = c.' || {from}, ' AND ') || ')' \
         FROM (SELECT c.name AS child, {child} AS quoted, f.id AS id, f.on_delete AS on_delete, f.\"from\" AS \"from\", \
         coalesce(f.\"to\", (SELECT i.name FROM pragma_table_info({name}, {place}) i WHERE i.pk = f.seq + 1)) AS \"to\" \
         FROM {tables} c, pragma_foreign_key_list(c.name, {place}) f \
         WHERE c.type = 'table' AND f.\"table\" = {name} COLLATE NOCASE AND c.name <> {name} COLLATE NOCASE \
         AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')) f \
         GROUP BY f.child, f.id HAVING count(*) = count(f.\"to\") ORDER BY f.child, f.id"
    )
}
