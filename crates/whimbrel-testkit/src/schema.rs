//! What a database is made of, as lines of text that can be compared. Knows each dialect's catalogue; changes nothing.

use std::collections::BTreeSet;
use std::fmt;

use whimbrel::{Driver, DriverError, ErrorClass};

/// Tables and their columns, indexes, constraints, views, triggers, functions and what else a database is made of, without
/// its rows and without the history (`whimbrel_history`).
///
/// It is read from the catalogue: of the current database on MySQL and MariaDB, of all schemas on PostgreSQL. Columns have
/// their places among those of their table, and white space in definitions counts for nothing.
///
/// ```
/// use whimbrel_testkit::{Fake, Schema, block_on};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut db = Fake::new();
/// let empty = block_on(Schema::read(&mut db))?;
/// db.run("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")?;
/// let before = block_on(Schema::read(&mut db))?;
/// db.run("CREATE INDEX by_name ON users (name)")?;
/// let after = block_on(Schema::read(&mut db))?;
/// assert_eq!((empty.lines().count(), after.without(&before).len()), (0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema(BTreeSet<String>);

impl Schema {
    /// Reads it.
    ///
    /// # Errors
    /// A query fails, or the dialect is none of those known here: then [`read_by`](Self::read_by) takes queries.
    pub async fn read<D: Driver>(db: &mut D) -> Result<Self, DriverError> {
        let queries = match db.dialect().name {
            "sqlite" => SQLITE,
            "postgres" => POSTGRES,
            "mysql" | "mariadb" => MYSQL,
            "fake" => FAKE,
            other => {
                let what = format!("nothing is known of the catalogue of {other}: give queries (`read_by`)");
                return Err(DriverError::new(ErrorClass::Sql, what));
            }
        };
        Self::read_by(db, queries).await
    }

    /// Reads it by queries, each of whose rows is one column of text, a line of the schema.
    ///
    /// # Errors
    /// A query fails, or answers something else than text.
    pub async fn read_by<D: Driver>(db: &mut D, queries: &[&str]) -> Result<Self, DriverError> {
        let mut lines = BTreeSet::new();
        for query in queries {
            for row in db.query(query, &[]).await?.iter() {
                let line: String = row.read(0).map_err(|error| {
                    DriverError::new(ErrorClass::Sql, format!("the schema's query: {error}"))
                })?;
                lines.insert(line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        Ok(Self(lines))
    }

    /// Its lines, sorted.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The lines that another one does not have.
    pub fn without(&self, other: &Self) -> Vec<String> {
        self.0.difference(&other.0).cloned().collect()
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

const FAKE: &[&str] = &["SELECT definition FROM fake_schema WHERE history = 0"];

const SQLITE: &[&str] = &["SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || coalesce(sql, '') \
     FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> 'whimbrel_history'"];

/// Whatever belongs to an extension stays away with it, so its own line stands for it.
const POSTGRES: &[&str] = &[
    "SELECT format('schema %I %s', nspname, nspacl) FROM pg_namespace \
     WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'",
    "SELECT format('relation %I.%I %s %s %s %s %s', n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, \
     c.reloptions, c.relacl) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
     AND c.relname !~ '^whimbrel_history'",
    "SELECT format('column %I.%I %s %I %s %s %s %s %s', n.nspname, c.relname, \
     row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), \
     a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)) \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
     AND c.relname !~ '^whimbrel_history'",
    "SELECT format('index %s %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready) FROM pg_index i \
     JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
     AND c.relname !~ '^whimbrel_history'",
    "SELECT format('constraint %I on %s%s: %s', o.conname, nullif(o.conrelid, 0)::regclass, nullif(o.contypid, 0)::regtype, \
     pg_get_constraintdef(o.oid)) FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace \
     LEFT JOIN pg_class c ON c.oid = o.conrelid \
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relname !~ '^whimbrel_history' IS NOT FALSE",
    "SELECT format('view %I.%I: %s', n.nspname, c.relname, pg_get_viewdef(c.oid)) FROM pg_class c \
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
    "SELECT format('function %s %s', p.proacl, pg_get_functiondef(p.oid)) FROM pg_proc p \
     JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS \
     (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')",
    "SELECT format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal",
    "SELECT format('rule %s', pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE r.rulename <> '_RETURN' AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
    "SELECT format('policy %I on %s %s %s %s: %s, %s', p.polname, p.polrelid::regclass, p.polcmd, p.polpermissive, \
     p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p",
    "SELECT format('type %I.%I %s %s %s: %s', n.nspname, t.typname, t.typtype, format_type(nullif(t.typbasetype, 0), \
     t.typtypmod), t.typdefault, (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e \
     WHERE e.enumtypid = t.oid)) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
     WHERE t.typtype IN ('d', 'e', 'r') AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
    "SELECT format('sequence %I.%I %s %s %s %s %s %s', schemaname, sequencename, data_type, start_value, min_value, \
     max_value, increment_by, cycle) FROM pg_sequences",
    "SELECT format('extension %I %s', extname, extversion) FROM pg_extension",
];

const MYSQL: &[&str] = &[
    "SELECT concat_ws(' ', 'table', table_name, table_type, ifnull(engine, '-'), ifnull(row_format, '-'), \
     ifnull(table_collation, '-'), ifnull(create_options, '-'), ifnull(table_comment, '-')) \
     FROM information_schema.tables WHERE table_schema = database() AND table_name <> 'whimbrel_history'",
    "SELECT concat_ws(' ', 'column', table_name, ordinal_position, column_name, ifnull(column_default, '-'), is_nullable, \
     column_type, ifnull(collation_name, '-'), extra, column_comment, ifnull(generation_expression, '-')) \
     FROM information_schema.columns WHERE table_schema = database() AND table_name <> 'whimbrel_history'",
    "SELECT concat_ws(' ', 'index', table_name, index_name, seq_in_index, ifnull(column_name, '-'), non_unique, index_type, \
     ifnull(sub_part, '-')) FROM information_schema.statistics \
     WHERE table_schema = database() AND table_name <> 'whimbrel_history'",
    "SELECT concat_ws(' ', 'constraint', table_name, constraint_name, constraint_type) \
     FROM information_schema.table_constraints \
     WHERE table_schema = database() AND table_name <> 'whimbrel_history'",
    "SELECT concat_ws(' ', 'reference', r.table_name, r.constraint_name, r.referenced_table_name, r.update_rule, \
     r.delete_rule, k.column_name, k.referenced_column_name, k.ordinal_position) \
     FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k \
     ON k.constraint_schema = r.constraint_schema AND k.constraint_name = r.constraint_name AND k.table_name = r.table_name \
     WHERE r.constraint_schema = database()",
    // A view's definition names its database, whatever that is called.
    "SELECT concat_ws(' ', 'view', table_name, replace(view_definition, concat('`', database(), '`.'), '')) \
     FROM information_schema.views WHERE table_schema = database()",
    // MySQL keeps what stands between a body and the next statement of a message with the body.
    "SELECT concat_ws(' ', 'routine', routine_type, routine_name, dtd_identifier, trim(trailing ';' from rtrim(routine_definition)), sql_mode) \
     FROM information_schema.routines WHERE routine_schema = database()",
    "SELECT concat_ws(' ', 'parameter', specific_name, ordinal_position, parameter_mode, parameter_name, dtd_identifier) \
     FROM information_schema.parameters WHERE specific_schema = database()",
    "SELECT concat_ws(' ', 'trigger', trigger_name, action_timing, event_manipulation, event_object_table, \
     trim(trailing ';' from rtrim(action_statement)), sql_mode) FROM information_schema.triggers WHERE trigger_schema = database()",
    "SELECT concat_ws(' ', 'event', event_name, trim(trailing ';' from rtrim(event_definition)), status, interval_value, interval_field, sql_mode) \
     FROM information_schema.events WHERE event_schema = database()",
];
