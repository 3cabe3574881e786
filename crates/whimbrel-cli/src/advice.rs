//! The command to type next, for what the library has refused or could not do. Knows no verb's workings.

use whimbrel::layout::{MANIFEST_FILE, SIGNATURE_FILE};
use whimbrel::{
    Error, ErrorClass, ErrorKind, Finding, FindingKind, ManifestError, TableName, Version, Weight,
};

use crate::context::{Context, quoted, without_position};
use crate::exit::Code;
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
            if !error.is_outcome_known() {
                return vec![again];
            }
            match number {
                Some(number) => {
                    vec![format!("correct {file}, then"), command(&format!("lock --amend {number}")), again]
                }
                None => vec![format!("correct {file}, then"), command("lock"), again],
            }
        }
        _ if error.is_history_broken() => {
            let mut next = vec![command("history")];
            next.extend(for_broken(context, error.to_string().contains("cannot be read")));
            next
        }
        ErrorKind::Files if error.findings().is_empty() && error.class().is_none() => {
            of_files(context, &error.to_string())
        }
        _ if matches!(error.class(), Some(ErrorClass::Permission | ErrorClass::ReadOnly)) => {
            vec![command("doctor")]
        }
        _ => Vec::new(),
    }
}

/// What to do where nothing better is known: a step that shows more.
pub(crate) fn last_resort(context: &Context, verb: &str, code: Code) -> String {
    match code {
        Code::Usage => format!("whimbrel {verb} --help"),
        _ => context.command("doctor"),
    }
}

/// What to do about files that do not make up a set.
fn of_files(context: &Context, headline: &str) -> Vec<String> {
    let root = sets::own(context).unwrap_or_else(|_| context.settings.directory.value.clone());
    let place = |name: &str| quoted(&root.join(name).display().to_string());
    if headline.contains(SIGNATURE_FILE) {
        // Signing reads the set, and would stop at it.
        let (file, sign) = (place(SIGNATURE_FILE), context.command("sign --key KEY"));
        return vec![format!("when it is reviewed, sign it anew: rm {file} && {sign}")];
    }
    if let Some((_, rest)) = headline.split_once("it is for the set `")
        && let [was, _, meant, ..] = rest.split('`').collect::<Vec<_>>()[..]
    {
        let renamed = format!("write `set {meant}` into the second line of {}, then", place(MANIFEST_FILE));
        return vec![
            format!("write `set = \"{was}\"` into whimbrel.toml"),
            format!("or, if the new name is meant: {renamed}: {}", context.command("lock")),
        ];
    }
    if headline.contains(MANIFEST_FILE) && !headline.contains("migration files") {
        let mut next = vec![format!("bring it back as it was: git restore {}", place(MANIFEST_FILE))];
        next.push(format!("if files are new: {}", context.command("lock")));
        return next;
    }
    if !root.exists() {
        return vec![
            format!("to begin here: {}", context.command("new create_users")),
            "or name the directory of the migrations: --directory=DIR".to_owned(),
        ];
    }
    let mut next = locking::remedies(context, &root);
    next.push(context.command("lock"));
    next
}

/// What to do with rows of the history that are not as they were written.
pub(crate) fn for_broken(context: &Context, unreadable: bool) -> Vec<String> {
    let repair = context.command("repair --reason '…'");
    if !unreadable {
        return vec![format!("when you know who did it, and why: {repair}")];
    }
    let table = context.settings.table.value.to_string();
    vec![
        format!(
            "put back what stood in the column, from a backup of {table} (or use a newer whimbrel, if one has written the \
             row), then: {}",
            context.command("history --verify")
        ),
        format!(
            "without a backup: write a value of the form in docs/formats.md into the column, then: {repair}"
        ),
    ]
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
            let mut next = vec![format!(
                "say `set = \"{former}\"` in whimbrel.toml, and `set {former}` in the second line of {MANIFEST_FILE}, then: {}",
                command("lock")
            )];
            let new =
                finding.message().contains("declare them").then(|| declared(context, finding.versions()));
            next.extend(new.flatten().map(|it| format!("or, if the new name is meant: {}", command(&it))));
            next
        }
        FindingKind::Environment => {
            // The message has the name of the one that was recorded.
            let recorded = finding.message().split('`').nth(1).unwrap_or_default();
            let known = context.settings.environments.iter().find(|name| *name == recorded);
            let mut next: Vec<String> = known
                .map(|name| format!("if that one is meant: {}", context.elsewhere(name, verb)))
                .into_iter()
                .collect();
            next.push(format!("to see which database is meant: {}", command("config")));
            next
        }
        FindingKind::History => {
            let mut next = vec![command("history --verify")];
            next.extend(for_broken(context, finding.message().contains("put back what stood")));
            next
        }
        FindingKind::InDoubt | FindingKind::Open => vec![command("settle")],
        FindingKind::Schema if finding.message().contains("with_table") => {
            let full = format!("{}.{}", finding.subject(), context.settings.table.value.name());
            let mut next = vec![command("doctor")];
            if TableName::new(&full).is_ok() {
                next.insert(
                    0,
                    format!("if that one is meant: write `table = \"{full}\"` into whimbrel.toml"),
                );
            }
            next
        }
        FindingKind::Preflight | FindingKind::Schema => vec![command("doctor")],
        FindingKind::Signature => vec![format!("when it is reviewed: {}", command("sign --key KEY"))],
        // A signature under an old manifest makes it no newer.
        FindingKind::Replay => {
            let newest = format!(
                "bring back the newest {MANIFEST_FILE}, with its signature and the files that it lists"
            );
            vec![command("status"), newest]
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
        let file = quoted(without_position(place));
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
