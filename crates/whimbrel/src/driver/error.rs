//! What a database says when it says no, sorted by what may be concluded.

use std::fmt;

/// What an error of the database lets the engine conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A lock is not to be had just now; nothing was done.
    Busy,
    /// The statement lost against a concurrent one (serialization failure, deadlock victim); nothing of the
    /// transaction remains.
    Conflict,
    /// A unique key, a check, a foreign key or NOT NULL forbids it; nothing was done.
    Constraint,
    /// The database does not understand or cannot do what was said: syntax, missing objects; nothing was done.
    Sql,
    /// `begin` was refused since the connection is inside a transaction.
    InTransaction,
    /// There is no transaction to commit or roll back.
    NoTransaction,
    /// A transaction that was open has ended where none should: what follows must not run.
    TransactionLost,
    /// The database, or the session, may not be written to.
    ReadOnly,
    /// The connection's settings take away what a transaction promises, such as its rollback; nothing was done, unless it is
    /// the rollback that answers so.
    Unprotected,
    /// The role may not do this.
    Permission,
    /// A disk, a quota or memory ran out.
    Full,
    /// The database itself is damaged, or no database.
    Damaged,
    /// The server is starting up or shutting down.
    Unavailable,
    /// The server is another product that only speaks this protocol, and lacks something that the library rests on;
    /// nothing was done.
    Unsupported,
    /// The connection is gone: whether the last statement took effect is not known.
    ConnectionLost,
    /// Anything else. Nothing may be concluded.
    Other,
}

/// What a database, or its client library, said.
#[derive(Clone)]
pub struct DriverError {
    class: ErrorClass,
    code: Option<String>,
    message: String,
    private: Option<String>,
    hint: Option<String>,
    offset: Option<usize>,
}

impl DriverError {
    /// An error with a message that quotes no value of any row and no secret.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, code: None, message: message.into(), private: None, hint: None, offset: None }
    }

    /// Makes it an error of another class, where more is known than the database said.
    #[must_use]
    pub fn with_class(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }

    /// Adds the database's code (SQLSTATE or a name).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds the part of what the database said that may quote values; it is shown only if the application asks.
    #[must_use]
    pub fn with_private(mut self, text: impl Into<String>) -> Self {
        self.private = Some(text.into());
        self
    }

    /// Adds the database's advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where in the message's SQL the error is, in bytes from 0.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The same error, without a place.
    pub(crate) fn without_offset(mut self) -> Self {
        self.offset = None;
        self
    }

    /// What may be concluded.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The database's code.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What the database said, without values.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What may quote values.
    pub fn private(&self) -> Option<&str> {
        self.private.as_deref()
    }

    /// The database's advice.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where in the message, in bytes.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// The same error without the part that may quote values, for as long as none may be shown whoever asks.
    pub(crate) fn without_private(mut self) -> Self {
        self.private = self.private.map(|_| "not shown, since a secret may be in it".to_owned());
        self
    }

    /// The same error with nothing that the database has said but its code.
    pub(crate) fn without_words(mut self) -> Self {
        self.message =
            "the database refused it; what it said is not shown, since a secret is in the message".to_owned();
        self.private = None;
        self.hint = None;
        self
    }

    /// The same error without a text that it must not show, wherever it may stand.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        if secret.is_empty() {
            return self;
        }
        let hide = |text: &mut String| {
            if text.contains(secret) {
                *text = text.replace(secret, "***");
            }
        };
        hide(&mut self.message);
        [&mut self.code, &mut self.private, &mut self.hint].into_iter().flatten().for_each(hide);
        self
    }

    /// The same error with another message: for scrubbing.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.message = message;
        self
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverError")
            .field("class", &self.class)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for DriverError {}
