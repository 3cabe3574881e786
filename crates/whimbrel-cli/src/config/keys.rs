//! All keys of the configuration file, as data. The reader refuses what is not here, and the documentation is compared with
//! it; what a key does is not known here.

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// The top level alone.
    Top,
    /// `[environments.NAME]` alone.
    Environment,
    /// `[environments.NAME]`, and the top level for all environments.
    Shared,
    /// `[policy]`
    Policy,
    /// `[signatures]`
    Signatures,
    /// `[signatures.approvals]`
    Approvals,
    /// `[limits]`
    Limits,
}

impl Section {
    /// Where a key of this section stands, as people write it.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Top => "top level",
            Self::Environment => "`[environments.NAME]`",
            Self::Shared => "top level, `[environments.NAME]`",
            Self::Policy => "`[policy]`",
            Self::Signatures => "`[signatures]`",
            Self::Approvals => "`[signatures.approvals]`",
            Self::Limits => "`[limits]`",
        }
    }

    /// Whether its keys may stand in the table that is read as `table`.
    pub(super) fn belongs_to(self, table: Self) -> bool {
        self == table || (self == Self::Shared && matches!(table, Self::Top | Self::Environment))
    }
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) section: Section,
    pub(crate) name: &'static str,
    /// What may stand behind it.
    pub(crate) kind: &'static str,
    /// What holds without it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is compared with it"))]
    pub(crate) default: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is compared with it"))]
    pub(crate) about: &'static str,
    /// A line of the file with it.
    pub(crate) example: &'static str,
}

impl Key {
    const fn new(section: Section, name: &'static str, kind: &'static str, example: &'static str) -> Self {
        Self { section, name, kind, default: "none", about: "", example }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }
}

const TIME: &str = "time";
/// A reference to a secret.
pub(super) const REFERENCE: &str = "reference";

/// All keys.
pub(crate) const KEYS: &[Key] = &[
    Key::new(Section::Top, "environment", "name", r#"environment = "development""#)
        .about("the environment that is used when none is named"),
    Key::new(Section::Top, "environments", "tables", "[environments.development]")
        .about("the environments, by name"),
    Key::new(Section::Top, "directory", "path", r#"directory = "db/migrations""#)
        .default("`migrations`")
        .about("the directory of the migrations"),
    Key::new(Section::Top, "recursive", "true or false", "recursive = true")
        .default("`false`")
        .about("whether the files in folders below it count too"),
    Key::new(Section::Top, "set", "name", r#"set = "app""#)
        .default("`app`")
        .about("the set's name, where the directory has no manifest yet"),
    Key::new(Section::Top, "policy", "table", "[policy]").about("the policy"),
    Key::new(Section::Top, "signatures", "table", "[signatures]")
        .about("whose signatures count; without it none are asked for"),
    Key::new(Section::Top, "limits", "table", "[limits]").about("how much is read into memory"),
    Key::new(Section::Environment, "url", REFERENCE, r#"url = { env = "DATABASE_URL" }"#)
        .about("where the database's URL is"),
    Key::new(Section::Environment, "sqlite", "path", r#"sqlite = "app.db""#)
        .about("the database, a file of SQLite; in place of `url`"),
    Key::new(Section::Environment, "password", REFERENCE, r#"password = { file = "/run/secrets/password" }"#)
        .about("where the password is that the URL does not have"),
    Key::new(Section::Environment, "development", "true or false", "development = true")
        .default("`false`")
        .about("whether the database may be dropped and reset without more words"),
    Key::new(Section::Shared, "writers", "`anyone`, `group`, `owner`", r#"writers = "owner""#)
        .default("`group`")
        .about("who may be able to write to the migrations and the `init` script"),
    Key::new(Section::Shared, "init", "path", r#"init = "prepare.sql""#)
        .about("a script that prepares each connection: settings, temporary functions"),
    Key::new(Section::Shared, "role", "name", r#"role = "app_owner""#)
        .about("the role that migrations run as (PostgreSQL)"),
    Key::new(Section::Shared, "table", "name", r#"table = "ops.whimbrel_history""#)
        .default("`whimbrel_history`")
        .about("the history table, perhaps with its schema"),
    Key::new(Section::Shared, "record-environment", "true or false", "record-environment = false")
        .default("`true`")
        .about("whether the database remembers the environment's name, and refuses another's"),
    Key::new(Section::Shared, "lock-deadline", TIME, r#"lock-deadline = "20s""#)
        .default("`1min`")
        .about("how long to wait for others that migrate"),
    Key::new(Section::Shared, "wait-deadline", TIME, r#"wait-deadline = "10min""#)
        .default("`5min`")
        .about("how long `wait` waits"),
    Key::new(Section::Shared, "lock-timeout", TIME, r#"lock-timeout = "1s""#)
        .default("`3s`")
        .about("how long a statement may wait for a lock on a table"),
    Key::new(Section::Shared, "statement-timeout", TIME, r#"statement-timeout = "15min""#)
        .about("how long a statement may take"),
    Key::new(Section::Shared, "failure-pause", TIME, r#"failure-pause = "5s""#)
        .default("`1s`")
        .about("the pause before a migration that has failed is tried again; it doubles"),
    Key::new(
        Section::Shared,
        "transaction",
        "`auto`, `per-run`, `per-migration`",
        r#"transaction = "per-run""#,
    )
    .default("`auto`")
    .about("how migrations are put into transactions"),
    Key::new(Section::Shared, "out-of-order", "`refuse`, `apply`", r#"out-of-order = "apply""#)
        .default("`refuse`")
        .about("migrations that are older than one that is applied"),
    Key::new(Section::Shared, "ahead", "`accept`, `refuse`", r#"ahead = "refuse""#)
        .default("`accept`")
        .about("a database with newer migrations than the directory has"),
    Key::new(Section::Shared, "unbaselined", "`refuse`, `allow`", r#"unbaselined = "allow""#)
        .default("`refuse`")
        .about("a database with tables, and without a history, or with one that was emptied"),
    Key::new(Section::Shared, "reverted", "`refuse`, `apply`", r#"reverted = "apply""#)
        .default("`refuse`")
        .about("migrations that were reverted after they had been applied"),
    Key::new(Section::Shared, "gaps", "`allow`, `refuse`", r#"gaps = "refuse""#)
        .default("`allow`")
        .about("versions that are left out"),
    Key::new(
        Section::Shared,
        "preflight",
        "list of `protected`, `without-superuser`, `rights`",
        r#"preflight = ["protected", "rights"]"#,
    )
    .default("`[]`")
    .about("what has to be so before anything is applied"),
    Key::new(Section::Shared, "values", "table of texts", r#"values = { region = "eu" }"#)
        .about("values for `${name}` in scripts"),
    Key::new(
        Section::Shared,
        "secrets",
        "table of references",
        r#"secrets = { api_key = { env = "API_KEY" } }"#,
    )
    .about("secrets for `${secret:name}` in scripts"),
    Key::new(Section::Shared, "database-messages", "true or false", "database-messages = true")
        .default("`false`")
        .about("whether the database's own words are shown, which may quote rows"),
    Key::new(Section::Policy, "enabled", "true or false", "enabled = false")
        .default("`true`")
        .about("whether plans are judged"),
    Key::new(Section::Policy, "waivers", "`accept`, `refuse`", r#"waivers = "refuse""#)
        .default("`accept`")
        .about("whether scripts may waive rules"),
    Key::new(Section::Policy, "concerns", "table of levels", r#"concerns = { data-loss = "refusal" }"#)
        .about("a level for all rules of a concern"),
    Key::new(Section::Policy, "rules", "table of levels", r#"rules = { drop-table = "refusal" }"#)
        .about("a level for one rule, whatever its concern has"),
    Key::new(Section::Signatures, "allowed-signers", "path", r#"allowed-signers = "allowed_signers""#)
        .about("the file of the signers, as OpenSSH has it"),
    Key::new(
        Section::Signatures,
        "minisign",
        "table of keys",
        r#"minisign = { alice = "RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK" }"#,
    )
    .about("public keys of minisign, by signer"),
    Key::new(Section::Signatures, "threshold", "number", "threshold = 1")
        .default("`1`")
        .about("how many signers have to have signed a set"),
    Key::new(Section::Signatures, "approvals", "table", "[signatures.approvals]")
        .about("approvals of plans have to be signed; without it they are given by digest"),
    Key::new(Section::Approvals, "threshold", "number", "threshold = 1")
        .default("`1`")
        .about("how many signers have to have signed an approval"),
    Key::new(Section::Limits, "manifest-bytes", "number", "manifest-bytes = 67108864")
        .default("`16777216`")
        .about("how many bytes `whimbrel.sum` may have"),
    Key::new(Section::Limits, "script-bytes", "number", "script-bytes = 1073741824")
        .default("`536870912`")
        .about("how many bytes one script may have"),
    Key::new(Section::Limits, "directory-bytes", "number", "directory-bytes = 4294967295")
        .default("`2147483648`")
        .about("how many bytes all files of the directory may have"),
    Key::new(Section::Limits, "files", "number", "files = 200000")
        .default("`100000`")
        .about("how many files the directory may have"),
    Key::new(Section::Limits, "history-rows", "number", "history-rows = 500000")
        .default("`200000`")
        .about("how many rows the history may have"),
];

/// The keys that may stand in a table.
pub(super) fn of(table: Section) -> impl Iterator<Item = &'static Key> + Clone {
    KEYS.iter().filter(move |key| key.section.belongs_to(table))
}
