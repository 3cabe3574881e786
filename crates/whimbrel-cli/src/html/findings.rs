//! What was found: by the policy, by planning, in the rows of the history. Knows nothing of who looked.

use super::Tone;
use super::markup::Markup;
use super::table::table;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What follows from it, in a word.
    pub(crate) weight: (Tone, &'static str),
    pub(crate) kind: String,
    pub(crate) set: String,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) place: String,
}

impl Finding {
    /// Whether it says the same of the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.set, &self.subject, &self.message, &self.place)
            == (&other.set, &other.subject, &other.message, &other.place)
    }
}

/// A row of the history that is not as it was written.
#[derive(Clone, Debug)]
pub(crate) struct BrokenRow {
    pub(crate) set: String,
    pub(crate) seq: i64,
    pub(crate) what: String,
}

pub(super) fn write(html: &mut Markup, findings: &[Finding], broken: &[BrokenRow]) {
    if !broken.is_empty() {
        let caption = "Rows of the history that are not as they were written";
        table(html, caption, &["Row", "Set", "State", "What is wrong"], |table| {
            for row in broken {
                table.row(|cells| {
                    cells.text(&row.seq.to_string());
                    cells.text(&row.set);
                    cells.word(Tone::Bad, "broken");
                    cells.text(&row.what);
                });
            }
        });
    }
    if findings.is_empty() {
        html.leaf("p", &[], "There are no findings in the files or the plan.");
        return;
    }
    table(
        html,
        "Findings in the files and the plan",
        &["About", "Weight", "Kind", "Finding", "Set"],
        |table| {
            for finding in findings {
                table.row(|row| {
                    row.cell(|html| {
                        html.leaf("code", &[], &finding.subject);
                        if !finding.place.is_empty() && finding.place != finding.subject {
                            html.text(" ");
                            html.leaf("small", &[], &finding.place);
                        }
                    });
                    row.word(finding.weight.0, finding.weight.1);
                    row.short(&finding.kind);
                    row.text(&finding.message);
                    row.text(&finding.set);
                });
            }
        },
    );
}
