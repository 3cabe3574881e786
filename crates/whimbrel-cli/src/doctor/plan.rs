//! What `whimbrel up` would be refused for.

use whimbrel::{ErrorKind, Finding, Plan, Weight};

use super::migrations::of_findings;
use super::patient::Patient;
use super::{Check, Remedy, State};
use crate::output::count;

/// The check, and the plan that its rights are looked at for.
pub(crate) async fn check(patient: &mut Patient<'_>, is_sound: bool) -> (Check, Option<Plan>) {
    if !is_sound {
        let check = Check::not_looked_at("plan", "the migrations do not pass the first gate");
        return (check.remedied(Remedy::change("mend `migrations` and `signatures` first")), None);
    }
    let context = patient.context;
    let unseen =
        |why: String| Check::not_looked_at("plan", why).remedied(Remedy::command(context.command("plan")));
    let migrator = match context.migrator() {
        Ok(migrator) => migrator,
        Err(failure) => return (unseen(failure.error.to_string()), None),
    };
    match migrator.plan(&mut patient.db).await {
        Ok(plan) => {
            let pending = count(plan.items().len(), "step");
            let text =
                if plan.is_empty() { "nothing is pending".to_owned() } else { format!("{pending} pending") };
            let mut check = Check::ok("plan", text);
            let outside = plan.items().iter().find(|item| item.script().is_some() && !item.in_transaction());
            if let Some(outside) = outside
                && patient.dialect().name == "postgres"
            {
                check.add(
                    State::Ok,
                    format!("{} runs outside transactions, and needs its session", outside.label()),
                );
            }
            (check, Some(plan))
        }
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
            let check = Check::wrong("plan", error.to_string());
            (check.remedied(Remedy::command(context.command("settle"))), None)
        }
        Err(error) if error.findings().is_empty() => (unseen(error.to_string()), None),
        Err(error) => {
            let refusals: Vec<Finding> =
                error.findings().iter().filter(|it| it.weight() == Weight::Refusal).cloned().collect();
            if refusals.is_empty() {
                let check = Check::new("plan").and(State::Warning, "it wants an approval");
                return (check.remedied(Remedy::command(context.command("plan"))), None);
            }
            (of_findings(context, "plan", &refusals), None)
        }
    }
}
