//! What a run would do now. Knows nothing of how that was decided.

use super::markup::Markup;
use super::table::table;

/// What planning has given.
#[derive(Clone, Debug)]
pub(crate) enum Planned {
    /// No database was asked.
    NotAsked,
    /// There is nothing to do.
    Nothing,
    /// A run would be refused; why, in one line. The findings say more.
    Refused(String),
    /// This would be done.
    Plan(Plan),
}

/// A plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) digest: String,
    pub(crate) creates_history: bool,
    /// Whether somebody has to approve it.
    pub(crate) wants_approval: bool,
    pub(crate) steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) set: String,
    pub(crate) action: String,
    pub(crate) label: String,
    pub(crate) file: String,
    /// In a transaction or not; a reason; a name.
    pub(crate) how: String,
    /// How many statements its script has in all; `None`: it executes none.
    pub(crate) count: Option<String>,
    /// Those to be executed, without the literals in them.
    pub(crate) statements: Vec<String>,
}

pub(super) fn write(html: &mut Markup, planned: &Planned) {
    let plan = match planned {
        Planned::NotAsked => {
            return html.leaf("p", &[], "No database was asked, so there is no plan.");
        }
        Planned::Nothing => return html.leaf("p", &[], "There is nothing to do."),
        Planned::Refused(why) => {
            html.leaf("p", &[], "A run would be refused, and would change nothing. The findings say why:");
            return html.leaf("p", &[("class", "refusal")], why);
        }
        Planned::Plan(plan) => plan,
    };
    if plan.creates_history {
        html.leaf("p", &[], "The history table is made first.");
    }
    if plan.wants_approval {
        html.leaf("p", &[], "Somebody has to approve exactly this plan, by its digest.");
    }
    html.element("dl", &[("class", "facts")], |html| {
        html.leaf("dt", &[], "Digest of the plan");
        html.element("dd", &[], |html| html.leaf("code", &[], &plan.digest));
    });
    table(html, "Steps, in their order", &["Migration", "Do", "Set", "How", "Statements"], |table| {
        for step in &plan.steps {
            table.row(|row| {
                row.cell(|html| {
                    html.leaf("code", &[], &step.label);
                    if !step.file.is_empty() {
                        html.text(" ");
                        html.leaf("small", &[], &step.file);
                    }
                });
                row.short(&step.action);
                row.text(&step.set);
                row.text(&step.how);
                row.cell(|html| statements(html, step));
            });
        }
    });
    if plan.steps.iter().any(|step| !step.statements.is_empty()) {
        html.leaf("p", &[("class", "hint")], "Texts, numbers and comments in statements are not shown.");
    }
}

fn statements(html: &mut Markup, step: &Step) {
    let count = step.count.as_deref().unwrap_or("–");
    if step.statements.is_empty() {
        return html.text(count);
    }
    html.element("details", &[], |html| {
        html.element("summary", &[], |html| {
            html.text(count);
            html.leaf("span", &[("class", "unseen")], &format!(" of {}: show them", step.label));
        });
        html.element("ol", &[], |html| {
            for statement in &step.statements {
                html.element("li", &[], |html| html.leaf("code", &[], statement));
            }
        });
    });
}
