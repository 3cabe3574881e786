//! What is told while a verb runs: a line for each migration, and what is waited for; for programs each event as a line.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use whimbrel::{Event, Observer};

use crate::arguments::Format;
use crate::output::safe::shown;
use crate::output::style::{BAD, DIM, GOOD, WAITING, paint};
use crate::output::{self, short};

/// Tells on standard error, so that standard output holds the answer only; as JSON on standard output.
pub(crate) struct Progress {
    format: Format,
    quiet: bool,
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the last line can be written over.
    passing: bool,
    /// What is waited for, to tell it once and then every few seconds.
    waited: Duration,
    told: Option<String>,
    /// How many statements each migration of the plan has.
    statements: HashMap<String, usize>,
    /// The lines of migrations that ran, and that nothing has committed yet.
    ran: Vec<String>,
}

/// How often it is told again that somebody else is waited for.
const AGAIN: Duration = Duration::from_secs(5);

impl Progress {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { format, quiet, terminal, state: Mutex::default() }
    }

    /// A line that stays.
    fn stay(&self, state: &mut State, line: &str) {
        self.wipe(state);
        output::err(line);
    }

    /// A line that the next one takes the place of, on a terminal.
    fn pass(&self, state: &mut State, line: &str) {
        if self.terminal {
            self.wipe(state);
            output::err_part(&output::table::cut(line, output::width().saturating_sub(1)));
            state.passing = true;
        }
    }

    fn wipe(&self, state: &mut State) {
        if std::mem::take(&mut state.passing) {
            output::wipe();
        }
    }

    /// What is waited for: at once where the line can be written over, and else again every few seconds.
    fn wait(&self, state: &mut State, kind: &str, what: &str, waited: Duration) {
        if waited.is_zero() {
            return;
        }
        let line = format!("{what} ({})", short(waited));
        let again = state.told.as_deref() != Some(kind) || waited >= state.waited + AGAIN;
        if again {
            (state.told, state.waited) = (Some(kind.to_owned()), waited);
        }
        if self.terminal {
            self.pass(state, &paint(WAITING, line));
        } else if again {
            self.stay(state, &line);
        }
    }

    fn tell(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let state = &mut *state;
        match event {
            Event::Waiting { holder, waited } => {
                let who = holder.map_or_else(String::new, |holder| format!(": {}", shown(holder)));
                self.wait(state, "waiting", &format!("waiting for another migrator{who}"), *waited);
            }
            Event::Blocked { by, waited } => {
                let who = by.map_or_else(|| "another session, which holds a lock".to_owned(), shown);
                self.wait(state, "blocked", &format!("waiting for {who}"), *waited);
            }
            Event::Postponed { label, failures, left } => {
                let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times") };
                let label = shown(label);
                let line = format!("{label} has failed {times}: trying again in {}", short(*left));
                self.stay(state, &paint(WAITING, line));
            }
            Event::Planned { plan } => {
                let items = plan.items().iter().map(|item| (item.label().to_owned(), item.statements()));
                state.statements = items.collect();
            }
            Event::Warned { message } => {
                let line = format!("warning: {}", shown(message));
                self.stay(state, &paint(WAITING, line));
            }
            Event::BackedUp { place } => self.stay(state, &format!("backed up to {}", shown(place))),
            Event::Started { label, down, .. } => {
                let word = if *down { "reverting" } else { "applying" };
                self.pass(state, &format!("  {word} {}", shown(label)));
            }
            Event::Statement { label, statement, statements, bytes, elapsed } => {
                let label = shown(label);
                let share = bytes.map_or_else(String::new, |(done, all)| {
                    format!(", {} of {} MB", done / 1_000_000, all.div_ceil(1_000_000))
                });
                let line =
                    format!("  {label}  statement {statement} of {statements}{share}  {}", short(*elapsed));
                self.pass(state, &line);
            }
            Event::Ran { label, down, elapsed, .. } => {
                let word = if *down { "reverted" } else { "applied " };
                let statements = match state.statements.get(*label) {
                    None | Some(0) => String::new(),
                    Some(number) => output::count(*number, "statement") + ", ",
                };
                let time = paint(DIM, statements + &short(*elapsed));
                state.ran.push(format!("  {} {}  {time}", paint(GOOD, word), shown(label)));
                self.pass(state, &format!("  committing {}", shown(label)));
            }
            // Only now it is so: what ran may be rolled back until then, as on a full disk.
            Event::Committed { .. } => {
                for line in std::mem::take(&mut state.ran) {
                    self.stay(state, &line);
                }
            }
            Event::OneByOne { label } => {
                state.ran.clear();
                let label = shown(label);
                let line = format!(
                    "{label} failed, and what shared its transaction was rolled back: one by one now"
                );
                self.stay(state, &format!("  {}", paint(BAD, line)));
            }
            Event::Finished { .. } | Event::Failed { .. } => {
                state.ran.clear();
                self.wipe(state);
            }
            _ => {}
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event<'_>) {
        match self.format {
            Format::Human if !self.quiet => self.tell(event),
            Format::Human => {}
            Format::Json => {
                if let Some(line) = line(event) {
                    output::json_line(&line);
                }
            }
        }
    }
}

/// An event for programs; what ends a verb is told by its last line.
fn line(event: &Event<'_>) -> Option<Value> {
    let micros = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let (name, data) = match event {
        Event::Planned { plan } => ("planned", json!({ "digest": plan.digest(), "items": plan.items() })),
        Event::Waiting { holder, waited } => {
            ("waiting", json!({ "holder": holder, "waited_us": micros(waited) }))
        }
        Event::Blocked { by, waited } => ("blocked", json!({ "by": by, "waited_us": micros(waited) })),
        Event::Postponed { label, failures, left } => {
            ("postponed", json!({ "label": label, "failures": failures, "left_us": micros(left) }))
        }
        Event::BackedUp { place } => ("backed-up", json!({ "place": place })),
        Event::Started { set, version, label, down } => {
            ("started", json!({ "set": set, "version": version, "label": label, "down": down }))
        }
        Event::Statement { label, statement, statements, bytes, elapsed } => {
            let mut data = json!({
                "label": label, "statement": statement, "statements": statements, "elapsed_us": micros(elapsed)
            });
            if let Some((done, all)) = bytes {
                data["bytes"] = json!(done);
                data["of_bytes"] = json!(all);
            }
            ("statement", data)
        }
        Event::Ran { set, version, label, down, elapsed } => (
            "ran",
            json!({
                "set": set, "version": version, "label": label, "down": down, "elapsed_us": micros(elapsed)
            }),
        ),
        Event::Committed { migrations } => ("committed", json!({ "migrations": migrations })),
        Event::Warned { message } => ("warned", json!({ "message": message })),
        Event::OneByOne { label } => ("one-by-one", json!({ "label": label })),
        Event::Tip { tip, .. } => ("tip", json!(tip)),
        _ => return None,
    };
    Some(json!({ "schema": output::SCHEMA, "type": "event", "event": name, "data": data }))
}
