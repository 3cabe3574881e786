//! What a policy does with rules: levels, waivers, circumstances. The rules themselves are tested by their examples.

use std::collections::BTreeSet;
use std::time::Duration;

use whimbrel::{Conditions, ErrorKind, Finding, FindingKind, Memory, Product, ServerVersion, Weight};
use whimbrel_policy::{Concern, Level, Policy, rules};

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, fax text);";

/// What the policy says of a script, on a database with users.
fn lint(policy: &Policy, script: &str, conditions: &Conditions) -> Vec<Finding> {
    let set = Memory::new().with_sql(1, "users", USERS).with_sql(2, "it", script).set().expect("a set");
    policy.lint(&set, Product::Postgres, conditions).expect("rules for PostgreSQL")
}

/// The names of the rules that a script breaks, with a limit on waiting.
fn broken(script: &str) -> Vec<String> {
    let patient = Conditions::default().with_lock_timeout(Duration::from_secs(3));
    lint(&Policy::new(), script, &patient).iter().map(rule).collect()
}

fn rule(finding: &Finding) -> String {
    finding.message().split(": ").next().expect("a name").to_owned()
}

#[test]
fn names_are_unique_and_kebab_case_and_every_rule_says_everything() {
    let names: BTreeSet<&str> = rules().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), rules().count());
    assert!(names.len() >= 45, "only {} rules", names.len());
    for rule in rules() {
        assert!(
            rule.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            rule.name()
        );
        for text in [rule.headline(), rule.why(), rule.instead(), rule.source()] {
            assert!(
                !text.is_empty() && !text.contains('\n') && !text.contains("  "),
                "{}: {text}",
                rule.name()
            );
        }
        assert!(rule.why().ends_with('.') && !rule.instead().ends_with('.'), "{}", rule.name());
        assert_ne!(rule.level(), Level::Off, "{}", rule.name());
    }
}

#[test]
fn every_rule_has_an_example_for_each_of_its_databases() {
    for rule in rules() {
        for product in rule.products() {
            let own = rule.examples().filter(|example| example.product == *product).count();
            assert!(own > 0, "{} has no example for {product:?}", rule.name());
        }
        for example in rule.examples() {
            assert!(rule.products().contains(&example.product), "{}: {:?}", rule.name(), example.product);
        }
    }
}

#[test]
fn a_finding_names_the_rule_the_place_and_the_way_out() {
    let findings = lint(
        &Policy::new(),
        "-- whimbrel: lock_timeout=3s\n\nALTER TABLE users\n  DROP COLUMN fax;",
        &Conditions::default(),
    );
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(finding.kind(), FindingKind::Policy);
    assert_eq!(finding.subject(), "2_it");
    assert_eq!(finding.weight(), Weight::Approval);
    assert_eq!(finding.location(), Some("0002_it.sql:3:1"));
    assert_eq!(
        finding.message(),
        "drop-column: drops the column fax of users, and its values; stop reading and writing the column first, and drop it \
         with a later release"
    );
}

#[test]
fn levels_can_be_chosen_by_rule_and_by_concern() {
    let script = "-- whimbrel: lock_timeout=3s\nALTER TABLE users DROP COLUMN fax;";
    let weights = |policy: &Policy| -> Vec<Weight> {
        lint(policy, script, &Conditions::default()).iter().map(Finding::weight).collect()
    };
    let with = |level| Policy::new().with_level("drop-column", level).expect("a rule");
    assert_eq!(weights(&with(Level::Refusal)), [Weight::Refusal]);
    assert_eq!(weights(&with(Level::Note)), [Weight::Note]);
    assert_eq!(weights(&with(Level::Off)), []);
    assert_eq!(weights(&Policy::new().with_concern(Concern::DataLoss, Level::Refusal)), [Weight::Refusal]);
    assert_eq!(weights(&Policy::new().with_concern(Concern::Lock, Level::Off)), [Weight::Approval]);
    assert_eq!(weights(&Policy::new().without(&["drop-column"]).expect("a rule")), []);
    assert_eq!(weights(&Policy::new().only(&["drop-column"]).expect("a rule")), [Weight::Approval]);
    assert_eq!(weights(&Policy::new().only(&["drop-table"]).expect("a rule")), []);
    assert_eq!(with(Level::Note).level("drop-column").expect("a rule"), Level::Note);
}

#[test]
fn a_name_that_is_no_rule_is_an_error_that_suggests_one() {
    let error = Policy::new().with_level("drop-colum", Level::Off).expect_err("no rule");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("did you mean `drop-column`?"), "{error}");
    let error = Policy::new().only(&["drop-column", "x"]).expect_err("no rule");
    assert!(error.to_string().contains("there is no rule `x`"), "{error}");
}

#[test]
fn a_waiver_turns_a_finding_into_a_note_with_its_reason() {
    for script in [
        "-- whimbrel: allow drop-column because nothing reads it since 4.2\n-- whimbrel: lock_timeout=3s\nALTER TABLE users DROP fax;",
        "-- whimbrel: lock_timeout=3s\nSELECT 1;\n-- whimbrel: allow drop-column because nothing reads it since 4.2\nALTER TABLE users DROP fax;",
    ] {
        let findings = lint(&Policy::new(), script, &Conditions::default());
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(finding.weight(), Weight::Note);
        assert_eq!(
            finding.message(),
            "drop-column: drops the column fax of users, and its values; allowed because nothing reads it since 4.2"
        );
    }
}

#[test]
fn a_waiver_is_for_its_rule_and_its_statement_only() {
    let script = "SELECT 1;\n-- whimbrel: allow drop-column because of that\nALTER TABLE users DROP fax;\nDROP TABLE users;\n";
    let findings =
        lint(&Policy::new().without(&["no-lock-timeout"]).expect("a rule"), script, &Conditions::default());
    let told: Vec<_> = findings.iter().map(|finding| (rule(finding), finding.weight())).collect();
    assert_eq!(told, [("drop-column".to_owned(), Weight::Note), ("drop-table".to_owned(), Weight::Approval)]);
}

#[test]
fn a_waiver_without_a_rule_is_refused_and_one_without_an_effect_is_noted() {
    let findings = lint(
        &Policy::new(),
        "-- whimbrel: allow drop-tabel because of that\nSELECT 1;",
        &Conditions::default(),
    );
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(finding.weight(), Weight::Refusal);
    assert_eq!(finding.message(), "there is no rule `drop-tabel`: did you mean `drop-table`?");
    let findings = lint(
        &Policy::new(),
        "-- whimbrel: allow drop-table because of that\nSELECT 1;",
        &Conditions::default(),
    );
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(finding.weight(), Weight::Note);
    assert!(finding.message().starts_with("drop-table: this waiver allows nothing"), "{finding}");
}

#[test]
fn a_policy_may_accept_no_waivers() {
    let script = "-- whimbrel: allow drop-table because of that\nDROP TABLE users;";
    let findings = lint(&Policy::new().refusing_waivers(), script, &Conditions::default());
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(finding.weight(), Weight::Approval);
    assert!(finding.message().ends_with("; this policy accepts no waivers"), "{finding}");
}

#[test]
fn what_the_same_run_has_made_may_be_treated_in_any_way() {
    let script = "CREATE TABLE scratch (id int8 PRIMARY KEY, a int4, b text);\n\
                  CREATE INDEX scratch_a ON scratch (a);\n\
                  ALTER TABLE scratch ALTER a TYPE int8, ALTER b SET NOT NULL, ADD c uuid DEFAULT gen_random_uuid(), \
                      ADD CHECK (a > 0), ADD UNIQUE (b), ADD d int8 NOT NULL, ADD FOREIGN KEY (a) REFERENCES scratch;\n\
                  ALTER TABLE scratch RENAME COLUMN b TO e;\n\
                  ALTER TABLE scratch RENAME TO other;\n\
                  DELETE FROM other;\n\
                  DROP TABLE other;";
    assert_eq!(broken(script), [""; 0]);
}

#[test]
fn a_column_of_the_same_run_may_be_dropped_and_one_of_an_earlier_run_not() {
    assert_eq!(broken("ALTER TABLE users ADD a int;\nALTER TABLE users DROP a;"), [""; 0]);
    assert_eq!(broken("ALTER TABLE users DROP name;"), ["drop-column"]);
}

#[test]
fn a_table_that_may_have_been_there_is_not_new() {
    let script = "CREATE TABLE IF NOT EXISTS logs (id int8 PRIMARY KEY);\nDROP TABLE logs;";
    assert_eq!(broken(script), ["table-if-not-exists", "drop-table"]);
}

#[test]
fn what_a_block_does_is_judged_and_what_it_makes_under_a_condition_is_not_new() {
    assert_eq!(broken("DO $$ BEGIN DROP TABLE users; END $$;"), ["drop-table"]);
    assert_eq!(broken("DO $$ BEGIN CREATE TABLE a (id int8 PRIMARY KEY); END $$;\nDROP TABLE a;"), [""; 0]);
    let script = "DO $$ BEGIN IF NOT EXISTS (SELECT 1) THEN CREATE TABLE a (id int8 PRIMARY KEY); END IF; END $$;\nDROP TABLE a;";
    assert_eq!(broken(script), ["drop-table"]);
    assert_eq!(broken("DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;"), ["opaque-statement"]);
}

#[test]
fn a_limit_on_waiting_may_come_from_the_run_the_header_or_the_script() {
    let noted = |script: &str, conditions: &Conditions| {
        lint(&Policy::new(), script, conditions).iter().any(|finding| rule(finding) == "no-lock-timeout")
    };
    let alter = "ALTER TABLE users ADD mail text;";
    let none = Conditions::default();
    assert!(noted(alter, &none));
    assert!(!noted(alter, &none.clone().with_lock_timeout(Duration::from_secs(3))));
    assert!(!noted(&format!("-- whimbrel: lock_timeout=3s\n{alter}"), &none));
    assert!(!noted(&format!("SET lock_timeout = '3s';\n{alter}"), &none));
    assert!(!noted(&format!("SELECT set_config('lock_timeout', '3s', true);\n{alter}"), &none));
    assert!(noted(&format!("SET lock_timeout = 0;\n{alter}"), &none));
    assert!(noted(&format!("SET lock_timeout = '3s';\nRESET lock_timeout;\n{alter}"), &none));
}

#[test]
fn work_behind_a_lock_counts_in_a_transaction_only() {
    let script = "ALTER TABLE users ADD mail text;\nUPDATE users SET mail = '';";
    assert_eq!(broken(script), ["work-under-lock", "update-without-where"]);
    assert_eq!(broken(&format!("-- whimbrel: no-transaction\n{script}")), ["update-without-where"]);
}

#[test]
fn types_are_compared_with_those_that_earlier_scripts_gave() {
    let before =
        "CREATE TABLE t (id int8 PRIMARY KEY, v varchar(10), n numeric(8, 2), x text, ts timestamp(3));";
    let told = |change: &str| {
        let set = Memory::new()
            .with_sql(1, "t", before)
            .with_sql(2, "it", format!("-- whimbrel: lock_timeout=3s\nALTER TABLE t ALTER {change};"))
            .set()
            .expect("a set");
        let findings = Policy::new().lint(&set, Product::Postgres, &Conditions::default()).expect("rules");
        findings.iter().filter(|it| it.subject() == "2_it").map(rule).collect::<Vec<_>>()
    };
    for free in [
        "v TYPE varchar(20)",
        "v TYPE text",
        "v TYPE varchar",
        "n TYPE numeric(12, 2)",
        "n TYPE numeric",
        "x TYPE varchar",
        "ts TYPE timestamp(6)",
        "v TYPE text USING v::text",
        "unknown TYPE text",
    ] {
        assert_eq!(told(free), [""; 0], "{free}");
    }
    for rewritten in [
        "v TYPE varchar(5)",
        "x TYPE varchar(5)",
        "n TYPE numeric(12, 4)",
        "v TYPE text USING lower(v)",
        "id TYPE int4",
        "unknown TYPE int8",
        "ts TYPE timestamptz",
        "v TYPE text[] USING ARRAY[v]",
    ] {
        assert_eq!(told(rewritten), ["change-type"], "{rewritten}");
    }
    assert_eq!(told("n TYPE numeric(8, 1)"), ["narrow-type", "change-type"]);
    assert_eq!(told("x TYPE varchar(5) USING x::varchar(5)"), ["narrow-type", "change-type"]);
}

#[test]
fn no_literal_of_a_script_is_in_a_finding() {
    let secret = "hunter2";
    for script in [
        format!("CREATE ROLE app PASSWORD '{secret}';"),
        format!("SELECT '{secret}' FRM users;"),
        format!("ALTER TYPE mood ADD VALUE '{secret}';\nUPDATE users SET name = '{secret}';"),
        format!("COPY users FROM PROGRAM 'echo {secret}';"),
        format!("ALTER SYSTEM SET archive_command = '{secret}';"),
        format!("SET session_replication_role = '{secret}';"),
        format!("CREATE FUNCTION f() RETURNS int LANGUAGE '{}' AS '{secret}';", "c"),
    ] {
        let findings = lint(&Policy::new(), &script, &Conditions::default());
        assert!(!findings.is_empty(), "{script}");
        for finding in findings {
            assert!(!finding.to_string().contains(secret), "{finding}");
        }
    }
}

#[test]
fn a_database_without_rules_is_an_error() {
    let set = Memory::new().with_sql(1, "it", "SELECT 1").set().expect("a set");
    let error = Policy::new().lint(&set, Product::Other, &Conditions::default()).expect_err("no rules");
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[test]
fn an_unknown_server_is_judged_as_the_oldest() {
    // From PostgreSQL 15 on there is `security_invoker`; what it is said on is the same for both.
    let on = |major| Conditions::on(ServerVersion::new(Product::Postgres, major, 0, 0));
    let script = "DROP TABLE users;";
    assert_eq!(lint(&Policy::new(), script, &on(14)), lint(&Policy::new(), script, &Conditions::default()));
    // A server of another kind tells nothing.
    let other = Conditions::on(ServerVersion::new(Product::Mysql, 9, 0, 0));
    assert_eq!(lint(&Policy::new(), script, &other), lint(&Policy::new(), script, &on(14)));
}

#[test]
fn a_new_table_in_one_schema_says_nothing_of_its_namesake_in_another() {
    let create = "CREATE TABLE app.logs (id int8 PRIMARY KEY);";
    assert_eq!(broken(&format!("{create}\nDROP TABLE app.logs;")), [""; 0]);
    assert_eq!(broken(&format!("{create}\nDROP TABLE other.logs;")), ["drop-table"]);
    // Whichever that is, by the search path.
    assert_eq!(broken(&format!("{create}\nDROP TABLE logs;")), ["drop-table"]);
    assert_eq!(broken("CREATE TABLE logs (id int8 PRIMARY KEY);\nDROP TABLE public.logs;"), [""; 0]);
    // Nor does a table of the session's own, or one that was made with another search path.
    assert_eq!(broken("CREATE TEMP TABLE users (id int8);\nDROP TABLE public.users;"), ["drop-table"]);
    assert_eq!(broken("CREATE TEMP TABLE own (id int8);\nDELETE FROM own;\nDROP TABLE own;"), [""; 0]);
    let script = "SET search_path = a;\nCREATE TABLE logs (id int8 PRIMARY KEY);\nSET search_path = b;\nDROP TABLE logs;";
    assert_eq!(broken(script), ["drop-table"]);
}

#[test]
fn placeholders_are_judged_as_what_they_are_filled_in_as() {
    let header = "-- whimbrel: placeholders\n";
    assert_eq!(broken(&format!("{header}CREATE ROLE ${{app:ident}} PASSWORD ${{secret:db/app}};")), [""; 0]);
    assert_eq!(
        broken(&format!("{header}CREATE ROLE ${{app:ident}} PASSWORD ${{app}};")),
        ["password-in-script"]
    );
    let tables = "CREATE TABLE ${a:ident}.t (id int8 PRIMARY KEY);\nDROP TABLE ${a:ident}.t;";
    assert_eq!(broken(&format!("{header}{tables}")), [""; 0]);
    assert_eq!(broken(&format!("{header}{tables}\nDROP TABLE ${{b:ident}}.t;")), ["drop-table"]);
}
