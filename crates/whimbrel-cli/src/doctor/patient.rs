//! The database that is looked at, through one connection: questions, and answers as texts. Knows no check.

use whimbrel::{Dialect, Driver, Value};

use super::LONGEST;
use crate::context::Context;
use crate::database::{Address, Connection};

/// The database that is looked at.
pub(crate) struct Patient<'c> {
    pub(crate) context: &'c Context,
    pub(crate) address: Address,
    pub(crate) db: Connection,
}

/// A row as texts.
pub(crate) type Texts = Vec<Option<String>>;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) struct Silence {
    pub(crate) why: String,
    /// What the driver says could be done.
    pub(crate) hint: Option<String>,
}

impl Patient<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        self.db.dialect().clone()
    }

    /// Asks one question that reads.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Vec<Texts>, Silence> {
        let answer = tokio::time::timeout(LONGEST, self.db.query(sql, &[])).await;
        let rows = match answer {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => {
                let hint = error.hint().map(str::to_owned);
                return Err(Silence { why: error.message().to_owned(), hint });
            }
            Err(_) => {
                return Err(Silence { why: "it did not answer in time".to_owned(), hint: None });
            }
        };
        Ok(rows.iter().map(|row| row.values().iter().map(text).collect()).collect())
    }

    /// The first row of an answer.
    pub(crate) async fn row(&mut self, sql: &str) -> Result<Texts, Silence> {
        self.ask(sql).await.map(|rows| rows.into_iter().next().unwrap_or_default())
    }

    /// The first text of an answer.
    pub(crate) async fn text(&mut self, sql: &str) -> Result<Option<String>, Silence> {
        self.row(sql).await.map(|row| row.into_iter().next().flatten())
    }

    pub(crate) fn identifier(&self, name: &str) -> String {
        (self.db.dialect().identifier)(name)
    }

    /// Where the database's URL comes from, for remedies.
    pub(crate) fn whence(&self) -> String {
        whence(self.context)
    }
}

/// Where the database's URL comes from.
pub(crate) fn whence(context: &Context) -> String {
    let database = &context.settings.database;
    match &database.value {
        Some(place) => format!("{place} ({})", database.origin),
        None => "nowhere".to_owned(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// The nth text of a row.
pub(crate) fn nth(row: &Texts, index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or_default()
}

impl Patient<'_> {
    /// A question that was not answered is a look that was not possible.
    pub(crate) fn unanswered(&self, name: &'static str, silence: &Silence) -> super::Check {
        let remedy = match &silence.hint {
            Some(hint) => super::Remedy::change(hint.clone()),
            None => super::Remedy::change(format!(
                "look again as a user who may ask, with another URL in the stead of {}",
                self.whence()
            )),
        };
        super::Check::not_looked_at(name, silence.why.clone()).remedied(remedy)
    }
}
