//! Findings: single reasons to refuse. Verifiers and planning make them; only `error.rs` turns them into an error.

use std::fmt;

use crate::error::ErrorKind;
use crate::migration::{SetName, Version};
use crate::shown::{shown, shown_lines};

/// One reason to refuse, or, in a plan's notes, one thing that is good to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Finding {
    kind: FindingKind,
    set: SetName,
    subject: String,
    message: String,
    location: Option<String>,
    weight: Weight,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "<[Version]>::is_empty"))]
    versions: Box<[Version]>,
}

/// What follows from a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Weight {
    /// Good to know; the plan's notes have it.
    Note,
    /// The plan is refused unless somebody has approved exactly this plan; see
    /// [`Migrator::with_approval`](crate::Migrator::with_approval).
    Approval,
    /// The set or the plan is refused.
    #[default]
    Refusal,
}

impl Weight {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Approval => "approval",
            Self::Refusal => "refusal",
        }
    }
}

impl Finding {
    /// A finding about `subject` (a migration's label, or a file). The message is one lower-case fragment that says
    /// what is wrong and what to do.
    pub fn new(
        kind: FindingKind,
        set: &SetName,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            set: set.clone(),
            subject: shown(&subject.into()).into_owned(),
            message: shown_lines(&message.into()).into_owned(),
            location: None,
            weight: Weight::Refusal,
            versions: Box::default(),
        }
    }

    /// Names versions that a remedy is about.
    #[must_use]
    pub fn about(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.versions = versions.into_iter().collect();
        self
    }

    /// Gives it another weight. At the first gate all findings refuse.
    #[must_use]
    pub fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Adds the place: a file, perhaps with `:line:column`.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(shown(&location.into()).into_owned());
        self
    }

    /// What kind of reason it is.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// The set that it is about.
    pub fn set(&self) -> &SetName {
        &self.set
    }

    /// The migration or file that it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What is wrong, and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The versions that its remedy is about: of [`Unbaselined`](FindingKind::Unbaselined) and
    /// [`Renamed`](FindingKind::Renamed) those of the set that the database is known to have, to be declared with
    /// [`with_baselined`](crate::Migrator::with_baselined).
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// What follows from it.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// The place.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.replace('\n', "\n      ");
        write!(f, "{:<10}  {}  {message}", self.kind.as_str(), self.subject)?;
        match &self.location {
            Some(location) if *location != self.subject => write!(f, " ({location})"),
            _ => Ok(()),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal => $turn:ident),* $(,)?) => {
        /// What kind of reason to refuse a finding is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
        #[non_exhaustive]
        pub enum FindingKind { $($(#[$doc])* $kind),* }

        impl FindingKind {
            /// The word that stands for it in texts.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word),* }
            }

            /// Whose turn it is.
            pub fn turn(self) -> ErrorKind {
                match self { $(Self::$kind => ErrorKind::$turn),* }
            }
        }
    };
}

kinds! {
    /// A file differs from its line in the manifest.
    Differs = "differs" => Files,
    /// A file has no line in the manifest.
    Unlisted = "unlisted" => Files,
    /// A line of the manifest has no file.
    NoFile = "no file" => Files,
    /// The manifest contradicts itself: its head or its set's name does not fit its lines.
    Manifest = "manifest" => Files,
    /// There is no manifest.
    Unlocked = "unlocked" => Files,
    /// The manifest is not signed as it has to be.
    Signature = "signature" => Files,
    /// A manifest older than the history would run something.
    Replay = "replay" => Files,
    /// A script's text is not what was verified.
    Tampered = "tampered" => Files,
    /// A script holds what no script may hold.
    Script = "script" => Files,
    /// A directive is wrong.
    Directive = "directive" => Files,
    /// A version is left out where gaps are refused.
    Gap = "gap" => Files,
    /// Two sets have one name.
    Duplicate = "duplicate" => Configuration,
    /// A step in Rust is not bound, bound to nothing, or bound with another revision.
    Step = "step" => Configuration,
    /// A migration was changed after it had been applied.
    Changed = "changed" => Files,
    /// A migration is older than one that is applied.
    Late = "late" => Files,
    /// A migration is applied, older than the newest one of this program, and not known to it.
    Unknown = "unknown" => Files,
    /// A migration was reverted after this program had applied it.
    Reverted = "reverted" => Configuration,
    /// A repeatable has the applied one's revision and another text.
    Revision = "revision" => Files,
    /// The database has tables, but no history.
    Unbaselined = "unbaselined" => Configuration,
    /// Migrations that would be applied are in force under the name of another set.
    Renamed = "renamed" => Configuration,
    /// A schema of the search path is not the one to be expected: there is a history elsewhere, or it may not be used.
    Schema = "schema" => Configuration,
    /// The database is ahead of the program.
    Ahead = "ahead" => Configuration,
    /// There is no way down.
    NoWayDown = "no way down" => Files,
    /// The version that was asked for is not one of the set's.
    Target = "target" => Configuration,
    /// The history belongs to another environment.
    Environment = "environment" => Configuration,
    /// The history was touched by something else.
    History = "history" => Database,
    /// The outcome of a statement is not known.
    InDoubt = "in doubt" => OutcomeUnknown,
    /// What has to be so before anything is applied is not so.
    Preflight = "preflight" => Configuration,
    /// A script for the database's own client cannot hold it.
    ByHand = "by hand" => Configuration,
    /// A value that a script asks for was not given.
    Value = "value" => Configuration,
    /// There is already a history where there should be none.
    Baselined = "baselined" => Configuration,
    /// Nothing is wrong with what was asked, but there is nothing that it could apply to.
    Nothing = "nothing" => Configuration,
    /// Work on a migration was begun and has to be ended first.
    Open = "open" => Database,
    /// A verifier of the application's objects.
    Policy = "policy" => Files,
}
