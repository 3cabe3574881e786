//! The statements that the fake database understands, as values. Knows neither their text nor what they do.

use whimbrel::Value;

use super::kind::FakeKind;

/// One statement.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// `VACUUM`: nothing, outside transactions only.
    Vacuum,
    /// `MAKE FILE name`: outside transactions only, and only once.
    MakeFile(String),
    /// `SET name = number`: a variable of the session, outside transactions only.
    Set(String, i64),
    /// `REMEMBER expression`: something that only the session has.
    Remember(Expression),
    /// `CHECKPOINT`, `LOCK TABLE name`: nothing.
    Nothing,
    /// `ASSERT condition`: an error unless the condition holds.
    Assert(Vec<Condition>),
    Change(Change),
    Select(Vec<Select>),
}

/// What changes the committed state, or that of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    CreateTable { name: String, if_missing: bool, columns: Vec<Column>, keys: Vec<Vec<String>> },
    DropTable { name: String, if_there: bool },
    CreateIndex { name: String, index: Index },
    DropIndex { name: String },
    AddColumn { table: String, column: Column },
    Insert { table: String, columns: Vec<String>, rows: Vec<Vec<Expression>> },
    Update { table: String, assignments: Vec<(String, Expression)>, filter: Vec<Condition> },
    Delete { table: String, filter: Vec<Condition> },
}

impl Change {
    /// Whether it changes the schema rather than data.
    pub(super) fn is_of_schema(&self) -> bool {
        !matches!(self, Self::Insert { .. } | Self::Update { .. } | Self::Delete { .. })
    }

    /// Whether it ends a transaction in a database of this kind.
    pub(crate) fn commits(&self, kind: FakeKind) -> bool {
        self.is_of_schema() && kind.schema_commits()
    }

    /// The table that it is about; for an index that is dropped, the index.
    pub(super) fn table(&self) -> &str {
        match self {
            Self::CreateIndex { index, .. } => &index.table,
            Self::CreateTable { name, .. } | Self::DropTable { name, .. } | Self::DropIndex { name } => name,
            Self::AddColumn { table, .. }
            | Self::Insert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. } => table,
        }
    }
}

/// A column; its type means nothing, and is kept for the dump.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) definition: String,
    pub(crate) not_null: bool,
    pub(crate) default: Value,
}

/// An index.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) unique: bool,
}

/// A `SELECT` without `UNION ALL`.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) items: Vec<Item>,
    pub(crate) table: Option<String>,
    pub(crate) filter: Vec<Condition>,
    pub(crate) order: Vec<(String, bool)>,
    pub(crate) limit: Option<i64>,
}

/// What a `SELECT` selects.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Everything,
    Count,
    Expression { name: String, expression: Expression },
}

/// One of the conditions that `AND` joins.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) left: Expression,
    pub(crate) comparison: Comparison,
    pub(crate) right: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    IsNull,
    IsNotNull,
}

#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Literal(Value),
    Parameter(usize),
    Column(String),
    Plus(Box<Expression>, Box<Expression>),
    Minus(Box<Expression>, Box<Expression>),
    Select(Box<Select>),
    /// The server's clock.
    Now,
    /// The user.
    User,
    /// A variable of the session.
    Setting(String),
    /// What `REMEMBER` has put there.
    Memory,
    /// 1 if a query answers a row, or 0.
    Exists(Box<Select>),
    /// 1 where a value is 0, and 0 elsewhere.
    Not(Box<Expression>),
    /// 1 for a row that the transaction which is open has written, or 0.
    Mine,
    /// The number of the session.
    Session,
    /// What a function answers.
    Call(Function, Vec<Expression>),
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Concat,
    Coalesce,
    /// Takes a lock until the end of the transaction: 1, or 0 where another session has it.
    LocalLock,
    /// Takes a lock for the session: 1, or 0 where another session has it.
    TakeLock,
    /// Gives the session's lock back: 1, or 0 where it has none.
    FreeLock,
    /// Whether the session has a lock: 1 or 0.
    HasLock,
    /// The same: 1, or an error.
    OwnLock,
    /// The number of the session that has a lock, or NULL.
    LockOwner,
    /// What an object looks like, as a text: its kind, its name, and that of a member.
    Fingerprint,
    /// Whether an object is there: `present` or `absent`.
    Presence,
}

impl Function {
    pub(super) const ALL: &'static [(&'static str, Self)] = &[
        ("concat", Self::Concat),
        ("coalesce", Self::Coalesce),
        ("local_lock", Self::LocalLock),
        ("take_lock", Self::TakeLock),
        ("free_lock", Self::FreeLock),
        ("has_lock", Self::HasLock),
        ("own_lock", Self::OwnLock),
        ("lock_owner", Self::LockOwner),
        ("fingerprint", Self::Fingerprint),
        ("presence", Self::Presence),
    ];
}
