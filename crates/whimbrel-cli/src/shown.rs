//! Only what was shown is carried out: a verifier that refuses a plan with anything in it that the plan shown did not have.

use std::collections::HashSet;

use whimbrel::{Action, Finding, FindingKind, MigrationSet, Plan, PlanItem, Result, Verifier, async_trait};

/// The plan that a person has said yes to.
pub(crate) struct OnlyWhatWasShown(HashSet<(String, &'static str, String, Option<whimbrel::Digest>)>);

impl OnlyWhatWasShown {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self(plan.items().iter().map(step).collect())
    }
}

/// What a step does. What was begun is gone on with in other words.
fn step(item: &PlanItem) -> (String, &'static str, String, Option<whimbrel::Digest>) {
    let action = match item.action() {
        Action::Apply | Action::ApplyOutOfOrder | Action::Repeat | Action::Resume => "up",
        Action::Revert | Action::ResumeRevert => "down",
        action => action.as_str(),
    };
    (item.set_name().to_string(), action, item.label().to_owned(), item.digest())
}

#[async_trait]
impl Verifier for OnlyWhatWasShown {
    async fn check_set(&self, _: &MigrationSet) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        let unseen = plan.items().iter().filter(|item| !self.0.contains(&step(item)));
        Ok(unseen
            .map(|item| {
                let message =
                    "was not in what was shown: somebody has changed the database or the files meanwhile";
                Finding::new(FindingKind::Policy, item.set_name(), item.label(), message)
            })
            .collect())
    }
}
