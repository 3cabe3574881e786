//! Several statements of our own as one message, and scripts between them. Knows no statement's meaning.

use crate::driver::Message;

/// Statements that are sent as one message. None of them may end in a comment.
#[derive(Clone, Debug, Default)]
pub(super) struct Bundle {
    sql: String,
    statements: usize,
}

impl Bundle {
    pub(super) fn of(statements: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut bundle = Self::default();
        bundle.extend(statements);
        bundle
    }

    /// Adds a statement, and answers its number in the message, from 0.
    pub(super) fn push(&mut self, statement: impl AsRef<str>) -> usize {
        if !self.sql.is_empty() {
            // The line break: what stands before may be a script's, and end in what is a comment only without it.
            self.sql.push_str("\n;\n");
        }
        self.sql.push_str(statement.as_ref());
        self.statements += 1;
        self.statements - 1
    }

    pub(super) fn extend(&mut self, statements: impl IntoIterator<Item = impl AsRef<str>>) {
        for statement in statements {
            self.push(statement);
        }
    }

    /// Where the statement that is added next will begin, in bytes.
    pub(super) fn next_offset(&self) -> usize {
        if self.sql.is_empty() { 0 } else { self.sql.len() + "\n;\n".len() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statements == 0
    }

    pub(super) fn len(&self) -> usize {
        self.statements
    }

    pub(super) fn bytes(&self) -> usize {
        self.sql.len()
    }

    pub(super) fn message(&self) -> Message<'_> {
        Message::new(&*self.sql, self.statements)
    }

    pub(super) fn into_message<'m>(self) -> Message<'m> {
        Message::new(self.sql, self.statements)
    }
}
