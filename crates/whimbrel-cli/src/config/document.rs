//! What the configuration file says: each key that it has, typed, with its line. Merges nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use whimbrel::{
    Ahead, Gaps, OutOfOrder, Preflight, Reverted, SecretReference, SetName, TableName, Transaction,
    Unbaselined, Writers,
};

use super::credential;
use super::keys::Section;
use super::problem::Problem;
use super::source::SourceText;
use super::syntax;
use super::table::{Entry, Reader, Table};
use super::text::{self, Wrong};
use super::words::{self, Check};
use crate::settings::{Concern, Level, Place, Setting, Waivers};

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) environment: Option<Setting<String>>,
    pub(crate) directory: Option<Setting<PathBuf>>,
    pub(crate) recursive: Option<Setting<bool>>,
    /// `[limits]`, those that are set.
    pub(crate) limits: BTreeMap<&'static str, Setting<u64>>,
    pub(crate) set: Option<Setting<SetName>>,
    /// For all environments.
    pub(crate) options: Options,
    pub(crate) environments: BTreeMap<String, Environment>,
    pub(crate) policy: Option<Policy>,
    pub(crate) signatures: Option<Signatures>,
}

/// `[environments.NAME]`.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) database: Option<Setting<Place>>,
    pub(crate) password: Option<Setting<SecretReference>>,
    pub(crate) development: Option<Setting<bool>>,
    pub(crate) options: Options,
}

/// What may stand at the top level and in an environment.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) writers: Option<Setting<Writers>>,
    pub(crate) init: Option<Setting<PathBuf>>,
    pub(crate) role: Option<Setting<String>>,
    pub(crate) table: Option<Setting<TableName>>,
    pub(crate) record_environment: Option<Setting<bool>>,
    pub(crate) lock_deadline: Option<Setting<Duration>>,
    pub(crate) wait_deadline: Option<Setting<Duration>>,
    pub(crate) lock_timeout: Option<Setting<Duration>>,
    pub(crate) statement_timeout: Option<Setting<Duration>>,
    pub(crate) failure_pause: Option<Setting<Duration>>,
    pub(crate) transaction: Option<Setting<Transaction>>,
    pub(crate) out_of_order: Option<Setting<OutOfOrder>>,
    pub(crate) ahead: Option<Setting<Ahead>>,
    pub(crate) unbaselined: Option<Setting<Unbaselined>>,
    pub(crate) reverted: Option<Setting<Reverted>>,
    pub(crate) gaps: Option<Setting<Gaps>>,
    pub(crate) preflight: Option<Setting<Preflight>>,
    pub(crate) values: BTreeMap<String, Setting<String>>,
    pub(crate) secrets: BTreeMap<String, Setting<SecretReference>>,
    pub(crate) database_messages: Option<Setting<bool>>,
}

/// `[policy]`.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) enabled: Option<Setting<bool>>,
    pub(crate) waivers: Option<Setting<Waivers>>,
    pub(crate) concerns: BTreeMap<Concern, Setting<Level>>,
    pub(crate) rules: BTreeMap<&'static str, Setting<Level>>,
}

/// `[signatures]`.
#[derive(Debug)]
pub(crate) struct Signatures {
    pub(crate) allowed_signers: Option<Setting<PathBuf>>,
    pub(crate) minisign: BTreeMap<String, Setting<String>>,
    pub(crate) threshold: Option<Setting<usize>>,
    /// The threshold of `[signatures.approvals]`, if that is there.
    pub(crate) approvals: Option<Setting<Option<usize>>>,
}

impl Document {
    /// Reads the text of a file; paths in it are relative to `folder`.
    pub(super) fn read(source: &SourceText, folder: &Path) -> Result<Self, Problem> {
        let entries: DeTable<'_> = syntax::parse(source)?;
        let reader = Reader::new(source);
        let document = Self::of(Table::top(&reader, &entries), folder);
        reader.finish().map(|()| document)
    }

    fn of(top: Table<'_>, folder: &Path) -> Self {
        let mut environments = BTreeMap::new();
        for entry in top.map("environments", "environments.NAME") {
            let Some(name) = name(&entry, text::environment) else { continue };
            let table = entry.table("environments.NAME", Section::Environment);
            let environment = table.map(|table| Environment::of(table, folder));
            environments.insert(name, environment.unwrap_or_default());
        }
        let environment = top.text("environment", text::environment);
        if let (Some(named), Some(entry)) = (&environment, top.entry("environment"))
            && !environments.contains_key(&named.value)
        {
            let wrong = Wrong::because("there is no `[environments.NAME]` of this name");
            entry.refuse::<()>(wrong.with_next("add that table, or name another environment"));
        }
        Self {
            environment,
            directory: top.text("directory", text::path).map(|path| path.map(|path| folder.join(path))),
            recursive: top.switch("recursive"),
            set: top.text("set", text::set),
            limits: top.table("limits", "limits", Section::Limits).map(limits).unwrap_or_default(),
            options: Options::of(top, folder, ["values.NAME", "secrets.NAME"]),
            environments,
            policy: top.table("policy", "policy", Section::Policy).map(Policy::of),
            signatures: top
                .table("signatures", "signatures", Section::Signatures)
                .map(|table| Signatures::of(table, folder)),
        }
    }
}

/// The limits that a table sets.
fn limits(table: Table<'_>) -> BTreeMap<&'static str, Setting<u64>> {
    LIMITS.into_iter().filter_map(|name| Some((name, table.amount(name)?))).collect()
}

/// The keys of `[limits]`.
pub(crate) const LIMITS: [&str; 5] =
    ["manifest-bytes", "script-bytes", "directory-bytes", "files", "history-rows"];

impl Environment {
    fn of(table: Table<'_>, folder: &Path) -> Self {
        let url = table.entry("url").and_then(|entry| {
            reference(
                &entry,
                folder,
                "`{ env = \"DATABASE_URL\" }`, `{ file = \"PATH\" }` or `{ fd = NUMBER }`",
            )
        });
        let sqlite = table.text("sqlite", text::sqlite);
        let password = table.entry("password").and_then(|entry| reference(&entry, folder, text::REFERENCE));
        if let (Some(entry), Some(_)) = (table.entry("sqlite"), table.entry("url")) {
            entry.refuse_key(
                Problem::new("`environments.NAME` has both `sqlite` and `url`")
                    .with_next("leave one of them out"),
            );
        }
        if let (Some(entry), Some(_)) = (table.entry("password"), table.entry("sqlite")) {
            entry.refuse_key(
                Problem::new("`environments.NAME` has a `password`, and SQLite has none")
                    .with_next("leave it out"),
            );
        }
        let sqlite = sqlite.map(|path| path.map(|path| Place::sqlite(&path, folder)));
        Self {
            database: url.map(|url| url.map(Place::Reference)).or(sqlite),
            password,
            development: table.switch("development"),
            options: Options::of(
                table,
                folder,
                ["environments.NAME.values.NAME", "environments.NAME.secrets.NAME"],
            ),
        }
    }
}

impl Options {
    /// Reads a table; `names` is what the entries of `values` and `secrets` are called.
    fn of(table: Table<'_>, folder: &Path, names: [&'static str; 2]) -> Self {
        let mut values = BTreeMap::new();
        for entry in table.map("values", names[0]) {
            let value = entry.text(text::value);
            if let Some((name, value)) = placeholder(&entry).zip(value) {
                values.insert(name, value);
            }
        }
        let mut secrets = BTreeMap::new();
        for entry in table.map("secrets", names[1]) {
            let value = reference(&entry, folder, text::REFERENCE);
            if let Some((name, value)) = placeholder(&entry).zip(value) {
                secrets.insert(name, value);
            }
        }
        Self {
            writers: table.text("writers", |word| text::word(&words::WRITERS, word)),
            init: table.text("init", text::path).map(|path| path.map(|path| folder.join(path))),
            role: table.text("role", text::role),
            table: table.text("table", text::table),
            record_environment: table.switch("record-environment"),
            lock_deadline: table.text("lock-deadline", text::duration),
            wait_deadline: table.text("wait-deadline", text::duration),
            lock_timeout: table.text("lock-timeout", text::duration),
            statement_timeout: table.text("statement-timeout", text::duration),
            failure_pause: table.text("failure-pause", text::duration),
            transaction: table.text("transaction", |word| text::word(&words::TRANSACTION, word)),
            out_of_order: table.text("out-of-order", |word| text::word(&words::OUT_OF_ORDER, word)),
            ahead: table.text("ahead", |word| text::word(&words::AHEAD, word)),
            unbaselined: table.text("unbaselined", |word| text::word(&words::UNBASELINED, word)),
            reverted: table.text("reverted", |word| text::word(&words::REVERTED, word)),
            gaps: table.text("gaps", |word| text::word(&words::GAPS, word)),
            preflight: table.entry("preflight").and_then(|entry| preflight(&entry)),
            values,
            secrets,
            database_messages: table.switch("database-messages"),
        }
    }

    /// These, and what they leave open as `below` has it; `values` and `secrets` one by one.
    pub(crate) fn over(self, below: Self) -> Self {
        let (mut values, mut secrets) = (below.values, below.secrets);
        values.extend(self.values);
        secrets.extend(self.secrets);
        Self {
            writers: self.writers.or(below.writers),
            init: self.init.or(below.init),
            role: self.role.or(below.role),
            table: self.table.or(below.table),
            record_environment: self.record_environment.or(below.record_environment),
            lock_deadline: self.lock_deadline.or(below.lock_deadline),
            wait_deadline: self.wait_deadline.or(below.wait_deadline),
            lock_timeout: self.lock_timeout.or(below.lock_timeout),
            statement_timeout: self.statement_timeout.or(below.statement_timeout),
            failure_pause: self.failure_pause.or(below.failure_pause),
            transaction: self.transaction.or(below.transaction),
            out_of_order: self.out_of_order.or(below.out_of_order),
            ahead: self.ahead.or(below.ahead),
            unbaselined: self.unbaselined.or(below.unbaselined),
            reverted: self.reverted.or(below.reverted),
            gaps: self.gaps.or(below.gaps),
            preflight: self.preflight.or(below.preflight),
            values,
            secrets,
            database_messages: self.database_messages.or(below.database_messages),
        }
    }
}

impl Policy {
    fn of(table: Table<'_>) -> Self {
        let enabled = table.switch("enabled");
        if !cfg!(feature = "policy") && enabled.as_ref().is_none_or(|enabled| enabled.value) {
            table.refuse(
                Problem::new("this build of the command has no policy, and the file asks for one")
                    .with_next("use a build with the feature `policy`, or say `enabled = false`"),
            );
        }
        let level = |entry: &Entry<'_>| entry.text(|word| text::word(&words::LEVEL, word));
        let mut concerns = BTreeMap::new();
        for entry in table.map("concerns", "policy.concerns.NAME") {
            let concern = name(&entry, |text| text::word(&words::CONCERN, text));
            if let Some((concern, level)) = concern.zip(level(&entry)) {
                concerns.insert(concern, level);
            }
        }
        let mut rules = BTreeMap::new();
        for entry in table.map("rules", "policy.rules.NAME") {
            let level = level(&entry);
            if let Some((rule, level)) = rule(&entry).zip(level) {
                rules.insert(rule, level);
            }
        }
        let waivers = table.text("waivers", |word| text::word(&words::WAIVERS, word));
        Self { enabled, waivers, concerns, rules }
    }
}

impl Signatures {
    fn of(table: Table<'_>, folder: &Path) -> Self {
        let mut minisign = BTreeMap::new();
        for entry in table.map("minisign", "signatures.minisign.NAME") {
            let signer = name(&entry, |signer| {
                let good = !signer.trim().is_empty()
                    && signer.len() <= 100
                    && !signer.contains(char::is_control)
                    && !credential::in_value(signer)
                    && !signer.contains("://");
                if good { Ok(signer.to_owned()) } else { Err(Wrong::expected("the name of a signer")) }
            });
            if let Some((signer, key)) = signer.zip(entry.text(text::minisign)) {
                minisign.insert(signer, key);
            }
        }
        let approvals = table.entry("approvals").and_then(|entry| {
            let table = entry.table("signatures.approvals", Section::Approvals)?;
            let threshold = table.count("threshold");
            Some(threshold.map_or_else(|| entry.setting(None), |threshold| threshold.map(Some)))
        });
        let allowed_signers = table.text("allowed-signers", text::path);
        if table.entry("allowed-signers").is_none() && table.entry("minisign").is_none() {
            table.refuse(Problem::new("`signatures` names nobody whose signature counts").with_next(
                "name the file of the signers with `allowed-signers`, or public keys under `minisign`",
            ));
        }
        if !cfg!(feature = "sign") {
            table.refuse(
                Problem::new("this build of the command checks no signatures, and the file asks for them")
                    .with_next("use a build with the feature `sign`"),
            );
        }
        Self {
            allowed_signers: allowed_signers.map(|path| path.map(|path| folder.join(path))),
            minisign,
            threshold: table.count("threshold"),
            approvals,
        }
    }
}

/// A key that the file chose, read.
fn name<T>(entry: &Entry<'_>, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
    match read(entry.key_text()) {
        Ok(name) => Some(name),
        Err(wrong) => entry.refuse_name(wrong),
    }
}

/// The name of a value or a secret.
fn placeholder(entry: &Entry<'_>) -> Option<String> {
    name(entry, |text| match text::is_placeholder(text) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::expected(
            "a name that placeholders have: up to 64 letters, digits, `_`, `.`, `/` and single `-`, beginning with a letter \
             or `_`",
        )),
    })
}

/// The name of a rule.
#[cfg(feature = "policy")]
fn rule(entry: &Entry<'_>) -> Option<&'static str> {
    let names = || whimbrel_policy::rules().map(|rule| rule.name());
    name(entry, |text| {
        names().find(|own| *own == text).ok_or_else(|| {
            let wrong = Wrong::because("there is no rule of this name");
            match words::nearest(text, names()) {
                Some(near) => wrong.with_next(format!("did you mean `{near}`?")),
                None => wrong.with_next("docs/policy.md has all rules"),
            }
        })
    })
}

/// A build without the policy knows no rules, and has refused the table already if it is to count.
#[cfg(not(feature = "policy"))]
fn rule(_entry: &Entry<'_>) -> Option<&'static str> {
    None
}

/// A reference to a secret: a table with one key, or its text.
fn reference(entry: &Entry<'_>, folder: &Path, forms: &str) -> Option<Setting<SecretReference>> {
    let wrong = || {
        Wrong::expected(format!("where the secret is, and not the secret: {forms}")).with_next(
            "put the secret into an environment variable or a file; if it stood in this file, others may have read it: \
             change it",
        )
    };
    let table = |key: &str, value: &DeValue<'_>| match (key, value) {
        ("env", DeValue::String(name)) => text::reference(&format!("env:{name}")),
        // Here a path needs not begin with `./`.
        ("file", DeValue::String(path)) => text::path(path).map(SecretReference::File),
        ("fd", DeValue::Integer(number)) if number.radix() == 10 => {
            text::reference(&format!("fd:{}", number.as_str()))
        }
        _ => Err(wrong()),
    };
    let found = match entry.value() {
        DeValue::String(text) if text.starts_with("sqlite:") => {
            return entry.refuse(wrong().with_next("a file of SQLite is named so: `sqlite = \"app.db\"`"));
        }
        DeValue::String(text) => text::reference(text).map_err(|_| wrong()),
        DeValue::Table(keys) if keys.len() == 1 => {
            let one = keys.iter().next();
            let found = one.map(|(key, value)| table(key.get_ref(), value.get_ref()));
            found.unwrap_or_else(|| Err(wrong())).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    };
    match found {
        Ok(SecretReference::File(path)) => Some(entry.setting(SecretReference::File(folder.join(path)))),
        Ok(reference) => Some(entry.setting(reference)),
        Err(wrong) => entry.refuse(wrong),
    }
}

/// What a preflight looks at.
fn preflight(entry: &Entry<'_>) -> Option<Setting<Preflight>> {
    let forms = || Wrong::expected(format!("a list of {}", words::or(words::CHECK.all())));
    let Some(list) = entry.value().as_array() else { return entry.refuse(forms()) };
    let mut preflight = Preflight::new();
    for element in list.iter() {
        let Some(word) = element.get_ref().as_str() else { return entry.refuse(forms()) };
        preflight = match text::word(&words::CHECK, word) {
            Ok(Check::Protected) => preflight.protected(),
            Ok(Check::WithoutSuperuser) => preflight.without_superuser(),
            Ok(Check::Rights) => preflight.with_rights(),
            Err(wrong) => return entry.refuse(Wrong { next: wrong.next, ..forms() }),
        };
    }
    Some(entry.setting(preflight))
}
