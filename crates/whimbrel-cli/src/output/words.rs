//! What the library says to programs, in the words of the command. The library names methods; a person types options and
//! writes settings.

/// Phrases that have one of the command's own.
const PHRASES: &[(&str, &str)] = &[
    ("`OutOfOrder::Apply`", "`--out-of-order`"),
    ("`Unbaselined::Allow`", "`--beside-others`"),
    ("`Reverted::Apply`", "`--reapply`"),
    (
        "lock the directory (`whimbrel lock`, or `Manifest::lock`), or ask for `unlocked`",
        "`whimbrel lock` makes it",
    ),
    ("use `recursive`, or", "say `recursive = true`, or"),
    (", or ask for `following_links`", ""),
    ("; `with_startup_deadline` waits by itself", ""),
    ("; `with_startup_deadline` waits until it does", ""),
    ("; `with_timeout` waits longer", ""),
    (", with `with_secrets`", ", below `secrets` in whimbrel.toml"),
    (": it is one of the application's", ""),
    ("`manifest_bytes` of `Limits`", "`manifest-bytes` below `[limits]` in whimbrel.toml"),
    ("`script_bytes` of `Limits`", "`script-bytes` below `[limits]` in whimbrel.toml"),
    ("`directory_bytes` of `Limits`", "`directory-bytes` below `[limits]` in whimbrel.toml"),
    ("`history_rows` of `Limits`", "`history-rows` below `[limits]` in whimbrel.toml"),
    ("`files` of `Limits`", "`files` below `[limits]` in whimbrel.toml"),
    ("`with_database_messages` shows them", "`--database-messages` shows them"),
    // No setting allows it.
    (", or allow it by name (`allowing_default_credentials`)", ""),
    (", or, where the pooler keeps sessions together, say so with `with_sessions_kept` of the driver", ""),
    (": connect by URL, or vouch for it with the driver's `with_transport`", ": connect by URL"),
    (
        "make one for what is before it (`with_target`), and apply it with `run`",
        "make one for what is before it (`whimbrel plan --sql --to VERSION`), and apply it with `whimbrel up`",
    ),
    ("leave `with_rights` out", "leave `rights` out of `preflight`"),
    ("apply the plan with `run`", "apply the plan with `whimbrel up`"),
    ("end it with `run`, or", "end it with `whimbrel up`, or"),
];

/// The text in the command's words.
pub(crate) fn spoken(text: &str) -> String {
    let mut text = PHRASES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    // What is given to a method is what is written into the file.
    for (from, to, end, after) in [
        ("`with_table(TableName::new(\"", "`table = \"", "\")?)`", "\"` in whimbrel.toml"),
        ("`with_value(\"", "`values = { ", "\", …)`", " = \"…\" }` in whimbrel.toml"),
    ] {
        while let Some(at) = text.find(from) {
            let Some(length) = text[at + from.len()..].find(end) else { break };
            let name = text[at + from.len()..at + from.len() + length].to_owned();
            text.replace_range(at..at + from.len() + length + end.len(), &format!("{to}{name}{after}"));
        }
    }
    // The settings have the names of the methods.
    while let Some(at) = text.find("`with_") {
        let rest = &text[at + "`with_".len()..];
        let name: String = rest.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
        let end = at + "`with_".len() + name.len();
        let after = text[end..].find('`').map_or(text.len(), |more| end + more + 1);
        text.replace_range(at..after, &format!("`{}`", name.replace('_', "-")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_become_settings_and_options() {
        for (from, to) in [
            ("or apply it with `OutOfOrder::Apply`", "or apply it with `--out-of-order`"),
            ("a longer time with `with_lock_deadline`", "a longer time with `lock-deadline`"),
            (
                "say which: `with_table(TableName::new(\"a.b\")?)`",
                "say which: `table = \"a.b\"` in whimbrel.toml",
            ),
            ("not given: `with_value(\"n\", …)`", "not given: `values = { n = \"…\" }` in whimbrel.toml"),
            ("`with_table(TableName::new(\"", "`table`"),
            ("`with_", "``"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(spoken(from), to);
        }
    }
}
