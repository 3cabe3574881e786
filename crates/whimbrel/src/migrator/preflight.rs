//! Asks what a preflight wants to know, and makes findings of what is not so.

use super::Migrator;
use super::verbs::Verb;
use crate::error::{Error, Result};
use crate::finding::{Finding, FindingKind};
use crate::history::History;
use crate::plan::Plan;
use crate::preflight::RightsQuery;

impl Migrator<'_> {
    /// Refuses a plan for which something is not as it was asked for, or cannot be told.
    pub(super) async fn preflight(&self, verb: &mut Verb<'_>, plan: &Plan, history: &History) -> Result<()> {
        let Some(set) = plan.set_names().next() else { return Ok(()) };
        let mut findings = Vec::new();
        let mut find = |subject: &str, message: String| {
            findings.push(Finding::new(FindingKind::Preflight, set, subject, message));
        };
        let dialect = verb.session.dialect().clone();
        if self.preflight.wants_protection()
            && let Some(objection) = dialect.transport.objection()
        {
            find("connection", objection.to_owned());
        }
        if self.preflight.refuses_superuser() {
            let answer = match dialect.preflight {
                Some(questions) => self.ask(verb, &format!("SELECT {}", questions.superuser)).await,
                None => Vec::new(),
            };
            match answer.first().map(String::as_str) {
                Some("0") => {}
                Some("1") => find(
                    "user",
                    "may do everything on this server: connect as a user that owns the application's tables and no more"
                        .to_owned(),
                ),
                _ => find(
                    "user",
                    "whether it may do everything cannot be found out here: connect as another, or leave \
                     `without_superuser` out"
                        .to_owned(),
                ),
            }
        }
        if self.preflight.wants_rights() {
            let needs = plan.needs(&dialect);
            let query = RightsQuery {
                table: &self.table,
                creates_table: !history.exists,
                role: self.role.as_deref(),
                needs: &needs,
            };
            let missing = match dialect.preflight {
                Some(questions) => self.ask(verb, &(questions.missing)(&query)).await,
                None => Vec::new(),
            };
            // The last row is always there: a query that has answered nothing has told nothing.
            match missing.split_last() {
                Some((end, missing)) if end == "end" => {
                    for right in missing {
                        let who = self.role.as_deref().unwrap_or("the user");
                        find(right, format!("is a right that {who} does not have, and the plan needs it: grant it"));
                    }
                }
                _ => find(
                    "rights",
                    "cannot be found out here: connect as a user to whom they are granted directly, or leave `with_rights` \
                     out"
                        .to_owned(),
                ),
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Error::refused(findings)) }
    }

    /// The first column of an answer as texts; nothing, if there is none.
    async fn ask(&self, verb: &mut Verb<'_>, sql: &str) -> Vec<String> {
        let Ok(rows) = verb.session.patient_query(sql, &verb.deadline).await else { return Vec::new() };
        let text = |row: &crate::driver::Row| {
            row.read::<String>(0).or_else(|_| row.read::<i64>(0).map(|number| number.to_string()))
        };
        rows.iter().map(text).collect::<Result<_, _>>().unwrap_or_default()
    }
}
