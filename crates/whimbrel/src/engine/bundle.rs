//! Several statements of our own as one message, and scripts between them. Knows no statement's meaning.

use crate::driver::Message;

/// Statements that are sent as one message. None of them may end in a comment.
#[derive(Clone, Debug, Default)]
pub(super) struct Bundle {
    sql: String,
    statements: usize,
    /// Where each statement begins and ends, of those that were added one by one.
    places: Vec<(usize, usize)>,
}

impl Bundle {
    pub(super) fn of(statements: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut bundle = Self::default();
        bundle.extend(statements);
        bundle
    }

    /// A text of so many statements.
    pub(super) fn whole(sql: String, statements: usize) -> Self {
        Self { sql, statements, places: Vec::new() }
    }

    /// Adds a statement, and answers its number in the message, from 0.
    pub(super) fn push(&mut self, statement: impl AsRef<str>) -> usize {
        if !self.sql.is_empty() {
            // The line break: what stands before may be a script's, and end in what is a comment only without it.
            self.sql.push_str("\n;\n");
        }
        let start = self.sql.len();
        self.sql.push_str(statement.as_ref());
        self.places.push((start, self.sql.len()));
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

    /// The statements, as they were added.
    pub(super) fn statements(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|&(start, end)| self.sql.get(start..end).unwrap_or_default())
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
}
