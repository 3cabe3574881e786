//! An observer that turns events into spans and events of the `tracing` crate.

use std::sync::{Mutex, PoisonError};

use tracing::{Span, info, info_span, warn};

use crate::observe::{Event, Observer};

/// Tells `tracing` what happens: a span `whimbrel` for the verb, a span `migration` in it for each migration, and
/// events in these.
///
/// ```
/// # use whimbrel::{Memory, Migrator, Tracing};
/// # let source = Memory::new();
/// let migrator = Migrator::new(source).with_observer(Tracing::new());
/// ```
#[derive(Debug, Default)]
pub struct Tracing(Mutex<Spans>);

#[derive(Debug, Default)]
struct Spans {
    verb: Option<Span>,
    migration: Option<Span>,
}

impl Tracing {
    /// An observer whose spans are children of the span that is current when the verb begins to do something.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for Tracing {
    fn observe(&self, event: &Event<'_>) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verb = spans.verb.get_or_insert_with(|| info_span!("whimbrel")).clone();
        let inner = spans.migration.clone().unwrap_or_else(|| verb.clone());
        match event {
            Event::Planned { plan } => {
                info!(parent: &verb, steps = plan.items().len(), digest = %plan.digest(), "planned");
            }
            Event::Waiting { holder, waited } => {
                info!(parent: &verb, holder, waited_ms = waited.as_millis() as u64, "waiting for the lock");
            }
            Event::Blocked { by, waited } => {
                info!(parent: &verb, by, waited_ms = waited.as_millis() as u64, "waiting for another session");
            }
            Event::Postponed { label, failures, left } => {
                let left = left.as_millis() as u64;
                warn!(parent: &verb, label, failures, left_ms = left, "has failed before, and is tried again after a pause");
            }
            Event::BackedUp { place } => info!(parent: &verb, place, "backed up"),
            Event::Started { set, label, down, .. } => {
                let span = info_span!(parent: &verb, "migration", %set, label, down);
                info!(parent: &span, "started");
                spans.migration = Some(span);
            }
            Event::Statement { statement, statements, elapsed, .. } => {
                let elapsed = elapsed.as_millis() as u64;
                info!(parent: &inner, statement, statements, elapsed_ms = elapsed, "statement");
            }
            Event::Ran { elapsed, .. } => {
                info!(parent: &inner, elapsed_us = elapsed.as_micros() as u64, "ran");
                spans.migration = None;
            }
            Event::Committed { migrations } => info!(parent: &verb, migrations, "committed"),
            Event::Warned { message } => warn!(parent: &verb, "{message}"),
            Event::OneByOne { label } => {
                warn!(parent: &verb, label, "rolled back, and going on one by one");
                spans.migration = None;
            }
            Event::Tip { set, tip } => info!(parent: &verb, %set, seq = tip.seq, hash = %tip.hash, "tip"),
            Event::Finished { report } => {
                info!(parent: &verb, %report, "finished");
                *spans = Spans::default();
            }
            Event::Failed { error } => {
                warn!(parent: &inner, kind = error.kind().as_str(), %error, "failed");
                *spans = Spans::default();
            }
        }
    }
}
