//! What the settings say of the policy. Knows words; what a rule is about, the policy's crate knows.

use std::collections::BTreeMap;

use super::Setting;

/// What the settings say of the policy.
#[derive(Clone, Debug)]
pub(crate) struct PolicySettings {
    pub(crate) enabled: Setting<bool>,
    pub(crate) waivers: Setting<Waivers>,
    /// By concern. A rule's own level goes before.
    pub(crate) concerns: BTreeMap<Concern, Setting<Level>>,
    /// By name.
    pub(crate) rules: BTreeMap<&'static str, Setting<Level>>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            enabled: Setting::by_default(cfg!(feature = "policy")),
            waivers: Setting::by_default(Waivers::Accept),
            concerns: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }
}

/// Whether scripts may waive rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waivers {
    Accept,
    Refuse,
}

/// What follows when a rule is broken, as in the policy's crate, which a build may be without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Off,
    Note,
    Approval,
    Refusal,
}

/// What rules protect from, as in the policy's crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Concern {
    DataLoss,
    Lock,
    Rollout,
    Trap,
    Escalation,
}

#[cfg(feature = "policy")]
impl From<Level> for whimbrel_policy::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::Off,
            Level::Note => Self::Note,
            Level::Approval => Self::Approval,
            Level::Refusal => Self::Refusal,
        }
    }
}

#[cfg(feature = "policy")]
impl From<Concern> for whimbrel_policy::Concern {
    fn from(concern: Concern) -> Self {
        match concern {
            Concern::DataLoss => Self::DataLoss,
            Concern::Lock => Self::Lock,
            Concern::Rollout => Self::Rollout,
            Concern::Trap => Self::Trap,
            Concern::Escalation => Self::Escalation,
        }
    }
}

#[cfg(feature = "policy")]
impl PolicySettings {
    /// The policy; none if it is switched off.
    pub(crate) fn policy(&self) -> Option<whimbrel_policy::Policy> {
        if !self.enabled.value {
            return None;
        }
        let mut policy = whimbrel_policy::Policy::new();
        for (concern, level) in &self.concerns {
            policy = policy.with_concern((*concern).into(), level.value.into());
        }
        for (rule, level) in &self.rules {
            policy = policy.with_level(rule, level.value.into()).expect("the name is one of the rules' own");
        }
        Some(match self.waivers.value {
            Waivers::Accept => policy,
            Waivers::Refuse => policy.refusing_waivers(),
        })
    }
}
