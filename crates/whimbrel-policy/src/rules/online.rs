//! The rules about which changes of a table MySQL and MariaDB make at once, beside everybody's work, or by copying it.
//! Data, and small functions that look at one deed. What changes between two definitions of a column is told elsewhere.

use whimbrel::Product::{Mariadb, Mysql};

use super::redefine::{Effect, effect};
use crate::case::Case;
use crate::deed::{
    Algorithm, Column, ConstraintKind, Deed, Generation, Name, NewIndex, OnlineLock, PartitionChange,
};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "table-copy",
        concern: Concern::Lock,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a table is copied, row by row, and cannot be written to meanwhile",
        why: "The server cannot make this change in place. It makes a second table and fills it, which takes as long as the \
              table is large, while every write waits. MariaDB copies beside the writers from 11.2 on.",
        instead: "make it while nobody writes, or with a tool that copies beside the writers; behind `, ALGORITHM=INPLACE` a \
                  statement fails rather than copy",
        source: "MySQL: 17.12.1 Online DDL Operations; MariaDB: InnoDB Online DDL Overview",
        judge: |deed, case| {
            let (table, what) = copied(deed, case)?;
            let silent = case.is_new(table) || never_copies(case) || copies_online(case);
            (!silent).then(|| format!("{what}, for which {table} is copied while writes to it wait"))
        },
    },
    Rule {
        name: "foreign-key-copy",
        concern: Concern::Lock,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a foreign key is added, for which the table is copied",
        why: "With `foreign_key_checks` on, which is what makes the key true of the rows that are there, the table is copied \
              and cannot be written to meanwhile.",
        instead: "add it when the table is made, or while nobody writes to it",
        source: "MySQL: 17.12.1 Online DDL Operations, Foreign Key Operations; MariaDB: InnoDB Online DDL Operations",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint } if !case.is_new(table) => {
                let ConstraintKind::ForeignKey { references, .. } = &constraint.kind else { return None };
                let silent = is_off(case, "foreign_key_checks") || never_copies(case) || copies_online(case);
                (!silent).then(|| {
                    format!("adds a foreign key from {table} to {references}: {table} is copied while writes to it wait")
                })
            }
            _ => None,
        },
    },
    Rule {
        name: "modify-column",
        concern: Concern::Lock,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a column is defined anew, for which the table is copied if its type changes",
        why: "Another type, a shorter length, one across 255 bytes, another character set, a value of an ENUM that is not \
              appended: for each of these the table is copied, and cannot be written to meanwhile. What the new definition \
              does not repeat (NOT NULL, DEFAULT, COMMENT, AUTO_INCREMENT) is lost as well.",
        instead: "put `, ALGORITHM=INPLACE` behind it (or INSTANT), so that it fails rather than copy; if it has to copy, do it \
                  while nobody writes",
        source: "MySQL: 17.12.1 Online DDL Operations, Column Operations; MariaDB: InnoDB Online DDL Operations with the \
                 INPLACE Alter Algorithm",
        judge: |deed, case| match deed {
            Deed::Redefine { table, column } if !case.is_new(table) => {
                if never_copies(case) || copies_online(case) {
                    return None;
                }
                let name = column.name.escape_debug();
                match effect(case, table, column) {
                    Effect::Copy => Some(format!(
                        "changes the column {name} of {table} so that the table is copied while writes to it wait"
                    )),
                    Effect::Unknown => Some(format!(
                        "defines the column {name} of {table} anew, and what it was before is not known here: if its type \
                         changes, the table is copied while writes to it wait"
                    )),
                    Effect::Rebuild | Effect::None => None,
                }
            }
            _ => None,
        },
    },
    Rule {
        name: "blocks-writes",
        concern: Concern::Lock,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "writes wait while an index is built, or rows are numbered or distributed",
        why: "Full text and spatial indexes, columns with AUTO_INCREMENT, and other partitions for the same rows are made in \
              place, but not beside writers: they wait for as long as the table is large.",
        instead: "make it when the table is made, or while nobody writes; behind `, LOCK=NONE` a statement fails rather than \
                  make others wait",
        source: "MySQL: 17.12.1 Online DDL Operations; MariaDB: InnoDB Online DDL Operations with the INPLACE Alter Algorithm",
        judge: |deed, case| {
            // What stands in a new table's definition is built with it.
            if case.whole.makes_table || case.online.lock == Some(OnlineLock::None) || case.online.online {
                return None;
            }
            match deed {
                Deed::CreateIndex(NewIndex { table, special: Some(special), .. }) if !case.is_new(table) => {
                    Some(format!("builds a {special} index of {table}, and writes to it wait"))
                }
                // What takes no `LOCK=…` there (MySQL 5.7, MariaDB) does not tell.
                Deed::Partition { table, change: PartitionChange::Reorganize, .. }
                    if case.product() == Mysql && case.is_at_least(8, 0) && !case.is_new(table) =>
                {
                    Some(format!("distributes rows over partitions of {table} anew, and writes to it wait"))
                }
                Deed::AddColumn { table, column } if column.identity && !case.is_new(table) => Some(format!(
                    "numbers the rows of {table} in the new column {}, and writes to it wait",
                    column.name.escape_debug()
                )),
                _ => None,
            }
        },
    },
    Rule {
        name: "table-rebuild",
        concern: Concern::Lock,
        products: &[Mysql, Mariadb],
        level: Level::Note,
        headline: "a table is built anew, beside those who use it",
        why: "Reads and writes go on, but the table needs its space twice, the server is busy for as long as the table is \
              large, and a replica starts with it only when the primary has ended.",
        instead: "behind `, ALGORITHM=INSTANT` a statement fails rather than build the table anew; leave OPTIMIZE and FORCE to \
                  the operators",
        source: "MySQL: 17.12.1 Online DDL Operations, Rebuilds Table; MariaDB: InnoDB Online DDL Operations with the INSTANT \
                 Alter Algorithm",
        judge: |deed, case| {
            let (table, what) = rebuilt(deed, case)?;
            let silent = case.is_new(table) || case.online.algorithm == Some(Algorithm::Instant);
            (!silent).then(|| format!("{what}, for which {table} is built anew"))
        },
    },
];

/// What rewrites a table by copying it.
const COPYING: &[&str] = &["PARTITION BY", "REMOVE PARTITIONING", "ORDER BY", "ADD SYSTEM VERSIONING"];

/// Whether the statement asks to fail rather than copy.
fn never_copies(case: &Case<'_>) -> bool {
    let algorithm =
        matches!(case.online.algorithm, Some(Algorithm::Inplace | Algorithm::NoCopy | Algorithm::Instant));
    algorithm || case.online.lock == Some(OnlineLock::None) || case.online.online
}

/// Whether the server copies beside the writers: MariaDB does, unless it is told not to.
fn copies_online(case: &Case<'_>) -> bool {
    let asked = matches!(case.online.lock, Some(OnlineLock::Shared | OnlineLock::Exclusive));
    case.product() == Mariadb && case.is_at_least(11, 2) && !asked
}

/// Whether a switch of the session was turned off earlier in the script.
fn is_off(case: &Case<'_>, setting: &str) -> bool {
    case.so_far.setting(setting).is_some_and(|value| matches!(value, "0" | "off" | "false"))
}

/// Whether the server has all that came with these versions.
fn since(case: &Case<'_>, mysql: (u32, u32, u32), mariadb: (u32, u32)) -> bool {
    let server = case.server;
    match case.product() {
        Mysql => (server.major, server.minor, server.patch) >= mysql,
        _ => case.is_at_least(mariadb.0, mariadb.1),
    }
}

/// The table that is copied for a deed whatever the table is like, and what does so.
fn copied<'d>(deed: &'d Deed, case: &Case<'_>) -> Option<(&'d Name, String)> {
    match deed {
        Deed::AddColumn { table, column: Column { name, generated: Some(Generation::Stored), .. } } => {
            Some((table, format!("adds the column {}, which is computed and stored", name.escape_debug())))
        }
        Deed::DropConstraint { table, name, .. } if name == "PRIMARY" && !case.whole.makes_key => {
            Some((table, "drops the primary key without another one in its place".to_owned()))
        }
        // MySQL reads a check and forgets it before 8.0.16.
        Deed::AddConstraint { table, constraint }
            if matches!(constraint.kind, ConstraintKind::Check { .. })
                && constraint.validated
                && since(case, (8, 0, 16), (10, 2)) =>
        {
            Some((table, "adds a check".to_owned()))
        }
        Deed::Convert { table, charset } => {
            Some((table, format!("converts all text to {}", charset.escape_debug())))
        }
        Deed::Engine { table, engine } if !same_engine(case, table, engine) => {
            Some((table, format!("gives it to the engine {}", engine.escape_debug())))
        }
        Deed::Rewrite { table, by } if COPYING.contains(by) => Some((table, format!("asks for {by}"))),
        _ if case.online.algorithm == Some(Algorithm::Copy) && is_first(deed, case) => {
            deed.tables().first().map(|table| (*table, "asks for ALGORITHM=COPY".to_owned()))
        }
        _ => None,
    }
}

/// Whether this is the statement's first deed: what the statement as a whole asks for is said once.
fn is_first(deed: &Deed, case: &Case<'_>) -> bool {
    case.deeds.first().is_some_and(|first| std::ptr::eq(first, deed))
}

/// Whether the table has the engine already, as far as is known: whoever names InnoDB has most likely got it.
fn same_engine(case: &Case<'_>, table: &Name, engine: &str) -> bool {
    let known = case.catalog.table(table).and_then(|table| {
        table.options.iter().find(|(option, _)| option == "engine").map(|(_, engine)| engine.as_str())
    });
    engine == known.unwrap_or("innodb")
}

/// The table that is built anew in place for a deed, and what does so.
fn rebuilt<'d>(deed: &'d Deed, case: &Case<'_>) -> Option<(&'d Name, String)> {
    // Since 8.0.12 at a table's end, since 8.0.29 everywhere, and a column can be dropped.
    match deed {
        Deed::AddColumn { table, column } if column.generated.is_none() && !column.identity => {
            let needed = if column.placed { (8, 0, 29) } else { (8, 0, 12) };
            let mariadb = if column.placed { (10, 4) } else { (10, 3) };
            (!since(case, needed, mariadb))
                .then(|| (table, format!("adds the column {}", column.name.escape_debug())))
        }
        Deed::DropColumn { table, column, .. } => (!since(case, (8, 0, 29), (10, 4)))
            .then(|| (table, format!("drops the column {}", column.escape_debug()))),
        Deed::DropConstraint { table, name, .. } if name == "PRIMARY" && case.whole.makes_key => {
            Some((table, "changes the primary key".to_owned()))
        }
        Deed::Redefine { table, column } if effect(case, table, column) == Effect::Rebuild => {
            Some((table, format!("changes the column {}", column.name.escape_debug())))
        }
        Deed::Redefine { table, column }
            if copies_online(case) && effect(case, table, column) == Effect::Copy =>
        {
            Some((table, format!("changes the column {}", column.name.escape_debug())))
        }
        Deed::Engine { table, engine } if same_engine(case, table, engine) => {
            Some((table, format!("names the engine {}", engine.escape_debug())))
        }
        Deed::Rewrite { table, by } if matches!(*by, "FORCE" | "another row format") => {
            Some((table, format!("asks for {by}")))
        }
        Deed::Maintain { what, tables, .. } => {
            tables.first().map(|table| (table, format!("asks for {what}")))
        }
        _ if copies_online(case) => copied(deed, case),
        _ => None,
    }
}
