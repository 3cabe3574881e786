//! What the library says to programs, and the test that does it.

/// Who does what is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// A test, `FILE::NAME`, whose file has the text.
    Test(&'static str),
    /// No test, and why.
    Nobody(&'static str),
}

/// A text of the library's, with `…` for what is filled in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) text: &'static str,
    pub(super) by: By,
    /// Whether the command may show it, in its own words.
    pub(super) reaches_people: bool,
}

const fn told(text: &'static str, test: &'static str) -> Told {
    Told { text, by: By::Test(test), reaches_people: true }
}

const fn left(text: &'static str, why: &'static str) -> Told {
    Told { text, by: By::Nobody(why), reaches_people: true }
}

impl Told {
    /// The command never comes to it.
    const fn for_programs(self) -> Self {
        Self { reaches_people: false, ..self }
    }
}

/// All of them, by the crates that say them.
pub(super) const TOLD: &[Told] = &[
    told(
        "show the plan (`plan`) to whoever decides; if they agree, run with the approval of exactly this digest (`with_approval`)",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ).for_programs(),
    told(
        "another process is writing: run again when it is done",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "run again on a new connection: it continues from a known place",
        "tests/tests/server_defects/remedies.rs::a_connection_that_was_ended_is_replaced_as_said",
    ),
    told(
        "commit or roll back on this connection before migrating, or migrate on another one",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "something is pending, and this connection cannot write: connect to the primary, open the database for writing, or use `wait`",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "change the setting back on this connection, then run again",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "give the role the right that the database names",
        "tests/tests/server_defects/remedies.rs::a_right_that_is_missing_is_granted_as_hinted",
    ),
    told(
        "this is no database of the expected kind, or a damaged one: check the path, or restore a backup",
        "tests/tests/defects/remedies.rs::a_database_is_put_right_as_said",
    ),
    told(
        "leave `with_role` out, and connect as the role that should own what is made",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "run again when it suits: it goes on from here",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ),
    told("close it", "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done"),
    told(
        "write `[address]:port`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write one without a zone, as `[::1]`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "name it, or take out a comma",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "take it out",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "a name has letters, digits, `-`, `_` and `.`; percent-encode the special characters of a password before it, and a socket's directory",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "correct it; if it is part of a password, percent-encode that one's special characters",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "give the user another one, or allow it by name (`allowing_default_credentials`)",
        "crates/whimbrel/src/url/remedies.rs::credentials_that_everybody_knows_are_replaced_or_allowed_as_said",
    ),
    told(
        "give the user a password, or allow it by name (`allowing_default_credentials`)",
        "crates/whimbrel/src/url/remedies.rs::credentials_that_everybody_knows_are_replaced_or_allowed_as_said",
    ),
    told(
        "give this user the right to read it",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "look at the error behind this one",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "percent-encode it, `%25` for a percent sign",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "encode its UTF-8",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "take it out, or percent-encode it in a password",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "take it out, or percent-encode it",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "percent-encode `@`, `/` and `?` in the password as `%40`, `%2F` and `%3F`, and every other `@` that does not end it",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write `sqlite:` and the path, a `@` in it as `%40`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write `sqlite:` and the path",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write name=value, and percent-encode a `&` in a value as `%26`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "percent-encode a `=` in a value as `%3D`, and put `&` between parameters",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "give one port for all hosts, or one for each",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write name=value",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "leave one of them out",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "begin it with `/`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "say it in one place",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write the address as the host",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write into the URL what that file says",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "leave it out",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "percent-encode it, if it belongs to the name; if it belongs to the password, percent-encode that",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "leave the mode out, or name a file",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "add `sslkey`, the certificate's key",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "add `sslcert`, the key's certificate",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "name a file, or leave it out",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write `disable`, `require`, `verify-ca` or `verify-full`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write `DISABLED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "write `sslmode`, `sslrootcert`, `sslcert` and `sslkey`",
        "crates/whimbrel/src/url/remedies.rs::a_url_is_read_when_what_its_error_says_is_done",
    ),
    told(
        "chmod …o-w …",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "chmod g-w …",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "name the right file",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "name the file that it leads to, or put that file in the place of the link",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "name a file",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "move it to where those who write migrations cannot change it",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "make it, or name the right path",
        "tests/tests/defects/methods.rs::a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "to rebuild the table, put `-- whimbrel: foreign_keys=off` at the top of the file (in place of `no-transaction`): no row is touched, and every foreign key is checked before the commit; if these rows are meant to go, drop the tables that refer to it first, or put `-- whimbrel: foreign_keys=cascade` there",
        "tests/tests/defects/remedies.rs::a_table_that_others_refer_to_is_rebuilt_as_said",
    ),
    told("…; nothing was changed", "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said"),
    told(
        "create it, and grant it to the user that connects (`GRANT … TO …`), or leave `with_role` out",
        "tests/tests/server_defects/remedies.rs::a_role_is_made_and_granted_as_said",
    ),
    told(
        "correct the data that it meets, then run again: what it left is dropped, and it is run anew",
        "tests/tests/server_defects/remedies.rs::an_index_that_data_is_in_the_way_of_is_built_anew_as_said",
    ),
    told(
        "correct the file, or the data that it meets, then run again; where it was not applied its manifest line may change",
        "tests/tests/defects/remedies.rs::a_script_is_put_right_as_said",
    ),
    told(
        "correct this statement, or what is behind it, then run again: it goes on here; leave the statements before it",
        "tests/tests/defects/remedies.rs::a_script_is_put_right_as_said",
    ),
    told("make room, then run again", "tests/tests/defects/remedies.rs::a_database_is_put_right_as_said"),
    told(
        "connect to the primary, or open the database for writing",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "give the history another name with `with_table`, or restore the table",
        "tests/tests/defects/remedies.rs::a_database_is_put_right_as_said",
    ),
    told(
        "mend what the backup says, then run again",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ),
    told(
        "correct the function or the data that it meets, then run again",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ),
    told(
        "leave out COMMIT and ROLLBACK; look what the step has left in the database",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ),
    told(
        "correct the file, or the rows that were wrong before it, then run again",
        "tests/tests/defects/remedies.rs::a_script_is_put_right_as_said",
    ),
    told(
        "mend the search path, or say which history is meant: `with_table(TableName::new(\"….…\")?)`",
        "tests/tests/server_defects/remedies.rs::a_history_in_another_schema_is_named_as_said",
    ),
    told(
        "look how far it came; end it by hand, or undo it by hand; then `settle` … with `Ending::Applied` or `Ending::Undone`, and a reason",
        "tests/tests/defects/remedies.rs::a_statement_in_doubt_is_settled_as_said",
    ).for_programs(),
    told(
        "`settle` … with `Ending::TookEffect(…)` or `Ending::DidNot(…)`, and a reason; then run again",
        "tests/tests/defects/remedies.rs::a_statement_in_doubt_is_settled_as_said",
    ).for_programs(),
    told(
        "mend what its error said: a changed file is tried at once; or give another pause with `with_failure_pause`",
        "tests/tests/defects/remedies.rs::a_script_is_put_right_as_said",
    ),
    told(
        "leave `with_backup` out for the script, and have whoever runs it make a backup before",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ).for_programs(),
    told(
        "restore the file as it was, and say again that the statement took effect",
        "tests/tests/defects/remedies.rs::a_statement_in_doubt_is_settled_as_said",
    ),
    told(
        "run again when the secret is to be had; what asks for it was not begun",
        "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said",
    ),
    told(
        "find out who did it and what else they did; `repair` records that you have",
        "tests/tests/defects/remedies.rs::a_history_is_put_right_as_said",
    ),
    told(
        "apply them with `run`, or wait for another process to, with `wait`",
        "tests/tests/defects/remedies.rs::a_history_is_put_right_as_said",
    ),
    told(
        "look why the process that migrates has not; nothing was changed",
        "tests/tests/defects/remedies.rs::a_history_is_put_right_as_said",
    ),
    told(
        "put back what stood in the column, from a backup of the table; or run a newer version, if one has written the row. A value of the form that docs/formats.md gives can be read, and `repair` then vouches for it",
        "tests/tests/defects/remedies.rs::a_history_is_put_right_as_said",
    ),
    told(
        "leave the PRAGMA out, or set journal_mode to DELETE or WAL",
        "tests/tests/defects/remedies.rs::a_script_is_put_right_as_said",
    ),
    told(
        "PRAGMA ….journal_mode = DELETE",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "the database's encoding does not have this character, and the whole script is translated into it, comments included: write the character otherwise, or make the database with the encoding UTF8",
        "tests/tests/server_defects/remedies.rs::a_character_that_the_database_lacks_is_written_otherwise_as_said",
    ),
    told(
        "create the database, or name another one",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "give the role CONNECT on the database",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "wait until connections are free, or raise max_connections, or the role's or the database's limit",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "see that the server runs and listens there; `with_startup_deadline` waits until it does",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "write `postgres://`, or use the other driver",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "grant the user a right in the database, or name another one",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "check user and password, and from which hosts the account may come",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "unlock it: ALTER USER … ACCOUNT UNLOCK",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "check host and port, and that the server runs",
        "tests/tests/server_defects/remedies.rs::a_connection_is_made_when_what_is_said_is_done",
    ),
    told(
        "turn TLS on in the server; on a network that nobody else can reach, ask for `sslmode=disable`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "name the authority's certificate with `sslrootcert`, or install it on this machine",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "connect by a name that the certificate has, or, if the authority signs only this server's, ask for `verify-ca`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "renew the server's certificate; if it is new, set this machine's clock",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "set this machine's clock, or wait",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "give the server a certificate of its own that the authority has signed (`CA:FALSE`), and name the authority's with `sslrootcert`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "give the server a certificate for servers (X.509 version 3, `serverAuth`)",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "name a client's certificate with `sslcert` and `sslkey`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "name a client's certificate that an authority of the server's has signed, for this user and in its time",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "allow TLS 1.2 or 1.3 in the server",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "connect by a host's name or an address",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "look at the server's log, and whether the port is the database's",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "look at the error behind this one, and at the server's log",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_server_is_reached_when_what_the_cause_says_is_done",
    ),
    told(
        "give its right path",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "name a file, and give this user the right to read it",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "name one that holds certificates or a key",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "convert it, as with `openssl x509 -inform der` or `openssl pkey -inform der`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "get the file anew",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "name the one with `BEGIN CERTIFICATE`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "name the one with `BEGIN PRIVATE KEY`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "decrypt it with `openssl pkey`, and let nobody else read the file",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "take that away with `chmod 600`",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "use an RSA key of 2048 to 8192 bits, P-256, P-384 or Ed25519",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "name the two that were made together",
        "crates/whimbrel-tls/tests/handshakes/remedies.rs::a_file_is_taken_when_what_its_error_says_is_done",
    ),
    told(
        "its … is a step in Rust, and no function is bound: use `with_step`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ).for_programs(),
    told(
        "a plain function would block the executor's thread: use `with_step`, or a blocking verb",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ).for_programs(),
    told(
        "is not there: lock the directory (`whimbrel lock`, or `Manifest::lock`), or ask for `unlocked`",
        "tests/tests/defects/methods.rs::a_directory_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "a link that leads out of the directory: put the file itself there, or ask for `following_links`",
        "tests/tests/defects/methods.rs::a_directory_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "run again when it is done, or give a longer time with `with_lock_deadline`",
        "tests/tests/defects/remedies.rs::a_connection_is_put_right_as_said",
    ),
    told(
        "the database's own words, which may quote values: `with_database_messages` shows them",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "has a history, and the one that this connection would begin is another: mend the search path, or name the schema of the one that is meant in `with_table`",
        "tests/tests/server_defects/remedies.rs::a_history_in_another_schema_is_named_as_said",
    ),
    told(
        "was reverted on … after this program had applied it: ask for it with `Reverted::Apply`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "older than …: give it a new version, or apply it with `OutOfOrder::Apply`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "… …, or allow it with `Unbaselined::Allow`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "… say with `baseline` which version they are at, or allow it with `Unbaselined::Allow`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "if … is its history, name it with `with_table`; else say with `baseline` which version they are at",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect",
        "tests/tests/defects/methods.rs::a_directory_is_read_when_what_is_said_of_it_is_done",
    ),
    told(
        "is a step in Rust, which no script can hold: make one for what is before it (`with_target`), and apply it with `run`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "asks for the secret `…`, which no script may hold: make one for what is before it (`with_target`), and apply it with `run`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "asks for the secret `…`: say who hands it out, with `with_secrets`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    told(
        "asks for the value `…`, which was not given: `with_value(\"…\", …)`",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
    left("wait until the server is up, then run again", "of a server while it starts or stops"),
    left(
        "make room, then run again: nothing was lost",
        "of a disk that is full outside a statement; inside of one a test makes room",
    ),
    left(
        "a transaction ended in the middle; run again: it continues from a known place",
        "of a defect of ours",
    ),
    left(
        "the history table may have been made or changed by something else: compare it with docs/formats.md",
        "of an error of the database's that none of its classes names",
    ),
    left(
        "connect to a server that docs/guide/servers.md lists as supported, or use a driver that was written for this one",
        "of a product that was recognised and refused; what to use instead is a person's to decide",
    ),
    left("give it to this user or to root (`chown`)", "wants a second user of the machine"),
    left("percent-encode it, as `%2F` or `%3F`", "behind another refusal of the same text"),
    left("chown \"$(id -u)\" …", "wants a second user of the machine"),
    told(
        "look what the database has; end it or undo it by hand; then `settle` … with `Ending::Applied` or `Ending::Undone`, and a reason; take what ends transactions out of the file",
        "tests/tests/server_defects/scripts.rs::a_transaction_that_was_ended_from_inside_is_told_and_never_run_again_by_itself",
    ).for_programs(),
    left(
        "run again: it looks what this statement has done, and says how to go on where that cannot be told",
        "of a table without transactions; `nothing_was_kept_is_said_only_where_it_is_proven` has what it tells",
    ),
    left(
        "check the database's integrity, or restore a backup",
        "of a file that is damaged while a statement runs",
    ),
    left(
        "run again; if it stays, please report it",
        "of an error of the database's that none of its classes names",
    ),
    told(
        "say where the history is: `with_table(TableName::new(\"…\")?)`; then run again",
        "tests/tests/roles/places.rs::a_script_behind_which_the_history_would_not_be_found_is_rolled_back",
    ),
    left(
        "leave the statement out, run it by hand, and move the history with `ALTER TABLE … SET SCHEMA …`; then run again",
        "of a schema whose name cannot be given to `with_table`",
    ),
    left("apply the plan with `run`", "of a driver that writes no scripts"),
    left("make it again", "of a race between reading and writing the history"),
    told(
        "migrate over a direct connection to the server, or, where the pooler keeps sessions together, say so with `with_sessions_kept` of the driver",
        "tests/tests/server_defects/products.rs::a_proxy_that_does_not_keep_sessions_is_refused_where_the_lock_is_the_sessions",
    ),
    left(
        "connect as it was begun, and run again; or …",
        "a connection's own settings, which only its owner can give it back",
    ),
    left(
        "end it with `run`, or make the script on a connection to that server",
        "of a server that took over for another one",
    ),
    left("look again: what you wanted to say may no longer be so", "of a race between two people"),
    left(
        "the role has to own it, or to be a member of the role that does: GRANT … TO …, or ALTER … OWNER TO …",
        "the doctor says the statement, and its tests type it",
    ),
    told(
        "GRANT … TO … (the role that migrates)",
        "tests/tests/server_defects/remedies.rs::a_right_that_is_missing_is_granted_as_hinted",
    ),
    left("check user and password, and the server's pg_hba.conf", "the doctor's tests set a password"),
    left(
        "wait until the server is up, then run again; `with_startup_deadline` waits by itself",
        "of a server while it starts; `with_startup_deadline` has a test above",
    ),
    left("do what the server says", "of a refusal that the server explains itself"),
    left("give the process the right to open the socket", "of a socket that root can open"),
    left(
        "name a server of the kind that `target_session_attrs` wants",
        "the doctor's test of a standby does it",
    ),
    left("check host and port, and the network between", "of a network that is broken"),
    left(
        "check the TLS mode, the certificates and the password",
        "of a way to log in that one side does not have",
    ),
    left(
        "check host and port, and the network between; `with_timeout` waits longer",
        "of a server that does not answer",
    ),
    left("turn on the feature `tls` of whimbrel-postgres", "of a build without it"),
    left(
        "check host and port, and the network between; `connect_timeout` in the URL waits longer",
        "of a server that does not answer",
    ),
    left(
        "wait until connections are free, or raise max_connections or the account's limit",
        "of a server with too many connections; PostgreSQL's has a test",
    ),
    left(
        "allow this host with an account for it, or end a block with FLUSH HOSTS",
        "of a server that blocks this machine",
    ),
    left("check the user, and how the account logs in", "of a way to log in that the client does not have"),
    left(
        "ask for it in the URL, as with `sslmode=verify-full`",
        "of a server that lets nobody in without TLS",
    ),
    left("set a new one: ALTER USER … IDENTIFIED BY …", "of a password that has expired"),
    left(
        "look the number up in the server's manual, and at its log",
        "of a refusal of the server's that is not known",
    ),
    left("check the path, and that the server runs", "of a socket that is not there"),
    left("check the host's name and the network between", "of a network that is broken"),
    left("see that a server of MySQL or MariaDB listens there", "of something else that listens there"),
    told(
        "GRANT … TO …@'…' (the account's host, which `SELECT current_user()` shows)",
        "tests/tests/server_defects/remedies.rs::a_right_that_is_missing_is_granted_as_hinted",
    ),
    left("GRANT … TO … (the user that migrates)", "of a message without a user"),
    left("turn on the feature `tls` of whimbrel-mysql", "of a build without it"),
    left("correct the configuration", "in the place of a remedy that every error of TLS has"),
    told(
        "add a folder … with its own migrations, or use another database",
        "crates/whimbrel-embed/tests/embedded.rs::mariadb_takes_mysql_and_other_dialects_are_refused",
    ),
    told(
        "name as many signers as have to sign, or lower the threshold",
        "crates/whimbrel-sign/tests/signers.rs::signers_are_counted_by_their_names_and_keys",
    ),
    told(
        "nobody can tell how the connection is protected, since the client was handed over: connect by URL, or vouch for it with the driver's `with_transport`",
        "tests/tests/preflight.rs::a_connection_that_is_not_known_to_be_protected_is_refused",
    ),
    left(
        "cannot be found out here: connect as a user to whom they are granted directly, or leave `with_rights` out",
        "of a user whose rights come from roles",
    ),
    left(
        "the options are `set = \"name\"`, `recursive` and `unlocked`",
        "of the macro, while compiling; `compile_fail.rs` has it",
    ).for_programs(),
    left("`whimbrel up` makes it", "shown where the command has no advice of its own"),
    left(
        "install one with it: cargo install whimbrel-cli --no-default-features --features …,tls",
        "of a build without the database",
    ),
    left("as a superuser: ALTER ROLE … CREATEDB", "of a role that may drop what it may not make"),
    left("give the right to, or name another file", "of a file that root can read"),
    left(
        "to rebuild the table, write a script with `-- whimbrel: foreign_keys=off`; if these rows are meant to go, delete them, or drop the tables that refer to it first",
        "of a step in Rust; a script's has a test",
    ),
    left(
        "run `SET NAMES utf8mb4` on the connection first; for every connection, start the server without skip-character-set-client-handshake",
        "of a server that ignores the client's character set",
    ),
    told(
        "write the URL alone, of at most 32 KiB",
        "crates/whimbrel/src/url/remedies.rs::a_url_that_is_too_long_is_read_when_it_stands_alone",
    ),
    told(
        "take the rules, triggers and policies off that table, then run again",
        "crates/whimbrel-sqlite/tests/driver.rs::migration_whose_row_a_trigger_keeps_out_is_rolled_back",
    ),
    left(
        "take the statement on that table out of the script, then run again",
        "of a script that writes to the history itself",
    ),
    told(
        "look what writes so many; if that is meant, raise `history_rows` of `Limits`",
        "crates/whimbrel/tests/decisions.rs::a_history_with_more_rows_than_are_read_is_refused_until_the_limit_is_raised",
    ),
    left("name the file by its path", "behind the check of the setting or the URL"),
];

/// Each kind of error, and a row's `when`, or a test, in which its advice is followed.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("files", "a statement failed"),
    ("configuration", "the environment names no database"),
    ("database", "tests/tests/defects/remedies.rs::a_database_is_put_right_as_said"),
    ("retry", "a migration has failed before, and waits"),
    ("pending", "something is pending"),
    ("stopped", "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said"),
    ("outcome-unknown", "no one can tell whether a statement took effect"),
    ("application", "tests/tests/defects/remedies.rs::what_the_application_gives_is_put_right_as_said"),
    ("bug", "a defect of ours: its note asks for a report"),
];
