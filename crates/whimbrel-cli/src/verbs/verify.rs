//! `whimbrel verify`: the manifest, its signatures and the policy, without a database.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::output::safe::shown;
use crate::output::style::{BOLD, DIM, GOOD, paint};
use crate::output::{count, diagnostic};
use crate::sets;

/// Checks the manifest, its signatures and the policy, without a database
#[derive(Debug, Args)]
#[command(after_help = "Example, in CI:\n  whimbrel verify --dialect postgres")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    let mut text = String::new();
    let mut data = Vec::new();
    for passed in sets::pass(context).await? {
        let mut checked = vec!["manifest", "scripts"];
        checked.extend(context.settings.signatures.is_some().then_some("signatures"));
        checked.extend(context.settings.policy.enabled.value.then_some("policy"));
        let (set, root) = (&passed.set, passed.root.display().to_string());
        let migrations = set.iter().count();
        let _ = writeln!(
            text,
            "{} set {}: {}; {} {}",
            paint(GOOD, "ok"),
            paint(BOLD, shown(set.name().as_str())),
            count(migrations, "migration"),
            checked.join(", "),
            paint(DIM, format!("({})", shown(&root)))
        );
        diagnostic::findings(&mut text, &passed.known);
        data.push(json!({
            "set": set.name(), "directory": root, "dialect": passed.dialect, "migrations": migrations,
            "head": set.head(), "checked": checked, "findings": passed.known,
        }));
    }
    Ok(Answer::new(text, json!({ "sets": data })))
}
