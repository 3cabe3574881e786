//! `whimbrel lint`: what the policy says of the scripts, without a database.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;
use whimbrel::{Finding, Source, Weight};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::table::Table;
use crate::output::{self, count, diagnostic};
use crate::sets;

/// Judges the scripts by the policy, without a database
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel lint\n  whimbrel lint --deny note                 in a strict CI\n  whimbrel lint --rules\n  whimbrel lint --explain drop-column"
)]
pub(crate) struct Arguments {
    /// End with 4 for findings of this weight, and above
    #[arg(long, value_enum, default_value_t, value_name = "WEIGHT")]
    deny: Deny,
    /// Only these versions and repeatables (R__name)
    #[arg(long, value_name = "LABEL")]
    only: Vec<String>,
    /// List the rules and their levels
    #[arg(long, conflicts_with_all = ["explain", "only"])]
    rules: bool,
    /// Say why a rule is there, and what to do instead
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
}

/// From which weight on findings are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// All
    Note,
    /// What wants an approval, and refusals
    Approval,
    /// Refusals only
    #[default]
    Refusal,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    if let Some(name) = &arguments.explain {
        return explain(context, name);
    }
    if arguments.rules {
        return rules(context);
    }
    let mut findings = Vec::new();
    let mut scripts = 0;
    for (root, dialect) in sets::all(context)? {
        // What is not locked yet is judged as well: that is when it can still be changed.
        let set = context.source(&root).unlocked().load(&dialect).await?;
        scripts += set.iter().count();
        findings.extend(sets::judge(context, &set, &dialect)?);
    }
    if !arguments.only.is_empty() {
        let meant = |finding: &Finding| {
            arguments.only.iter().any(|only| {
                finding.subject() == only
                    || finding.subject().split('_').next() == Some(only.trim_start_matches('0'))
            })
        };
        findings.retain(meant);
    }
    let denied = findings.iter().any(|finding| match arguments.deny {
        Deny::Note => true,
        Deny::Approval => finding.weight() != Weight::Note,
        Deny::Refusal => finding.weight() == Weight::Refusal,
    });
    let mut text = String::new();
    diagnostic::findings(&mut text, &findings);
    let _ = write!(text, "{} in {}", count(findings.len(), "finding"), count(scripts, "migration"));
    let answer = Answer::new(text, json!({ "migrations": scripts, "findings": findings }));
    Ok(if denied { answer.with_code(Code::Refused) } else { answer })
}

fn rules(context: &Context) -> Result<Answer, Failure> {
    let policy = context.settings.policy.policy().unwrap_or_default();
    let mut table = Table::new(&["rule", "level", "concern", "about"]).flexible(&[3]);
    let mut data = Vec::new();
    for rule in whimbrel_policy::rules() {
        let level = policy.level(rule.name())?;
        table.push(vec![
            rule.name().to_owned(),
            level.as_str().to_owned(),
            rule.concern().as_str().to_owned(),
            paint(DIM, rule.headline()),
        ]);
        data.push(json!({
            "rule": rule.name(), "level": level.as_str(), "concern": rule.concern().as_str(),
            "headline": rule.headline(), "products": rule.products(),
        }));
    }
    Ok(Answer::new(table.render(output::width()), json!({ "rules": data })))
}

fn explain(context: &Context, name: &str) -> Result<Answer, Failure> {
    let policy = context.settings.policy.policy().unwrap_or_default();
    let rules = || context.command("lint --rules");
    let level = policy
        .level(name)
        .map_err(|error| Failure { code: Code::Usage, ..Failure::from(error) }.with_next(rules()))?;
    let Some(rule) = whimbrel_policy::rules().find(|rule| rule.name() == name) else {
        return Err(Failure::of(Code::Usage, "there is no such rule").with_next(rules()));
    };
    let mut text = format!(
        "{} ({}, {})\n{}\n\nwhy: {}\n\ninstead: {}\n\nsource: {}\n",
        paint(BOLD, rule.name()),
        rule.concern().as_str(),
        level.as_str(),
        rule.headline(),
        rule.why(),
        rule.instead(),
        rule.source(),
    );
    let _ = write!(text, "\nto waive it in a script: -- whimbrel: allow {name} because …");
    let data = json!({
        "rule": rule.name(), "level": level.as_str(), "concern": rule.concern().as_str(),
        "headline": rule.headline(), "why": rule.why(), "instead": rule.instead(), "source": rule.source(),
    });
    Ok(Answer::new(text, data))
}
