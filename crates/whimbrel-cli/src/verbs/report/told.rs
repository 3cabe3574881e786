//! What the library knows, as the page has it: words and numbers. Asks nobody.

use whimbrel::script::{Script, mask};
use whimbrel::{
    Action, BrokenRow, Dialect, Finding, History, HistoryEvent, HistoryRow, MigrationSet, Plan, PlanItem,
    Standing, Status, Weight,
};

use crate::html::{self, Tone};
use crate::output::count;
use crate::verbs::plan::wants_approval;
use crate::verbs::status::{Known, moment, who};

/// What of a row's detail is for people: no digests, and no times, which the timeline has.
const DETAILS: [&str; 17] = [
    "reason",
    "because",
    "outcome",
    "statement",
    "code",
    "order",
    "found",
    "revision",
    "name",
    "server",
    "row",
    "place",
    "bytes",
    "check",
    "approved",
    "approved_by",
    "role",
];

/// A statement is shown up to here.
const LONGEST: usize = 1_000;

pub(super) fn finding(finding: &Finding) -> html::Finding {
    html::Finding {
        weight: match finding.weight() {
            Weight::Note => (Tone::Plain, "note"),
            Weight::Approval => (Tone::Waiting, "approval"),
            Weight::Refusal => (Tone::Bad, "refusal"),
        },
        kind: finding.kind().as_str().to_owned(),
        set: finding.set().to_string(),
        subject: finding.subject().to_owned(),
        message: finding.message().to_owned(),
        place: finding.location().unwrap_or_default().to_owned(),
    }
}

pub(super) fn broken(row: &BrokenRow) -> html::BrokenRow {
    html::BrokenRow { set: row.set.clone(), seq: row.seq, what: row.wrong() }
}

/// A set of which no database was asked.
pub(super) fn set_of_files(set: &MigrationSet, dialect: &str) -> html::Set {
    let migrations = set.iter().map(|migration| html::Migration {
        label: migration.label(),
        state: None,
        since: String::new(),
        took: String::new(),
        by: String::new(),
        down: Some(migration.down().is_some()),
    });
    html::Set {
        name: set.name().to_string(),
        dialect: dialect.to_owned(),
        head: set.head().to_string(),
        locked: set.manifest().is_some(),
        migrations: migrations.collect(),
    }
}

/// The sets, and how they stand.
pub(super) fn sets(
    status: &Status,
    history: &History,
    files: &MigrationSet,
    dialect: &str,
) -> Vec<html::Set> {
    let sets = status.sets.iter().map(|set| {
        let known = Known::of(history, set.set.as_str());
        let migrations = set.entries.iter().map(|entry| {
            let (took, by) = known.of_label(&entry.label, entry.at.is_some());
            let file = files.iter().find(|migration| migration.label() == entry.label);
            html::Migration {
                label: entry.label.clone(),
                state: Some((tone(entry.standing), entry.standing.as_str().to_owned())),
                since: entry.at.as_deref().map(moment).unwrap_or_default(),
                took,
                by,
                down: file.map(|migration| migration.down().is_some()),
            }
        });
        html::Set {
            name: set.set.to_string(),
            dialect: dialect.to_owned(),
            head: files.head().to_string(),
            locked: files.manifest().is_some(),
            migrations: migrations.collect(),
        }
    });
    sets.collect()
}

fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Applied | Standing::Baselined => Tone::Good,
        Standing::Pending => Tone::Waiting,
        Standing::Open | Standing::Changed | Standing::Unknown => Tone::Bad,
        _ => Tone::Plain,
    }
}

pub(super) fn history(history: &History) -> Vec<html::Rows> {
    let sets = history.sets().map(|(set, state)| html::Rows {
        set: (set != "*").then(|| set.to_owned()),
        rows: state
            .rows()
            .iter()
            .map(|row| html::Row {
                broken: state.broken().iter().any(|broken| broken.seq == row.seq()),
                ..self::row(row)
            })
            .collect(),
    });
    sets.collect()
}

fn row(row: &HistoryRow) -> html::Row {
    let tone = match row.event() {
        HistoryEvent::Failed => Tone::Bad,
        HistoryEvent::Applied | HistoryEvent::Baselined | HistoryEvent::Finished => Tone::Good,
        HistoryEvent::Settled | HistoryEvent::Repaired | HistoryEvent::Reverted => Tone::Waiting,
        _ => Tone::Plain,
    };
    let details = DETAILS
        .into_iter()
        .flat_map(|key| row.detail_values(key).map(move |value| (key, value.to_owned())))
        .collect();
    html::Row {
        seq: row.seq(),
        event: row.event().as_str().to_owned(),
        tone,
        broken: false,
        label: row.label().unwrap_or_default(),
        at: row.at().to_owned(),
        when: moment(row.at()),
        by: who(row),
        writer: row.who().to_owned(),
        details,
        took: row.times().map(|(label, time)| (label.to_owned(), time)).collect(),
    }
}

pub(super) fn plan(plan: &Plan, dialect: &Dialect) -> html::Plan {
    html::Plan {
        digest: plan.digest().to_string(),
        creates_history: plan.creates_history(),
        wants_approval: wants_approval(plan),
        steps: plan.items().iter().map(|item| step(item, dialect)).collect(),
    }
}

fn step(item: &PlanItem, dialect: &Dialect) -> html::Step {
    let script = item.script();
    let how = match item.action() {
        Action::Accept { reason } | Action::Tombstone { reason } => format!("because: {reason}"),
        Action::Environment { name } => name.clone(),
        _ if script.is_none() => String::new(),
        _ if item.in_transaction() => "in a transaction".to_owned(),
        _ => "statement by statement".to_owned(),
    };
    let total = item.statements();
    let count = script.map(|_| match (total, item.first_statement()) {
        (0, _) => "in Rust".to_owned(),
        (total, 0) => count(total, "statement"),
        (total, done) => format!("{} of {}", total - done.min(total), count(total, "statement")),
    });
    let statements = match script.filter(|_| total > 0) {
        Some(script) => Script::parse(script.text(), &dialect.lexing)
            .map(|script| {
                let rest = script.statements().iter().skip(item.first_statement());
                rest.map(|statement| shown(statement.text(), dialect)).collect()
            })
            .unwrap_or_default(),
        None => Vec::new(),
    };
    html::Step {
        set: item.set_name().to_string(),
        action: item.action().as_str().to_owned(),
        label: item.label().to_owned(),
        file: script.map(|script| script.location()).unwrap_or_default(),
        how,
        count,
        statements,
    }
}

/// A statement without what may be data.
fn shown(sql: &str, dialect: &Dialect) -> String {
    let mut masked = mask(sql, &dialect.lexing);
    if let Some((end, _)) = masked.char_indices().nth(LONGEST) {
        masked.truncate(end);
        masked.push('…');
    }
    masked
}
