//! What tells two states of an exploration apart: the database, and how far each migrator has come.
//!
//! A migrator's future cannot be looked into. It is a function of the answers that it has had, so these are hashed. Two runs
//! of one program differ in the times that they record, and so in the hashes of their rows: a row is known by what it
//! says otherwise, and by the row before it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use whimbrel::Value;

use super::job::Answer;
use crate::fake::session::Server;
use crate::fake::{State, shown};

/// The rows of histories that were seen, by their hashes.
#[derive(Default)]
pub(super) struct Names(HashMap<String, u64>);

impl Names {
    /// Takes note of a history's rows.
    pub(super) fn learn(&mut self, state: &State) {
        for (table, row) in state.history_rows() {
            let Ok(place) = table.column("hash") else { continue };
            let Value::Text(hash) = &row[place] else { continue };
            if !self.0.contains_key(hash) {
                let mut hasher = DefaultHasher::new();
                for (at, value) in row.iter().enumerate().filter(|(at, _)| *at != place) {
                    at.hash(&mut hasher);
                    self.value(value, &mut hasher);
                }
                self.0.insert(hash.clone(), hasher.finish());
            }
        }
    }

    fn value(&self, value: &Value, hasher: &mut DefaultHasher) {
        match value {
            Value::Text(text) => match self.0.get(text) {
                Some(name) => name.hash(hasher),
                None if text.contains("took=") => {
                    text.split(' ').filter(|word| !word.starts_with("took=")).for_each(|it| it.hash(hasher));
                }
                None => text.hash(hasher),
            },
            other => shown(other).hash(hasher),
        }
    }

    /// What a client knows that knew `before` and is told this.
    pub(super) fn told(&self, before: u64, answer: &Answer) -> u64 {
        let mut hasher = DefaultHasher::new();
        before.hash(&mut hasher);
        answer.statements.hash(&mut hasher);
        answer.messages.hash(&mut hasher);
        match &answer.result {
            Ok(rows) => {
                for value in rows.iter().flat_map(|row| row.values()) {
                    self.value(value, &mut hasher);
                }
            }
            Err(error) => (error.class() as u8, error.code()).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// What is committed, and who holds what.
    pub(super) fn database(&self, server: &Server, hasher: &mut DefaultHasher) {
        for (name, table) in &server.committed.tables {
            name.hash(hasher);
            for column in &table.columns {
                (&column.name, &column.definition).hash(hasher);
            }
            for value in table.rows.iter().flat_map(|row| row.iter()) {
                self.value(value, hasher);
            }
        }
        for (name, index) in &server.committed.indexes {
            (name, &index.table, &index.columns).hash(hasher);
        }
        server.committed.executions.hash(hasher);
        server.files.hash(hasher);
        server.writer().hash(hasher);
        server.locks.borrow().hash_holders(hasher);
    }
}
