//! `ALTER TABLE` of MySQL and MariaDB, one deed or more for each of its clauses. Judges nothing.

use super::column::{self, charset};
use super::table::{self, Key, key};
use crate::deed::{Algorithm, Deed, DefaultValue, Name, ObjectKind, Online, OnlineLock, PartitionChange};
use crate::reading::Reading;
use crate::reading::cursor::{Cursor, literal};

/// What follows `ALTER … TABLE`.
pub(super) fn alter(cursor: &mut Cursor<'_, '_>, online: bool, ignore: bool) -> Option<Reading> {
    cursor.take_if_exists();
    let table = cursor.name()?;
    wait(cursor);
    let mut reading = Reading { deeds: Vec::new(), online: Online { online, ..Online::default() } };
    if ignore {
        reading.deeds.push(Deed::Forgive { table: table.clone(), what: "ALTER IGNORE" });
    }
    let mut sorted = false;
    for mut clause in cursor.parts() {
        if sorted && is_order(clause) {
            continue;
        }
        sorted = clause.sees_all(&["ORDER", "BY"]);
        // `t` alone, and `t, ALGORITHM=…`: nothing to do, which is allowed.
        while !clause.done() {
            if partitioning(&mut clause, &table, &mut reading.deeds).is_some() {
                // Nothing stands behind it, but for more of its partitions.
                return Some(reading);
            }
            demand(&mut clause, &mut reading.online)
                .or_else(|| one(&mut clause, &table, &mut reading.deeds))?;
        }
    }
    Some(reading)
}

/// Whether it is one more column of an `ORDER BY`.
fn is_order(mut clause: Cursor<'_, '_>) -> bool {
    let named = clause.name().is_some();
    clause.take_any(&["ASC", "DESC"]);
    named && clause.done()
}

/// MariaDB's `WAIT n` and `NOWAIT`.
pub(super) fn wait(cursor: &mut Cursor<'_, '_>) {
    if cursor.take("WAIT") {
        cursor.value();
    }
    cursor.take("NOWAIT");
}

/// `ALGORITHM=…` or `LOCK=…`, if one comes next.
pub(super) fn demand(cursor: &mut Cursor<'_, '_>, online: &mut Online) -> Option<()> {
    let mut ahead = *cursor;
    if ahead.take("ALGORITHM") {
        ahead.take_symbol("=");
        online.algorithm =
            Some(match ahead.take_any(&["DEFAULT", "COPY", "INPLACE", "NOCOPY", "INSTANT"])? {
                "COPY" => Algorithm::Copy,
                "INPLACE" => Algorithm::Inplace,
                "NOCOPY" => Algorithm::NoCopy,
                "INSTANT" => Algorithm::Instant,
                _ => Algorithm::Default,
            });
    } else if ahead.take("LOCK") {
        ahead.take_symbol("=");
        online.lock = Some(match ahead.take_any(&["DEFAULT", "NONE", "SHARED", "EXCLUSIVE"])? {
            "NONE" => OnlineLock::None,
            "SHARED" => OnlineLock::Shared,
            "EXCLUSIVE" => OnlineLock::Exclusive,
            _ => OnlineLock::Default,
        });
    } else {
        return None;
    }
    *cursor = ahead;
    Some(())
}

/// What is done to a table's partitions. Nothing is passed if it is something else.
fn partitioning(cursor: &mut Cursor<'_, '_>, table: &Name, deeds: &mut Vec<Deed>) -> Option<()> {
    let change = |change| {
        let (table, partition, concurrently) = (table.clone(), None, false);
        Deed::Partition { table, partition, change, concurrently }
    };
    let deed = if cursor.take_all(&["PARTITION", "BY"]) {
        Deed::Rewrite { table: table.clone(), by: "PARTITION BY" }
    } else if cursor.take_all(&["REMOVE", "PARTITIONING"]) {
        Deed::Rewrite { table: table.clone(), by: "REMOVE PARTITIONING" }
    } else if cursor.take_all(&["DROP", "PARTITION"]) {
        change(PartitionChange::Drop)
    } else if cursor.take_all(&["TRUNCATE", "PARTITION"]) {
        change(PartitionChange::Truncate)
    } else if cursor.take_all(&["ADD", "PARTITION"]) {
        change(PartitionChange::Add)
    } else if ["REORGANIZE", "COALESCE", "REBUILD", "OPTIMIZE"]
        .iter()
        .any(|word| cursor.take_all(&[word, "PARTITION"]))
    {
        change(PartitionChange::Reorganize)
    } else if cursor.take_all(&["EXCHANGE", "PARTITION"]) {
        change(PartitionChange::Exchange)
    } else if cursor.take_all(&["CONVERT", "PARTITION"]) {
        change(PartitionChange::Detach)
    } else if cursor.take_all(&["CONVERT", "TABLE"]) {
        change(PartitionChange::Attach)
    } else if cursor.sees_any(&["ANALYZE", "CHECK", "REPAIR", "IMPORT", "DISCARD"]) {
        let mut ahead = *cursor;
        let discards = ahead.sees("DISCARD");
        ahead.next();
        let whole = ahead.sees("TABLESPACE");
        (whole || ahead.sees("PARTITION")).then_some(())?;
        if discards && whole {
            Deed::Truncate { tables: vec![table.clone()], cascade: false }
        } else if discards {
            change(PartitionChange::Truncate)
        } else {
            Deed::AlterTable { table: table.clone(), what: "a partition" }
        }
    } else {
        return None;
    };
    // What follows are names, numbers, and partitions in parentheses.
    while !cursor.done() {
        cursor.skip();
    }
    deeds.push(deed);
    Some(())
}

/// One clause.
fn one(cursor: &mut Cursor<'_, '_>, table: &Name, deeds: &mut Vec<Deed>) -> Option<()> {
    if cursor.take("ADD") {
        add(cursor, table, deeds)
    } else if cursor.take("DROP") {
        deeds.push(drop(cursor, table)?);
        Some(())
    } else if cursor.take("MODIFY") {
        cursor.take("COLUMN");
        cursor.take_if_exists();
        let column = column::column(cursor)?;
        deeds.push(Deed::Redefine { table: table.clone(), column });
        Some(())
    } else if cursor.take("CHANGE") {
        cursor.take("COLUMN");
        cursor.take_if_exists();
        let from = cursor.ident()?.to_lowercase();
        let mut column = column::column(cursor)?;
        let to = std::mem::replace(&mut column.name, from.clone());
        deeds.push(Deed::Redefine { table: table.clone(), column });
        if from != to {
            deeds.push(Deed::RenameColumn { table: table.clone(), from, to });
        }
        Some(())
    } else if cursor.take("ALTER") {
        deeds.push(alter_member(cursor, table)?);
        Some(())
    } else if cursor.take("RENAME") {
        deeds.push(rename(cursor, table)?);
        Some(())
    } else {
        whole(cursor, table, deeds)
    }
}

/// `ADD …`: a column, several, a key, a constraint.
fn add(cursor: &mut Cursor<'_, '_>, table: &Name, deeds: &mut Vec<Deed>) -> Option<()> {
    match key(cursor, table) {
        Some(Key::Constraint(constraint)) => {
            deeds.push(Deed::AddConstraint { table: table.clone(), constraint });
        }
        Some(Key::Index(index)) => deeds.push(Deed::CreateIndex(index)),
        None if cursor.take_all(&["PERIOD", "FOR"]) || cursor.take_all(&["SYSTEM", "VERSIONING"]) => {
            while !cursor.done() {
                cursor.skip();
            }
            deeds.push(Deed::Rewrite { table: table.clone(), by: "ADD SYSTEM VERSIONING" });
            return Some(());
        }
        None => {
            cursor.take("COLUMN");
            cursor.take_if_not_exists();
            if let Some(inner) = cursor.parenthesized() {
                for mut part in inner.parts() {
                    match key(&mut part, table) {
                        Some(Key::Constraint(constraint)) => {
                            deeds.push(Deed::AddConstraint { table: table.clone(), constraint });
                        }
                        Some(Key::Index(index)) => deeds.push(Deed::CreateIndex(index)),
                        None => {
                            let column = column::column(&mut part)?;
                            deeds.push(Deed::AddColumn { table: table.clone(), column });
                        }
                    }
                }
                return Some(());
            }
            let column = column::column(cursor)?;
            deeds.push(Deed::AddColumn { table: table.clone(), column });
            return Some(());
        }
    }
    // An index's options.
    while !cursor.done() && !cursor.sees_all(&["PARTITION", "BY"]) {
        cursor.skip();
    }
    Some(())
}

/// `DROP …`: a column, a key, a constraint.
fn drop(cursor: &mut Cursor<'_, '_>, table: &Name) -> Option<Deed> {
    let constraint = |name| Deed::DropConstraint { table: table.clone(), name, cascade: false };
    if cursor.take_all(&["PRIMARY", "KEY"]) {
        return Some(constraint("PRIMARY".to_owned()));
    }
    if cursor.take_all(&["SYSTEM", "VERSIONING"]) {
        return Some(Deed::Rewrite { table: table.clone(), by: "DROP SYSTEM VERSIONING" });
    }
    if cursor.take_all(&["PERIOD", "FOR"]) {
        cursor.next()?;
        return Some(Deed::AlterTable { table: table.clone(), what: "a period" });
    }
    let index = cursor.take("INDEX") || cursor.take("KEY");
    let other = !index
        && (cursor.take_all(&["FOREIGN", "KEY"]) || cursor.take_any(&["CONSTRAINT", "CHECK"]).is_some());
    if !index && !other {
        cursor.take("COLUMN");
    }
    cursor.take_if_exists();
    let name = cursor.ident()?;
    if index {
        let names = vec![Name::bare(name.to_lowercase())];
        let kind = ObjectKind::Index;
        return Some(Deed::Drop {
            kind,
            names,
            cascade: false,
            concurrently: false,
            on: Some(table.clone()),
        });
    }
    if other {
        return Some(constraint(name.to_lowercase()));
    }
    let _ = cursor.take("RESTRICT") || cursor.take("CASCADE");
    Some(Deed::DropColumn { table: table.clone(), column: name.to_lowercase(), cascade: false })
}

/// `ALTER …`: a column's default or visibility, an index's visibility, a check.
fn alter_member(cursor: &mut Cursor<'_, '_>, table: &Name) -> Option<Deed> {
    let other = |what| Deed::AlterTable { table: table.clone(), what };
    if cursor.take_any(&["INDEX", "KEY"]).is_some() {
        cursor.take_if_exists();
        cursor.ident()?;
        cursor.take("NOT");
        cursor.take_any(&["VISIBLE", "INVISIBLE", "IGNORED"])?;
        return Some(other("an index's visibility"));
    }
    if cursor.take_any(&["CHECK", "CONSTRAINT"]).is_some() {
        let name = cursor.ident()?.to_lowercase();
        let enforced = !cursor.take("NOT");
        cursor.take("ENFORCED").then_some(())?;
        return Some(if enforced {
            Deed::ValidateConstraint { table: table.clone(), name }
        } else {
            other("a check that is no longer enforced")
        });
    }
    cursor.take("COLUMN");
    cursor.take_if_exists();
    let column = cursor.ident()?.to_lowercase();
    if cursor.take_all(&["DROP", "DEFAULT"]) {
        return Some(Deed::SetDefault { table: table.clone(), column, default: DefaultValue::None });
    }
    cursor.take("SET").then_some(())?;
    if cursor.take_any(&["VISIBLE", "INVISIBLE"]).is_some() {
        return Some(other("a column's visibility"));
    }
    cursor.take("DEFAULT").then_some(())?;
    let default = column::default(cursor)?;
    Some(Deed::SetDefault { table: table.clone(), column, default })
}

/// `RENAME …`: a column, an index, or the table.
fn rename(cursor: &mut Cursor<'_, '_>, table: &Name) -> Option<Deed> {
    if cursor.take("COLUMN") {
        cursor.take_if_exists();
        let from = cursor.ident()?.to_lowercase();
        cursor.take("TO").then_some(())?;
        return Some(Deed::RenameColumn { table: table.clone(), from, to: cursor.ident()?.to_lowercase() });
    }
    if cursor.take_any(&["INDEX", "KEY"]).is_some() {
        cursor.take_if_exists();
        let from = Name::bare(cursor.ident()?.to_lowercase());
        cursor.take("TO").then_some(())?;
        let to = Name::bare(cursor.ident()?.to_lowercase());
        return Some(Deed::Rename { kind: ObjectKind::Index, from, to, on: Some(table.clone()) });
    }
    let _ = cursor.take("TO") || cursor.take("AS") || cursor.take_symbol("=");
    let to = cursor.name()?;
    Some(Deed::Rename { kind: ObjectKind::Table, from: table.clone(), to, on: None })
}

/// What is about the table as a whole.
fn whole(cursor: &mut Cursor<'_, '_>, table: &Name, deeds: &mut Vec<Deed>) -> Option<()> {
    let other = |what| Deed::AlterTable { table: table.clone(), what };
    let deed = if cursor.take_all(&["CONVERT", "TO"]) {
        let mut charset = charset(cursor)?;
        if let Some(collation) = column::charset(cursor) {
            charset = format!("{charset} {collation}");
        }
        Deed::Convert { table: table.clone(), charset }
    } else if cursor.take("FORCE") {
        Deed::Rewrite { table: table.clone(), by: "FORCE" }
    } else if cursor.take_all(&["ORDER", "BY"]) {
        while !cursor.done() {
            cursor.skip();
        }
        Deed::Rewrite { table: table.clone(), by: "ORDER BY" }
    } else if cursor.take_any(&["DISABLE", "ENABLE"]).is_some() {
        cursor.take("KEYS").then_some(())?;
        other("keys")
    } else if cursor.take_any(&["WITH", "WITHOUT"]).is_some() {
        cursor.take("VALIDATION").then_some(())?;
        other("validation")
    } else {
        let mut options = Vec::new();
        table::option(cursor, &mut options)?;
        match options.first().map(|(name, value)| (name.as_str(), value.as_str())) {
            Some(("engine", engine)) => Deed::Engine { table: table.clone(), engine: engine.to_owned() },
            Some(("row_format" | "key_block_size" | "page_compressed" | "encryption" | "encrypted", _)) => {
                Deed::Rewrite { table: table.clone(), by: "another row format" }
            }
            _ => other("an option"),
        }
    };
    deeds.push(deed);
    Some(())
}

/// The text of a value that may stand in quotes.
pub(super) fn word(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    cursor.value().map(|text| literal(text).trim_matches('`').to_owned())
}
