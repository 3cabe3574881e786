//! The page of the rules is made from the rules. Knows how it looks, and no rule.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use whimbrel::Product;
use whimbrel_policy::{Example, Observation, Rule, rules};

/// Where the part of the page begins that is made from the rules.
const MARK: &str = "<!-- Made from the rules by `WHIMBREL_WRITE_DOCS=1 cargo nextest run -p whimbrel-policy -E 'binary(docs)'`. -->\n";

#[test]
fn the_page_of_the_rules_is_what_the_rules_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let page = fs::read_to_string(&path).expect("the page is there").replace("\r\n", "\n");
    let (by_hand, made) = page.split_once(MARK).expect("the page has the mark");
    let expected = made_from_rules();
    if env::var_os("WHIMBREL_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{by_hand}{MARK}{expected}")).expect("the page can be written");
    } else {
        assert!(made == expected, "docs/policy.md is behind the rules: write it anew as its comment says");
    }
}

fn made_from_rules() -> String {
    let mut page = String::from("\n| rule | against | level | for |\n| --- | --- | --- | --- |\n");
    for rule in sorted() {
        let products: Vec<_> = rule.products().iter().map(|product| name(*product)).collect();
        let _ = writeln!(
            page,
            "| [`{0}`](#{0}) | {1}: {2} | {3} | {4} |",
            rule.name(),
            rule.concern(),
            rule.headline(),
            rule.level(),
            products.join(", ")
        );
    }
    for rule in sorted() {
        let _ = write!(
            page,
            "\n## {}\n\n*{}, {}.* {}. {}\n\nInstead: {}.\n\nSource: {}.\n",
            rule.name(),
            upper(rule.concern().as_str()),
            rule.level(),
            upper(rule.headline()),
            rule.why(),
            rule.instead(),
            rule.source()
        );
        for example in rule.examples() {
            page.push_str(&shown(example));
        }
    }
    page
}

fn sorted() -> Vec<&'static Rule> {
    let mut sorted: Vec<_> = rules().collect();
    sorted.sort_by_key(|rule| (rule.concern(), rule.name()));
    sorted
}

fn shown(example: &Example) -> String {
    let (first, last) = example.versions;
    let versions = match (first, last) {
        ((0, 0), (u32::MAX, _)) => String::new(),
        ((major, minor), (u32::MAX, _)) => format!(" {major}.{minor} and newer"),
        ((0, 0), (major, minor)) => format!(" up to {major}.{minor}"),
        _ if first == last => format!(" {}.{}", first.0, first.1),
        ((major, minor), (last, last_minor)) => format!(" {major}.{minor} to {last}.{last_minor}"),
    };
    format!(
        "\n{}{versions}, with:\n\n```sql\n{}\n```\n\nBad:\n\n```sql\n{}\n```\n\nGood:\n\n```sql\n{}\n```\n\nObserved with the bad \
         one, and not with the good one: {}\n",
        name(example.product),
        example.setup.trim_end(),
        example.bad.trim_end(),
        example.good.trim_end(),
        told(example.observation)
    )
}

fn told(observation: Observation) -> String {
    match observation {
        Observation::Locks { table, mode } => {
            format!("it takes the lock `{mode}` on `{table}`, or waits for it.")
        }
        Observation::Rewrites { table } => format!("the server writes `{table}` anew, into another file."),
        Observation::Scans { table } => {
            format!("the server reads all of `{}`.", table.replace(", ", "` or `"))
        }
        Observation::Waits { behind } => {
            format!("while another transaction has run `{behind}` and goes on, it waits without an end.")
        }
        Observation::Refuses { suffix } => format!("the server refuses it with `{suffix}` behind it."),
        Observation::Fails { code } => format!("the server refuses it with the code `{code}`."),
        Observation::Blocks { probe } => format!("until it commits, another session waits with `{probe}`."),
        Observation::Breaks { probe } => format!("`{probe}`, which worked before, fails."),
        Observation::Answers { query } => format!("afterwards, `{query}` answers yes."),
        other => format!("{other:?}"),
    }
}

fn name(product: Product) -> &'static str {
    match product {
        Product::Postgres => "PostgreSQL",
        Product::Mysql => "MySQL",
        Product::Mariadb => "MariaDB",
        Product::Sqlite => "SQLite",
        _ => "others",
    }
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
