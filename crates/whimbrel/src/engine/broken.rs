//! A transaction that was ended by one of the statements that ran in it, where the guards on scripts have not foreseen it:
//! records that what was kept is not known, and tells it.

use super::Engine;
use super::failure::place;
use crate::detail::Detail;
use crate::error::{Error, ErrorKind};
use crate::history::{ENDED, HistoryEvent, placed_server};
use crate::plan::PlanItem;
use crate::script::Script;

/// A script whose transaction was ended, by the statement of this number from 0 where that is known; its statements up to
/// `last` were run.
pub(super) struct Broken<'p> {
    pub(super) item: &'p PlanItem,
    pub(super) by: Option<usize>,
    pub(super) last: Option<usize>,
}

impl Engine<'_, '_> {
    /// Records that the transaction was ended, so that no later run takes the script for one that left nothing, and
    /// answers the error that tells it.
    pub(super) async fn transaction_ended(&mut self, broken: &Broken<'_>) -> Error {
        let item = broken.item;
        let statement = if item.data_only() { item.first_statement() } else { broken.by.unwrap_or_default() };
        let detail = Detail::new()
            .with("statement", statement + 1)
            .with_some("server", self.server.as_deref().map(placed_server))
            .with("transaction", ENDED);
        let row = self.open_row(item, HistoryEvent::Attempt, detail);
        self.record(row).await;
        self.fail(self.ended_error(broken))
    }

    fn ended_error(&self, broken: &Broken<'_>) -> Error {
        let label = broken.item.label();
        let first = if broken.item.data_only() {
            broken.item.first_statement()
        } else {
            broken.by.unwrap_or_default()
        } + 1;
        let last = broken.last.map_or(first, |last| last + 1);
        let by = broken.by.map(|by| by + 1);
        let what = match by {
            Some(by) => {
                format!("statement {by} of migration {label} has ended the transaction that it ran in")
            }
            None => format!("a statement of migration {label} has ended the transaction that it ran in"),
        };
        let kept = match by {
            Some(by) if by < last => format!(
                "what statements {first} to {by} did was kept if the transaction was committed, and not if it was rolled \
                 back; what statements {} to {last} did was kept",
                by + 1
            ),
            _ => format!(
                "what statements {first} to {last} did was kept if the transaction was committed, and not if it was \
                 rolled back; what ran behind its end was kept"
            ),
        };
        let version = match broken.item.version() {
            Some(version) => format!("version {version}"),
            None => format!("{label} (no version)"),
        };
        let error = Error::new(ErrorKind::OutcomeUnknown, what)
            .with_migration(label)
            .with_statement(by.unwrap_or(last))
            .with_note("kept", kept)
            .with_note(
                "next",
                format!(
                    "look what the database has; end it or undo it by hand; then `settle` {version} with \
                     `Ending::Applied` or `Ending::Undone`, and a reason; take what ends transactions out of the file"
                ),
            );
        let at = by.unwrap_or(last) - 1;
        let script = broken.item.script().and_then(|file| {
            Some((file, Script::stream(file.text(), &self.dialect.lexing).nth(at)?.position()))
        });
        match script {
            Some((file, position)) => {
                error.with_location(place(file, &self.dialect.lexing, position, None, String::new()))
            }
            None => error,
        }
    }
}
