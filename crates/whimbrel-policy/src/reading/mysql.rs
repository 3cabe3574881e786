//! Reads MySQL's and MariaDB's statements, over the tokens of the splitter: what kind each is, and what it is about. What
//! these servers understand beyond the standard is a large part of what changes a schema, and no general parser reads
//! all of it. Judges nothing.

mod account;
mod alter;
mod column;
mod rows;
mod setting;
mod table;

use whimbrel::ServerVersion;
use whimbrel::script::{Statement, Token, TokenKind};

use super::cursor::Cursor;
use super::{Reading, Unparsed};
use crate::deed::{Deed, Name, NewIndex, ObjectKind, Online, Rights};

/// What a statement does.
pub(crate) fn read(statement: &Statement<'_>, _server: &ServerVersion) -> Result<Reading, Unparsed> {
    let tokens: Vec<Token<'_>> = statement.words().collect();
    of_tokens(&tokens)
}

/// What it does in its other readings, in each that differs: where all of it is skipped, nothing.
pub(crate) fn read_otherwise(statement: &Statement<'_>) -> Vec<Result<Reading, Unparsed>> {
    let mut readings = statement.readings();
    let Some(first) = readings.next() else { return Vec::new() };
    let of = |tokens: Vec<Token<'_>>| match tokens.is_empty() {
        true => Ok(Reading::of(Vec::new())),
        false => of_tokens(&tokens),
    };
    let first = of(first.collect());
    let mut others = Vec::new();
    for reading in readings {
        let reading = of(reading.collect());
        if reading != first && !others.contains(&reading) {
            others.push(reading);
        }
    }
    others
}

fn of_tokens(tokens: &[Token<'_>]) -> Result<Reading, Unparsed> {
    statement_of(tokens, NESTED).ok_or_else(|| Unparsed { why: opening(tokens) })
}

/// How a statement begins, up to what may be a name.
fn opening(tokens: &[Token<'_>]) -> String {
    let words = tokens.iter().take(2).take_while(|token| token.kind == TokenKind::Word);
    let words: Vec<String> =
        words.map(|token| token.text.chars().take(20).collect::<String>().to_uppercase()).collect();
    if words.is_empty() {
        "it begins with no word".to_owned()
    } else {
        format!("it begins with {}", words.join(" "))
    }
}

/// How many statements may stand one inside the other: `SET STATEMENT … FOR`, `ANALYZE`, `WITH`.
const NESTED: usize = 8;

/// Words that begin statements which change nothing that a rule is about.
const HARMLESS: &[&str] = &[
    "ANALYZE",
    "BINLOG",
    "CACHE",
    "CHECK",
    "CHECKSUM",
    "DEALLOCATE",
    "DESC",
    "DESCRIBE",
    "DO",
    "EXPLAIN",
    "FLUSH",
    "GET",
    "HANDLER",
    "HELP",
    "KILL",
    "PREPARE",
    "PURGE",
    "RELEASE",
    "REPAIR",
    "RESIGNAL",
    "RETURN",
    "SAVEPOINT",
    "SHOW",
    "SIGNAL",
    "UNINSTALL",
    "UNLOCK",
    "USE",
];

/// Words that begin statements with others inside, or with what only the server can see.
const OPAQUE: &[(&str, &str)] = &[
    ("CALL", "a procedure"),
    ("EXECUTE", "a prepared statement"),
    ("BEGIN", "a block"),
    ("IF", "a block"),
    ("CASE", "a block"),
    ("LOOP", "a block"),
    ("REPEAT", "a block"),
    ("WHILE", "a block"),
    ("FOR", "a block"),
];

fn statement_of(tokens: &[Token<'_>], nested: usize) -> Option<Reading> {
    let nested = nested.checked_sub(1)?;
    let mut cursor = Cursor::new(tokens);
    let cursor = &mut cursor;
    if let Some((_, what)) = OPAQUE.iter().find(|(word, _)| cursor.sees(word)) {
        return Some(Reading::of(vec![Deed::Opaque { what }]));
    }
    // A label.
    if tokens.get(1).is_some_and(|token| token.is_symbol(":")) {
        return Some(Reading::of(vec![Deed::Opaque { what: "a block" }]));
    }
    if cursor.sees_symbol("(") {
        return Some(Reading::of(query(cursor)));
    }
    let first = cursor.next().filter(|token| token.kind == TokenKind::Word)?.text.to_ascii_uppercase();
    let deeds = match first.as_str() {
        "ALTER" => return alter(cursor),
        "CREATE" => return create(cursor),
        "DROP" => return drop(cursor),
        "SET" if cursor.take("STATEMENT") => {
            let before = setting::set(&mut upto(cursor, "FOR")?)?;
            cursor.take("FOR").then_some(())?;
            let mut reading = statement_of(cursor.rest(), nested)?;
            reading.deeds.splice(0..0, before);
            return Some(reading);
        }
        // MariaDB's `ANALYZE` without `TABLE` runs what stands behind it.
        "ANALYZE"
            if cursor.sees_any(&["FORMAT", "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"]) =>
        {
            if cursor.take("FORMAT") {
                cursor.take_symbol("=");
                cursor.next()?;
            }
            return statement_of(cursor.rest(), nested);
        }
        "RENAME" => rename(cursor)?,
        "TRUNCATE" => {
            cursor.take("TABLE");
            vec![Deed::Truncate { tables: vec![cursor.name()?], cascade: false }]
        }
        "INSERT" => also_files(rows::insert(cursor, false)?, cursor),
        "REPLACE" => also_files(rows::insert(cursor, true)?, cursor),
        "UPDATE" => also_files(rows::update(cursor)?, cursor),
        "DELETE" => rows::delete(cursor)?,
        "SELECT" | "TABLE" | "VALUES" => query(cursor),
        "WITH" => with(cursor, nested)?,
        "LOAD" if cursor.take_any(&["DATA", "XML"]).is_some() => rows::load(cursor)?,
        "LOAD" | "START" | "STOP" | "CHANGE" | "CLONE" | "RESET" | "RESTART" | "SHUTDOWN" | "IMPORT"
        | "BACKUP" => {
            vec![Deed::Harmless]
        }
        "SET" => setting::set(cursor)?,
        "GRANT" => account::grant(cursor)?,
        "REVOKE" => {
            vec![Deed::Revoke { what: cursor.value()?.to_lowercase() }]
        }
        "LOCK" => lock(cursor)?,
        "OPTIMIZE" => {
            cursor.take_any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
            cursor.take_any(&["TABLE", "TABLES"])?;
            vec![Deed::Maintain { what: "OPTIMIZE TABLE", tables: cursor.names()?, full: true }]
        }
        "INSTALL" => vec![Deed::LoadCode { what: "INSTALL" }],
        "ROLLBACK" | "COMMIT" => vec![Deed::Harmless],
        "XA" => vec![Deed::TransactionControl { what: "XA" }],
        word if HARMLESS.contains(&word) => vec![Deed::Harmless],
        _ => return None,
    };
    Some(Reading::of(deeds))
}

/// The part before a keyword; the keyword is next afterwards.
fn upto<'a, 't>(cursor: &mut Cursor<'a, 't>, keyword: &str) -> Option<Cursor<'a, 't>> {
    let rest = cursor.rest();
    cursor.skip_to(&[keyword]).then_some(())?;
    Some(Cursor::new(rest.get(..rest.len() - cursor.rest().len())?))
}

fn query(cursor: &Cursor<'_, '_>) -> Vec<Deed> {
    let mut deeds = also_files(rows::query(cursor), cursor);
    if deeds.is_empty() {
        deeds.push(Deed::Harmless);
    }
    deeds
}

fn also_files(mut deeds: Vec<Deed>, cursor: &Cursor<'_, '_>) -> Vec<Deed> {
    if rows::reads_files(cursor) {
        deeds.push(Deed::ServerFile { what: "LOAD_FILE", program: false });
    }
    deeds
}

/// What follows `WITH`: queries, and the statement that they are for.
fn with(cursor: &mut Cursor<'_, '_>, nested: usize) -> Option<Vec<Deed>> {
    let tail = cursor.skip_to(&["SELECT", "UPDATE", "DELETE", "INSERT", "REPLACE", "TABLE", "VALUES"]);
    if !tail {
        // `WITH x AS (…) (SELECT …)`
        return Some(vec![Deed::Harmless]);
    }
    statement_of(cursor.rest(), nested).map(|reading| reading.deeds)
}

/// What follows `RENAME`.
fn rename(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    if cursor.take("USER") {
        return Some(vec![Deed::Harmless]);
    }
    cursor.take_any(&["TABLE", "TABLES"])?;
    cursor.take_if_exists();
    cursor
        .parts()
        .into_iter()
        .map(|mut part| {
            let from = part.name()?;
            alter::wait(&mut part);
            part.take("TO").then_some(())?;
            Some(Deed::Rename { kind: ObjectKind::Table, from, to: part.name()?, on: None })
        })
        .collect()
}

/// What follows `LOCK`.
fn lock(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    if cursor.take("INSTANCE") {
        return Some(vec![Deed::Lock { tables: Vec::new(), mode: "INSTANCE".to_owned(), nowait: false }]);
    }
    cursor.take_any(&["TABLE", "TABLES"])?;
    let mut tables = Vec::new();
    let mut mode = "READ";
    for mut part in cursor.parts() {
        tables.push(part.name()?);
        if part.holds("WRITE") {
            mode = "WRITE";
        }
    }
    Some(vec![Deed::Lock { tables, mode: mode.to_owned(), nowait: false }])
}

/// What follows `ALTER`.
fn alter(cursor: &mut Cursor<'_, '_>) -> Option<Reading> {
    let (mut online, mut ignore) = (false, false);
    while let Some(word) = cursor.take_any(&["ONLINE", "OFFLINE", "IGNORE"]) {
        online |= word == "ONLINE";
        ignore |= word == "IGNORE";
    }
    if cursor.take("TABLE") {
        return alter::alter(cursor, online, ignore);
    }
    if cursor.take("USER") {
        return Some(Reading::of(account::user(cursor)?));
    }
    let definer = definer(cursor)?;
    let kind = kind(cursor)?;
    let mut deeds: Vec<_> = definer.deed(kind).into_iter().collect();
    deeds.push(match kind {
        ObjectKind::View => Deed::CreateView {
            name: cursor.name()?,
            replaces: true,
            materialized: false,
            rights: definer.rights,
            reads: Vec::new(),
        },
        _ => Deed::Harmless,
    });
    Some(Reading::of(deeds))
}

/// What follows `CREATE`.
fn create(cursor: &mut Cursor<'_, '_>) -> Option<Reading> {
    let replaces = cursor.take_all(&["OR", "REPLACE"]);
    let temporary = cursor.take("TEMPORARY");
    if cursor.take("TABLE") {
        let mut deeds = table::create(cursor, temporary)?;
        if replaces
            && !temporary
            && let Some(Deed::CreateTable(table)) = deeds.first()
        {
            let names = vec![table.name.clone()];
            let kind = ObjectKind::Table;
            deeds.insert(0, Deed::Drop { kind, names, cascade: false, concurrently: false, on: None });
        }
        return Some(Reading::of(deeds));
    }
    if cursor.take("USER") {
        return Some(Reading::of(account::user(cursor)?));
    }
    let unique = cursor.take_any(&["ONLINE", "OFFLINE"]).is_none() && cursor.take("UNIQUE");
    let special = match cursor.sees_all(&["SPATIAL", "REFERENCE"]) {
        true => None,
        false => cursor.take_any(&["FULLTEXT", "SPATIAL", "VECTOR"]),
    };
    if cursor.take("INDEX") {
        return index(cursor, unique, special);
    }
    if cursor.take("ROLE") {
        return Some(Reading::of(vec![Deed::Harmless]));
    }
    let definer = definer(cursor)?;
    cursor.take("AGGREGATE");
    let kind = kind(cursor)?;
    let mut deeds: Vec<_> = definer.deed(kind).into_iter().collect();
    cursor.take_if_not_exists();
    let created = match kind {
        ObjectKind::View => Deed::CreateView {
            name: cursor.name()?,
            replaces,
            materialized: false,
            rights: definer.rights,
            reads: Vec::new(),
        },
        ObjectKind::Trigger => {
            let name = cursor.name()?;
            cursor.skip_to(&["ON"]).then_some(())?;
            cursor.take("ON");
            Deed::CreateTrigger { name: name.name, table: cursor.name()?, replaces }
        }
        ObjectKind::Routine => {
            let name = cursor.name()?;
            if cursor.holds("SONAME") {
                deeds.push(Deed::LoadCode { what: "SONAME" });
            }
            let says_invoker = cursor
                .rest()
                .windows(2)
                .any(|pair| pair[0].is_keyword("SECURITY") && pair[1].is_keyword("INVOKER"));
            let rights = if says_invoker { Rights::Invoker } else { Rights::Definer };
            Deed::CreateRoutine { name, replaces, rights, search_path: true }
        }
        _ => Deed::Create { kind, name: cursor.name().unwrap_or_else(|| Name::bare("")) },
    };
    deeds.push(created);
    Some(Reading::of(deeds))
}

/// What follows `CREATE … INDEX`.
fn index(cursor: &mut Cursor<'_, '_>, unique: bool, special: Option<&'static str>) -> Option<Reading> {
    let if_not_exists = cursor.take_if_not_exists();
    let name = if cursor.sees("ON") { None } else { table::index_name(cursor) };
    cursor.take("ON").then_some(())?;
    let table = cursor.name()?;
    alter::wait(cursor);
    let columns = table::key_columns(cursor)?;
    let mut online = Online::default();
    while !cursor.done() {
        if alter::demand(cursor, &mut online).is_none() {
            cursor.skip();
        }
    }
    let concurrently = false;
    let index =
        NewIndex { name, table, columns, unique, concurrently, if_not_exists, partial: false, special };
    Some(Reading { deeds: vec![Deed::CreateIndex(index)], online })
}

/// What follows `DROP`.
fn drop(cursor: &mut Cursor<'_, '_>) -> Option<Reading> {
    if cursor.take("TEMPORARY") || cursor.take("PREPARE") || cursor.take("ROLE") {
        return Some(Reading::of(vec![Deed::Harmless]));
    }
    let kind = kind(cursor)?;
    cursor.take_if_exists();
    let mut online = Online::default();
    let dropped = |names, on| Deed::Drop { kind, names, cascade: false, concurrently: false, on };
    let deed = match kind {
        ObjectKind::Other => Deed::Harmless,
        ObjectKind::Role => dropped(vec![Name::bare(account::account(cursor)?)], None),
        ObjectKind::Index => {
            let names = vec![Name::bare(cursor.ident()?.to_lowercase())];
            cursor.take("ON").then_some(())?;
            let on = Some(cursor.name()?);
            while !cursor.done() {
                if alter::demand(cursor, &mut online).is_none() {
                    cursor.skip();
                }
            }
            dropped(names, on)
        }
        ObjectKind::Table | ObjectKind::View => dropped(cursor.names()?, None),
        _ => dropped(vec![cursor.name()?], None),
    };
    Some(Reading { deeds: vec![deed], online })
}

/// What kind of object is named.
fn kind(cursor: &mut Cursor<'_, '_>) -> Option<ObjectKind> {
    if cursor.take_all(&["LOGFILE", "GROUP"]) || cursor.take_all(&["RESOURCE", "GROUP"]) {
        return Some(ObjectKind::Other);
    }
    if cursor.take_all(&["SPATIAL", "REFERENCE", "SYSTEM"]) || cursor.take_all(&["JSON", "DUALITY", "VIEW"]) {
        return Some(ObjectKind::Other);
    }
    if cursor.take("PACKAGE") {
        cursor.take("BODY");
        return Some(ObjectKind::Routine);
    }
    cursor.take("UNDO");
    Some(match cursor.next()?.text.to_ascii_uppercase().as_str() {
        "TABLE" | "TABLES" => ObjectKind::Table,
        "VIEW" => ObjectKind::View,
        "INDEX" => ObjectKind::Index,
        "DATABASE" | "SCHEMA" => ObjectKind::Database,
        "TRIGGER" => ObjectKind::Trigger,
        "PROCEDURE" | "FUNCTION" => ObjectKind::Routine,
        "EVENT" => ObjectKind::Event,
        "SEQUENCE" => ObjectKind::Sequence,
        "USER" => ObjectKind::Role,
        "TABLESPACE" => ObjectKind::Tablespace,
        "SERVER" | "INSTANCE" | "LIBRARY" | "ROLE" => ObjectKind::Other,
        _ => return None,
    })
}

/// What stands before the kind of what is created.
#[derive(Default)]
struct Definer {
    who: Option<String>,
    rights: Option<Rights>,
}

impl Definer {
    fn deed(&self, kind: ObjectKind) -> Option<Deed> {
        self.who.as_ref().map(|who| Deed::Definer { kind, who: who.clone() })
    }
}

/// `ALGORITHM = …`, `DEFINER = user`, `SQL SECURITY …`, in whichever order.
fn definer(cursor: &mut Cursor<'_, '_>) -> Option<Definer> {
    let mut found = Definer::default();
    loop {
        if cursor.take("DEFINER") {
            cursor.take_symbol("=");
            let own = cursor.sees_any(&["CURRENT_USER", "CURRENT_ROLE"]);
            let who = account::account(cursor)?;
            found.who = (!own).then_some(who);
        } else if cursor.take("ALGORITHM") {
            cursor.take_symbol("=");
            cursor.next()?;
        } else if cursor.take_all(&["SQL", "SECURITY"]) {
            found.rights = Some(if cursor.take("INVOKER") {
                Rights::Invoker
            } else {
                cursor.take("DEFINER").then_some(Rights::Definer)?
            });
        } else {
            return Some(found);
        }
    }
}

#[cfg(test)]
mod tests;
