//! Expressions about what a statement leaves behind, over `information_schema`. No I/O.
//!
//! A mark takes in what the statement would change and no more: the object as a whole, or the table's members of one kind.
//! Each table of `information_schema` that is asked costs a millisecond on MySQL, and what else changes in the object does
//! not bear on whether this statement took effect. Of a table that is to be created nothing but its absence can be told,
//! and it is the one statement that comes by the thousand. Rows are folded by `count` and `bit_xor`, whose result depends neither
//! on their order nor on a length limit, as that of `group_concat` does. What data or statistics change (numbers of rows,
//! cardinalities, the next AUTO_INCREMENT) is not looked at.

use whimbrel::{Change, Effect, EffectSql, Ident, MemberKind, Name, ObjectKind};

use crate::dialect::{identifier, literal};

/// Since MySQL 8.0 (15.1.1 Atomic Data Definition Statement Support) and MariaDB 10.6 (Atomic DDL); the driver takes back for
/// older ones that they survive a restart.
pub(crate) const EFFECTS: EffectSql =
    EffectSql { mark, state, drop, atomic: Some(atomic), survives_restart: true };

/// The same for MySQL from 8.0.21 on, where one table of `information_schema` is asked in half the time.
pub(crate) fn mark_of_8_0_21(effect: &Effect<'_>) -> Option<String> {
    match (effect.change, effect.kind, &effect.member) {
        (Change::Made, ObjectKind::Table, None) => {
            Some(presence("tables_extensions", &Place::of(&effect.object).of_table()))
        }
        _ => mark(effect),
    }
}

/// The same for MySQL before 8. There no `INSERT` in strict mode can read of routines once there is one: the server writes
/// its length, which is out of range, into a table of its own. So nothing is told of them.
pub(crate) fn mark_before_8(effect: &Effect<'_>) -> Option<String> {
    match effect.kind {
        ObjectKind::Procedure | ObjectKind::Function => None,
        _ => mark(effect),
    }
}

/// Where an object is: its schema and its name, as expressions.
struct Place {
    schema: String,
    name: String,
}

impl Place {
    fn of(name: &Name<'_>) -> Self {
        Self {
            schema: name
                .schema
                .as_ref()
                .map_or_else(|| "database()".to_owned(), |schema| literal(&schema.text)),
            name: literal(&name.name.text),
        }
    }

    /// A condition on the columns of these names; a schema is told apart from another by the server's own rules.
    fn is(&self, schema: &str, name: &str) -> String {
        format!("{schema} = {} and {name} = {}", self.schema, self.name)
    }

    fn of_table(&self) -> String {
        self.is("table_schema", "table_name")
    }
}

/// An aggregate over the rows of a table; NULL is not the same as nothing. A number makes bytes of a text on MariaDB.
fn folded(columns: &str, table: &str, condition: &str) -> String {
    let columns: Vec<String> = columns.split(", ").map(|column| format!("coalesce({column}, '~')")).collect();
    format!(
        "(select convert(concat(count(*), '.', bit_xor(cast(conv(left(sha2(concat_ws('|', {}), 256), 16), 16, 10) \
         as unsigned))) using ascii) from information_schema.{table} where {condition})",
        columns.join(", ")
    )
}

fn mark(effect: &Effect<'_>) -> Option<String> {
    let place = Place::of(&effect.object);
    let here = place.of_table();
    let indexes =
        "index_name, seq_in_index, column_name, collation, sub_part, non_unique, index_type, index_comment";
    let folded = match (effect.kind, &effect.member) {
        // Where one is there already, the statement fails. Before there is one there is nothing else to be told of it.
        (ObjectKind::Table, None) if effect.change == Change::Made => presence("tables", &here),
        (ObjectKind::Table, None) => folded(
            "table_type, engine, row_format, table_collation, create_options, table_comment",
            "tables",
            &here,
        ),
        (ObjectKind::Table, Some((MemberKind::Column, _))) => folded(
            "ordinal_position, column_name, column_default, is_nullable, column_type, collation_name, extra, \
             column_comment, generation_expression",
            "columns",
            &here,
        ),
        (ObjectKind::Table, Some((MemberKind::Index, _))) => folded(indexes, "statistics", &here),
        (ObjectKind::Table, Some(_)) => {
            folded("constraint_name, constraint_type", "table_constraints", &here)
        }
        (ObjectKind::Index, _) => folded(indexes, "statistics", &Place::of(effect.on.as_ref()?).of_table()),
        (ObjectKind::View, _) => {
            folded("view_definition, check_option, is_updatable, definer, security_type", "views", &here)
        }
        (ObjectKind::Trigger, _) => folded(
            "trigger_name, event_object_table, event_manipulation, action_timing, action_order, action_statement, \
             definer, sql_mode, created",
            "triggers",
            &trigger(effect, &place)?,
        ),
        (ObjectKind::Procedure | ObjectKind::Function, _) => folded(
            "routine_definition, dtd_identifier, is_deterministic, sql_data_access, security_type, definer, \
             routine_comment, sql_mode, created, last_altered",
            "routines",
            &routine(effect, &place),
        ),
        (ObjectKind::Event, _) => folded(
            "event_definition, event_type, execute_at, interval_value, interval_field, starts, ends, on_completion, \
             definer, event_comment, sql_mode, created",
            "events",
            &place.is("event_schema", "event_name"),
        ),
        // A database holds many objects.
        _ => return None,
    };
    Some(folded)
}

/// The trigger, in the schema of its own name or of its table, which are the same one. By `trigger_schema` MariaDB would
/// open each table of each database, and fail where somebody else alters one of them.
fn trigger(effect: &Effect<'_>, place: &Place) -> Option<String> {
    let schema = match (&effect.object.schema, &effect.on) {
        (None, Some(Name { schema: Some(schema), .. })) => literal(&schema.text),
        _ => place.schema.clone(),
    };
    let table = match &effect.on {
        Some(table) => format!(" and event_object_table = {}", literal(&table.name.text)),
        None => String::new(),
    };
    Some(format!("event_object_schema = {schema}{table} and trigger_name = {}", place.name))
}

fn routine(effect: &Effect<'_>, place: &Place) -> String {
    let kind = if effect.kind == ObjectKind::Function { "FUNCTION" } else { "PROCEDURE" };
    format!("{} and routine_type = '{kind}'", place.is("routine_schema", "routine_name"))
}

/// Whether what the statement names is there.
fn state(effect: &Effect<'_>) -> Option<String> {
    let place = Place::of(&effect.object);
    let named = |table: &str, column: &str, ident: &Ident| {
        (table.to_owned(), format!("{} and {column} = {}", place.of_table(), literal(&ident.text)))
    };
    let (table, condition) = match (effect.kind, &effect.member) {
        (ObjectKind::Table, Some((MemberKind::Column, member))) => named("columns", "column_name", member),
        (ObjectKind::Table, Some((MemberKind::Index, member))) => named("statistics", "index_name", member),
        // `DROP CONSTRAINT` drops whichever kind has the name.
        (ObjectKind::Table, Some((_, member))) => named("table_constraints", "constraint_name", member),
        (ObjectKind::Table, None) => {
            ("tables".to_owned(), format!("{} and table_type <> 'VIEW'", place.of_table()))
        }
        (ObjectKind::View, _) => ("views".to_owned(), place.of_table()),
        (ObjectKind::Index, _) => {
            let on = Place::of(effect.on.as_ref()?);
            ("statistics".to_owned(), format!("{} and index_name = {}", on.of_table(), place.name))
        }
        (ObjectKind::Trigger, _) => ("triggers".to_owned(), trigger(effect, &place)?),
        (ObjectKind::Procedure | ObjectKind::Function, _) => ("routines".to_owned(), routine(effect, &place)),
        (ObjectKind::Event, _) => ("events".to_owned(), place.is("event_schema", "event_name")),
        _ => return None,
    };
    Some(presence(&table, &condition))
}

fn presence(table: &str, condition: &str) -> String {
    format!("if(exists(select 1 from information_schema.{table} where {condition}), 'present', 'absent')")
}

/// Nothing is left invalid on these servers.
fn drop(effect: &Effect<'_>) -> String {
    format!("DROP TABLE IF EXISTS {}", identifier(&effect.object.name.text))
}

/// The words name a table of InnoDB, and none without transactions, nor what may hide one: a view, a table with triggers, a
/// routine. What these touch may be hidden from the role.
fn atomic(words: &[&str]) -> String {
    let unquoted = |word: &str| match word.strip_prefix('`').and_then(|word| word.strip_suffix('`')) {
        Some(inner) => literal(&inner.replace("``", "`")),
        None => literal(word),
    };
    let words: Vec<String> = words.iter().map(|word| unquoted(word)).collect();
    let words = words.join(", ");
    let named = |table: &str, schema: &str, name: &str| {
        format!(
            "exists(select 1 from information_schema.{table} where ({schema} = database() or {schema} in ({words})) \
             and {name} in ({words})"
        )
    };
    let tables = named("tables", "table_schema", "table_name");
    format!(
        "{tables} and engine = 'InnoDB') and not {tables} and not coalesce(engine = 'InnoDB', false)) \
         and not {}) and not {})",
        named("triggers", "event_object_schema", "event_object_table"),
        named("routines", "routine_schema", "routine_name")
    )
}
