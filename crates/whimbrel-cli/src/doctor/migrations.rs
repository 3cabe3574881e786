//! The directory of migrations: there, locked, signed as is asked for. Needs no database.

use whimbrel::{Error, Finding, FindingKind};

use super::{Check, Remedy, State};
use crate::advice;
use crate::answer::Failure;
use crate::context::Context;
use crate::sets;

/// Two checks.
pub(crate) async fn check(context: &Context) -> Vec<Check> {
    let directory = &context.settings.directory.value;
    let shown = directory.display();
    if !directory.is_dir() {
        let check = Check::wrong("migrations", format!("there is no directory {shown}"))
            .remedied(Remedy::command(context.command("new create_users")));
        let unseen = Check::not_looked_at("signatures", "there are no migrations")
            .remedied(Remedy::change("mend `migrations` first"));
        return vec![check, unseen];
    }
    if let Err(failure) = context.dialect() {
        let why = format!("for which database is not known: {}", failure.error);
        let remedy = Remedy::command(context.command("verify --dialect postgres"));
        let unseen = |name| Check::not_looked_at(name, why.clone()).remedied(remedy.clone());
        return vec![unseen("migrations"), unseen("signatures")];
    }
    let is_of_signature =
        |finding: &Finding| matches!(finding.kind(), FindingKind::Signature | FindingKind::Replay);
    match sets::pass(context).await {
        Ok(passed) => {
            let mut check = Check::new("migrations");
            for sets::Passed { root, set, .. } in passed {
                let (place, name, number) = (root.display(), set.name(), set.iter().count());
                check.add(State::Ok, format!("{place}: set {name}, {number} of them, as they are locked"));
            }
            vec![check, signatures(context, &[])]
        }
        Err(failure) => {
            let (signed, others): (Vec<Finding>, Vec<Finding>) =
                failure.error.findings().iter().cloned().partition(is_of_signature);
            let check = if !others.is_empty() {
                of_findings(context, "migrations", &others)
            } else if signed.is_empty() {
                of_failure(context, &failure)
            } else {
                Check::ok("migrations", format!("{shown}: as they are locked"))
            };
            // Who has signed is looked at last.
            if signed.is_empty() && context.settings.signatures.is_some() {
                let unseen = Check::not_looked_at("signatures", "the migrations do not pass the first gate");
                return vec![check, unseen.remedied(Remedy::change("mend `migrations` first"))];
            }
            vec![check, signatures(context, &signed)]
        }
    }
}

fn of_failure(context: &Context, failure: &Failure) -> Check {
    let mut check = Check::wrong("migrations", failure.error.to_string());
    let advised = advice::of(context, "doctor", &failure.error);
    let said = failure.error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| text.to_owned());
    let all: Vec<String> = failure.next.iter().cloned().chain(advised).chain(said).collect();
    all.iter().for_each(|text| check.remedy(Remedy::of_advice(text)));
    if check.remedy.is_empty() {
        check.remedy(Remedy::command(context.command("verify")));
    }
    check
}

/// Refusals, each with what `advice.rs` knows of it.
pub(crate) fn of_findings(context: &Context, name: &'static str, findings: &[Finding]) -> Check {
    let mut check = Check::new(name);
    for finding in findings {
        check.add(State::Wrong, format!("{}: {}", finding.subject(), finding.message()));
    }
    let verb = if name == "plan" { "up" } else { "verify" };
    for text in advice::of(context, verb, &Error::refused(findings.to_vec())) {
        // Whoever asks the doctor is not sent to it again.
        if !text.ends_with(" doctor") {
            check.remedy(Remedy::of_advice(&text));
        }
    }
    if check.remedy.is_empty() {
        check.remedy(Remedy::change("correct what is said of each, then"));
        check.remedy(Remedy::command(context.command("lock")));
    }
    check
}

fn signatures(context: &Context, findings: &[Finding]) -> Check {
    if !findings.is_empty() {
        return of_findings(context, "signatures", findings);
    }
    if context.settings.signatures.is_some() {
        return Check::ok("signatures", "asked for, and there");
    }
    let signed = sets::roots(context)
        .into_iter()
        .flatten()
        .map(|root| root.join("whimbrel.sum.sig"))
        .find(|path| path.exists());
    match signed {
        Some(path) => Check::new("signatures")
            .and(State::Warning, format!("{} is there, and nobody checks it", path.display()))
            .remedied(Remedy::change(
                "write [signatures] with `allowed-signers` into whimbrel.toml, or remove the file",
            )),
        None => Check::ok("signatures", "not asked for"),
    }
}
