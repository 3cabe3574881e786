//! Rules: what a statement should not do, why, and what to write instead. A rule is data; knows no statement by itself.

use std::fmt;

use whimbrel::Product;

use crate::case::Case;
use crate::deed::Deed;
use crate::example::{self, Example};
use crate::level::Level;

/// What a rule protects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Concern {
    /// Rows or values are gone, and only a backup brings them back.
    DataLoss,
    /// Others wait, for as long as the table is large, or while the server writes it anew.
    Lock,
    /// The version of the application that is still running, or the one to which a deployment is rolled back, fails.
    Rollout,
    /// It does something else than it seems to do, or nothing.
    Trap,
    /// Somebody gets rights that they should not have.
    Escalation,
}

impl Concern {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataLoss => "data loss",
            Self::Lock => "lock",
            Self::Rollout => "rollout",
            Self::Trap => "trap",
            Self::Escalation => "escalation",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule.
///
/// ```
/// let rule = whimbrel_policy::rules().find(|rule| rule.name() == "drop-column").unwrap();
/// assert_eq!(rule.concern().as_str(), "data loss");
/// println!("{}: {}\n  instead: {}", rule.name(), rule.headline(), rule.instead());
/// ```
pub struct Rule {
    pub(crate) name: &'static str,
    pub(crate) concern: Concern,
    pub(crate) products: &'static [Product],
    pub(crate) level: Level,
    /// What happens, in half a sentence.
    pub(crate) headline: &'static str,
    /// Why that is bad, in a sentence or two.
    pub(crate) why: &'static str,
    /// What to do instead: a fragment that can stand behind a semicolon.
    pub(crate) instead: &'static str,
    /// Where the database's manual says so: its section.
    pub(crate) source: &'static str,
    /// What it objects to in a deed: a fragment with the names, which follows the rule's name. None if to nothing.
    pub(crate) judge: fn(&Deed, &Case<'_>) -> Option<String>,
}

impl Rule {
    /// Its name, as waivers and [`Policy::with_level`](crate::Policy::with_level) use it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it protects from.
    pub fn concern(&self) -> Concern {
        self.concern
    }

    /// The databases that it is for.
    pub fn products(&self) -> &'static [Product] {
        self.products
    }

    /// What follows when it is broken, unless a policy says otherwise.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What happens, in half a sentence.
    pub fn headline(&self) -> &'static str {
        self.headline
    }

    /// Why that is bad.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// What to do instead.
    pub fn instead(&self) -> &'static str {
        self.instead
    }

    /// Where the database's manual says so.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Its examples: at least one for each of its databases. All of them are run on real servers when this crate is tested.
    pub fn examples(&self) -> impl Iterator<Item = &'static Example> + use<> {
        let name = self.name;
        example::all().filter(move |example| example.rule == name)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("concern", &self.concern)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
