//! Deeds: what a statement does, in words that all dialects share. Knows no dialect's grammar, and judges nothing.

mod column;
mod constraint;
mod index;
mod name;
mod table;

pub(crate) use self::column::{Column, DefaultValue, Generation, TypeName};
pub(crate) use self::constraint::{Constraint, ConstraintKind};
pub(crate) use self::index::NewIndex;
pub(crate) use self::name::{MOST_OF_A_NAME, Name, NameKey, TEMPORARY};
pub(crate) use self::table::NewTable;

/// One thing that a statement does. A statement may do several: an `ALTER TABLE` one for each of its actions.
///
/// Names are as the dialect's reader normalises them, so that equal names are equal objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Creates a table.
    CreateTable(NewTable),
    /// Drops objects.
    Drop { kind: ObjectKind, names: Vec<Name>, cascade: bool, concurrently: bool, on: Option<Name> },
    /// Renames an object, or moves it to another schema.
    Rename { kind: ObjectKind, from: Name, to: Name, on: Option<Name> },
    /// Empties tables.
    Truncate { tables: Vec<Name>, cascade: bool },
    /// Deletes rows: all of them if `filtered` is false.
    Delete { table: Name, filtered: bool },
    /// Changes rows: all of them if `filtered` is false.
    Update { table: Name, filtered: bool },
    /// Inserts rows; `queried` if they come from a query.
    Insert { table: Name, queried: bool },

    /// Adds a column, with what its definition says.
    AddColumn { table: Name, column: Column },
    /// Drops a column.
    DropColumn { table: Name, column: String, cascade: bool },
    /// Renames a column.
    RenameColumn { table: Name, from: String, to: String },
    /// Gives a column another type.
    AlterType { table: Name, column: String, to: TypeName, using: Using },
    /// Redefines a column whole, as MySQL's `MODIFY` and `CHANGE` do (a new name is a `RenameColumn` beside it).
    Redefine { table: Name, column: Column },
    /// Forbids NULL in a column.
    SetNotNull { table: Name, column: String },
    /// Allows NULL in a column.
    DropNotNull { table: Name, column: String },
    /// Gives a column another default, or none.
    SetDefault { table: Name, column: String, default: DefaultValue },
    /// Makes a generated column an ordinary one, or changes how it is generated.
    Regenerate { table: Name, column: String },
    /// Adds a constraint.
    AddConstraint { table: Name, constraint: Constraint },
    /// Drops a constraint: by its name, where the dialect has one.
    DropConstraint { table: Name, name: String, cascade: bool },
    /// Checks the rows that were there before a constraint.
    ValidateConstraint { table: Name, name: String },
    /// Attaches a partition, or detaches one.
    Partition { table: Name, partition: Option<Name>, change: PartitionChange, concurrently: bool },
    /// Writes the table anew, for the reason that the words tell, like `SET LOGGED`, `ENGINE=`.
    Rewrite { table: Name, by: &'static str },
    /// Switches row level security of a table.
    RowSecurity { table: Name, on: bool },
    /// Switches triggers or rules of a table.
    Triggers { table: Name, on: bool },
    /// Changes something else of a table that takes this much of a lock and no time.
    AlterTable { table: Name, what: &'static str },

    /// Creates an index.
    CreateIndex(NewIndex),
    /// Builds indexes anew.
    Reindex { target: ReindexTarget, concurrently: bool },

    /// Creates a function or procedure, or replaces one. `rights`: with whose rights it runs.
    CreateRoutine { name: Name, replaces: bool, rights: Rights, search_path: bool },
    /// Changes a function's rights or settings.
    AlterRoutine { name: Name, rights: Option<Rights>, search_path: Option<bool> },
    /// Creates a function in a language in which it can do what the server's process can.
    ForeignCode { name: Name, language: String },
    /// Creates a view, or replaces one. `rights`: with whose rights it reads, if the statement says so.
    CreateView { name: Name, replaces: bool, materialized: bool, rights: Option<Rights>, reads: Vec<Name> },
    /// Fills a materialized view anew.
    Refresh { view: Name, concurrently: bool },
    /// Creates a trigger, or replaces one.
    CreateTrigger { name: String, table: Name, replaces: bool },
    /// Creates a trigger on the server's own events.
    CreateEventTrigger { name: String },
    /// Creates a policy for rows; `open`: its condition is true for everybody.
    CreatePolicy { name: String, table: Name, open: bool },
    /// Creates a type, a domain, a sequence, a schema or the like.
    Create { kind: ObjectKind, name: Name },
    /// Adds a value to an enumeration.
    AddEnumValue { name: Name, value: String },
    /// Adds a constraint to a domain; `valid`: and checks what is there.
    ConstrainDomain { name: Name, valid: bool },
    /// Gives an object another owner.
    Own { kind: ObjectKind, name: Name },

    /// Gives privileges or a role away.
    Grant(Grant),
    /// Takes privileges or a role back.
    Revoke { what: String },
    /// Creates or changes a role. `powers`: the dangerous ones that it gets, as the statement calls them.
    Role { name: String, powers: Vec<&'static str>, password: bool },

    /// Moves data between a table and the server's own files or programs.
    ServerFile { what: &'static str, program: bool },
    /// Adds an extension; `trusted`: one whose owner need be no superuser.
    Extension { name: String },
    /// Changes the server's configuration for everybody.
    AlterSystem { what: String },
    /// Sets something for the session, or for the transaction.
    Set { setting: String, value: Option<String>, local: bool },
    /// Locks tables by name.
    Lock { tables: Vec<Name>, mode: String, nowait: bool },
    /// Begins or ends a transaction, in words that the splitter lets pass.
    TransactionControl { what: &'static str },
    /// Writes tables anew, or cleans them up. `full`: with a lock that nobody passes.
    Maintain { what: &'static str, tables: Vec<Name>, full: bool },
    /// Runs code that is not to be seen from here: a block, a procedure, a prepared statement.
    Opaque { what: &'static str },
    /// Converts all text of a table to another character set (MySQL).
    Convert { table: Name, charset: String },
    /// Gives a table to another storage engine, or builds it anew with its own (MySQL).
    Engine { table: Name, engine: String },
    /// Inserts rows, and deletes those that are in their way: beside an `Insert`.
    Replace { table: Name },
    /// Passes over errors, with whatever that does to the values: beside what is done.
    Forgive { table: Name, what: &'static str },
    /// Creates something that has another account's rights (MySQL's `DEFINER`): beside what is created.
    Definer { kind: ObjectKind, who: String },
    /// Loads code of the machine's into the server.
    LoadCode { what: &'static str },
    /// Writes text between double quotes, which are those of names (SQLite): beside what is done.
    QuotedText { place: &'static str },
    /// Asks SQLite for something about itself.
    Pragma { name: String, value: Option<String> },
    /// Opens another database file.
    Attach,
    /// Something that no rule is about.
    Harmless,
}

/// What kind of object is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ObjectKind {
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Schema,
    Database,
    Sequence,
    Type,
    Domain,
    Trigger,
    EventTrigger,
    Policy,
    Routine,
    Extension,
    Role,
    Owned,
    Publication,
    EnumValue,
    Attribute,
    Event,
    Tablespace,
    Other,
}

impl ObjectKind {
    /// The words for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Schema => "schema",
            Self::Database => "database",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Trigger => "trigger",
            Self::EventTrigger => "event trigger",
            Self::Policy => "policy",
            Self::Routine => "routine",
            Self::Extension => "extension",
            Self::Role => "role",
            Self::Owned => "everything owned by role",
            Self::Publication => "publication",
            Self::EnumValue => "enum value",
            Self::Attribute => "attribute",
            Self::Event => "event",
            Self::Tablespace => "tablespace",
            Self::Other => "object",
        }
    }
}

/// By what a column's values become those of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Using {
    /// By the database's own assignment, which refuses what does not fit.
    Assignment,
    /// By a cast, which cuts off what does not fit.
    Cast,
    /// By an expression.
    Expression,
}

/// With whose rights code runs, or a view reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Those of whoever created it.
    Definer,
    /// Those of whoever calls it.
    Invoker,
}

/// What happens to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartitionChange {
    /// It becomes one of the table's.
    Attach,
    /// It is no longer one of the table's, and keeps its rows.
    Detach,
    /// It is dropped, with its rows.
    Drop,
    /// It is emptied.
    Truncate,
    /// A new one is made.
    Add,
    /// The rows are distributed anew.
    Reorganize,
    /// It changes places with a table.
    Exchange,
}

/// What is built anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReindexTarget {
    /// The indexes of a table.
    Table(Name),
    /// One index.
    Index(Name),
    /// Those of a schema, a database or the server's own tables.
    All,
}

/// What is given to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The privileges or roles, in lower case.
    pub(crate) what: Vec<String>,
    /// On what, in the statement's words; `None` for a role.
    pub(crate) on: Option<String>,
    /// To whom.
    pub(crate) to: Vec<String>,
    /// Whether they may give it away again.
    pub(crate) grantable: bool,
    /// Whether it is about objects to come.
    pub(crate) default: bool,
}

/// What an `ALTER TABLE` or `CREATE INDEX` of MySQL demands of its execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Online {
    /// `ALGORITHM=…`.
    pub(crate) algorithm: Option<Algorithm>,
    /// `LOCK=…`.
    pub(crate) lock: Option<OnlineLock>,
    /// MariaDB's `ALTER ONLINE TABLE`.
    pub(crate) online: bool,
}

/// MySQL's algorithms of an `ALTER TABLE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Algorithm {
    Default,
    Copy,
    Inplace,
    NoCopy,
    Instant,
}

/// How much of the table others may use meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnlineLock {
    Default,
    None,
    Shared,
    Exclusive,
}

impl Deed {
    /// The tables that it is about, which have to be there before.
    pub(crate) fn tables(&self) -> Vec<&Name> {
        match self {
            Self::Drop { kind: ObjectKind::Table | ObjectKind::MaterializedView, names, .. } => {
                names.iter().collect()
            }
            Self::Drop { on: Some(table), .. } | Self::Rename { on: Some(table), .. } => vec![table],
            Self::Rename { kind: ObjectKind::Table, from, .. } => vec![from],
            Self::Truncate { tables, .. } | Self::Lock { tables, .. } | Self::Maintain { tables, .. } => {
                tables.iter().collect()
            }
            Self::Delete { table, .. }
            | Self::Update { table, .. }
            | Self::Insert { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::AlterType { table, .. }
            | Self::Redefine { table, .. }
            | Self::SetNotNull { table, .. }
            | Self::DropNotNull { table, .. }
            | Self::SetDefault { table, .. }
            | Self::Regenerate { table, .. }
            | Self::AddConstraint { table, .. }
            | Self::DropConstraint { table, .. }
            | Self::ValidateConstraint { table, .. }
            | Self::Partition { table, .. }
            | Self::Rewrite { table, .. }
            | Self::RowSecurity { table, .. }
            | Self::Triggers { table, .. }
            | Self::AlterTable { table, .. }
            | Self::CreateTrigger { table, .. }
            | Self::CreatePolicy { table, .. }
            | Self::Convert { table, .. }
            | Self::Engine { table, .. }
            | Self::Replace { table }
            | Self::Forgive { table, .. } => vec![table],
            Self::Refresh { view, .. } => vec![view],
            Self::CreateIndex(index) => vec![&index.table],
            Self::Reindex { target: ReindexTarget::Table(table), .. } => vec![table],
            _ => Vec::new(),
        }
    }
}
