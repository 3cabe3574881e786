//! Owns the facts about how each SQL dialect is lexed. Plain data: knows nothing of how a script is read.

/// Facts about how one SQL dialect is lexed: what opens a string, what ends a comment, which words
/// begin a body with statements of its own.
///
/// One lexer is driven by it, so a new dialect is a new value and no code. Start from the nearest
/// constant and change what differs:
///
/// ```
/// use whimbrel::script::Lexing;
///
/// const COCKROACH: Lexing = {
///     let mut lexing = Lexing::POSTGRES;
///     lexing.copy_data = false;
///     lexing
/// };
/// assert!(COCKROACH.escape_strings);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lexing {
    /// A backslash escapes the next character in any string (MySQL without `NO_BACKSLASH_ESCAPES`).
    pub backslash_escapes: bool,
    /// `E'…'` is a string with backslash escapes, and so is its continuation on the next line.
    pub escape_strings: bool,
    /// Where `$tag$ … $tag$` quotes a string.
    pub dollar_quotes: DollarQuotes,
    /// `/* /* */ */` is one comment.
    pub nested_comments: bool,
    /// `#` starts a comment.
    pub hash_comments: bool,
    /// `--` starts a comment only before a blank, a control character or the end.
    pub dashes_need_blank: bool,
    /// A carriage return alone ends a `--` comment.
    pub carriage_return_ends_comment: bool,
    /// `` `x` `` is a quoted identifier.
    pub backticks: bool,
    /// `[x]` is a quoted identifier.
    pub brackets: bool,
    /// What `"x"` is.
    pub double_quotes: DoubleQuotes,
    /// Which comments are executed by the server.
    pub executable_comments: ExecutableComments,
    /// A `DELIMITER` line changes what ends a statement.
    pub delimiter_command: bool,
    /// Which statements carry statements inside.
    pub bodies: Bodies,
    /// A semicolon inside parentheses does not end a statement (`CREATE RULE … DO (a; b)`).
    pub semicolons_in_parentheses: bool,
    /// A backslash outside of quotes begins a command to the client (psql).
    pub backslash_commands: bool,
    /// `COPY … FROM STDIN` and `TO STDOUT` exist.
    pub copy_data: bool,
    /// `$` may stand inside an identifier.
    pub dollar_in_identifiers: bool,
    /// `$x`, `@x`, `:x` and `#x` are parameters, as are `$x::y(anything but blanks)` (SQLite).
    pub named_parameters: bool,
    /// A byte order mark between tokens is white space.
    pub byte_order_mark_is_blank: bool,
    /// The statements that control transactions, each by the words that it begins with, in upper
    /// case. `ROLLBACK … TO` is never meant, nor is a statement prepared under the name
    /// `transaction`.
    pub transaction_control: &'static [&'static [&'static str]],
    /// Setting the variable `autocommit` controls transactions.
    pub autocommit_variable: bool,
}

/// Where a dollar sign opens a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DollarQuotes {
    /// Nowhere.
    None,
    /// Wherever it does not continue an identifier (PostgreSQL).
    Anywhere,
    /// After the word `AS` only: bodies in other languages (MySQL from 9.0).
    AfterAs,
}

/// What text between double quotes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoubleQuotes {
    /// An identifier, as the standard says.
    Identifier,
    /// A string (MySQL without `ANSI_QUOTES`).
    String,
    /// An identifier that turns into a string where no such name exists (SQLite).
    Either,
}

/// Which comments a server executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecutableComments {
    /// None.
    None,
    /// `/*! … */` and `/*!50000 … */`.
    MySql,
    /// Those, and `/*M! … */`.
    MariaDb,
}

/// Which statements carry a body with statements, whose semicolons end nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bodies {
    /// None.
    None,
    /// `CREATE TRIGGER … BEGIN … END` (SQLite).
    Triggers,
    /// `CREATE FUNCTION` or `PROCEDURE … BEGIN ATOMIC … END` (PostgreSQL from 14).
    Atomic,
    /// Stored programs: blocks, `IF`, `CASE`, `LOOP`, `REPEAT`, `WHILE`, labels, handlers (MySQL).
    Compound,
    /// Those, `FOR`, and all of them outside of a program too, as `BEGIN NOT ATOMIC` (MariaDB).
    CompoundAnywhere,
}

impl Lexing {
    /// The SQL standard, and nothing else.
    pub const ANSI: Lexing = Lexing {
        backslash_escapes: false,
        escape_strings: false,
        dollar_quotes: DollarQuotes::None,
        nested_comments: false,
        hash_comments: false,
        dashes_need_blank: false,
        carriage_return_ends_comment: false,
        backticks: false,
        brackets: false,
        double_quotes: DoubleQuotes::Identifier,
        executable_comments: ExecutableComments::None,
        delimiter_command: false,
        bodies: Bodies::None,
        semicolons_in_parentheses: false,
        backslash_commands: false,
        copy_data: false,
        dollar_in_identifiers: false,
        named_parameters: false,
        byte_order_mark_is_blank: false,
        transaction_control: &[&["BEGIN"], &["START", "TRANSACTION"], &["COMMIT"], &["ROLLBACK"]],
        autocommit_variable: false,
    };

    /// SQLite, as its own tokenizer and parser see it (not `sqlite3_complete`, which is coarser).
    pub const SQLITE: Lexing = Lexing {
        backticks: true,
        brackets: true,
        double_quotes: DoubleQuotes::Either,
        bodies: Bodies::Triggers,
        dollar_in_identifiers: true,
        named_parameters: true,
        byte_order_mark_is_blank: true,
        transaction_control: &[&["BEGIN"], &["COMMIT"], &["END"], &["ROLLBACK"]],
        ..Lexing::ANSI
    };

    /// PostgreSQL with `standard_conforming_strings = on`, its default since 9.1.
    pub const POSTGRES: Lexing = Lexing {
        escape_strings: true,
        dollar_quotes: DollarQuotes::Anywhere,
        nested_comments: true,
        carriage_return_ends_comment: true,
        bodies: Bodies::Atomic,
        semicolons_in_parentheses: true,
        backslash_commands: true,
        copy_data: true,
        dollar_in_identifiers: true,
        transaction_control: &[
            &["BEGIN"],
            &["START", "TRANSACTION"],
            &["COMMIT"],
            &["END"],
            &["ROLLBACK"],
            &["ABORT"],
            &["PREPARE", "TRANSACTION"],
        ],
        ..Lexing::ANSI
    };

    /// MySQL without `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES` in its `sql_mode`.
    pub const MYSQL: Lexing = Lexing {
        backslash_escapes: true,
        dollar_quotes: DollarQuotes::AfterAs,
        hash_comments: true,
        dashes_need_blank: true,
        backticks: true,
        double_quotes: DoubleQuotes::String,
        executable_comments: ExecutableComments::MySql,
        delimiter_command: true,
        bodies: Bodies::Compound,
        dollar_in_identifiers: true,
        transaction_control: &[&["BEGIN"], &["START", "TRANSACTION"], &["COMMIT"], &["ROLLBACK"], &["XA"]],
        autocommit_variable: true,
        ..Lexing::ANSI
    };

    /// MariaDB without `ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES` and `ORACLE` in its `sql_mode`.
    pub const MARIADB: Lexing = Lexing {
        dollar_quotes: DollarQuotes::None,
        executable_comments: ExecutableComments::MariaDb,
        bodies: Bodies::CompoundAnywhere,
        ..Lexing::MYSQL
    };
}
