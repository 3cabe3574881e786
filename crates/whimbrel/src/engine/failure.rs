//! Errors of a migration's statements: which one, where it stands, and what the database said of it.

use crate::driver::{DriverError, ErrorClass};
use crate::error::{Error, ErrorKind, Location};
use crate::migration::ScriptFile;
use crate::plan::PlanItem;
use crate::script::{Lexing, Position, Script, TokenKind, mask_line};

/// What was being done when the database said no.
#[derive(Clone, Copy)]
pub(crate) enum Failing<'f> {
    /// A statement of a script, counted from 0; how many before it were kept; and what it left itself.
    Statement { item: &'f PlanItem, statement: usize, kept: usize, left: Left },
    /// Something of our own.
    Ours(&'static str),
    /// Assuming the role as which a script runs.
    Role(&'f str),
    /// The commit of a migration.
    Commit(&'f PlanItem),
}

/// What a statement that has failed left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing, and that is proven.
    Nothing,
    /// Something invalid, which the next run drops.
    Invalid,
    /// Nobody can tell.
    Unknown,
}

impl Failing<'_> {
    pub(crate) fn error(self, error: DriverError, lexing: &Lexing, verbatim: bool) -> Error {
        match self {
            Self::Ours(what) => Error::driver(what, error),
            Self::Role(role) => assuming(role, error),
            Self::Commit(item) => {
                let label = item.label().to_owned();
                Error::driver("the commit", error).with_migration(label)
            }
            Self::Statement { item, statement, kept, left } => {
                statement_error(item, statement, lexing, (kept, left), error, verbatim)
            }
        }
    }
}

fn assuming(role: &str, error: DriverError) -> Error {
    let class = error.class();
    if !matches!(class, ErrorClass::Sql | ErrorClass::Permission) {
        return Error::driver(&format!("assuming the role {role}"), error);
    }
    let code = error.code().map(str::to_owned);
    Error::new(ErrorKind::Configuration, format!("the role {role} cannot be assumed: {}", error.message()))
        .with_class(class)
        .with_code(code.as_deref())
        .with_note(
            "next",
            "create it, and grant it to the user that connects (`GRANT … TO …`), or leave `with_role` out",
        )
        .with_source(error)
}

fn statement_error(
    item: &PlanItem,
    statement: usize,
    lexing: &Lexing,
    (kept, left): (usize, Left),
    error: DriverError,
    verbatim: bool,
) -> Error {
    let label = item.label();
    let outcome = match error.class() {
        ErrorClass::ConnectionLost if item.in_transaction() => {
            "was cut off, and the next run finds out how it ended".to_owned()
        }
        ErrorClass::ConnectionLost => "was cut off, and the next run finds out how far it came".to_owned(),
        _ if item.in_transaction() => "failed, and nothing of it was kept".to_owned(),
        _ => outcome(item, kept, left),
    };
    let undone = left == Left::Nothing && !item.in_transaction();
    let kind = match error.class() {
        ErrorClass::Sql | ErrorClass::Constraint => ErrorKind::Files,
        ErrorClass::Other if undone => ErrorKind::Files,
        class => Error::driver("", DriverError::new(class, "")).kind(),
    };
    let mut this = Error::new(kind, format!("migration {label} {outcome}"))
        .with_migration(label)
        .with_statement(statement + 1)
        .with_class(error.class())
        .with_code(error.code())
        .with_outcome_known(item.in_transaction() || left != Left::Unknown);
    let found =
        item.script().and_then(|file| Some((file, Script::stream(file.text(), lexing).nth(statement)?)));
    let mut said = error.message().to_owned();
    let mut hidden = error.private().is_some() && !verbatim;
    if let Some((file, statement)) = found {
        if !verbatim {
            said = scrub(&said, statement.words().filter(|word| is_literal(word.kind)).map(|word| word.text));
        }
        hidden |= said != error.message();
        let offset = error.offset().filter(|offset| file.text().is_char_boundary(*offset));
        let position = offset.map_or(statement.position(), |offset| Position::of(file.text(), offset));
        this = this.with_location(place(file, lexing, position, offset, with_code(&said, &error)));
    } else {
        this = this.with_note("database", with_code(&said, &error));
    }
    if let Some(hint) = error.hint() {
        this = this.with_note("hint", hint);
    }
    if let Some(private) = error.private().filter(|_| verbatim) {
        this = this.with_note("detail", private);
    } else if hidden {
        this = this.with_note(
            "hidden",
            "the database's own words, which may quote values: `with_database_messages` shows them",
        );
    }
    let class = match error.class() {
        // An error without a class, of a statement that is known to have done nothing, is the statement's own.
        ErrorClass::Other if undone => ErrorClass::Sql,
        class => class,
    };
    let next = match class {
        ErrorClass::Sql | ErrorClass::Constraint if !item.in_transaction() && left == Left::Invalid => {
            "correct the data that it meets, then run again: what it left is dropped, and it is run anew"
        }
        ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::Other
            if !item.in_transaction() && left == Left::Unknown =>
        {
            "run again: it looks what this statement has done, and says how to go on where that cannot be told"
        }
        ErrorClass::Sql | ErrorClass::Constraint if item.in_transaction() || item.data_only() => {
            "correct the file, or the data that it meets, then run again; where it was not applied its manifest line may change"
        }
        ErrorClass::Sql | ErrorClass::Constraint => {
            "correct this statement, or what is behind it, then run again: it goes on here; leave the statements before it"
        }
        ErrorClass::ConnectionLost => "run again on a new connection: it continues from a known place",
        ErrorClass::Full => "make room, then run again",
        ErrorClass::ReadOnly => "connect to the primary, or open the database for writing",
        ErrorClass::Permission => "give the role the right that the database names",
        ErrorClass::Damaged => "check the database's integrity, or restore a backup",
        _ => "run again; if it stays, please report it",
    };
    this.with_note("next", next).with_source(error.with_message(said))
}

/// How a script that runs outside transactions has ended: what of it was kept, or that it is not known.
fn outcome(item: &PlanItem, kept: usize, left: Left) -> String {
    let first = match kept {
        0 => String::new(),
        1 => "its first statement was kept".to_owned(),
        _ => format!("its first {kept} statements were kept"),
    };
    match (left, kept) {
        (Left::Nothing, _) if item.data_only() => "failed, and nothing of it was kept".to_owned(),
        (Left::Nothing, 0) => "failed at its first statement, and nothing of it was kept".to_owned(),
        (Left::Nothing, _) => format!("failed, and {first}"),
        (Left::Invalid, 0) => "failed at its first statement, which left an invalid index".to_owned(),
        (Left::Invalid, _) => format!("failed; {first}, and the one that failed left an invalid index"),
        (Left::Unknown, _) if item.data_only() => {
            "failed, and it is not known what of it was kept: it may touch tables without transactions"
                .to_owned()
        }
        (Left::Unknown, 0) => {
            "failed at its first statement, and it is not known what of that was kept".to_owned()
        }
        (Left::Unknown, _) => {
            format!("failed; {first}, and it is not known what was kept of the one that failed")
        }
    }
}

fn with_code(said: &str, error: &DriverError) -> String {
    match error.code() {
        Some(code) => format!("{said} ({code})"),
        None => said.to_owned(),
    }
}

fn is_literal(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::String | TokenKind::Number)
}

/// Takes the literals of a statement out of what the database said of it.
fn scrub<'t>(said: &str, literals: impl Iterator<Item = &'t str>) -> String {
    literals.fold(said.to_owned(), |said, literal| {
        let inner = literal.trim_matches(['\'', '"', '`']);
        if inner.len() < 2 { said } else { said.replace(literal, "…").replace(inner, "…") }
    })
}

/// A place, with the line of the script as it may be shown. What is masked may have spanned lines, so line and column are
/// looked for in the masked text.
pub(crate) fn place(
    file: &ScriptFile,
    lexing: &Lexing,
    position: Position,
    offset: Option<usize>,
    label: String,
) -> Location {
    let (line, before, width) = match mask_line(file.text(), position.offset, lexing) {
        Some((head, tail)) => {
            let word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
            let width = offset.map_or(1, |_| tail.chars().take_while(word).count().clamp(1, 40));
            (format!("{head}{tail}"), head.chars().count(), width)
        }
        // Inside of something that is masked.
        None => ("…".to_owned(), 0, 1),
    };
    Location { file: file.location(), position, line, before, label, width }
}
