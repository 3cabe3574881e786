//! What is read from PostgreSQL's statements, in short. Mounted by `postgres.rs`.

use whimbrel::script::{Lexing, Script};

use super::*;
use crate::deed::DefaultValue;

fn deeds(sql: &str) -> Vec<Deed> {
    let script = Script::parse(sql, &Lexing::POSTGRES).expect("a script");
    read(&script.statements()[0]).unwrap_or_else(|unparsed| panic!("{sql}: {unparsed:?}")).deeds
}

/// The deeds' names, and the names in them.
fn told(sql: &str) -> String {
    let one = |deed: &Deed| {
        let debug = format!("{deed:?}");
        let kind = debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
        let tables: Vec<String> = deed.tables().iter().map(|table| table.to_string()).collect();
        format!("{kind} {}", tables.join("+")).trim_end().to_owned()
    };
    deeds(sql).iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_action_of_an_alter_table_is_a_deed() {
    let sql = "ALTER TABLE IF EXISTS ONLY app.\"T x\" ADD COLUMN a int, ADD b int, DROP COLUMN c, ALTER d TYPE text, ALTER e SET NOT \
               NULL, ALTER f DROP NOT NULL, ALTER g SET DEFAULT 1, ALTER h DROP DEFAULT, ADD CHECK (a > 0), DROP CONSTRAINT i, \
               VALIDATE CONSTRAINT j, SET LOGGED, ENABLE ROW LEVEL SECURITY, DISABLE TRIGGER ALL, OWNER TO k, \
               ALTER l SET EXPRESSION AS (1), ATTACH PARTITION m DEFAULT, CLUSTER ON n, ALTER o SET STORAGE plain";
    let expected = [
        "AddColumn",
        "AddColumn",
        "DropColumn",
        "AlterType",
        "SetNotNull",
        "DropNotNull",
        "SetDefault",
        "SetDefault",
        "AddConstraint",
        "DropConstraint",
        "ValidateConstraint",
        "Rewrite",
        "RowSecurity",
        "Triggers",
        "Own",
        "Regenerate",
        "Partition",
        "Harmless",
        "AlterTable",
    ];
    let told = told(sql);
    let names: Vec<&str> = told.split(", ").map(|deed| deed.split(' ').next().expect("a word")).collect();
    assert_eq!(names, expected);
    assert!(told.contains("AddColumn app.T x"), "{told}");
}

#[test]
fn statements_are_told_by_what_they_do() {
    for (sql, expected) in [
        ("ALTER TABLE a.t RENAME TO u", "Rename a.t"),
        ("ALTER TABLE t RENAME b TO c", "RenameColumn t"),
        ("ALTER TABLE t SET SCHEMA b", "Rename t"),
        ("DROP TABLE a, B.\"C\"", "Drop a+b.C"),
        ("DROP INDEX CONCURRENTLY i", "Drop"),
        ("DROP TRIGGER g ON t", "Drop t"),
        ("DROP FUNCTION f(int), g", "Drop"),
        ("TRUNCATE a, ONLY b CASCADE", "Truncate a+b"),
        ("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone", "Insert u, Delete t"),
        ("EXPLAIN ANALYZE DELETE FROM t", "Delete t"),
        ("PREPARE gone AS DELETE FROM t", "Delete t"),
        ("EXPLAIN DELETE FROM t", "Harmless"),
        ("SELECT * INTO a FROM b", "CreateTable"),
        ("CREATE INDEX ON ONLY t (a)", "AlterTable t"),
        ("CREATE INDEX i ON t (lower(a), b)", "CreateIndex t"),
        ("REINDEX (CONCURRENTLY) TABLE t", "Reindex t"),
        ("VACUUM (FULL false) t", "Maintain t"),
        ("LOCK t IN EXCLUSIVE MODE", "Lock t"),
        ("COPY t FROM PROGRAM 'x'", "ServerFile, Insert t"),
        ("COPY (DELETE FROM t RETURNING *) TO '/x'", "ServerFile, Delete t"),
        ("SELECT pg_read_file('x')", "ServerFile"),
        ("ALTER VIEW v SET (security_invoker = off)", "CreateView"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'", "CreateRoutine, ForeignCode"),
        ("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC", "Grant"),
        ("REVOKE ALL ON t FROM PUBLIC", "Revoke"),
        ("ALTER TYPE t ADD VALUE 'x'", "AddEnumValue"),
        ("ALTER TYPE t ADD ATTRIBUTE a int", "Harmless"),
        ("ALTER DOMAIN d ADD CHECK (VALUE > 0)", "ConstrainDomain"),
        ("COMMENT ON TABLE t IS 'x'", "Harmless"),
        ("DO $$ BEGIN END $$", "Harmless"),
        ("DO $$ BEGIN DROP TABLE a; IF true THEN TRUNCATE b; END IF; END $$", "Drop a, Truncate b"),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || x; END $$", "Opaque"),
        ("DO LANGUAGE plpython3u 'x'", "Opaque"),
        ("DO $$ nonsense $$", "Opaque"),
        ("DO $$ BEGIN CREATE TABLE a (); IF true THEN CREATE TABLE b (); END IF; END $$", "CreateTable"),
        ("DO $$ BEGIN PERFORM pg_read_file('x'); END $$", "ServerFile"),
    ] {
        assert_eq!(told(sql), expected, "{sql}");
    }
}

#[test]
fn a_default_is_constant_stable_or_volatile() {
    for (value, expected) in [
        ("NULL", DefaultValue::None),
        ("NULL::text", DefaultValue::None),
        ("1", DefaultValue::Constant),
        ("-1", DefaultValue::Constant),
        ("'{}'::jsonb", DefaultValue::Constant),
        ("ARRAY[1, 2]", DefaultValue::Constant),
        ("interval '1 day'", DefaultValue::Constant),
        ("lower('A')", DefaultValue::Constant),
        ("now()", DefaultValue::Stable),
        ("pg_catalog.now()", DefaultValue::Stable),
        ("CURRENT_TIMESTAMP", DefaultValue::Stable),
        ("(now() AT TIME ZONE 'utc')::date", DefaultValue::Stable),
        ("random()", DefaultValue::Volatile),
        ("now() + random() * interval '1 day'", DefaultValue::Volatile),
        ("app.own()", DefaultValue::Volatile),
        ("nextval('s')", DefaultValue::Volatile),
    ] {
        let deeds = deeds(&format!("ALTER TABLE t ADD a text DEFAULT {value}"));
        let [Deed::AddColumn { column, .. }] = &deeds[..] else { panic!("{deeds:?}") };
        assert_eq!(column.default, expected, "{value}");
    }
}

#[test]
fn types_have_one_name_whatever_their_spelling() {
    for (spelled, expected) in [
        ("int", "int4"),
        ("integer", "int4"),
        ("INT4", "int4"),
        ("pg_catalog.int4", "int4"),
        ("bigint", "int8"),
        ("character varying(30)", "varchar(30)"),
        ("varchar(30)", "varchar(30)"),
        ("char(2)", "bpchar(2)"),
        ("decimal(8, 2)", "numeric(8, 2)"),
        ("timestamp with time zone", "timestamptz"),
        ("timestamptz", "timestamptz"),
        ("timestamp(3) without time zone", "timestamp(3)"),
        ("double precision", "float8"),
        ("text[]", "text[]"),
        ("app.mood", "app.mood"),
        ("bit varying(3)", "varbit(3)"),
        ("bigserial", "int8"),
    ] {
        let deeds = deeds(&format!("ALTER TABLE t ADD a {spelled}"));
        let [Deed::AddColumn { column, .. }] = &deeds[..] else { panic!("{deeds:?}") };
        assert_eq!(column.ty.as_ref().map(ToString::to_string).as_deref(), Some(expected), "{spelled}");
    }
}
