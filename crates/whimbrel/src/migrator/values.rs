//! The values that a plan's scripts ask for: whether they were given, and where secrets come from.

use super::Migrator;
use crate::engine::Values;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, FindingKind};
use crate::placeholder::{Form, is_name};
use crate::plan::Plan;
use crate::secret::Secret;

impl Migrator<'_> {
    /// Refuses a plan that asks for values which were not given.
    pub(super) fn check_values(&self, plan: &Plan) -> Result<()> {
        let mut findings = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for item in plan.items() {
            let wanted = item.prepared().map(|prepared| prepared.placeholders.as_slice()).unwrap_or_default();
            for (placeholder, position) in wanted {
                let missing = match placeholder.form {
                    Form::Secret if self.secrets.is_none() => {
                        format!(
                            "asks for the secret `{}`: say who hands it out, with `with_secrets`",
                            placeholder.name
                        )
                    }
                    Form::Literal | Form::Identifier if !self.values.contains_key(&placeholder.name) => {
                        format!(
                            "asks for the value `{name}`, which was not given: `with_value(\"{name}\", …)`",
                            name = placeholder.name
                        )
                    }
                    _ => continue,
                };
                if !seen.insert(missing.clone()) {
                    continue;
                }
                let finding = Finding::new(FindingKind::Value, item.set_name(), item.label(), missing);
                let file = item.script().map(|file| file.location()).unwrap_or_default();
                findings.push(finding.at(format!("{file}:{}:{}", position.line, position.column)));
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Error::refused(findings)) }
    }

    /// The values for a plan; `None` if it asks for none.
    pub(super) async fn values(&self, plan: &Plan) -> Result<Option<Values>> {
        self.check_values(plan)?;
        let mut values = Values::default();
        let wanted = plan.items().iter().filter_map(|item| item.prepared()).flat_map(|it| &it.placeholders);
        for (placeholder, _) in wanted {
            let name = &placeholder.name;
            match placeholder.form {
                Form::Secret if !values.secrets.contains_key(name) => {
                    values.secrets.insert(name.clone(), self.secret(name).await?);
                }
                Form::Secret => {}
                Form::Literal | Form::Identifier => {
                    values.plain.insert(name.clone(), self.values.get(name).cloned().unwrap_or_default());
                }
            }
        }
        Ok((!values.plain.is_empty() || !values.secrets.is_empty()).then_some(values))
    }

    async fn secret(&self, name: &str) -> Result<Secret> {
        let Some((provider, longest)) = &self.secrets else {
            return Err(Error::new(ErrorKind::Bug, "a secret was planned that nobody hands out"));
        };
        Secret::from_provider(&**provider, name, *longest).await.map_err(|error| {
            Error::new(ErrorKind::Application, error.to_string())
                .with_note("next", "run again when the secret is to be had; what asks for it was not begun")
                .with_source(error)
        })
    }

    /// Names under which a value can never be asked for.
    pub(super) fn odd_values(&self) -> Option<Error> {
        let odd = self.values.keys().find(|name| !is_name(name))?;
        Some(Error::new(
            ErrorKind::Configuration,
            format!(
                "no script can ask for a value named `{}`: a name is of letters, digits, `_`, `.`, `/` and single `-`",
                odd.escape_debug()
            ),
        ))
    }
}
