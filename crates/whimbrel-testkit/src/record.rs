//! What two histories must have in common to tell of the same things. Knows nothing of databases.

use std::fmt;

use whimbrel::{ColumnError, Row};

/// A row of the history without what differs from run to run: number, time, process, hash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The set.
    pub set: String,
    /// The event's word.
    pub event: String,
    /// The version.
    pub version: Option<i64>,
    /// The name.
    pub name: Option<String>,
    /// The digest.
    pub digest: Option<String>,
    /// The head.
    pub head: Option<String>,
    /// The digest of the repeatables.
    pub repeatables: String,
    /// The lowest version touched.
    pub below: Option<i64>,
    /// The detail.
    pub detail: String,
}

impl Record {
    /// Reads the records of a history under its usual name.
    pub const QUERY: &'static str = "SELECT set_name, event, version, name, digest, head, repeatables, below, detail \
                                     FROM whimbrel_history ORDER BY set_name, seq";

    /// The record in a row that [`QUERY`](Self::QUERY) has returned.
    ///
    /// # Errors
    /// A column holds another kind of value.
    pub fn read(row: &Row) -> Result<Self, ColumnError> {
        Ok(Self {
            set: row.read(0)?,
            event: row.read(1)?,
            version: row.read(2)?,
            name: row.read(3)?,
            digest: row.read(4)?,
            head: row.read(5)?,
            repeatables: row.read(6)?,
            below: row.read(7)?,
            detail: without_server(row.read(8)?),
        })
    }

    /// What is left of a history when the traces of interruptions are taken out: `finished` rows, which say how long
    /// a run took and are missing where it was cut off; what failed or was tried again; what a person settled, which
    /// counts as what it says; and the row of a migration's last statement, which there is only if that was found, or
    /// settled, afterwards.
    #[must_use]
    pub fn undisturbed(records: &[Self]) -> Vec<Self> {
        let mut kept: Vec<Self> = Vec::new();
        let told = records.iter().filter_map(|record| match record.event.as_str() {
            "finished" | "failed" | "attempt" => None,
            "settled" if record.detail.contains("outcome=did-not") => None,
            "settled" if record.detail.contains("outcome=took-effect") => {
                let word = |key: &str| {
                    record.detail.split(' ').find(|word| word.starts_with(key)).unwrap_or_default().to_owned()
                };
                let detail = format!("v1 {} {}", word("statement="), word("text="));
                Some(Self { event: "statement".to_owned(), detail, ..record.clone() })
            }
            _ => Some(record.clone()),
        });
        for record in told {
            let same = |other: &Self| {
                (&other.set, other.version, &other.name) == (&record.set, record.version, &record.name)
            };
            if matches!(record.event.as_str(), "applied" | "reverted") {
                kept.pop_if(|last| last.event == "statement" && same(last));
            }
            kept.push(record);
        }
        kept
    }
}

/// Which server it was is no part of what happened; some tell databases apart.
fn without_server(detail: String) -> String {
    let words: Vec<&str> = detail.split(' ').filter(|word| !word.starts_with("server=")).collect();
    words.join(" ")
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.set, self.event)?;
        if let Some(version) = self.version {
            write!(f, " {version}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        write!(f, " head={} {}", self.head.as_deref().unwrap_or("open"), self.detail)
    }
}
