//! Approvals: somebody has looked at exactly this plan and said yes. Knows nothing of how they say so.

use async_trait::async_trait;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::plan::Plan;

/// Answers whether somebody has approved a plan.
///
/// **Who implements it:** crates that check signed approvals (`whimbrel-sign`); applications that ask a service. For a digest
/// that an operator hands in there is [`Migrator::with_approval`](crate::Migrator::with_approval).
///
/// **Who calls it:** the [`Migrator`](crate::Migrator), when a verifier has a finding of the weight
/// [`Approval`](crate::Weight::Approval), before anything is executed.
///
/// **On failure:** an error refuses the plan, as `None` does.
///
/// ```
/// use whimbrel::{Approval, Approver, Plan, Result, async_trait};
///
/// struct Board;
///
/// #[async_trait]
/// impl Approver for Board {
///     async fn approval(&self, plan: &Plan) -> Result<Option<Approval>> {
///         // Ask whoever decides, by `plan.digest()`.
///         Ok(None)
///     }
/// }
/// ```
#[async_trait]
pub trait Approver: Send + Sync {
    /// By whom exactly this plan was approved; `None` if by nobody.
    ///
    /// # Errors
    /// It is not to be found out.
    async fn approval(&self, plan: &Plan) -> Result<Option<Approval>>;
}

/// That a plan was approved, and by whom. It goes into the history, with the rows of what the plan does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    by: String,
}

impl Approval {
    /// An approval by somebody: a name, as the history should have it.
    pub fn by(who: impl Into<String>) -> Self {
        Self { by: who.into() }
    }

    /// By whom.
    pub fn who(&self) -> &str {
        &self.by
    }
}

/// The operator's word: the digest of the plan that was shown to them.
pub(crate) struct Approved(pub(crate) Digest);

#[async_trait]
impl Approver for Approved {
    async fn approval(&self, plan: &Plan) -> Result<Option<Approval>> {
        Ok((*plan.digest() == self.0).then(|| Approval::by("operator")))
    }
}

/// What was approved in the run so far.
pub(crate) struct Approvals<'a> {
    approvers: Vec<&'a dyn Approver>,
    granted: Option<Granted>,
}

/// An approval, with the plan that it was given for.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) plan: Digest,
    pub(crate) approval: Approval,
    /// What was approved. A plan that has to be made anew since others write, or since a part of it is done, holds nothing
    /// but these.
    findings: Vec<Finding>,
}

impl<'a> Approvals<'a> {
    pub(crate) fn none() -> Self {
        Self::of(Vec::new())
    }

    pub(crate) fn of(approvers: Vec<&'a dyn Approver>) -> Self {
        Self { approvers, granted: None }
    }

    /// The findings for which there is no approval. The plan learns of the one that there is.
    pub(crate) async fn settle(&mut self, plan: &mut Plan, findings: Vec<Finding>) -> Result<Vec<Finding>> {
        if findings.is_empty() {
            return Ok(findings);
        }
        let earlier =
            self.granted.as_ref().filter(|granted| findings.iter().all(|f| granted.findings.contains(f)));
        if let Some(granted) = earlier {
            plan.grant(granted.clone());
            return Ok(Vec::new());
        }
        for approver in &self.approvers {
            if let Some(approval) = approver.approval(plan).await? {
                let granted = Granted { plan: *plan.digest(), approval, findings };
                plan.grant(granted.clone());
                self.granted = Some(granted);
                return Ok(Vec::new());
            }
        }
        Ok(findings)
    }

    /// Says how a plan is approved.
    pub(crate) fn explain(&self, error: Error, plan: &Plan) -> Error {
        let given = if self.approvers.is_empty() {
            ""
        } else {
            "; what was approved is another plan, or too few have"
        };
        error.with_note("plan", format!("{}{given}", plan.digest())).with_note(
            "next",
            "show the plan (`plan`) to whoever decides; if they agree, run with the approval of exactly this digest \
             (`with_approval`)",
        )
    }
}
