//! `whimbrel verify`: the manifest, its signatures and the policy, without a database.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde_json::json;
use whimbrel::{Directory, Error, Finding, Source, Verified, Verifier, Weight};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database;
use crate::locking;
use crate::output::safe::shown;
use crate::output::style::{BOLD, DIM, GOOD, paint};
use crate::output::{count, diagnostic};

/// Checks the manifest, its signatures and the policy, without a database
#[derive(Debug, Args)]
#[command(after_help = "Example, in CI:\n  whimbrel verify --dialect postgres")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    pass(context).await
}

/// Leads the sets through the first gate.
pub(crate) async fn pass(context: &Context) -> Result<Answer, Failure> {
    let mut text = String::new();
    let mut sets = Vec::new();
    let mut refused: Vec<Finding> = Vec::new();
    #[cfg(feature = "sign")]
    let signers = context.settings.signatures.as_ref().map(|signatures| signatures.verifier()).transpose()?;
    for root in locking::roots(&context.settings.directory.value)? {
        let dialect = match root_dialect(&root) {
            Some(dialect) => dialect,
            None => context.dialect()?,
        };
        let set = source(context, &root).load(dialect.name).await?;
        #[cfg(feature = "sign")]
        let verifiers: Vec<&dyn Verifier> = signers.iter().map(|signers| signers as _).collect();
        #[cfg(not(feature = "sign"))]
        let verifiers: Vec<&dyn Verifier> = Vec::new();
        let checked =
            ["manifest", "scripts"].into_iter().chain((!verifiers.is_empty()).then_some("signatures"));
        let checked = checked.chain(context.settings.policy.enabled.value.then_some("policy"));
        let checked: Vec<&str> = checked.collect();
        #[cfg(feature = "policy")]
        let judged = super::lint::judge(context, &set, dialect.name)?;
        #[cfg(not(feature = "policy"))]
        let judged: Vec<Finding> = Vec::new();
        match Verified::set(set.clone(), dialect, &verifiers).await {
            Ok(_) => {}
            Err(error) if error.findings().is_empty() => return Err(error.into()),
            Err(error) => refused.extend(error.findings().iter().cloned()),
        }
        let (bad, known): (Vec<Finding>, Vec<Finding>) =
            judged.into_iter().partition(|finding| finding.weight() == Weight::Refusal);
        refused.extend(bad);
        let migrations = count(set.iter().count(), "migration");
        let _ = writeln!(
            text,
            "{} set {}: {migrations}; {} {}",
            paint(GOOD, "ok"),
            paint(BOLD, shown(set.name().as_str())),
            checked.join(", "),
            paint(DIM, format!("({})", shown(&root.display().to_string())))
        );
        diagnostic::findings(&mut text, &known);
        sets.push(json!({
            "set": set.name(), "directory": root.display().to_string(), "dialect": dialect.name, "migrations": set.iter().count(),
            "head": set.head(), "checked": checked, "findings": known,
        }));
    }
    if refused.is_empty() {
        Ok(Answer::new(text, json!({ "sets": sets })))
    } else {
        Err(Error::refused(refused).into())
    }
}

/// The dialect that a folder is for.
fn root_dialect(root: &Path) -> Option<&'static whimbrel::Dialect> {
    let name = root.file_name()?.to_str()?;
    locking::DIALECTS.contains(&name).then(|| database::dialect(name)).flatten()
}

/// The directory with its manifest.
pub(crate) fn source(context: &Context, root: &Path) -> Directory {
    let mut source = Directory::new(root);
    if context.settings.recursive.value {
        source = source.recursive();
    }
    match &context.settings.set.value {
        Some(set) => source.with_set(set.clone()),
        None => source,
    }
}
