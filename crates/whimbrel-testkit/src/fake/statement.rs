//! The statements that the fake database understands, as values. Knows neither their text nor what they do.

use whimbrel::Value;

/// One statement.
#[derive(Clone, Debug)]
pub(super) enum Statement {
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
    Change(Change),
    Select(Vec<Select>),
}

/// What changes the committed state, or that of a transaction.
#[derive(Clone, Debug)]
pub(super) enum Change {
    CreateTable { name: String, if_missing: bool, columns: Vec<Column>, keys: Vec<Vec<String>> },
    DropTable { name: String, if_there: bool },
    CreateIndex { name: String, index: Index },
    DropIndex { name: String },
    AddColumn { table: String, column: Column },
    Insert { table: String, columns: Vec<String>, rows: Vec<Vec<Expression>> },
    Update { table: String, assignments: Vec<(String, Expression)>, filter: Vec<Condition> },
    Delete { table: String, filter: Vec<Condition> },
}

/// A column; its type means nothing, and is kept for the dump.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) not_null: bool,
    pub(super) default: Value,
}

/// An index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) unique: bool,
}

/// A `SELECT` without `UNION ALL`.
#[derive(Clone, Debug)]
pub(super) struct Select {
    pub(super) items: Vec<Item>,
    pub(super) table: Option<String>,
    pub(super) filter: Vec<Condition>,
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: Option<i64>,
}

/// What a `SELECT` selects.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Everything,
    Count,
    Expression { name: String, expression: Expression },
}

/// One of the conditions that `AND` joins.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) left: Expression,
    pub(super) comparison: Comparison,
    pub(super) right: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
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
pub(super) enum Expression {
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
}
