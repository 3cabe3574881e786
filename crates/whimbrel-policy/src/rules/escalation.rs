//! The rules about what gives somebody rights. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres};

use crate::deed::{Deed, Rights};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "definer-without-search-path",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a function runs with its owner's rights, and looks names up in its caller's search path",
        why: "Whoever may create a table, a function or an operator anywhere puts a schema of their own first, and the function \
              runs their code with its owner's rights.",
        instead: "add SET search_path = pg_catalog, pg_temp (with the schemas that it needs before pg_temp)",
        source: "PostgreSQL: CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
        judge: |deed, _| match deed {
            Deed::CreateRoutine { name, rights: Rights::Definer, search_path: false, .. } => {
                Some(format!("{name} would run what its callers put into their search path"))
            }
            Deed::AlterRoutine { name, rights: Some(Rights::Definer), search_path: None | Some(false) }
            | Deed::AlterRoutine { name, rights: None, search_path: Some(false) } => {
                Some(format!("{name} would run what its callers put into their search path"))
            }
            _ => None,
        },
    },
    Rule {
        name: "server-program",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a program is run on the database's machine",
        why: "It runs as the server's own user, and can read and change every database of the server.",
        instead: "move data through the application",
        source: "PostgreSQL: COPY, PROGRAM",
        judge: |deed, _| match deed {
            Deed::ServerFile { what, program: true } => Some((*what).to_owned()),
            _ => None,
        },
    },
    Rule {
        name: "server-file",
        concern: Concern::Escalation,
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Refusal,
        headline: "a file of the database's machine is read or written",
        why: "It is done as the server's own user, whose files are all databases; on another server the file is another one.",
        instead: "move data through the application, or write it in the script",
        source: "PostgreSQL: COPY, Notes; Generic File Access Functions; MySQL: 8.2.2 Privileges Provided by MySQL, \
                 FILE",
        judge: |deed, _| match deed {
            Deed::ServerFile { what, program: false } => Some((*what).to_owned()),
            _ => None,
        },
    },
    Rule {
        name: "powerful-role",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a role gets powers that go around all others' rights",
        why: "SUPERUSER and BYPASSRLS are stopped by nothing, REPLICATION reads everything, CREATEROLE gives away what it does \
              not have.",
        instead: "grant the rights that are needed; make such roles by hand, where it is recorded who did",
        source: "PostgreSQL: CREATE ROLE; Role Attributes",
        judge: |deed, _| match deed {
            Deed::Role { name, powers, .. } if !powers.is_empty() => {
                Some(format!("{name} gets {}", powers.join(", ")))
            }
            _ => None,
        },
    },
    Rule {
        name: "grant-powerful-role",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "somebody gets one of the server's own roles, which go around all others' rights",
        why: "pg_execute_server_program and its kin lead to superuser, pg_read_all_data and pg_write_all_data reach every \
              table.",
        instead: "grant rights on the tables that are needed",
        source: "PostgreSQL: Predefined Roles",
        judge: |deed, _| match deed {
            Deed::Grant(grant) if grant.on.is_none() => {
                let role = grant.what.iter().find(|role| POWERFUL.contains(&role.as_str()))?;
                Some(format!("gives {role} to {}", grant.to.join(", ")))
            }
            _ => None,
        },
    },
    Rule {
        name: "grant-to-public",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "everybody who can connect gets a right",
        why: "PUBLIC is every role that there is or will be, with it whoever gets hold of the least of them.",
        instead: "grant it to a role that stands for those who need it",
        source: "PostgreSQL: GRANT; Privileges",
        judge: |deed, _| match deed {
            Deed::Grant(grant) if grant.to.iter().any(|to| to == "public") => {
                // What everybody has by default anyway.
                let usual = ["usage", "execute", "connect", "temporary", "temp"];
                let what: Vec<&str> =
                    grant.what.iter().map(String::as_str).filter(|what| !usual.contains(what)).collect();
                (!what.is_empty()).then(|| format!("gives {} to everybody", what.join(", ")))
            }
            _ => None,
        },
    },
    Rule {
        name: "grant-option",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Approval,
        headline: "somebody may give away what they get",
        why: "Who has the right is from then on decided by them, and to be found nowhere in the migrations.",
        instead: "leave WITH GRANT OPTION and WITH ADMIN OPTION out, and grant in migrations",
        source: "PostgreSQL: GRANT",
        judge: |deed, _| match deed {
            Deed::Grant(grant) if grant.grantable => {
                Some(format!("{} may give away {}", grant.to.join(", "), grant.what.join(", ")))
            }
            _ => None,
        },
    },
    Rule {
        name: "view-bypasses-row-security",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a view shows rows that their policies hide",
        why: "A view reads with its owner's rights, so that the policies of the tables below do not apply to whoever reads it.",
        instead: "write WITH (security_invoker = true), from PostgreSQL 15 on; repeat the policy's condition before",
        source: "PostgreSQL: CREATE VIEW, security_invoker; Row Security Policies",
        judge: |deed, case| match deed {
            Deed::CreateView { name, rights, materialized, reads, .. }
                if *materialized || *rights != Some(Rights::Invoker) =>
            {
                let secured = |table: &&crate::deed::Name| {
                    case.catalog.table(table).is_some_and(|table| table.row_security)
                };
                let table = reads.iter().find(secured)?;
                Some(format!("{name} shows the rows of {table} that its policies hide"))
            }
            _ => None,
        },
    },
    Rule {
        name: "disable-row-security",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "policies for rows are switched off",
        why: "Everybody with rights on the table sees all rows from the commit on.",
        instead: "change the policies",
        source: "PostgreSQL: ALTER TABLE, DISABLE ROW LEVEL SECURITY",
        judge: |deed, case| match deed {
            Deed::RowSecurity { table, on: false } if !case.is_new(table) => {
                Some(format!("everybody with rights on {table} sees all rows"))
            }
            _ => None,
        },
    },
    Rule {
        name: "open-policy",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a policy for rows lets everybody see or write all of them",
        why: "Policies are added up: with one that is true for everybody, the others no longer hide anything.",
        instead: "write the condition, or name the roles that it is for",
        source: "PostgreSQL: CREATE POLICY; Row Security Policies",
        judge: |deed, _| match deed {
            Deed::CreatePolicy { name, table, open: true } => {
                Some(format!("{name} is true for everybody and every row of {table}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "password-in-script",
        concern: Concern::Escalation,
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Refusal,
        headline: "a password stands in a script",
        why: "It is in the repository and in the binary from then on, and may be in the server's log.",
        instead: "give the role its password where secrets are kept",
        source: "PostgreSQL: CREATE ROLE, PASSWORD; MySQL: 8.1.2.1 End-User Guidelines for Password Security",
        judge: |deed, _| match deed {
            Deed::Role { name, password: true, .. } => {
                Some(format!("the password of {name} stands in the script"))
            }
            _ => None,
        },
    },
    Rule {
        name: "event-trigger",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a trigger is made that runs whoever changes the schema",
        why: "It runs with the rights of whoever does something, superusers among them, and can keep every later migration from \
              running.",
        instead: "make it by hand, where it is recorded who did",
        source: "PostgreSQL: Event Triggers",
        judge: |deed, _| match deed {
            Deed::CreateEventTrigger { name } => {
                Some(format!("{name} runs with the rights of whoever changes the schema"))
            }
            _ => None,
        },
    },
    Rule {
        name: "untrusted-language",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a function can do what the server's process can",
        why: "C, and languages whose name ends in u, have no limits: files, programs and all databases of the server.",
        instead: "write it in SQL or PL/pgSQL, or do it in the application",
        source: "PostgreSQL: CREATE LANGUAGE, TRUSTED",
        judge: |deed, _| match deed {
            Deed::ForeignCode { name, language } => {
                Some(format!("{name} is written in {}, which has no limits", language.escape_debug()))
            }
            _ => None,
        },
    },
    Rule {
        name: "dangerous-extension",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Approval,
        headline: "an extension is added that reaches out of the database",
        why: "It brings functions that read files, connect elsewhere, or run code without limits.",
        instead: "make it by hand, where it is recorded who did, if it is needed at all",
        source: "PostgreSQL: Additional Supplied Modules and Extensions",
        judge: |deed, _| match deed {
            Deed::Extension { name } if OUTWARD.contains(&name.as_str()) => {
                Some(format!("{name} reaches out of the database"))
            }
            _ => None,
        },
    },
    Rule {
        name: "alter-system",
        concern: Concern::Escalation,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "the server's configuration is changed for all its databases",
        why: "Some of its settings run programs as the server's user, and a wrong one keeps it from starting.",
        instead: "write it into the server's configuration, or set it for the database or the role",
        source: "PostgreSQL: ALTER SYSTEM",
        judge: |deed, _| match deed {
            Deed::AlterSystem { what } => Some(format!(
                "changes {} for the whole server",
                if what.is_empty() { "everything" } else { what }
            )),
            _ => None,
        },
    },
];

/// The server's own roles that reach what nobody granted.
const POWERFUL: &[&str] = &[
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_database_owner",
    "pg_maintain",
    "pg_signal_backend",
    "pg_create_subscription",
    "pg_checkpoint",
];

/// Extensions with functions that reach files, other servers or the server's process.
const OUTWARD: &[&str] = &[
    "adminpack",
    "dblink",
    "file_fdw",
    "postgres_fdw",
    "pageinspect",
    "pg_cron",
    "plpython3u",
    "plperlu",
    "pltclu",
    "plsh",
    "http",
    "pg_surgery",
];
