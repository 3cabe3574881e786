//! The command to type next, for what the library has refused or could not do. Knows no verb's workings.

use whimbrel::{Error, ErrorClass, ErrorKind, Finding, FindingKind, ManifestError, Version, Weight};

use crate::context::{Context, quoted};
use crate::locking::Previous;
use crate::{locking, relock, sets};

/// What the library says to programs, said to people: the commands.
pub(crate) fn of(context: &Context, verb: &str, error: &Error) -> Vec<String> {
    let command = |rest: &str| context.command(rest);
    if error.kind() == ErrorKind::OutcomeUnknown {
        return in_doubt(context, error);
    }
    let mut next = Vec::new();
    let approvals = error.findings().iter().any(|it| it.weight() == Weight::Approval);
    let refusals: Vec<&Finding> =
        error.findings().iter().filter(|it| it.weight() == Weight::Refusal).collect();
    if approvals && refusals.is_empty() {
        if let Some((_, plan)) = error.notes().find(|(name, _)| *name == "plan") {
            let digest = plan.split(';').next().unwrap_or(plan);
            let (look, verb) = match verb {
                "down" => ("plan --down", verb),
                "redo" => ("plan --redo", verb),
                "plan" => ("plan", "plan --sql"),
                _ => ("plan", verb),
            };
            next.push(format!("look at it: {}", context.again(look, "")));
            next.push(format!("if it is meant: {}", context.again(verb, &format!(" --approve {digest}"))));
        }
        return next;
    }
    let mut kinds: Vec<FindingKind> = Vec::new();
    for finding in &refusals {
        if !kinds.contains(&finding.kind()) {
            kinds.push(finding.kind());
            let alike: Vec<&Finding> =
                refusals.iter().filter(|it| it.kind() == finding.kind()).copied().collect();
            next.extend(for_finding(context, verb, finding, &alike));
        }
    }
    if !next.is_empty() {
        // Several kinds may have one remedy.
        let mut said = std::collections::HashSet::new();
        next.retain(|line| said.insert(line.clone()));
        return next;
    }
    if std::error::Error::source(error).is_some_and(|source| source.is::<ManifestError>()) {
        return of_manifest(context);
    }
    match error.kind() {
        ErrorKind::Pending => vec![command("up")],
        ErrorKind::Stopped => vec![context.again(verb, "")],
        ErrorKind::Retry if error.migration().is_some() && error.class().is_none() => {
            // It has failed before, and is not tried again yet.
            vec![command("history"), "a corrected file is tried at once".to_owned()]
        }
        ErrorKind::Retry => vec![context.again(verb, ""), command("doctor")],
        ErrorKind::Files if error.location().is_some() && error.class().is_some() => {
            let file = error.location().map(|place| quoted(&place.file)).unwrap_or_default();
            let again = context.again(verb, "");
            let number = error.migration().and_then(version);
            match number {
                Some(number) => {
                    vec![format!("correct {file}, then"), command(&format!("lock --amend {number}")), again]
                }
                None => vec![format!("correct {file}, then"), command("lock"), again],
            }
        }
        ErrorKind::Database if verb == "history" => {
            vec![command("history"), format!("when you know why: {}", command("repair --reason '…'"))]
        }
        _ if matches!(error.class(), Some(ErrorClass::Permission | ErrorClass::ReadOnly)) => {
            vec![command("doctor")]
        }
        _ => Vec::new(),
    }
}

/// The words that declare these versions of the directory and no others.
fn declared(context: &Context, versions: &[Version]) -> Option<String> {
    let last = versions.last()?;
    let set = sets::own(context).and_then(|root| locking::read(context, &root)).ok()?;
    let all = set.versioned().iter().filter_map(whimbrel::Migration::version);
    let holes: Vec<String> =
        all.filter(|it| it < last && !versions.contains(it)).map(|it| it.to_string()).collect();
    let except = if holes.is_empty() { String::new() } else { format!(" --except {}", holes.join(",")) };
    Some(format!("baseline {last}{except}"))
}

/// The version at the beginning of a label.
fn version(label: &str) -> Option<String> {
    let digits: String = label.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn in_doubt(context: &Context, error: &Error) -> Vec<String> {
    let what = error.migration().and_then(version).map_or_else(String::new, |number| format!(" {number}"));
    let settle = |ending: &str| context.command(&format!("settle{what} {ending} --reason '…'"));
    match error.statement() {
        Some(_) if error.notes().any(|(name, _)| name == "why") => {
            vec![context.command(&format!("settle{what}")), settle("--applied"), settle("--undone")]
        }
        Some(number) => vec![
            context.command(&format!("settle{what}")),
            settle(&format!("--statement {number} --took-effect")),
            settle(&format!("--statement {number} --did-not")),
        ],
        None => vec![context.command(&format!("settle{what}"))],
    }
}

/// What to do about a manifest that cannot be read: two branches have changed it, or it is none.
fn of_manifest(context: &Context) -> Vec<String> {
    for root in sets::roots(context).unwrap_or_default() {
        match Previous::read(context, &root) {
            Ok(Some(previous)) if previous.sides.is_some() => {
                return vec![format!("to merge both sides: {}", context.command("lock"))];
            }
            Ok(_) => {}
            Err(failure) => return failure.next,
        }
    }
    Vec::new()
}

/// What to type for the first finding of a kind; `alike` are all of that kind.
fn for_finding(context: &Context, verb: &str, finding: &Finding, alike: &[&Finding]) -> Vec<String> {
    let command = |rest: &str| context.command(rest);
    let place = finding.location().unwrap_or_default();
    let digits = |text: &str| version(text.rsplit('/').next().unwrap_or(text).trim_start_matches('0'));
    match finding.kind() {
        FindingKind::Unlocked | FindingKind::Unlisted | FindingKind::NoFile | FindingKind::Manifest => {
            vec![command("lock")]
        }
        FindingKind::Differs => {
            let mut next = vec![format!("if the change is meant: {}", command("lock"))];
            if relock::is_allowed(context) {
                next.push(format!("if only this database has it: {}", command("reset --relock")));
            }
            // Half of them would not do.
            let restore = |finding: &&Finding| locking::restore(context, finding.location()?);
            let restores: Option<Vec<String>> = alike.iter().map(restore).collect();
            next.extend(restores.map(|restores| format!("or: {}", restores.join(" && "))));
            next
        }
        FindingKind::Changed => {
            let numbers: Vec<String> = alike
                .iter()
                .filter_map(|finding| digits(finding.subject()))
                .map(|number| format!(" --accept {number}"))
                .collect();
            let mut next: Vec<String> = Vec::new();
            if relock::is_allowed(context) {
                next.push(format!("to make this database anew: {}", command("reset")));
            }
            next.push(format!(
                "if the change is meant for databases that have it: {}",
                command(&format!("lock{} --reason '…'", numbers.concat()))
            ));
            next.extend(
                locking::go_back(context, place)
                    .map(|restore| format!("if the database has what the last commit has: {restore}")),
            );
            next
        }
        FindingKind::Late => vec![
            format!("if it may run after newer ones: {}", context.again(verb, " --out-of-order")),
            format!("if no database has it: {}", command(&format!("lock{}", renumber(alike)))),
        ],
        FindingKind::Unknown => vec![
            command("status"),
            "bring its file and its line in the manifest here, from whoever has applied it".to_owned(),
        ],
        FindingKind::Reverted => {
            vec![format!("to apply it again: {}", context.again(verb, " --reapply"))]
        }
        FindingKind::Unbaselined => {
            let others = format!("if they are none of ours: {}", context.again(verb, " --beside-others"));
            match declared(context, finding.versions()) {
                Some(baseline) => vec![command(&baseline), others],
                None => vec![
                    format!(
                        "if they are ours, with the newest version that they have: {}",
                        command("baseline VERSION")
                    ),
                    others,
                ],
            }
        }
        FindingKind::Renamed => {
            let former =
                finding.message().split("for the set ").nth(1).and_then(|rest| rest.split(' ').next());
            let former = former.unwrap_or_default();
            let mut next =
                vec![format!("say `set = \"{former}\"` in whimbrel.toml, then: {}", command("lock"))];
            let new =
                finding.message().contains("declare them").then(|| declared(context, finding.versions()));
            next.extend(new.flatten().map(|it| format!("or, if the new name is meant: {}", command(&it))));
            next
        }
        FindingKind::Environment => vec![command("config")],
        FindingKind::History => vec![
            command("history --verify"),
            format!("when you know why: {}", command("repair --reason '…'")),
        ],
        FindingKind::InDoubt | FindingKind::Open => vec![command("settle")],
        FindingKind::Preflight | FindingKind::Schema => vec![command("doctor")],
        FindingKind::Signature | FindingKind::Replay => {
            vec![format!("when it is reviewed: {}", command("sign --key KEY"))]
        }
        FindingKind::Baselined => vec![command("status")],
        FindingKind::Value => vec!["give it in whimbrel.toml: values = { name = \"…\" }".to_owned()],
        FindingKind::Policy if finding.message().contains("was not in what was shown") => {
            vec![context.again(verb, "")]
        }
        FindingKind::Policy => vec![command("lint")],
        FindingKind::Target | FindingKind::Nothing => vec![command("status")],
        FindingKind::NoWayDown => vec!["write its .down.sql, or a new migration that undoes it".to_owned()],
        FindingKind::Script | FindingKind::Directive => vec![correct(context, alike)],
        FindingKind::Gap => {
            vec!["give the versions without a gap, or write `gaps = \"allow\"` into whimbrel.toml".to_owned()]
        }
        FindingKind::Ahead => {
            vec!["use the newer release, or write `ahead = \"accept\"` into whimbrel.toml".to_owned()]
        }
        FindingKind::Revision => {
            vec![format!("change the repeatable once more (a comment will do), then: {}", command("lock"))]
        }
        FindingKind::Step | FindingKind::ByHand => {
            vec!["start the application, which has the step".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// The files of these findings, each once, as they are typed.
fn files(findings: &[&Finding]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for finding in findings {
        let place = finding.location().unwrap_or_else(|| finding.subject());
        let file = quoted(place.split(':').next().unwrap_or(place));
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// What gives the migrations of these findings other versions.
fn renumber(findings: &[&Finding]) -> String {
    files(findings).iter().map(|file| format!(" --renumber {file}")).collect()
}

/// What to do about scripts that would be refused everywhere, so that no database has them.
fn correct(context: &Context, findings: &[&Finding]) -> String {
    let files = files(findings);
    let mut amend: Vec<String> = Vec::new();
    for file in &files {
        if let Some(version) = locking::version_of(file.trim_matches('\'')) {
            let word = format!(" --amend {version}");
            if !amend.contains(&word) {
                amend.push(word);
            }
        }
    }
    let lock = context.command(&format!("lock{}", amend.concat()));
    format!("correct {}, then: {lock}", files.join(", "))
}
