//! What `whimbrel config` shows: each setting with its origin; of a secret, where it is.

use whimbrel::Preflight;

use super::{Origin, Setting, Settings};
use crate::config::text::show_duration;
use crate::config::words::{self, Words};

/// One line of what `whimbrel config` shows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct SettingLine {
    /// The key, as in the configuration file; what stands in an environment's table has no more than its name.
    pub(crate) name: String,
    /// The value; of a secret, where it is.
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// What is shown of a setting that nobody has made.
const NONE: &str = "none";

impl Settings {
    /// All settings, in the order in which the documentation has them.
    pub(crate) fn lines(&self) -> Vec<SettingLine> {
        let mut lines = vec![
            optional("config", &self.config, |path| path.display().to_string()),
            optional("environment", &self.environment, Clone::clone),
            line("directory", &self.directory, |path| path.display().to_string()),
            line("recursive", &self.recursive, ToString::to_string),
            word("writers", &self.writers, &words::WRITERS),
            optional("set", &self.set, ToString::to_string),
            optional("database", &self.database, ToString::to_string),
            optional("password", &self.password, ToString::to_string),
            line("development", &self.development, ToString::to_string),
            optional("init", &self.init, |path| path.display().to_string()),
            optional("role", &self.role, Clone::clone),
            line("table", &self.table, ToString::to_string),
            line("record-environment", &self.record_environment, ToString::to_string),
            line("lock-deadline", &self.lock_deadline, |time| show_duration(*time)),
            line("wait-deadline", &self.wait_deadline, |time| show_duration(*time)),
            line("lock-timeout", &self.lock_timeout, |time| show_duration(*time)),
            optional("statement-timeout", &self.statement_timeout, |time| show_duration(*time)),
            line("failure-pause", &self.failure_pause, |time| show_duration(*time)),
            word("transaction", &self.transaction, &words::TRANSACTION),
            word("out-of-order", &self.out_of_order, &words::OUT_OF_ORDER),
            word("ahead", &self.ahead, &words::AHEAD),
            word("unbaselined", &self.unbaselined, &words::UNBASELINED),
            word("reverted", &self.reverted, &words::REVERTED),
            word("gaps", &self.gaps, &words::GAPS),
            line("preflight", &self.preflight, show_preflight),
        ];
        lines.extend(
            self.values
                .iter()
                .map(|(name, value)| line(&format!("values.{name}"), value, |text| plain(text))),
        );
        lines.extend(
            self.secrets
                .iter()
                .map(|(name, place)| line(&format!("secrets.{name}"), place, ToString::to_string)),
        );
        lines.extend(
            self.limits.iter().map(|(name, most)| line(&format!("limits.{name}"), most, ToString::to_string)),
        );
        lines.push(line("database-messages", &self.database_messages, ToString::to_string));
        lines.push(line("policy.enabled", &self.policy.enabled, ToString::to_string));
        lines.push(word("policy.waivers", &self.policy.waivers, &words::WAIVERS));
        lines.extend(self.policy.concerns.iter().map(|(concern, level)| {
            word(&format!("policy.concerns.{}", words::CONCERN.of(*concern)), level, &words::LEVEL)
        }));
        lines.extend(
            self.policy
                .rules
                .iter()
                .map(|(rule, level)| word(&format!("policy.rules.{rule}"), level, &words::LEVEL)),
        );
        if let Some(signatures) = &self.signatures {
            let file = signatures.allowed_signers.iter();
            lines.extend(
                file.map(|file| line("signatures.allowed-signers", file, |path| path.display().to_string())),
            );
            lines.extend(
                signatures
                    .minisign
                    .iter()
                    .map(|(signer, key)| line(&format!("signatures.minisign.{signer}"), key, Clone::clone)),
            );
            lines.push(line("signatures.threshold", &signatures.threshold, ToString::to_string));
            let approvals = signatures.approvals.iter();
            lines.extend(
                approvals
                    .map(|threshold| line("signatures.approvals.threshold", threshold, ToString::to_string)),
            );
        }
        lines
    }
}

fn line<T>(name: &str, setting: &Setting<T>, show: impl FnOnce(&T) -> String) -> SettingLine {
    SettingLine { name: name.to_owned(), value: show(&setting.value), origin: setting.origin.clone() }
}

fn optional<T>(name: &str, setting: &Setting<Option<T>>, show: impl FnOnce(&T) -> String) -> SettingLine {
    line(name, setting, |value| value.as_ref().map_or_else(|| NONE.to_owned(), show))
}

fn word<T: Copy + PartialEq>(name: &str, setting: &Setting<T>, words: &Words<T>) -> SettingLine {
    line(name, setting, |value| words.of(*value).to_owned())
}

/// A text without what would move the cursor of a terminal.
fn plain(text: &str) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}

/// A preflight tells nobody what it holds; but asking again for what it holds changes nothing.
fn show_preflight(preflight: &Preflight) -> String {
    let asked = [
        ("protected", preflight.clone().protected()),
        ("without-superuser", preflight.clone().without_superuser()),
        ("rights", preflight.clone().with_rights()),
    ];
    let asked: Vec<&str> =
        asked.iter().filter(|(_, more)| more == preflight).map(|(word, _)| *word).collect();
    if asked.is_empty() { NONE.to_owned() } else { asked.join(", ") }
}
