//! Judging: scripts in their order, each statement as a case, each case by each rule. Knows no grammar and no single rule.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use whimbrel::script::{Position, Script};
use whimbrel::{
    Directives, Finding, FindingKind, Product, ScriptFile, ServerVersion, SetName, Waiver, Weight,
};

use crate::ahead::{Ahead, Onwards};
use crate::case::{Case, SoFar, Whole};
use crate::catalog::Catalog;
use crate::deed::{Deed, Name};
use crate::level::Level;
use crate::policy::Policy;
use crate::reading::{self, Reading, Unparsed};
use crate::rule::Rule;
use crate::rules;
use crate::stand_in;

/// A script that would be run.
pub(crate) struct Run<'a> {
    pub(crate) set: &'a SetName,
    pub(crate) label: &'a str,
    pub(crate) file: &'a ScriptFile,
    pub(crate) in_transaction: bool,
    /// Whether it is run in the transaction of the script before it, if both are run in one.
    pub(crate) shares: bool,
    /// How many of its statements were executed in an earlier run.
    pub(crate) first_statement: usize,
}

/// Judges the scripts of one run, in their order.
pub(crate) struct Judge<'a> {
    policy: &'a Policy,
    /// The policy's rules for the server, so that no statement looks for them.
    rules: Vec<(&'static Rule, Level)>,
    server: ServerVersion,
    lock_timeout: Option<Duration>,
    catalog: Catalog,
    /// What the last script has locked, if its transaction may go on.
    locked: Option<Name>,
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(policy: &'a Policy, server: ServerVersion, lock_timeout: Option<Duration>) -> Self {
        Self {
            policy,
            rules: policy.rules_for(server.product).collect(),
            server,
            lock_timeout,
            catalog: Catalog::default(),
            locked: None,
            findings: Vec::new(),
        }
    }

    /// What was found since it was last asked.
    pub(crate) fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    pub(crate) fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.catalog
    }

    /// Takes in a script that was run earlier. What is wrong with it is no matter now.
    pub(crate) fn recall(&mut self, file: &ScriptFile) {
        let Some(lexing) = reading::lexing(self.server.product) else { return };
        let Ok(script) = Script::parse(file.text(), &lexing) else { return };
        let filled = Directives::read(&script).is_ok_and(|directives| directives.placeholders);
        let text = if filled { stand_in::text(file.text(), &lexing) } else { file.text().into() };
        let Ok(script) = Script::parse(&text, &lexing) else { return };
        for statement in script.statements() {
            if may_make_something(statement) {
                for deed in reading::read(statement, &self.server).unwrap_or_default().deeds {
                    self.catalog.learn(&deed, false);
                }
            }
        }
    }

    /// Judges a script, and takes it in.
    pub(crate) fn judge(&mut self, run: &Run<'_>) {
        let Some(lexing) = reading::lexing(self.server.product) else { return };
        let script = match Script::parse(run.file.text(), &lexing) {
            Ok(script) => script,
            Err(problems) => {
                for problem in problems {
                    self.find(
                        run,
                        FindingKind::Script,
                        problem.position,
                        problem.to_string(),
                        Weight::Refusal,
                    );
                }
                return;
            }
        };
        let directives = match Directives::read(&script) {
            Ok(directives) => directives,
            Err(errors) => {
                for error in errors {
                    self.find(
                        run,
                        FindingKind::Directive,
                        error.position,
                        error.to_string(),
                        Weight::Refusal,
                    );
                }
                return;
            }
        };
        let text = stand_in::text(run.file.text(), &lexing);
        // With a directive for it, since `${` may be anything else.
        let script = match Script::parse(&text, &lexing) {
            Ok(filled)
                if directives.placeholders && filled.statements().len() == script.statements().len() =>
            {
                filled
            }
            _ => script,
        };
        let mut waivers = self.waivers(run, &directives);
        // Of those that allow the same, the first one counts.
        let mut first_waiver: HashMap<(Option<usize>, &str), usize> = HashMap::new();
        for (at, allowed) in waivers.iter().enumerate() {
            first_waiver.entry((allowed.waiver.statement, allowed.rule.name)).or_insert(at);
        }
        let locked = self.locked.take().filter(|_| run.shares && run.in_transaction);
        let mut so_far = SoFar { locked, ..SoFar::default() };
        let readings: Vec<_> =
            script.statements().iter().map(|statement| reading::read(statement, &self.server)).collect();
        let numbered = readings.iter().enumerate();
        let ahead = Ahead::of(numbered.filter_map(|(number, read)| Some((number, read.as_ref().ok()?))));
        for (number, statement) in script.statements().iter().enumerate() {
            let executed = number < run.first_statement;
            let Some((read, rest)) = readings.get(number..).and_then(<[_]>::split_first) else { break };
            let others = reading::read_otherwise(statement, &self.server);
            if !executed {
                let (mut broken, mut said) = (Vec::new(), HashSet::new());
                for (at, read) in std::iter::once(read).chain(&others).enumerate() {
                    let found = match read {
                        Ok(reading) => {
                            let own = Ahead::of((at > 0).then_some((0, reading)).into_iter());
                            let onwards = match at {
                                0 => Onwards::from(&ahead, number),
                                _ => Onwards::instead(&ahead, number, &own),
                            };
                            let behind = (onwards, rest);
                            self.broken(reading, behind, statement.text(), &directives, run, &so_far)
                        }
                        Err(unparsed) => self.unparsed(&unparsed.why),
                    };
                    for (rule, level, what) in found {
                        if said.insert((rule.name, what.clone())) {
                            broken.push((rule, level, what));
                        }
                    }
                }
                for (rule, level, what) in broken {
                    let position = statement.position();
                    let of_whole = first_waiver.get(&(None, rule.name));
                    let of_statement = first_waiver.get(&(Some(number), rule.name));
                    let own = of_whole.into_iter().chain(of_statement).min().copied();
                    let used = own.and_then(|at| waivers.get_mut(at));
                    match used {
                        Some(waiver) if self.policy.accepts_waivers() => {
                            waiver.used = true;
                            let what = format!("{}: {what}; allowed because {}", rule.name, waiver.reason());
                            self.find(run, FindingKind::Policy, position, what, Weight::Note);
                        }
                        used => {
                            let refused =
                                if used.is_some() { "; this policy accepts no waivers" } else { "" };
                            if let Some(waiver) = used {
                                waiver.used = true;
                            }
                            let what = format!("{}: {what}; {}{refused}", rule.name, rule.instead);
                            if let Some(weight) = level.weight() {
                                self.find(run, FindingKind::Policy, position, what, weight);
                            }
                        }
                    }
                }
            }
            let Ok(reading) = read else { continue };
            // What some servers do not run, or run otherwise, makes nothing less of a risk for what comes behind it.
            let certain = others.is_empty();
            if certain {
                self.note(reading, run, &mut so_far);
            } else {
                so_far.statements += 1;
            }
            for deed in &reading.deeds {
                self.catalog.learn(deed, !executed && certain);
            }
        }
        self.locked = so_far.locked.take().filter(|_| run.in_transaction);
        for waiver in waivers.iter().filter(|waiver| waiver.is_idle(run.first_statement)) {
            let what = format!(
                "{}: this waiver allows nothing that the policy is against; remove it",
                waiver.name()
            );
            self.find(run, FindingKind::Policy, waiver.position(), what, Weight::Note);
        }
    }

    /// The rules that a statement breaks, and what they object to.
    fn broken(
        &self,
        reading: &Reading,
        (onwards, rest): (Onwards<'_>, &[Result<Reading, Unparsed>]),
        text: &str,
        directives: &Directives,
        run: &Run<'_>,
        so_far: &SoFar,
    ) -> Vec<(&'static Rule, Level, String)> {
        let case = Case {
            server: self.server,
            text,
            deeds: &reading.deeds,
            rest,
            onwards,
            whole: Whole::of(&reading.deeds),
            online: reading.online,
            in_transaction: run.in_transaction,
            foreign_keys_off: directives.foreign_keys_off,
            foreign_keys_cascade: directives.foreign_keys_cascade,
            lock_timeout: directives.lock_timeout.or(self.lock_timeout),
            catalog: &self.catalog,
            so_far,
        };
        let mut broken = Vec::new();
        for &(rule, level) in &self.rules {
            for deed in &reading.deeds {
                if let Some(what) = (rule.judge)(deed, &case) {
                    broken.push((rule, level, what));
                }
            }
        }
        broken
    }

    fn unparsed(&self, why: &str) -> Vec<(&'static Rule, Level, String)> {
        let what = format!("this statement is not understood, so no rule has seen it ({why})");
        let unparsed = self.rules.iter().filter(|(rule, _)| rule.name == rules::UNPARSED);
        unparsed.map(|(rule, level)| (*rule, *level, what.clone())).collect()
    }

    /// What a statement leaves to those behind it.
    fn note(&mut self, reading: &Reading, run: &Run<'_>, so_far: &mut SoFar) {
        so_far.statements += 1;
        for deed in &reading.deeds {
            match deed {
                Deed::Set { setting, .. } if setting == "search_path" => self.catalog.lose_track(),
                Deed::Set { setting, value: Some(value), .. } => {
                    so_far.settings.insert(setting.clone(), value.clone());
                }
                Deed::Set { setting, value: None, .. } => {
                    so_far.settings.remove(setting);
                }
                Deed::AddEnumValue { name, value } if run.in_transaction => {
                    so_far.add_value(name, value);
                }
                _ => {}
            }
            if run.in_transaction && self.server.product == Product::Postgres && so_far.locked.is_none() {
                so_far.locked =
                    reading::postgres::locks_out(deed).filter(|table| !self.catalog.is_new(table)).cloned();
            }
        }
    }

    fn waivers<'w>(&mut self, run: &Run<'_>, directives: &'w Directives) -> Vec<Allowed<'w>> {
        let mut known = Vec::new();
        for waiver in &directives.waivers {
            match rules::find(&waiver.rule) {
                Ok(rule) => known.push(Allowed { waiver, rule, used: false }),
                Err(nearest) => {
                    let what = unknown(&waiver.rule, nearest);
                    self.find(run, FindingKind::Policy, waiver.position, what, Weight::Refusal);
                }
            }
        }
        known
    }

    fn find(&mut self, run: &Run<'_>, kind: FindingKind, position: Position, what: String, weight: Weight) {
        let place = format!("{}:{}:{}", run.file.location(), position.line, position.column);
        self.findings.push(Finding::new(kind, run.set, run.label, what).at(place).weighing(weight));
    }
}

/// What to say of a name that is no rule's.
pub(crate) fn unknown(name: &str, nearest: Option<&str>) -> String {
    let name: String = name.chars().take(40).collect();
    match nearest {
        Some(nearest) => format!("there is no rule `{}`: did you mean `{nearest}`?", name.escape_debug()),
        None => {
            format!("there is no rule `{}`: the names are in the policy's documentation", name.escape_debug())
        }
    }
}

/// A waiver of a rule that there is.
struct Allowed<'w> {
    waiver: &'w Waiver,
    rule: &'static Rule,
    used: bool,
}

impl Allowed<'_> {
    fn reason(&self) -> &str {
        &self.waiver.reason
    }

    fn name(&self) -> &'static str {
        self.rule.name
    }

    fn position(&self) -> Position {
        self.waiver.position
    }

    /// Whether it was for nothing. Of statements that an earlier run has executed nobody knows any more.
    fn is_idle(&self, first: usize) -> bool {
        !self.used && (first == 0 || self.waiver.statement.is_some_and(|own| own >= first))
    }
}

/// Whether a statement may change what there is. Of a script that was run already, its data do not matter.
fn may_make_something(statement: &whimbrel::script::Statement<'_>) -> bool {
    let first = statement.words().next();
    first.is_some_and(|word| !["INSERT", "UPDATE", "DELETE"].iter().any(|data| word.is_keyword(data)))
}
