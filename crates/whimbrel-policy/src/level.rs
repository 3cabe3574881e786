//! Levels: what follows when a rule is broken. Knows no rule.

use std::fmt;

use whimbrel::Weight;

/// What follows when a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing: the rule is not asked.
    Off,
    /// The plan's notes say so.
    Note,
    /// The plan is refused unless somebody has approved exactly this plan.
    Approval,
    /// The plan is refused.
    Refusal,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Note => "note",
            Self::Approval => "approval",
            Self::Refusal => "refusal",
        }
    }

    /// What a finding of this level weighs; none if the rule is off.
    pub fn weight(self) -> Option<Weight> {
        match self {
            Self::Off => None,
            Self::Note => Some(Weight::Note),
            Self::Approval => Some(Weight::Approval),
            Self::Refusal => Some(Weight::Refusal),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
