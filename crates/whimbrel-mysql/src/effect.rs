//! Expressions about what a statement leaves behind, over `information_schema`. No I/O.
//!
//! A mark takes in what the statement would change and no more: the object as a whole, or the table's members of one kind.
//! Each table of `information_schema` that is asked costs a millisecond on MySQL, and what else changes in the object does
//! not bear on whether this statement took effect. Of a table that is to be created nothing but its absence can be told,
//! and it is the one statement that comes by the thousand. Rows are folded by `count` and `bit_xor`, whose result depends neither
//! on their order nor on a length limit, as that of `group_concat` does. What data or statistics change (numbers of rows,
//! cardinalities, the next AUTO_INCREMENT) is not looked at.

use whimbrel::{Change, Effect, EffectSql, Ident, MemberKind, Name, ObjectKind};

use crate::dialect::literal;
use crate::routine::hidden;

/// Since MySQL 8.0 (15.1.1 Atomic Data Definition Statement Support) and MariaDB 10.6 (Atomic DDL); the driver takes back for
/// older ones that they survive a restart.
pub(crate) const EFFECTS: EffectSql = EffectSql {
    place: PLACE,
    role: ROLE,
    // A name without a database leads into the session's, which is the place.
    object: |_| None,
    mark,
    state,
    leftovers: |_, _, _| None,
    atomic: Some(atomic),
    hidden: Some(hidden),
    refused,
    survives_restart: true,
};

const PLACE: &str = "coalesce(convert(database() using utf8mb4), _utf8mb4 x'')";

/// What is hidden from a user is not in `information_schema`; and a server may come to read the case of names otherwise.
const ROLE: &str = "convert(left(sha2(convert(concat_ws(_utf8mb4' ', current_user(), current_role(), \
    @@lower_case_table_names) using utf8mb4), 256), 16) using utf8mb4)";

/// There are no roles before MySQL 8.
pub(crate) const ROLE_BEFORE_8: &str = "convert(left(sha2(convert(concat_ws(_utf8mb4' ', current_user(), @@lower_case_table_names) using utf8mb4), 256), 16) \
    using utf8mb4)";

/// Syntax; databases, tables and columns that are not there; a number of columns: all of these come before the first row.
fn refused(code: &str) -> bool {
    matches!(
        code,
        "1046"
            | "1049"
            | "1052"
            | "1054"
            | "1064"
            | "1109"
            | "1110"
            | "1136"
            | "1146"
            | "1149"
            | "1247"
            | "1305"
            | "1630"
    )
}

/// The same for MySQL from 8.0.21 on, where one table of `information_schema` is asked in half the time.
pub(crate) fn mark_of_8_0_21(effect: &Effect<'_>, object: &str) -> Option<String> {
    match (effect.change, effect.kind, &effect.member) {
        (Change::Made, ObjectKind::Table, None) => {
            Some(presence("tables_extensions", &Place::of(&effect.object).of_table()))
        }
        _ => mark(effect, object),
    }
}

/// The same for MySQL before 8. There no `INSERT` in strict mode can read of routines once there is one: the server writes
/// its length, which is out of range, into a table of its own. So nothing is told of them.
pub(crate) fn mark_before_8(effect: &Effect<'_>, object: &str) -> Option<String> {
    match effect.kind {
        ObjectKind::Procedure | ObjectKind::Function => None,
        _ => mark(effect, object),
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

    /// A condition on the columns of these names.
    fn is(&self, schema: &str, name: &str) -> String {
        format!("{schema} = {} and {name} = {}", self.schema, self.name)
    }

    /// Names of databases and tables are the same if their bytes are, or, where the server folds them, if those of the folded
    /// names are; `information_schema` may compare them otherwise, and take letters with accents for those without.
    fn of_table(&self) -> String {
        let exactly = |column: &str, text: &str| {
            format!(
                "cast(convert({column} using utf8mb4) as binary) = cast(convert({text} using utf8mb4) as binary)"
            )
        };
        format!(
            "{} and if(@@lower_case_table_names = 0, {} and {}, {} and {})",
            self.is("table_schema", "table_name"),
            exactly("table_schema", &self.schema),
            exactly("table_name", &self.name),
            same("table_schema", &self.schema),
            same("table_name", &self.name)
        )
    }
}

/// An aggregate over the rows of a table; NULL is not the same as nothing. A number makes bytes of a text on MariaDB.
///
/// The result does not depend on the session's character sets, which a script may set to any: texts have their own, and `conv`
/// answers digits in that of the connection, with zeros between them in UTF-16 on MariaDB, and without them but under its name
/// on MySQL.
fn folded(columns: &str, table: &str, condition: &str) -> String {
    let columns: Vec<String> =
        columns.split(", ").map(|column| format!("coalesce({column}, _utf8mb4'~')")).collect();
    format!(
        "(select convert(concat(count(*), _utf8mb4'.', bit_xor(cast(replace(cast(conv(left(sha2(convert(concat_ws(_utf8mb4'|', \
         {}) using utf8mb4), 256), 16), 16, 10) as binary), x'00', '') as unsigned))) using ascii) \
         from information_schema.{table} where {condition})",
        columns.join(", ")
    )
}

fn mark(effect: &Effect<'_>, _: &str) -> Option<String> {
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
fn state(effect: &Effect<'_>, _: &str) -> Option<String> {
    let place = Place::of(&effect.object);
    // A view in the place of a table has columns, too, and says nothing of what became of the table.
    let base = |table: &Place| presence_of(&format!("tables where {} and {BASE_TABLE}", table.of_table()));
    let named = |table: &str, column: &str, ident: &Ident| {
        (table.to_owned(), format!("{} and {}", place.of_table(), same(column, &literal(&ident.text))))
    };
    let (table, condition) = match (effect.kind, &effect.member) {
        (ObjectKind::Table, Some((MemberKind::Column, member))) => named("columns", "column_name", member),
        (ObjectKind::Table, Some((MemberKind::Index, member))) => named("statistics", "index_name", member),
        // `DROP CONSTRAINT` drops whichever kind has the name.
        (ObjectKind::Table, Some((_, member))) => named("table_constraints", "constraint_name", member),
        (ObjectKind::Table, None) => ("tables".to_owned(), format!("{} and {BASE_TABLE}", place.of_table())),
        (ObjectKind::View, _) => ("views".to_owned(), place.of_table()),
        (ObjectKind::Index, _) => {
            let on = Place::of(effect.on.as_ref()?);
            ("statistics".to_owned(), format!("{} and {}", on.of_table(), same("index_name", &place.name)))
        }
        (ObjectKind::Trigger, _) => ("triggers".to_owned(), trigger(effect, &place)?),
        (ObjectKind::Procedure | ObjectKind::Function, _) => ("routines".to_owned(), routine(effect, &place)),
        (ObjectKind::Event, _) => ("events".to_owned(), place.is("event_schema", "event_name")),
        _ => return None,
    };
    let state = presence(&table, &condition);
    Some(match (effect.kind, &effect.member, &effect.on) {
        (ObjectKind::Table, Some(_), _) => format!("if({}, {state}, null)", base(&place)),
        (ObjectKind::Index, _, Some(on)) => format!("if({}, {state}, null)", base(&Place::of(on))),
        _ => state,
    })
}

/// What is a table, and neither a view nor a sequence.
const BASE_TABLE: &str = "table_type in ('BASE TABLE', 'SYSTEM VERSIONED')";

/// A condition: that a column of a table, an index or a constraint has this name. Their case does not count, their accents do,
/// other than where `information_schema` compares them. Letters are folded as the server folds names, by the oldest of its
/// tables: younger ones know more letters.
fn same(column: &str, name: &str) -> String {
    let folded = |text: &str| {
        format!("cast(lower(convert({text} using utf8mb4) collate utf8mb4_general_ci) as binary)")
    };
    format!("{} = {}", folded(column), folded(name))
}

fn presence(table: &str, condition: &str) -> String {
    let there = presence_of(&format!("{table} where {condition}"));
    format!("if({there}, _utf8mb4'present', _utf8mb4'absent')")
}

fn presence_of(rows: &str) -> String {
    format!("exists(select 1 from information_schema.{rows})")
}

/// The words name a table of InnoDB, and none without transactions, nor what may hide one: a view, a table with triggers, a
/// routine. What these touch may be hidden from the role. Names without a database lead into `place`.
fn atomic(words: &[&str], place: &str) -> String {
    let inside = |word: &str, quote: char| {
        let inner = word.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(literal(&inner.replace(&format!("{quote}{quote}"), &quote.to_string())))
    };
    let unquoted =
        |word: &str| inside(word, '`').or_else(|| inside(word, '"')).unwrap_or_else(|| literal(word));
    let words: Vec<String> = words.iter().map(|word| unquoted(word)).collect();
    let words = words.join(", ");
    let named = |table: &str, schema: &str, name: &str| {
        format!(
            "exists(select 1 from information_schema.{table} where ({schema} = {place} or {schema} in ({words})) \
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
