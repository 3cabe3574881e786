//! What the policy says of examples. Knows no database.

use whimbrel::{Conditions, Memory, Product, ServerVersion};
use whimbrel_policy::{Example, Policy, rules};

/// The examples for a server.
pub(crate) fn examples(server: ServerVersion) -> impl Iterator<Item = &'static Example> {
    let version = (server.major, server.minor);
    rules()
        .flat_map(|rule| rule.examples())
        .filter(move |it| it.product == server.product)
        .filter(move |it| it.versions.0 <= version && version <= it.versions.1)
}

/// The rules for a database that have no example for it.
pub(crate) fn without_example(product: Product) -> Vec<&'static str> {
    let of = rules().filter(|rule| rule.products().contains(&product));
    of.filter(|rule| rule.examples().all(|example| example.product != product))
        .map(|rule| rule.name())
        .collect()
}

/// What is wrong with what the policy says of an example.
pub(crate) fn judged(example: &Example, server: ServerVersion) -> Vec<String> {
    let rule = rules().find(|rule| rule.name() == example.rule).expect("an example's rule");
    let mut wrong = Vec::new();
    for (script, expected) in [(example.bad, true), (example.good, false)] {
        let mut sets = Memory::new();
        if !example.setup.is_empty() {
            sets = sets.with_sql(1, "before", example.setup);
        }
        let set = sets.with_sql(2, "it", script).set().expect("a set");
        let findings = Policy::new().lint(&set, server.product, &Conditions::on(server)).expect("a policy");
        let prefix = format!("{}: ", example.rule);
        let own: Vec<_> = findings
            .iter()
            .filter(|finding| finding.subject() == "2_it" && finding.message().starts_with(&prefix))
            .collect();
        if own.is_empty() == expected {
            let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
            wrong.push(format!("{}: found is {}, of {all:#?}\n{script}", example.rule, !expected));
        }
        if own.iter().any(|finding| Some(finding.weight()) != rule.level().weight()) {
            wrong.push(format!("{}: found with another weight", example.rule));
        }
    }
    wrong
}
