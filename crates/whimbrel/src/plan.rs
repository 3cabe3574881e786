//! Plans: what would be done. Building one is a pure function of verified sets, a history and a request; knows nothing
//! of connections.

mod conditions;
mod decide;
mod explain;
mod foundation;
mod item;
mod resume;
mod working;

pub(crate) use self::resume::session_left;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

pub use self::conditions::{Conditions, Product, ServerVersion};
pub(crate) use self::decide::{broken_rows, other_environment};
pub use self::item::{Action, PlanItem};

use crate::approval::{Approval, Granted};
use crate::dialect::{Dialect, last_number};
use crate::digest::{Context, Digest, Fields};
use crate::finding::{Finding, Weight};
use crate::history::History;
use crate::migration::{MigrationSet, SetName, Version};
use crate::placeholder::Form;
use crate::preflight::{Need, needs};
use crate::verify::Verified;

/// What is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The goal.
    pub goal: Goal,
    /// What to do with migrations older than those applied.
    pub out_of_order: OutOfOrder,
    /// What to do when the database is ahead of the program.
    pub ahead: Ahead,
    /// What to do with a database that has tables, but no history.
    pub unbaselined: Unbaselined,
    /// Which versions a baseline declares; all of them up to its version for `None`.
    pub baselined: Option<BTreeSet<Version>>,
    /// What to do with migrations that were reverted after this program had applied them.
    pub reverted: Reverted,
    /// How migrations are put into transactions.
    pub transaction: Transaction,
    /// The environment that the database must belong to.
    pub environment: Option<String>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            goal: Goal::Latest,
            out_of_order: OutOfOrder::Refuse,
            ahead: Ahead::Accept,
            unbaselined: Unbaselined::Refuse,
            baselined: None,
            reverted: Reverted::Refuse,
            transaction: Transaction::Auto,
            environment: None,
        }
    }
}

/// The goal of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// Everything is in force.
    Latest,
    /// Everything up to and including a version of the last set is in force; repeatables are left alone.
    UpTo(Version),
    /// Nothing newer than a version of the last set is in force; none at all for `None`.
    RevertTo(Option<Version>),
    /// The newest migration of the last set is reverted and applied again.
    Redo,
    /// The versions of the last set up to and including this one are declared to be in force.
    Baseline(Version),
}

/// What to do with migrations that are older than one that is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutOfOrder {
    /// Refuse, and list them.
    #[default]
    Refuse,
    /// Apply them. Migrations in the middle that this program does not know then count as *ahead*.
    Apply,
}

/// What to do when the database is ahead of the program: all of the program's migrations are in force, and newer ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ahead {
    /// Fine: the application's deployment was rolled back, and must boot.
    #[default]
    Accept,
    /// Refuse.
    Refuse,
}

/// What to do with a database that has tables, but no history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unbaselined {
    /// Refuse: [`Migrator::baseline`](crate::Migrator::baseline) says what is in force already.
    #[default]
    Refuse,
    /// Apply everything.
    Allow,
}

/// What to do with migrations that were reverted after this program had applied them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reverted {
    /// Refuse, so that a replica that restarts does not undo a revert.
    #[default]
    Refuse,
    /// Apply them again.
    Apply,
}

/// What to do with versions that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// Fine: versions may be dates.
    #[default]
    Allow,
    /// Refuse: versions count 1, 2, 3, …
    Refuse,
}

/// How migrations are put into transactions, where a dialect has transactions for what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// An empty database is built in one transaction, which ends before what would behave otherwise in it; if it fails,
    /// it is rolled back and done one by one. On a database with a history, one transaction each.
    #[default]
    Auto,
    /// All that is pending in one transaction, or nothing. Refuses what cannot share one.
    PerRun,
    /// One transaction each.
    PerMigration,
}

/// What would be done.
///
/// `Display` prints it for a person to approve; with the feature `serde` it serialises. Equal plans have equal digests.
#[derive(Clone, Debug)]
pub struct Plan {
    dialect: &'static str,
    sets: Vec<PlannedSet>,
    items: Vec<PlanItem>,
    creates_history: bool,
    shares: bool,
    blank: bool,
    notes: Vec<Finding>,
    digest: Digest,
    conditions: Conditions,
    granted: Option<Granted>,
    /// The values that are filled into its scripts.
    values: BTreeMap<String, String>,
}

/// A set, and what the plan was made on.
#[derive(Clone, Debug)]
pub(crate) struct PlannedSet {
    pub(crate) set: Arc<MigrationSet>,
    pub(crate) expected: (i64, Option<Digest>),
    pub(crate) ahead: bool,
}

impl Plan {
    /// What would be done, in order.
    pub fn items(&self) -> &[PlanItem] {
        &self.items
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is good to know and no reason to refuse, and what wants the plan to be approved.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    pub(crate) fn note(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.notes.extend(findings);
    }

    /// Under which conditions it would be carried out.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// By whom it was approved, if it had to be.
    pub fn approval(&self) -> Option<&Approval> {
        self.granted.as_ref().map(|granted| &granted.approval)
    }

    pub(crate) fn grant(&mut self, granted: Granted) {
        self.granted = Some(granted);
    }

    pub(crate) fn granted(&self) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// Says under which conditions it would be carried out, and with which values. As whom, and with what, is a part of what
    /// is approved.
    pub(crate) fn set_conditions(&mut self, conditions: Conditions, given: &BTreeMap<String, String>) {
        let wanted =
            self.items.iter().filter_map(PlanItem::prepared).flat_map(|prepared| &prepared.placeholders);
        self.values = wanted
            .filter(|(placeholder, _)| placeholder.form != Form::Secret)
            .filter_map(|(placeholder, _)| given.get_key_value(&placeholder.name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if conditions.role.is_some() || !self.values.is_empty() {
            let fields = Fields::of(Context::Plan).digest(&self.digest).maybe(conditions.role.as_deref());
            let fields =
                self.values.iter().fold(fields, |fields, (name, value)| fields.text(name).text(value));
            self.digest = fields.finish();
        }
        self.conditions = conditions;
    }

    /// The plan's digest, over everything that it would do, the history that it was made on, the role as which its scripts
    /// run, and the values that are filled into them.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether the history table would be created.
    pub fn creates_history(&self) -> bool {
        self.creates_history
    }

    /// The rights that its scripts need, as far as the first words of their statements tell, in this dialect: what a
    /// [`RightsQuery`](crate::RightsQuery) asks for.
    pub fn needs(&self, dialect: &Dialect) -> Vec<Need> {
        needs(self, dialect)
    }

    /// The name of the dialect that it was made for.
    pub fn dialect(&self) -> &str {
        self.dialect
    }

    /// A plan that does nothing, for rows that are written without one.
    pub(crate) fn bare(sets: &[Verified<MigrationSet>], history: &History, dialect: &Dialect) -> Self {
        let planned: Vec<PlannedSet> = sets
            .iter()
            .map(|set| PlannedSet {
                set: set.shared(),
                expected: history.tail(set.name().as_str()),
                ahead: false,
            })
            .collect();
        let digest = digest(&planned, &[], false);
        Self {
            dialect: dialect.name,
            sets: planned,
            items: Vec::new(),
            creates_history: false,
            shares: false,
            blank: false,
            notes: Vec::new(),
            digest,
            conditions: Conditions::default(),
            granted: None,
            values: BTreeMap::new(),
        }
    }

    pub(crate) fn set_names(&self) -> impl Iterator<Item = &SetName> {
        self.sets.iter().map(|planned| planned.set.name())
    }

    /// Whether the database is ahead of the set of this name: it has migrations that are newer than all of the set's,
    /// which the set does not know.
    pub fn is_ahead_of(&self, set: &SetName) -> bool {
        self.sets.iter().any(|planned| planned.ahead && planned.set.name() == set)
    }

    /// Whether the database has neither a history nor tables of the application's, so that all that the plan meets is what
    /// it has made itself.
    pub fn is_on_empty_database(&self) -> bool {
        self.blank
    }

    pub(crate) fn is_ahead(&self) -> bool {
        self.sets.iter().any(|set| set.ahead)
    }

    /// Whether migrations share transactions where they can, so that what one locks is locked until the last one is done.
    pub fn shares(&self) -> bool {
        self.shares
    }
}

/// Plans: decides what a request means for verified sets and a history. Pure: the same input gives the same plan.
///
/// Only verified sets can be planned:
///
/// ```compile_fail
/// # fn skip(set: whimbrel::MigrationSet, history: whimbrel::History, dialect: &whimbrel::Dialect) {
/// let plan = whimbrel::plan(&[set], &history, &whimbrel::Request::default(), dialect);
/// # }
/// ```
///
/// # Errors
/// Every reason to refuse, gathered; nothing else is an error here.
pub fn plan(
    sets: &[Verified<MigrationSet>],
    history: &History,
    request: &Request,
    dialect: &Dialect,
) -> Result<Plan, Vec<Finding>> {
    let mut decision = decide::Decision::new(sets, history, request, dialect);
    let first = sets.first().map(|set| set.name());
    decision.environment(first);
    decision.schemas(first);
    decision.rows_of_all_sets(first);
    for (index, set) in sets.iter().enumerate() {
        decision.set(set, index + 1 == sets.len());
    }
    decision.refuse_what_cannot_share();
    let decide::Decision { findings, items, planned, notes, .. } = decision;
    if !findings.is_empty() {
        return Err(findings);
    }
    let blank = history.is_blank() && history.other_tables.is_empty();
    let shares = match request.transaction {
        Transaction::Auto => blank && request.goal_goes_up(),
        Transaction::PerRun => true,
        Transaction::PerMigration => false,
    };
    let creates_history = !history.exists && !items.is_empty();
    let digest = digest(&planned, &items, creates_history);
    let conditions = Conditions::default();
    Ok(Plan {
        dialect: dialect.name,
        sets: planned,
        items,
        creates_history,
        shares,
        blank,
        notes,
        digest,
        conditions,
        granted: None,
        values: BTreeMap::new(),
    })
}

impl Request {
    fn goal_goes_up(&self) -> bool {
        matches!(self.goal, Goal::Latest | Goal::UpTo(_))
    }
}

fn digest(sets: &[PlannedSet], items: &[PlanItem], creates_history: bool) -> Digest {
    let fields = Fields::of(Context::Plan).number(creates_history.into());
    let fields = sets.iter().fold(fields, |fields, set| {
        let (seq, tip) = &set.expected;
        fields
            .text(set.set.name().as_str())
            .number(*seq)
            .maybe(tip.as_ref().map(Digest::to_string).as_deref())
    });
    items
        .iter()
        .fold(fields, |fields, item| {
            let reason = match item.action() {
                Action::Accept { reason } | Action::Tombstone { reason } => Some(reason.as_str()),
                Action::Environment { name } => Some(name.as_str()),
                _ => None,
            };
            fields
                .text(item.set_name().as_str())
                .text(item.action().as_str())
                .text(item.label())
                .maybe(reason)
                .number(item.first_statement() as i64)
                .maybe_digest(item.digest().as_ref())
                .maybe_digest(item.head().as_ref())
                .digest_text(&item.repeatables())
                .number(last_number(item.below()))
        })
        .finish()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: Vec<&SetName> = self.sets.iter().map(|set| set.set.name()).collect();
        let names = sets.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        if self.items.is_empty() {
            write!(f, "nothing to do for {names}")?;
        } else {
            let steps = if self.items.len() == 1 { "step" } else { "steps" };
            write!(f, "{} {steps} for {names} on {}", self.items.len(), self.dialect)?;
            if self.creates_history {
                f.write_str(", after creating the history table")?;
            }
            for item in &self.items {
                write!(f, "\n  {item}")?;
            }
            if let Some(role) = &self.conditions.role {
                write!(f, "\nas the role {}", role.escape_debug())?;
            }
            for (name, value) in &self.values {
                write!(f, "\nwith {name} = {value:?}")?;
            }
        }
        for note in &self.notes {
            let word = if note.weight() == Weight::Approval { "needs approval" } else { "note" };
            write!(f, "\n{word}: {note}")?;
        }
        write!(f, "\nplan {}", self.digest)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut plan = serializer.serialize_struct("Plan", 5)?;
        plan.serialize_field("digest", &self.digest)?;
        plan.serialize_field("dialect", self.dialect)?;
        plan.serialize_field("creates_history", &self.creates_history)?;
        plan.serialize_field("items", &self.items)?;
        plan.serialize_field("notes", &self.notes)?;
        plan.end()
    }
}
