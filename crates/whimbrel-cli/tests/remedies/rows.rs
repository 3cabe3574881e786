//! What is said to type next, row by row: what leads there, what is shown, and what comes of typing it.

use super::Act::{Do, Type};
use super::{Kind, Row};

pub(super) const fn row(
    what: &'static str,
    given: &'static str,
    provoke: &'static str,
    code: i32,
    shown: &'static str,
) -> Row {
    Row {
        what,
        given,
        provoke,
        code,
        shown,
        act: Type(0),
        then: "whimbrel up",
        end: 0,
        comes: "",
        kind: Kind::Sqlite,
    }
}

impl Row {
    /// It is typed as it is shown, and ends so.
    pub(super) const fn ends(self, code: i32, comes: &'static str) -> Self {
        Self { act: Type(code), comes, ..self }
    }

    /// It is no command: this is what it tells a person to do.
    pub(super) const fn done(self, by: &'static str, comes: &'static str) -> Self {
        Self { act: Do(by), comes, ..self }
    }

    /// What shows afterwards that it has helped, and how that ends.
    pub(super) const fn then(self, line: &'static str, end: i32) -> Self {
        Self { then: line, end, ..self }
    }

    pub(super) const fn on(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

/// Findings, by their kinds.
pub(super) const FINDINGS: &[(&str, Row)] = &[
    (
        "differs",
        row("a file is not what was locked", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel up", 4, "if the change is meant: whimbrel lock")
            .ends(4, "asks whether databases have it")
            .then("whimbrel lock --accept 1 --reason seen", 0),
    ),
    (
        "differs",
        row("the same, in development", "dev; base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel up", 4, "if only this database has it: whimbrel reset --relock")
            .ends(4, "shows what would be lost; `--yes` in a script")
            .then("whimbrel reset --relock --yes", 0),
    ),
    (
        "differs",
        row("the same, and git has it as it was locked", "base; repo; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel up", 4, "or: git restore …")
            .ends(0, "the file is back"),
    ),
    (
        "unlisted",
        row("a file has no line in the manifest", "base; m 0002_more 'CREATE TABLE more (id INTEGER);\\n'", "whimbrel up", 4, "whimbrel lock").ends(0, "it is locked"),
    ),
    (
        "no file",
        row("a line of the manifest has no file", "base; m R__v 'CREATE VIEW v AS SELECT 1;\\n'; whimbrel lock -q; rm migrations/R__v.sql", "whimbrel up", 4, "whimbrel lock")
            .ends(0, "the line is gone"),
    ),
    (
        "manifest",
        row("the manifest contradicts itself", "base; sed -i 's/^head b3v1:....../head b3v1:000000/' migrations/whimbrel.sum", "whimbrel up", 4, "whimbrel lock")
            .ends(0, "its head follows from its files"),
    ),
    (
        "manifest",
        row("a removed version has its file again", "base; cp migrations/0001_users.sql x; rm migrations/0001_users.sql; whimbrel lock -q --remove 1 --reason gone; mv x migrations/0001_users.sql", "whimbrel lock", 4, "if it stays removed: rm …")
            .ends(0, "the file is gone")
            .then("whimbrel lock && whimbrel up", 0),
    ),
    (
        "manifest",
        row("the same, and the file is another migration", "base; rm migrations/0001_users.sql; whimbrel lock -q --remove 1 --reason gone; m 0001_more 'CREATE TABLE more (id INTEGER);\\n'", "whimbrel lock", 4, "if it is another one: whimbrel lock --renumber …")
            .ends(0, "it has the next free version"),
    ),
    (
        "unlocked",
        row("there is no manifest", "m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel up", 4, "whimbrel lock").ends(0, "it is written"),
    ),
    (
        "signature",
        row("the manifest is not signed as it has to be", "m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; signed; rm migrations/whimbrel.sum.sig", "whimbrel up", 4, "when it is reviewed: whimbrel sign --key KEY")
            .ends(0, "it is signed"),
    ),
    (
        "script",
        row("a script holds what no script may hold", "m 0001_users 'BEGIN;\\n'; whimbrel lock -q", "whimbrel up", 4, "correct …, then: whimbrel lock --amend 1")
            .done("m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock --amend 1", "it is locked as it is then"),
    ),
    (
        "directive",
        row("a directive is wrong", "m 0001_users '-- whimbrel: no-such\\nCREATE TABLE users (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "correct …, then: whimbrel lock --amend 1")
            .done("m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock --amend 1", "it is locked as it is then"),
    ),
    (
        "gap",
        row("a version is left out", "printf 'gaps = \"refuse\"\\n' > whimbrel.toml; m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; m 0003_c 'CREATE TABLE c (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "give the versions without a gap, or write `gaps = \"allow\"` into whimbrel.toml")
            .done("printf 'gaps = \"allow\"\\n' > whimbrel.toml", "gaps are allowed"),
    ),
    (
        "changed",
        row("the database has a migration as it was before", "dev; base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock -q --amend 1 --offline", "whimbrel up", 4, "to make this database anew: whimbrel reset")
            .ends(4, "shows what would be lost; `--yes` in a script")
            .then("whimbrel reset --yes && whimbrel up", 0),
    ),
    (
        "changed",
        row("the same, where the database is to stay", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock -q --amend 1 --offline", "whimbrel up", 4, "if the change is meant for databases that have it: whimbrel lock --accept 1 --reason '…'")
            .ends(0, "the database takes the new digest over, and runs nothing"),
    ),
    (
        "changed",
        row("the same, and the last commit has it as the database has", "base; repo; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock -q --amend 1 --offline", "whimbrel up", 4, "if the database has what the last commit has: git restore --source=HEAD --staged --worktree …")
            .ends(0, "file and manifest are back"),
    ),
    (
        "late",
        row("a migration is older than an applied one", "base; m 0003_c 'CREATE TABLE c (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "if it may run after newer ones: whimbrel up --out-of-order")
            .ends(0, "it is applied out of order"),
    ),
    (
        "late",
        row("the same", "base; m 0003_c 'CREATE TABLE c (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "if no database has it: whimbrel lock --renumber …")
            .ends(0, "it has a version behind the applied ones"),
    ),
    (
        "unknown",
        row("the database has a migration that is not here", "base; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; cp migrations/whimbrel.sum migrations/0002_b.sql .; rm migrations/0002_b.sql; whimbrel lock -q --amend 2 --offline; m 0003_c 'CREATE TABLE c (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "whimbrel status").ends(0, "shows which one").then("whimbrel up", 4),
    ),
    (
        "unknown",
        row("the same", "base; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; mv migrations/0002_b.sql .; whimbrel lock -q --amend 2 --offline; m 0003_c 'CREATE TABLE c (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "bring its file and its line in the manifest here, from whoever has applied it")
            .done("mv 0002_b.sql migrations && whimbrel lock", "it is known"),
    ),
    (
        "reverted",
        row("a migration was reverted", "down2; whimbrel down -q --yes --approve \"$(whimbrel plan --down --digest)\"", "whimbrel up", 4, "to apply it again: whimbrel up --reapply").ends(0, "it is applied again"),
    ),
    (
        "revision",
        row("a repeatable has another text under the revision that the database has", "m R__v 'CREATE VIEW v AS SELECT 1;\\n'; whimbrel lock -q; whimbrel up -q; rm migrations/whimbrel.sum; m R__v 'DROP VIEW v; CREATE VIEW v AS SELECT 2;\\n'; whimbrel lock -q", "whimbrel up", 4, "change the repeatable once more (a comment will do), then: whimbrel lock")
            .done("printf -- '-- more\\n' >> migrations/R__v.sql; whimbrel lock", "it has a revision of its own"),
    ),
    (
        "ahead",
        row("the database is ahead of the program", "printf 'ahead = \"refuse\"\\n' > whimbrel.toml; base; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; rm migrations/0002_b.sql; whimbrel lock -q --amend 2 --offline", "whimbrel up", 4, "use the newer release, or write `ahead = \"accept\"` into whimbrel.toml")
            .done("printf 'ahead = \"accept\"\\n' > whimbrel.toml", "it is left as it is"),
    ),
    (
        "no way down",
        row("there is no way down", "base", "whimbrel down", 4, "write its .down.sql, or a new migration that undoes it")
            .done("m 0002_undo '-- whimbrel: allow drop-table because it undoes\\nDROP TABLE users;\\n'; whimbrel lock", "a new one undoes it")
            .then("whimbrel up || whimbrel up --approve \"$(whimbrel plan --digest)\"", 0),
    ),
    (
        "environment",
        row("the database belongs to another environment", "dev; printf '[environments.production]\\nsqlite = \"shop.db\"\\n' >> whimbrel.toml; base", "whimbrel -e production up", 4, "to see which database is meant: whimbrel -e production config").ends(0, "shows which environment was meant, and why"),
    ),
    (
        "environment",
        row("the same", "dev; printf '[environments.production]\\nsqlite = \"shop.db\"\\n' >> whimbrel.toml; base", "whimbrel -e production up", 4, "if that one is meant: whimbrel -e development up").ends(0, "it is applied as that environment"),
    ),
    (
        "history",
        row("the history was touched by something else", "base; touch_history", "whimbrel up", 8, "whimbrel history --verify").ends(8, "shows the row").then("whimbrel repair --reason seen --yes && whimbrel up", 0),
    ),
    (
        "history",
        row("the same", "base; touch_history", "whimbrel up", 8, "when you know who did it, and why: whimbrel repair --reason '…'").ends(4, "shows the rows; `--yes` in a script").then("whimbrel repair --reason seen --yes && whimbrel up", 0),
    ),
    (
        "history",
        row("a row of the history cannot be read", "base; spoil_history", "whimbrel up", 8, "put back what stood in the column, from a backup of whimbrel_history (or use a newer whimbrel, if one has written the row), then: whimbrel history --verify")
            .done("restore_history; whimbrel history --verify", "the row is as it was written"),
    ),
    (
        "history",
        row("the same", "base; spoil_history", "whimbrel up", 8, "without a backup: write a value of the form in docs/formats.md into the column, then: whimbrel repair --reason '…'")
            .done("sql \"UPDATE whimbrel_history SET detail = 'v1' WHERE seq = 2\"; whimbrel repair --reason seen --yes", "the row counts as it stands"),
    ),
    (
        "value",
        row("a script asks for a value that nobody gives", "dev; m 0001_users '-- whimbrel: placeholders\\nCREATE TABLE users (id INTEGER DEFAULT ${first});\\n'; whimbrel lock -q", "whimbrel up", 4, "give it in whimbrel.toml: values = { name = \"…\" }")
            .done("printf 'values = { first = \"1\" }\\n%s' \"$(cat whimbrel.toml)\" > whimbrel.toml", "it is filled in"),
    ),
    (
        "baselined",
        row("there is a history where there should be none", "base; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q", "whimbrel baseline 2", 4, "whimbrel status").ends(0, "shows what the database has"),
    ),
    (
        "target",
        row("there is no such version", "base", "whimbrel baseline 7", 4, "whimbrel status").ends(0, "shows the versions"),
    ),
    (
        "policy",
        row("a rule is broken", "printf '[policy.rules]\\ndrop-table = \"refusal\"\\n' > whimbrel.toml; base; m 0002_b 'DROP TABLE users;\\n'; whimbrel lock -q", "whimbrel up", 4, "whimbrel lint").ends(4, "shows the rule, and what to do instead").then("whimbrel up", 4),
    ),
    (
        "step",
        row("a step in Rust is not bound here", "base; printf 'revision = 1\\n' > migrations/0002_step.rust; whimbrel lock -q", "whimbrel up", 4, "start the application, which has the step").done("true", "the application applies it").then("whimbrel up", 4),
    ),
    (
        "by hand",
        row("a script for the database's client cannot hold it", "base; printf 'revision = 1\\n' > migrations/0002_step.rust; whimbrel lock -q", "whimbrel plan --sql", 4, "start the application, which has the step").done("true", "the application applies it").then("whimbrel up", 4),
    ),
    (
        "nothing",
        row("nothing is there to be done again", "m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; whimbrel create", "whimbrel redo", 4, "whimbrel status").ends(0, "shows what is in force"),
    ),
    (
        "open",
        row("a migration was begun and not ended", "base; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT no_such();\\n'; whimbrel lock -q; ! whimbrel up -q 2> /dev/null", "whimbrel down", 4, "whimbrel settle")
            .ends(0, "shows how far it came")
            .then("m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT 1;\\n'; whimbrel lock --amend 2 && whimbrel up", 0),
    ),
    (
        "preflight",
        row("the user may do more than a migrator should", "printf 'preflight = [\"without-superuser\"]\\n' > whimbrel.toml; whimbrel create; m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q", "whimbrel up", 4, "whimbrel doctor").ends(1, "says what to grant, and to whom").then("whimbrel up", 4).on(Kind::Postgres),
    ),
    (
        "renamed",
        row("the set has another name than in the history", "base; renamed", "whimbrel up", 4, "say `set = \"app\"` in whimbrel.toml, and `set app` in the second line of whimbrel.sum, then: whimbrel lock")
            .done("printf 'set = \"app\"\\n' > whimbrel.toml; sed -i '2s/.*/set app/' migrations/whimbrel.sum; whimbrel lock", "it has its name again"),
    ),
    (
        "renamed",
        row("the same", "base; renamed", "whimbrel up", 4, "or, if the new name is meant: whimbrel baseline 1")
            .done("whimbrel baseline 1 --yes", "its versions are declared under the new name"),
    ),
    (
        "schema",
        row("the search path leads to another schema than the history's", "whimbrel create; base; psql -q \"$DATABASE_URL\" -c 'CREATE SCHEMA other' -c \"ALTER DATABASE ${DATABASE_URL##*/} SET search_path = other\"", "whimbrel up", 4, "if that one is meant: write `table = \"public.whimbrel_history\"` into whimbrel.toml")
            .done("printf 'table = \"public.whimbrel_history\"\\n' > whimbrel.toml", "it is found there")
            .on(Kind::Postgres),
    ),
    (
        "in doubt",
        row("no one can tell whether a statement took effect", "doubt", "whimbrel up", 5, "whimbrel settle 2").ends(0, "shows what is known").then("whimbrel up", 5).on(Kind::MariaDb),
    ),
    (
        "in doubt",
        row("the same, and it did", "doubt", "whimbrel up", 5, "whimbrel settle 2 --statement 1 --took-effect --reason '…'").ends(0, "goes on behind it").on(Kind::MariaDb),
    ),
    (
        "in doubt",
        row("the same, and it did not", "doubt", "whimbrel up", 5, "whimbrel settle 2 --statement 1 --did-not --reason '…'").ends(0, "runs it (which here ends its session once more)").then("whimbrel up", 6).on(Kind::MariaDb),
    ),
    (
        "in doubt",
        row("a session is gone with what it held", "lost_session", "whimbrel up", 5, "whimbrel settle 2 --applied --reason '…'").ends(0, "counts as done, once it was ended by hand").on(Kind::MariaDb),
    ),
    (
        "in doubt",
        row("the same", "lost_session", "whimbrel up", 5, "whimbrel settle 2 --undone --reason '…'").ends(0, "begins anew, once it was undone by hand (which here ends its session once more)").then("whimbrel up", 6).on(Kind::MariaDb),
    ),
    (
        "replay",
        row("a signed manifest is older than the history", "replayed", "whimbrel down", 4, "bring back the newest whimbrel.sum, with its signature and the files that it lists")
            .done("cp new/* migrations", "it is the newest again")
            .then("whimbrel down -q --yes --approve \"$(whimbrel plan --down --digest)\"", 0),
    ),
    (
        "replay",
        row("the same", "replayed", "whimbrel down", 4, "whimbrel status").ends(0, "shows what the database has").then("whimbrel down", 4),
    ),
    (
        "unbaselined",
        row("the database has tables and no history", "m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; sql 'CREATE TABLE a (id INTEGER)'", "whimbrel up", 4, "if they are ours, with the newest version that they have: whimbrel baseline VERSION",
        )
        .done("whimbrel baseline 1 --yes", "it is declared"),
    ),
    (
        "unbaselined",
        row("the same, and they are those of others", "m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; sql 'CREATE TABLE other (id INTEGER)'", "whimbrel up", 4, "if they are none of ours: whimbrel up --beside-others").ends(0, "it begins beside them"),
    ),
    (
        "unbaselined",
        row("the same, and another tool has recorded what they have", "for n in 1 2 3; do m 000${n}_t$n \"CREATE TABLE t$n (id INTEGER);\\n\"; done; whimbrel lock -q; sql 'CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied INTEGER, tstamp TEXT); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (3, 1); CREATE TABLE t1 (id INTEGER); CREATE TABLE t3 (id INTEGER)'", "whimbrel up", 4, "whimbrel baseline 3 --except 2")
            .ends(4, "shows what would be declared; `--yes` in a script")
            .then("whimbrel baseline 3 --except 2 --yes && whimbrel up --out-of-order", 0),
    ),
];

/// Kinds of findings that the command never meets, and the tests that do what they say.
pub(super) const IN_LIBRARY: &[(&str, &str, &str)] = &[
    (
        "tampered",
        "of a program whose own file is damaged: it is built again",
        "crates/whimbrel-sign/tests/embedded.rs::constants_that_do_not_follow_from_the_signed_manifest_are_refused",
    ),
    (
        "duplicate",
        "of two sets of one program",
        "tests/tests/defects/methods.rs::each_finding_is_gone_when_what_it_says_is_done",
    ),
];

/// Whatever else is refused or fails.
pub(super) const ERRORS: &[Row] = &[
    row("a plan wants an approval", "base; m 0002_b 'ALTER TABLE users DROP COLUMN name;\\n'; whimbrel lock -q", "whimbrel up", 4, "look at it: whimbrel plan").ends(0, "shows it").then("whimbrel up", 4),
    row("the same", "base; m 0002_b 'ALTER TABLE users DROP COLUMN name;\\n'; whimbrel lock -q", "whimbrel up", 4, "if it is meant: whimbrel up --approve …").ends(0, "it is carried out"),
    row("the same, reverting", "down2", "whimbrel down", 4, "whimbrel down --to 1 --approve …").ends(0, "it is reverted").then("whimbrel up --reapply", 0),
    row("the same, reverting and applying again", "down2", "whimbrel redo", 4, "whimbrel redo --approve …").ends(0, "it is done"),
    row("the same, as a script", "base; m 0002_b 'ALTER TABLE users DROP COLUMN name;\\n'; whimbrel lock -q", "whimbrel plan --sql", 4, "if it is meant: whimbrel plan --sql --approve …").ends(0, "prints the script").then("whimbrel up", 4),
    row("what is reverted wants more than a yes", "down2", "whimbrel down --yes", 4, "whimbrel down --to 1 --approve …").ends(0, "it is reverted").then("whimbrel up --reapply", 0),
    row("something is pending", "base; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; whimbrel lock -q", "whimbrel check", 3, "whimbrel up").ends(0, "it is applied").then("whimbrel check", 0),
    row("a statement failed", "m 0001_a 'SELECT no_such();\\n'; whimbrel lock -q", "whimbrel up", 1, "correct …, then").done("m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock --amend 1", "it is tried at once"),
    row("the same", "m 0001_a 'SELECT no_such();\\n'; whimbrel lock -q", "whimbrel up", 1, "whimbrel lock --amend 1").done("m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock --amend 1", "it is tried at once"),
    row("what is changed is not what was locked", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel lock", 4, "if databases have it: whimbrel lock --accept 1 --reason '…'").ends(0, "they take the new digest over"),
    row("the same, and no database has it", "m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; whimbrel lock -q; m 0001_users 'CREATE TABLE users (id INTEGER, a INTEGER);\\n'", "whimbrel lock", 4, "if none has: whimbrel lock --amend 1").ends(0, "it is locked as it is"),
    row("the same, in development", "dev; base; m 0001_users 'CREATE TABLE users (id INTEGER, a INTEGER);\\n'", "whimbrel lock", 4, "if only this one has: whimbrel reset --relock").ends(4, "shows what would be lost; `--yes` in a script").then("whimbrel reset --relock --yes", 0),
    row("the same, and git has it as it was locked", "base; repo; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; git add -A", "whimbrel lock", 4, "or bring back what was locked: git restore --source=HEAD --staged --worktree …").ends(0, "the file is back"),
    row("the database has what is to be amended", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel lock --amend 1", 4, "whimbrel lock --accept 1 --reason '…'").ends(0, "it takes the new digest over"),
    row("the same, with a way back", "down2; cp migrations/0002_b.sql old; m 0002_b 'CREATE TABLE b (id INTEGER, c INTEGER);\\n'", "whimbrel lock --amend 2", 4, "or bring the file back, and revert it first: whimbrel down").done("mv old migrations/0002_b.sql; whimbrel down --approve \"$(whimbrel plan --down --digest)\"", "it is no longer there").then("m 0002_b 'CREATE TABLE b (id INTEGER, c INTEGER);\\n'; whimbrel lock --amend 2 && whimbrel up --reapply", 0),
    row("two branches have changed the manifest", "base; conflict", "whimbrel up", 4, "to merge both sides: whimbrel lock").ends(0, "it has the lines of both"),
    row("the same, and a migration is to be begun", "base; conflict", "whimbrel new c", 4, "whimbrel lock").ends(0, "it has the lines of both"),
    row("the same, and the driver cannot merge them", "base; conflict", "whimbrel merge migrations/whimbrel.sum migrations/whimbrel.sum migrations/whimbrel.sum --path migrations/whimbrel.sum", 4, "whimbrel lock, which asks what only a person knows").done("whimbrel lock", "it asks what is to be asked"),
    row("two files have taken one version", "base; m 0002_a 'CREATE TABLE a (id INTEGER);\\n'; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'", "whimbrel lock", 4, "if no database has 0002_b.sql: whimbrel lock --renumber …").ends(0, "it has the next free version"),
    row("the database has what is to be renumbered", "base; m 0002_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; whimbrel up -q; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'", "whimbrel lock --renumber migrations/0002_a.sql", 4, "if no database has 0002_b.sql: whimbrel lock --renumber …").ends(0, "the other one has the next free version"),
    row("the same, in development", "dev; base", "whimbrel lock --renumber migrations/0001_users.sql", 4, "if only this one has it, and may be made anew: whimbrel lock --renumber … --offline && whimbrel reset").ends(4, "renumbers it, and shows what would be lost; `--yes` in a script").then("whimbrel reset --yes", 0),
    row("the same, elsewhere", "base", "whimbrel lock --renumber migrations/0001_users.sql", 4, "if it is another one of that name: whimbrel lock --renumber … --offline").ends(0, "it has the next free version").then("whimbrel verify", 0),
    row("the file to renumber is none", "base", "whimbrel lock --renumber 0009_x.sql", 2, "ls …").ends(0, "shows the files"),
    row("the manifest is none", "base; repo; echo rubbish > migrations/whimbrel.sum", "whimbrel lock", 4, "git restore migrations/whimbrel.sum").ends(0, "it is back"),
    row("the same, without git", "base; echo rubbish > migrations/whimbrel.sum", "whimbrel lock", 4, "or write it anew from the files: mv … ….bak && whimbrel lock").ends(0, "it is written anew"),
    row("the same", "base; cp migrations/whimbrel.sum old; echo rubbish > migrations/whimbrel.sum", "whimbrel lock", 4, "bring it back from a copy: it knows which migrations were changed or removed on purpose").done("cp old migrations/whimbrel.sum", "it is back"),
    row("the same, in the middle of a merge", "base; conflict; sed -i 's/^file .*0002_a.sql/rubbish/' migrations/whimbrel.sum", "whimbrel lock", 4, "git checkout --ours … && whimbrel lock").ends(0, "our side, and the files of the other one, are locked"),
    row("the branches name two sets", "base; conflict; sed -i '0,/^<<<<<<</b;s/^set app/set app/' migrations/whimbrel.sum; git checkout -q --ours migrations/whimbrel.sum; sed -i 's/^set app/set shop/' migrations/whimbrel.sum; { echo '<<<<<<< ours'; sed -n '2,$p' migrations/whimbrel.sum; echo =======; sed -n '2,$s/^set shop/set app/;2,$p' migrations/whimbrel.sum; echo '>>>>>>> theirs'; } > x; { echo 'whimbrel-sum 1'; cat x; } > migrations/whimbrel.sum; rm -rf x .git", "whimbrel lock", 4, "say which: write `set = \"shop\"` into whimbrel.toml, then whimbrel lock").done("printf 'set = \"app\"\\n' > whimbrel.toml; whimbrel lock", "it is the one that was named"),
    row("the manifest is for another set", "base; printf 'set = \"shop\"\\n' > whimbrel.toml", "whimbrel up", 4, "write `set = \"app\"` into whimbrel.toml").done("printf 'set = \"app\"\\n' > whimbrel.toml", "it is that one"),
    row("the same", "base2; printf 'set = \"shop\"\\n' > whimbrel.toml", "whimbrel up", 4, "or, if the new name is meant: write `set shop` into the second line of migrations/whimbrel.sum, then: whimbrel lock").done("sed -i '2s/.*/set shop/' migrations/whimbrel.sum; whimbrel lock", "it has the new name"),
    row("git is not there for the merge driver", "base", "whimbrel merge --install", 4, "git init, then whimbrel merge --install").done("git init -q . && whimbrel merge --install", "git merges by it"),
    row("a reason says nothing", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel lock --accept 1 --reason …", 2, "say in some words why: it is kept, and people will read it").done("whimbrel lock --accept 1 --reason 'a typo'", "it is kept"),
    row("a file has a wrong name", "base; echo x > migrations/notes.txt", "whimbrel lock", 4, "rename …, or move it away, or delete it").done("rm migrations/notes.txt", "it is gone"),
    row("a file has a name of another tool's layout", "base; echo 'SELECT 1;' > migrations/V9__b.sql", "whimbrel lock", 4, "mv migrations/V9__b.sql migrations/9_b.sql").ends(0, "it has one of this layout").then("whimbrel lock", 0),
    row("the manifest is larger than it may be", "base; printf '[limits]\\nmanifest-bytes = 9\\n' > whimbrel.toml", "whimbrel lock", 4, "if that is meant, raise `manifest-bytes` below `[limits]` in whimbrel.toml").done("printf '[limits]\\nmanifest-bytes = 9999\\n' > whimbrel.toml; whimbrel lock", "it is read"),
    row("a new migration's version is taken", "base", "whimbrel new x --version 1", 4, "leave --version out: the next one is taken").done("whimbrel new x", "it is begun").then("whimbrel verify", 4),
    row("a new migration's name is none", "base", "whimbrel new a.b", 2, "give a name of letters, digits, `_` and `-`").done("whimbrel new a_b", "it is begun").then("whimbrel verify", 4),
    row("there are folders for databases and migrations beside them", "base; mkdir migrations/sqlite", "whimbrel lock", 4, "put all of them into folders, one for each database").done("mv migrations/*.sql migrations/whimbrel.sum migrations/sqlite", "each database has its own"),
    row("the same", "base; mkdir migrations/sqlite", "whimbrel lock", 4, "or rename the folder migrations/sqlite").done("mv migrations/sqlite x", "it is none of them"),
    row("a dialect has no folder", "mkdir -p migrations/mysql migrations/postgres", "whimbrel new x", 2, "make it, or name another one with --dialect").done("mkdir migrations/sqlite && whimbrel new x && whimbrel lock", "it is there").then("whimbrel verify", 4),
    row("no database says which dialect is meant", "base; unset DATABASE_URL", "env -u DATABASE_URL whimbrel verify", 2, "say which: --dialect postgres, mysql, mariadb or sqlite").done("env -u DATABASE_URL whimbrel verify --dialect sqlite", "it is checked for that one"),
    row("there is no such version", "base", "whimbrel up --to 9", 4, "whimbrel status").ends(0, "shows the versions"),
    row("a baseline wants a yes", "m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; sql 'CREATE TABLE a (id INTEGER)'", "whimbrel baseline 1", 4, "whimbrel baseline 1 --yes").ends(0, "it is declared"),
    row("a drop wants a yes", "base", "whimbrel drop", 4, "whimbrel drop --yes").ends(0, "it is removed"),
    row("a repair wants a yes", "base; touch_history", "whimbrel repair --reason seen", 4, "whimbrel repair --reason seen --yes").ends(0, "the rows count as they stand"),
    row("the environment is not for development", "dev; sed -i /development.=.true/d whimbrel.toml; base", "whimbrel drop --yes", 4, "write `development = true` into its table in whimbrel.toml").done("printf 'development = true\\n' >> whimbrel.toml; whimbrel drop --yes", "it is removed"),
    row("the same", "dev; sed -i /development.=.true/d whimbrel.toml; base", "whimbrel drop --yes", 4, "or, this once: whimbrel drop --yes --any-environment").ends(0, "it is removed"),
    row("the database belongs to another environment", "dev; printf '[environments.production]\\nsqlite = \"shop.db\"\\n' >> whimbrel.toml; m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; whimbrel -e production up -q", "whimbrel drop --yes", 4, "whimbrel config").ends(0, "shows which one was meant").then("whimbrel -e production up", 0),
    row("the same", "dev; printf '[environments.production]\\nsqlite = \"shop.db\"\\n' >> whimbrel.toml; m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock -q; whimbrel -e production up -q", "whimbrel drop --yes", 4, "if it is to go all the same: whimbrel drop --yes --any-environment").ends(0, "it is removed"),
    row("a reset would lose what only the application makes", "base; printf 'revision = 1\\n' > migrations/0002_step.rust; whimbrel lock -q", "whimbrel reset --yes", 4, "whimbrel drop").ends(4, "wants a yes").then("whimbrel drop --yes", 0),
    row("the same", "base; printf 'revision = 1\\n' > migrations/0002_step.rust; whimbrel lock -q", "whimbrel reset --yes", 4, "then start the application, which builds everything").done("true", "it does").then("whimbrel up", 4),
    row("`reset --relock` is not allowed here", "base; m 0001_users 'CREATE TABLE users (id INTEGER);\\n'", "whimbrel reset --relock --yes", 4, "whimbrel lock").ends(4, "asks whether databases have it").then("whimbrel lock --accept 1 --reason seen && whimbrel up", 0),
    row("nothing is open to settle", "base", "whimbrel settle 1 --applied --reason seen", 4, "whimbrel status").ends(0, "shows what the database has"),
    row("a manifest to sign is not there", "m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; key", "whimbrel sign --key key", 4, "whimbrel lock").ends(0, "it is written"),
    row("a manifest to sign is not that of the files", "base; key; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'", "whimbrel sign --key key", 4, "whimbrel lock").ends(0, "it is"),
    row("a key cannot sign", "base; echo rubbish > key", "whimbrel sign --key key", 1, "name a private key of Ed25519, or the .pub file of one in the agent").done("rm key; key; whimbrel sign --key key", "it is signed"),
    row("nobody says whose approvals count", "base; echo x > a.sig", "whimbrel up --approval a.sig", 2, "write [signatures] and [signatures.approvals] into whimbrel.toml").done("key; printf '[signatures]\\nallowed-signers = \"signers\"\\n[signatures.approvals]\\nthreshold = 1\\n' > whimbrel.toml; whimbrel sign --key key", "they count"),
    row("there is no such rule", "base", "whimbrel lint --explain x", 2, "whimbrel lint --rules").ends(0, "shows them"),
    row("a report would replace what is none", "base; echo x > page.html", "whimbrel report --out page.html", 4, "name another file with --out").done("whimbrel report --out other.html", "it is written there"),
    row("an argument looks like a password", "base", "whimbrel new postgres://ann:secret@db/x", 2, "put the URL into an environment variable and say --url env:NAME; see whimbrel --help").done("whimbrel status --url env:DATABASE_URL", "it is read from there"),
    row("an option has a wrong value", "base", "whimbrel up --to secret1", 2, "whimbrel up --help").ends(0, "shows the options"),
    row("no database is named", "base", "env -u DATABASE_URL whimbrel up", 2, "set DATABASE_URL, say `--url` (sqlite:app.db, env:NAME), or write whimbrel.toml: whimbrel init").done("env -u DATABASE_URL whimbrel up --url sqlite:shop.db", "it is used"),
    row("no environment is named", "dev; sed -i 1d whimbrel.toml; base2", "env -u DATABASE_URL whimbrel up", 2, "say `--environment NAME`, or `--url`; the environments: development").done("whimbrel up --environment development", "its database is used").then("whimbrel up -e development", 0),
    row("the environment names no database", "printf 'environment = \"a\"\\n[environments.a]\\n' > whimbrel.toml; base2", "env -u DATABASE_URL whimbrel up", 2, "write `url = { env = \"DATABASE_URL\" }` or `sqlite = \"app.db\"` into its table, or say `--url`").done("printf 'sqlite = \"app.db\"\\n' >> whimbrel.toml", "it is used"),
    row("there is no such environment", "dev; base", "whimbrel -e x up", 2, "it has: development").done("whimbrel -e development up", "it is used"),
    row("the file has no environments", "printf 'directory = \"migrations\"\\n' > whimbrel.toml; base", "whimbrel -e x up", 2, "add its table, `[environments.NAME]`").done("printf '[environments.x]\\nsqlite = \"x.db\"\\n' >> whimbrel.toml", "it is used").then("whimbrel -e x up", 0),
    row("the default environment has no table", "base2; printf 'environment = \"x\"\\n' > whimbrel.toml", "whimbrel up", 2, "add that table, or name another environment").done("printf '[environments.x]\\nsqlite = \"x.db\"\\n' >> whimbrel.toml", "it is used"),
    row("a key of the configuration is mistyped", "base; printf 'directry = \"migrations\"\\n' > whimbrel.toml", "whimbrel up", 2, "did you mean `directory`?").done("sed -i s/directry/directory/ whimbrel.toml", "it is read"),
    row("a key of the configuration is none", "base; printf 'zzz = 1\\n' > whimbrel.toml", "whimbrel up", 2, "the keys here: …").done("rm whimbrel.toml", "it is gone"),
    row("a key of the configuration is in a wrong table", "base; printf 'sqlite = \"a.db\"\\n' > whimbrel.toml", "whimbrel up", 2, "its place: …").done("printf 'environment = \"a\"\\n[environments.a]\\nsqlite = \"shop.db\"\\nrecord-environment = false\\n' > whimbrel.toml", "it is read"),
    row("a value of the configuration has a wrong form", "base; printf 'lock-deadline = 5\\n' > whimbrel.toml", "whimbrel up", 2, "write it as in this example: `…`").done("printf 'lock-deadline = \"5s\"\\n' > whimbrel.toml", "it is read"),
    row("the configuration is no TOML", "base; printf 'directory = migrations\\n' > whimbrel.toml", "whimbrel up", 2, "mend this line (it is not shown, since it may hold a secret); texts stand in quotes: `directory = \"migrations\"`").done("printf 'directory = \"migrations\"\\n' > whimbrel.toml", "it is read"),
    row("the configuration is not UTF-8", "base; printf '\\377\\n' > whimbrel.toml", "whimbrel up", 2, "save it as UTF-8").done("printf '' > whimbrel.toml", "it is read"),
    row("the configuration is not there", "base", "whimbrel --config x.toml up", 2, "make it, or give its right path").done("touch x.toml; whimbrel --config x.toml up", "it is read"),
    row("the configuration is a folder", "base; mkdir x", "whimbrel --config x up", 2, "name the file in it, as whimbrel.toml").done("touch x/whimbrel.toml; cp -r migrations x; whimbrel --config x/whimbrel.toml up --url sqlite:shop.db", "it is read"),
    row("an environment names two databases", "base; printf '[environments.a]\\nsqlite = \"a.db\"\\nurl = { env = \"DATABASE_URL\" }\\n' > whimbrel.toml", "whimbrel -e a up", 2, "leave one of them out").done("sed -i /url/d whimbrel.toml", "the other one is used").then("whimbrel -e a up", 0),
    row("a file of SQLite has a password", "base; printf '[environments.a]\\nsqlite = \"a.db\"\\npassword = { env = \"X\" }\\n' > whimbrel.toml", "whimbrel -e a up", 2, "leave it out").done("sed -i /password/d whimbrel.toml", "it is used").then("whimbrel -e a up", 0),
    row("a file of SQLite is named as a URL", "base; printf '[environments.a]\\nurl = \"sqlite:a.db\"\\n' > whimbrel.toml", "whimbrel -e a up", 2, "a file of SQLite is named so: `sqlite = \"app.db\"`").done("sed -i 's/url = \"sqlite:/sqlite = \"/' whimbrel.toml", "it is used").then("whimbrel -e a up", 0),
    row("signatures are wanted of nobody", "base; printf '[signatures]\\n' > whimbrel.toml", "whimbrel up", 2, "name the file of the signers with `allowed-signers`, or public keys under `minisign`").done("key; printf '[signatures]\\nallowed-signers = \"signers\"\\n' > whimbrel.toml; whimbrel sign --key key", "theirs count"),
    row("the file of the signers is not there", "base; printf '[signatures]\\nallowed-signers = \"signers\"\\n' > whimbrel.toml", "whimbrel up", 2, "make it, or name the right path").done("key; whimbrel sign --key key", "theirs count"),
    row("the file of the signers is none", "base; echo rubbish > signers; printf '[signatures]\\nallowed-signers = \"signers\"\\n' > whimbrel.toml", "whimbrel up", 2, "write it as `ssh-keygen -Y verify` reads it").done("key; whimbrel sign --key key", "theirs count"),
    row("a level of the policy is of no rule", "base; printf '[policy.rules]\\nzzzzzz = \"refusal\"\\n' > whimbrel.toml", "whimbrel up", 2, "docs/policy.md has all rules").done("printf '' > whimbrel.toml", "it is gone"),
    row("a URL of SQLite has parameters", "base", "whimbrel up --url sqlite:shop.db?x=1", 2, "give `sqlite:PATH`").done("whimbrel up --url sqlite:shop.db", "it is used"),
    row("a URL of SQLite has a host", "base", "whimbrel up --url sqlite:ann@shop.db", 2, "give the path, a `@` in it as `%40`").done("whimbrel up --url sqlite:ann%40shop.db", "it is used"),
    row("a directory looks like a URL", "base", "whimbrel -d ann@db/migrations init", 2, "give a path without `@` and `://`").done("whimbrel -d db/migrations init", "it is made").then("whimbrel config", 0),
    row("the server is not to be reached", "base", "whimbrel up --url postgres://ann@127.0.0.1:1/x", 6, "whimbrel -u … doctor").done("whimbrel doctor --url sqlite:shop.db", "says what is in the way"),
    row("a statement failed behind one that was kept", "base; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT no_such();\\n'; whimbrel lock -q; ! whimbrel up -q 2> /dev/null", "whimbrel up", 1, "whimbrel lock --amend 2").done("m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT 1;\\n'; whimbrel lock --amend 2", "it goes on behind the one that was kept"),
    row("a settlement has no reason", "base; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT no_such();\\n'; whimbrel lock -q; ! whimbrel up -q 2> /dev/null", "whimbrel settle 2 --statement 2 --did-not", 2, "say how you know: --reason '…'; it is recorded for those who come later").done("whimbrel settle 2 --statement 2 --did-not --reason seen", "it is recorded").then("whimbrel up", 1),
    row("a migration has failed before, and waits", "m 0001_a 'SELECT no_such();\\n'; printf 'failure-pause = \"1h\"\\n' > whimbrel.toml; whimbrel lock -q; ! whimbrel up -q 2> /dev/null", "whimbrel up", 6, "a corrected file is tried at once").done("m 0001_a 'CREATE TABLE a (id INTEGER);\\n'; whimbrel lock --amend 1", "it is"),
    row("the same", "m 0001_a 'SELECT no_such();\\n'; printf 'failure-pause = \"1h\"\\n' > whimbrel.toml; whimbrel lock -q; ! whimbrel up -q 2> /dev/null", "whimbrel up", 6, "whimbrel history").ends(0, "shows what failed, and when").then("whimbrel up", 6),
    row("a secret stands in the configuration", "base; printf '[environments.a]\\nurl = \"postgres://ann:hunter2@db/x\"\\n' > whimbrel.toml", "whimbrel -e a up", 2, "put the secret into an environment variable or a file; if it stood in this file, others may have read it: change it").done("printf '[environments.a]\\nurl = { env = \"DATABASE_URL\" }\\nrecord-environment = false\\n' > whimbrel.toml", "it is read from there").then("whimbrel -e a up", 0),
    row("a statement was changed that the database has executed", "base; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT no_such();\\n'; whimbrel lock -q; ! whimbrel up -q 2> /dev/null; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE c (id INTEGER);\\nSELECT 1;\\n'", "whimbrel lock --amend 2", 4, "bring its first statements back as they were: what is behind them may change").done("m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT 1;\\n'; whimbrel lock --amend 2", "it goes on behind them"),
    row("the same", "base; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE b (id INTEGER);\\nSELECT no_such();\\n'; whimbrel lock -q; ! whimbrel up -q 2> /dev/null; m 0002_b '-- whimbrel: no-transaction\\nCREATE TABLE c (id INTEGER);\\nSELECT 1;\\n'", "whimbrel lock --amend 2", 4, "or undo by hand what was executed, then: whimbrel lock --amend 2 --offline && whimbrel settle 2 --undone --reason '…'").done("sql 'DROP TABLE b'; whimbrel lock --amend 2 --offline && whimbrel settle 2 --undone --reason seen", "it begins anew"),
    row("a migration is named that is as it was locked", "base", "whimbrel lock --accept 1 --reason seen", 2, "to lock what is new: whimbrel lock").ends(0, "it is locked"),
    row("the same", "base", "whimbrel lock --accept 1 --reason seen", 2, "to see what has changed: whimbrel verify").ends(0, "shows it"),
    row("the same, and it was to be amended", "base2", "whimbrel lock --amend 1", 2, "to see what has changed: whimbrel verify").ends(0, "shows it"),
    row("there is no directory", "true", "whimbrel up", 4, "to begin here: whimbrel new create_users").ends(0, "it is made, with a migration").then("whimbrel verify", 4),
    row("the same", "base; mv migrations db", "whimbrel up", 4, "or name the directory of the migrations: --directory=DIR").done("whimbrel up --directory=db", "it is read").then("whimbrel up --directory=db", 0),
    row("the same, and it is to be locked", "true", "whimbrel lock", 4, "to begin here: whimbrel new create_users").ends(0, "it is made, with a migration").then("whimbrel verify", 4),
    row("more signers are wanted than are named", "base; key; printf '[signatures]\\nallowed-signers = \"signers\"\\nthreshold = 2\\n' > whimbrel.toml", "whimbrel up", 1, "name as many signers as have to sign, or lower the threshold").done("printf '[signatures]\\nallowed-signers = \"signers\"\\n' > whimbrel.toml; whimbrel sign --key key", "theirs count"),
    row("the manifest cannot be read", "base; repo; printf '\\377' > migrations/whimbrel.sum", "whimbrel up", 4, "bring it back as it was: git restore …").ends(0, "it is back"),
    row("the same, and files are new", "base; repo; m 0002_b 'CREATE TABLE b (id INTEGER);\\n'; printf '\\377' > migrations/whimbrel.sum", "whimbrel up", 4, "if files are new: whimbrel lock").done("git restore migrations/whimbrel.sum; whimbrel lock", "they are locked behind it"),
    row("the signature is larger than it may be", "m 0001_users 'CREATE TABLE users (id INTEGER);\\n'; signed; head -c 99999 /dev/zero > migrations/whimbrel.sum.sig", "whimbrel up", 4, "when it is reviewed, sign it anew: rm … && whimbrel sign --key KEY").ends(0, "it is signed"),
    row("`init` finds a configuration", "base; printf '' > whimbrel.toml", "whimbrel init", 4, "to see its settings: whimbrel config").ends(0, "shows them"),
    row("the same", "base; printf '' > whimbrel.toml", "whimbrel init", 4, "to begin a migration with it: whimbrel new create_users").ends(0, "it is begun").then("whimbrel verify", 4),
    row("`init` finds a file in the place of the directory", "rm -rf migrations; touch migrations", "whimbrel init", 4, "name another directory: whimbrel init --directory=DIR").done("whimbrel init --directory=db", "it is made").then("whimbrel config", 0),
    row("`init` is told to write another configuration", "base2; touch x.toml", "whimbrel --config x.toml init", 2, "leave --config out, and move the file afterwards").done("whimbrel init && mv whimbrel.toml x.toml", "it is made").then("whimbrel --config x.toml up", 0),
    row("`init` is told of two databases", "base2", "whimbrel init --url sqlite:a.db --sqlite b.db", 2, "leave --url out").done("whimbrel init --sqlite b.db", "the other one is used"),
    row("`init` is told a URL", "base2", "whimbrel init --url postgres://localhost/shop", 2, "put the URL into an environment variable, then: whimbrel init --variable NAME").done("whimbrel init --variable SHOP_URL", "it refers to the variable").then("SHOP_URL=sqlite:shop.db whimbrel up", 0),
    row("the same", "base2", "whimbrel init --url postgres://localhost/shop", 2, "or into a file that only you may read, then: whimbrel init --url file:PATH").done("(umask 077; echo sqlite:shop.db > url); whimbrel init --url file:url", "it refers to the file"),
    row("the script of new connections holds more than it may", "base; printf 'BEGIN;\\n' > prepare.sql; printf 'init = \"prepare.sql\"\\n' > whimbrel.toml", "whimbrel up", 4, "leave in it only what prepares a connection, such as settings and temporary functions").done("printf 'PRAGMA cache_size = 100;\\n' > prepare.sql", "it is executed"),
    row("the script of new connections fails", "base; printf 'SELECT no_such();\\n' > prepare.sql; printf 'init = \"prepare.sql\"\\n' > whimbrel.toml", "whimbrel up", 1, "correct it: it runs on each new connection, before anything else").done("printf 'PRAGMA cache_size = 100;\\n' > prepare.sql", "it is executed"),
    row("the folder of a file of SQLite is not there", "base", "whimbrel up --url sqlite:nowhere/shop.db", 1, "mkdir -p nowhere").ends(0, "it is there").then("whimbrel up --url sqlite:nowhere/shop.db", 0),
    row("signatures to add to cannot be read", "base; key; mkdir a.sig", "whimbrel sign --key key --plan b3v1:$(printf %064d 0) --out a.sig --add", 1, "make the file readable, or leave --add out to begin anew").done("rmdir a.sig; whimbrel sign --key key --plan b3v1:$(printf %064d 0) --out a.sig --add", "it is signed"),
    row("signatures to add to have too many bytes", "base; key; head -c 99999 /dev/zero > a.sig", "whimbrel sign --key key --plan b3v1:$(printf %064d 0) --out a.sig --add", 4, "leave --add out to begin anew, then let each signer sign once").done("whimbrel sign --key key --plan b3v1:$(printf %064d 0) --out a.sig", "it is signed"),
    row("a public key of minisign is none", "base; printf '[signatures]\\nminisign = { ann = \"RWA%053d\" }\\n' 0 > whimbrel.toml", "whimbrel up", 2, "copy the key from the .pub file: its second line, which begins with RW").done("key; printf '[signatures]\\nallowed-signers = \"signers\"\\n' > whimbrel.toml; whimbrel sign --key key", "or name signers of OpenSSH"),
];

/// Remedies in the code that no row types, and why.
pub(super) const UNTYPED: &[(&str, &str)] = &[
    ("it is for the set `", "a part of a message that is looked for"),
    ("with_table", "a part of a message that is looked for"),
    ("cannot be read", "a part of a message that is looked for"),
    ("declare them", "a part of a message that is looked for"),
    ("migration files", "a part of a message that is looked for"),
    ("put back what stood", "a part of a message that is looked for"),
    ("take another folder, or the right to write to this one", "of a folder that root can write to"),
    ("for the set ", "a part of a message that is looked for"),
    ("build it with that feature, or say another --dialect", "of a build without the database"),
    ("use a build with the feature `policy`, or say `enabled = false`", "of a build without it"),
    ("use a build with the feature `sign`", "of a build without it"),
    (
        "change into one that exists, or name the configuration with `--config`",
        "of a working directory that is gone",
    ),
    (
        "give this user the right to read it, or name another one with `--config`",
        "of a file that root can read",
    ),
    ("give another path", "of a path that is not UTF-8"),
    ("give a path", "of a path with control characters"),
    ("install it (on Debian the package …)", "of a machine without the program"),
    ("git config merge.whimbrel.driver '…'", "of a git whose configuration cannot be written"),
    ("name the configuration file", "of an empty path"),
    ("make it a secret, under `secrets`, and write `$…` in the script", "the page on configuration has it"),
    ("settle……… --yes", "on a terminal"),
    ("if that is meant: …", "of a database on another machine"),
    ("… --remote", "of a database on another machine"),
    ("reset --relock --yes", "what `up` offers on a terminal; its own test types it"),
    ("plan --redo", "what is looked at before a redo"),
    ("plan --down", "what is looked at before a way down"),
    ("new create_users", "what `init` shows at its end"),
    ("was not in what was shown", "of files that change between a yes and its plan"),
];
