//! What the reader makes of statements. Knows no rule.

use whimbrel::script::{Lexing, Script};
use whimbrel::{Product, ServerVersion};

use super::super::{Reading, Unparsed, read};
use crate::deed::{Column, Deed, DefaultValue};

fn readings(sql: &str, product: Product) -> Vec<Result<Reading, Unparsed>> {
    let lexing = if product == Product::Mariadb { Lexing::MARIADB } else { Lexing::MYSQL };
    let script = Script::parse(sql, &lexing).expect("a sound script");
    let server = ServerVersion::new(product, 8, 0, 0);
    script.statements().iter().map(|statement| read(statement, &server)).collect()
}

/// What a statement does, in short.
fn told(sql: &str) -> String {
    let [reading] = &readings(sql, Product::Mariadb)[..] else { panic!("{sql}: not one statement") };
    let Ok(reading) = reading else { return "unread".to_owned() };
    let mut told: Vec<String> = reading.deeds.iter().map(short).collect();
    if let Some(algorithm) = reading.online.algorithm {
        told.push(format!("{algorithm:?}"));
    }
    if let Some(lock) = reading.online.lock {
        told.push(format!("lock {lock:?}"));
    }
    told.join("; ")
}

fn short(deed: &Deed) -> String {
    let typed = |column: &Column| {
        let ty = column.ty.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = [
            (column.not_null, " not null"),
            (column.default != DefaultValue::None, " default"),
            (column.identity, " numbered"),
            (column.generated.is_some(), " computed"),
            (column.placed, " placed"),
            (column.unique, " unique"),
            (column.primary_key, " key"),
        ];
        let words: String = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        format!(
            "{} {ty}{words}{}",
            column.name,
            column.charset.as_ref().map(|it| format!(" {it}")).unwrap_or_default()
        )
    };
    match deed {
        Deed::CreateTable(table) => {
            let columns: Vec<_> = table.columns.iter().map(typed).collect();
            format!("table {} ({})", table.name, columns.join(", "))
        }
        Deed::AddColumn { table, column } => format!("{table} + {}", typed(column)),
        Deed::Redefine { table, column } => format!("{table} = {}", typed(column)),
        Deed::DropColumn { table, column, .. } => format!("{table} - {column}"),
        Deed::RenameColumn { table, from, to } => format!("{table} {from} > {to}"),
        Deed::Rename { from, to, .. } => format!("{from} > {to}"),
        Deed::Drop { kind, names, on, .. } => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let on = on.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
            format!("drop {} {}{on}", kind.as_str(), names.join(", "))
        }
        Deed::CreateIndex(index) => {
            let columns: Vec<_> = index.columns.iter().map(|it| it.as_deref().unwrap_or("?")).collect();
            format!(
                "index {} on {} ({})",
                index.name.as_deref().unwrap_or("?"),
                index.table,
                columns.join(", ")
            )
        }
        Deed::AddConstraint { table, constraint } => {
            let name = constraint.name.as_deref().unwrap_or("?");
            let kind = format!("{:?}", constraint.kind);
            format!("{table} + {name} {}", kind.split([' ', '{']).next().unwrap_or_default())
        }
        Deed::DropConstraint { table, name, .. } => format!("{table} - {name}"),
        Deed::Update { table, filtered } => format!("update {table} {filtered}"),
        Deed::Delete { table, filtered } => format!("delete {table} {filtered}"),
        Deed::Insert { table, queried } => format!("insert {table} {queried}"),
        Deed::Set { setting, value, .. } => format!("{setting} = {}", value.as_deref().unwrap_or("?")),
        Deed::AlterSystem { what } => format!("global {what}"),
        Deed::Grant(grant) => format!(
            "grant {} on {} to {} {}",
            grant.what.join(", "),
            grant.on.as_deref().unwrap_or("?"),
            grant.to.join(", "),
            grant.grantable
        ),
        Deed::Role { name, password, .. } => format!("role {name} {password}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn clauses_of_alter_table_are_read() {
    for (sql, expected) in [
        ("ALTER TABLE t ADD a INT", "t + a int"),
        (
            "ALTER TABLE `d`.`T 1` ADD COLUMN IF NOT EXISTS (A INT(11) UNSIGNED, b DOUBLE PRECISION)",
            "d.T 1 + a int(11) unsigned; d.T 1 + b double",
        ),
        (
            "ALTER TABLE t ADD a VARCHAR(10) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL DEFAULT 'x' COMMENT 'y, z' AFTER b",
            "t + a varchar(10) not null default placed utf8_bin",
        ),
        (
            "ALTER TABLE t ADD a TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP FIRST",
            "t + a timestamp default placed",
        ),
        (
            "ALTER TABLE t ADD a INT AS (b + 1) STORED, ADD c JSON DEFAULT (JSON_ARRAY())",
            "t + a int computed; t + c json default",
        ),
        (
            "ALTER TABLE t MODIFY a ENUM('x','y'), CHANGE COLUMN b c BIGINT AUTO_INCREMENT",
            "t = a enum; t = b bigint numbered; t b > c",
        ),
        (
            "ALTER TABLE t DROP a, DROP COLUMN b, DROP INDEX i, DROP FOREIGN KEY f, DROP PRIMARY KEY",
            "t - a; t - b; drop index i on t; t - f; t - PRIMARY",
        ),
        (
            "ALTER TABLE t ADD UNIQUE KEY u (a, b DESC), ADD INDEX (c(10)) USING BTREE, ADD KEY k ((a + 1))",
            "index u on t (a, b); index ? on t (c); index k on t (?)",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (b) ON DELETE SET NULL ON UPDATE CASCADE, ADD CHECK (a > 1)",
            "t + f ForeignKey; t + ? Check",
        ),
        ("ALTER TABLE t RENAME COLUMN a TO b, RENAME INDEX i TO j, RENAME TO u", "t a > b; i > j; t > u"),
        ("ALTER TABLE t ADD a INT, ALGORITHM=INPLACE, LOCK = NONE", "t + a int; Inplace; lock None"),
        (
            "ALTER TABLE t ADD a INT PARTITION BY HASH(a) PARTITIONS 4",
            "t + a int; Rewrite { table: Name { schema: None, name: \"t\" }, by: \"PARTITION BY\" }",
        ),
        ("ALTER TABLE t ADD 2a INT", "t + 2a int"),
        ("ALTER TABLE t", ""),
        ("ALTER TABLE t ADD", "unread"),
        ("ALTER TABLE t ADD a", "unread"),
        ("ALTER TABLE t FROBNICATE", "unread"),
    ] {
        assert_eq!(told(sql), expected, "{sql}");
    }
}

#[test]
fn tables_indexes_and_rows_are_read() {
    for (sql, expected) in [
        (
            "CREATE TABLE IF NOT EXISTS t (id SERIAL, KEY k (id), PRIMARY KEY (id)) ENGINE InnoDB",
            "table t (id serial not null numbered unique); index k on t (id)",
        ),
        ("CREATE TABLE t LIKE u", "table t ()"),
        ("CREATE OR REPLACE TABLE t (a INT KEY)", "drop table t; table t (a int not null key)"),
        (
            "CREATE UNIQUE INDEX i USING BTREE ON d.t (a) ALGORITHM INPLACE LOCK=SHARED",
            "index i on d.t (a); Inplace; lock Shared",
        ),
        ("DROP INDEX i ON t LOCK=NONE", "drop index i on t; lock None"),
        ("DROP TABLE IF EXISTS a, d.b CASCADE", "drop table a, d.b"),
        ("RENAME TABLE a TO b, b TO c", "a > b; b > c"),
        ("DELETE FROM t", "delete t false"),
        ("DELETE FROM t WHERE a IN (SELECT b FROM u)", "delete t true"),
        ("DELETE QUICK FROM t LIMIT 10", "delete t true"),
        ("DELETE a, b FROM a JOIN b ON a.x = b.x", "delete a true; delete b true"),
        ("UPDATE t SET a = (SELECT 1 FROM u WHERE 1)", "update t false"),
        ("UPDATE LOW_PRIORITY t SET a = 1 WHERE b = 2", "update t true"),
        ("UPDATE t, u SET t.a = u.a WHERE t.b = u.b", "update t true"),
        ("WITH x AS (SELECT 1) DELETE FROM t", "delete t false"),
        ("INSERT INTO t VALUES (1)", "insert t false"),
        ("INSERT INTO t (a) SELECT 1", "insert t true"),
    ] {
        assert_eq!(told(sql), expected, "{sql}");
    }
}

#[test]
fn settings_and_accounts_are_read() {
    for (sql, expected) in [
        (
            "SET foreign_key_checks = 0, @x = 1, SESSION sql_mode = ''",
            "foreign_key_checks = 0; Harmless; sql_mode = ",
        ),
        ("SET @@session.unique_checks = OFF", "unique_checks = off"),
        (
            "SET GLOBAL max_connections = 5, lock_wait_timeout = 6",
            "global max_connections; global lock_wait_timeout",
        ),
        ("SET @@GLOBAL.read_only = 1, SESSION sql_notes = 1", "global read_only; sql_notes = 1"),
        ("SET PERSIST mandatory_roles = 'a,b'", "global mandatory_roles"),
        ("SET NAMES utf8mb4", "names = ?"),
        ("SET STATEMENT max_statement_time = 1 FOR DELETE FROM t", "max_statement_time = 1; delete t false"),
        (
            "GRANT ALL PRIVILEGES ON *.* TO 'a'@'%' WITH GRANT OPTION",
            "grant all privileges on *.* to a@% true",
        ),
        (
            "GRANT SELECT (a, b), UPDATE ON d.* TO a@localhost, b",
            "grant select, update on d.* to a@localhost, b false",
        ),
        ("GRANT r TO a", "grant r on ? to a false"),
        (
            "CREATE USER a@localhost IDENTIFIED BY 'x' REQUIRE SSL, b IDENTIFIED VIA unix_socket",
            "role a@localhost true; role b false",
        ),
        ("ALTER USER CURRENT_USER() IDENTIFIED WITH mysql_native_password AS '*6'", "role CURRENT_USER true"),
        ("SET PASSWORD FOR a = PASSWORD('x')", "role a true"),
    ] {
        assert_eq!(told(sql), expected, "{sql}");
    }
}

#[test]
fn statements_inside_statements_do_not_go_on_for_ever() {
    let deep = format!("{}SELECT 1", "SET STATEMENT a = 1 FOR ".repeat(100_000));
    assert_eq!(told(&deep), "unread");
    let wide = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(told(&wide), "Harmless");
}

#[test]
fn the_forms_of_statements_in_the_manuals_are_all_read() {
    let statements = include_str!("statements.sql");
    let unread: Vec<&str> = statements
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("--"))
        .filter(|line| told(line) == "unread")
        .collect();
    assert!(unread.is_empty(), "{} statements:\n{}", unread.len(), unread.join("\n"));
}
