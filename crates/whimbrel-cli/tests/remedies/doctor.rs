//! What the doctor says to type or to do, and the test of `tests/tests/doctor` that does it. Those tests hold what they type
//! against this list, and `docs/remedies.md` is written from it.

/// A remedy of the doctor's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prescribed {
    /// The check below which it stands.
    pub(crate) check: &'static str,
    /// The text, with `…` for what is filled in.
    pub(crate) text: &'static str,
    /// The test that does it.
    pub(crate) test: Option<&'static str>,
    /// Why none does.
    pub(crate) why: &'static str,
}

impl Prescribed {
    /// Whether what is shown is this. Commands of `whimbrel` may have words before theirs, such as `--config`.
    pub(crate) fn fits(&self, shown: &str) -> bool {
        let (first, rest) = self.text.split_once('…').unwrap_or((self.text, ""));
        let begins = if shown.starts_with("whimbrel ") {
            shown.find(&format!(" {first}")).map(|at| at + 1 + first.len())
        } else {
            shown.starts_with(first).then_some(first.len())
        };
        let Some(mut at) = begins else { return false };
        for piece in rest.split('…') {
            let Some(found) = shown[at..].find(piece) else { return false };
            at += found + piece.len();
        }
        at == shown.len() || self.text.ends_with('…')
    }
}

const fn typed(check: &'static str, text: &'static str, test: &'static str) -> Prescribed {
    Prescribed { check, text, test: Some(test), why: "" }
}

const fn left(check: &'static str, text: &'static str, why: &'static str) -> Prescribed {
    Prescribed { check, text, test: None, why }
}

const REFERENCE: &str = "files::a_reference_that_cannot_be_read_is_mended_as_said";
const NOTHING: &str = "files::nothing_at_all_is_told_with_what_to_begin_with";
const FILE: &str = "files::a_file_of_sqlites_is_made_kept_from_others_and_well";
const POSTPONED: &str = "sessions::a_migration_that_is_postponed_is_told_and_goes_on_as_said";
const DOUBT: &str = "sessions::work_in_doubt_is_found_and_settled_as_said";
const TOUCHED: &str = "sessions::rows_that_were_touched_are_found_and_vouched_for_as_said";
const BITING: &str = "sessions::settings_of_a_server_that_bite_are_put_right_as_said";
const STANDBY: &str = "sessions::a_standby_is_told_from_its_primary";
const SUPERUSER: &str = "rights::a_superuser_is_warned_of_and_the_role_made_as_said_can_migrate";
const RIGHTS: &str = "rights::rights_that_are_missing_are_told_and_granted_as_said";
const ASSUMED: &str = "rights::a_role_that_cannot_be_assumed_is_granted_as_said";
const PATH: &str = "rights::a_search_path_that_leads_nowhere_is_mended_as_said";
const LIMITS: &str =
    "connections::a_role_without_the_right_to_connect_or_with_too_many_connections_is_helped_as_said";
const PASSWORD: &str = "connections::a_wrong_password_is_told_without_it_and_a_new_one_is_set_as_said";

/// All of them.
pub(crate) const PRESCRIBED: &[Prescribed] = &[
    typed("configuration", "export DATABASE_URL='sqlite:app.db'", NOTHING),
    typed("configuration", "export …='…'", REFERENCE),
    left("configuration", "(umask 077; printf %s '…' > …)", "as the variable above it, into a file"),
    typed("configuration", "chmod 600 …", REFERENCE),
    left("configuration", "chown \"$(id -u)\" …", "wants a second user of the machine"),
    left("configuration", "put it into …", "of a descriptor that the parent process has to open"),
    typed("migrations", "new create_users", NOTHING),
    typed("migrations", "lock", "files::migrations_that_are_not_locked_are_locked_as_said"),
    left("migrations", "verify", "shown where the command's own advice is none"),
    left(
        "migrations",
        "verify --dialect postgres",
        "an example of a dialect; the rows above type `--dialect sqlite`",
    ),
    left("migrations", "correct what is said of each, then", "done by hand, before the `lock` below it"),
    left("signatures", "mend `migrations` first", "names another check"),
    typed(
        "signatures",
        "write [signatures] with `allowed-signers` into whimbrel.toml, or remove the file",
        "files::signatures_that_nobody_checks_or_that_are_none_are_told",
    ),
    typed("connection", "create", "connections::a_database_that_is_not_there_is_made_as_said"),
    left("connection", "create --remote", "of a database on another machine"),
    typed(
        "connection",
        "start the server, or correct host and port in …",
        "connections::a_server_that_is_stopped_and_a_name_that_nobody_knows_are_told_apart",
    ),
    left("connection", "look at the server's log", "of a server that does not answer in time"),
    left("connection", "name a file of SQLite's in the stead of …", "a path, done by hand"),
    left("connection", "do what the message says; the URL is …", "names the error's own remedy"),
    typed("connection", "GRANT CONNECT ON DATABASE … TO …", LIMITS),
    typed("connection", "ALTER ROLE … CONNECTION LIMIT -1", LIMITS),
    left("connection", "ALTER DATABASE … CONNECTION LIMIT -1", "as that of a role"),
    left("connection", "write into pg_hba.conf: host … … ADDRESS/32 scram-sha-256", "a file of the server's"),
    left("connection", "SELECT pg_reload_conf()", "behind a change of pg_hba.conf"),
    left("connection", "ALTER ROLE … LOGIN", "as the one that is made"),
    typed(
        "connection",
        "CREATE ROLE … LOGIN PASSWORD '…'",
        "connections::a_role_that_is_not_there_is_made_as_said",
    ),
    left("connection", "put the right password into …", "known to its owner alone"),
    typed("connection", "ALTER ROLE … PASSWORD '…'", PASSWORD),
    typed("connection", "ALTER USER … IDENTIFIED BY '…'", PASSWORD),
    typed("role", "CREATE USER … IDENTIFIED BY '…'", SUPERUSER),
    left(
        "connection",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND pid <> pg_backend_pid() AND state_change < now() - interval '10 minutes'",
        "ends sessions that are idle for ten minutes",
    ),
    left("connection", "GRANT ALL ON ….* TO …", "what the tests grant to their own users"),
    left("connection", "SHOW PROCESSLIST", "shows what to end"),
    left("connection", "ALTER USER … ACCOUNT UNLOCK", "of a locked account"),
    typed("file", "mkdir -p …", FILE),
    typed("file", "chmod o-w …", FILE),
    left("file", "name a file in it, in …", "a path, done by hand"),
    left("file", "chmod u+w …", "of a file that root can write to"),
    left("file", "move it to a disk of this machine, and name that in …", "of a file system over a network"),
    left("server", "use …", "of a version that is not tested"),
    left("server", "use one of 14 to 18", "of a version that is not tested"),
    left("server", "name the primary in …", "of a replica of MySQL or MariaDB"),
    typed("server", "name the primary… in …, or all servers with target_session_attrs=read-write", STANDBY),
    left("server", "SET GLOBAL super_read_only = OFF", "of MySQL's; as `read_only`"),
    typed("server", "SET GLOBAL read_only = OFF", BITING),
    left("server", "take … out of the URL's options, …", "of a setting in the URL"),
    left(
        "server",
        "name a server that is in its cluster in …",
        "of a Galera cluster that has lost its majority",
    ),
    typed(
        "tls",
        "say … in the database's URL, …",
        "connections::a_certificate_that_nobody_has_checked_is_told_and_checked_as_said",
    ),
    typed("role", "CREATE ROLE …", ASSUMED),
    typed("role", "GRANT … TO …", ASSUMED),
    typed("role", "GRANT USAGE, CREATE ON SCHEMA … TO …", SUPERUSER),
    left("role", "GRANT SELECT, INSERT ON … TO …", "where there is a history already"),
    left(
        "role",
        "connect as a user whose rights were granted to itself",
        "of a user whose rights come from roles",
    ),
    left("role", "connect as that one: name it in …", "below the statements that make one"),
    left(
        "role",
        "remove `role` from whimbrel.toml, and connect as the user that is to do it",
        "of MySQL and MariaDB; a setting",
    ),
    typed("privileges", "CREATE SCHEMA …", PATH),
    typed("privileges", "ALTER TABLE … OWNER TO …", RIGHTS),
    left("privileges", "GRANT USAGE ON SCHEMA … TO …", "of a table in another schema"),
    typed("privileges", "GRANT … ON … TO …", RIGHTS),
    typed("privileges", "GRANT … ON ….* TO …", RIGHTS),
    typed(
        "pooler",
        "to migrate, put … into the database's URL, …",
        "sessions::a_pooler_is_found_out_and_the_servers_own_address_is_told",
    ),
    typed(
        "lock",
        "SELECT pg_terminate_backend(…)",
        "sessions::the_holder_of_the_lock_is_named_and_ended_as_said",
    ),
    typed("lock", "KILL …", "sessions::the_holder_of_the_lock_is_named_and_ended_as_said"),
    left("lock", "kill …", "its test is told, and would end itself"),
    left("lock", "end the program that writes to it", "where its number is not known"),
    left("lock", "do what `file` says", "names another check"),
    left("lock", "name a file of SQLite's that is whole, or restore a backup", "of a damaged file"),
    left("transactions", "wait until the server has rolled it back", "waits"),
    left("transactions", "GRANT PROCESS ON *.* TO …", "as the right to see those of others on PostgreSQL"),
    typed(
        "transactions",
        "GRANT pg_read_all_stats TO …",
        "sessions::sessions_that_cannot_be_seen_are_told_and_seen_as_said",
    ),
    left(
        "transactions",
        "look again as a user who may ask, with another URL in the stead of …",
        "of a question that was refused",
    ),
    typed("history", "lock --amend …", POSTPONED),
    typed("history", "settle … --took-effect --reason '…'", DOUBT),
    typed("history", "up", DOUBT),
    left("history", "history --verify", "typed among the errors of the command"),
    typed("history", "repair --reason '…'", TOUCHED),
    typed("history", "correct its file, as its error says; a changed file is tried at once", POSTPONED),
    left("history", "history", "where nothing else is known"),
    left("history", "do what `privileges` says", "names another check"),
    left(
        "history",
        "name the database of … in its table of whimbrel.toml",
        "of an environment that the file does not have",
    ),
    left("plan", "mend `migrations` and `signatures` first", "names other checks"),
    left("plan", "plan", "shows the plan"),
    left("plan", "settle", "typed among the errors of the command"),
    typed(
        "settings",
        "ALTER ROLE … IN DATABASE … SET … = …",
        "sessions::settings_of_a_role_that_end_what_it_does_are_put_right_as_said",
    ),
    typed(
        "settings",
        "SET GLOBAL sql_mode = concat_ws(',', nullif(@@global.sql_mode, ''), 'STRICT_TRANS_TABLES')",
        BITING,
    ),
    typed("settings", "SET GLOBAL max_allowed_packet = …", BITING),
];
