//! The rules about rights that MySQL and MariaDB have to themselves, or share with SQLite. Data, and small functions that
//! look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Sqlite};

use crate::deed::{Deed, Rights};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "definer",
        concern: Concern::Escalation,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "something is created that has another account's rights",
        why: "Whoever may use it acts with that account's rights. Where the account does not exist, as on another server, \
              every use fails.",
        instead: "leave DEFINER out, or say SQL SECURITY INVOKER",
        source: "MySQL: 27.8 Stored Object Access Control; MariaDB: CREATE VIEW, DEFINER",
        judge: |deed, _| match deed {
            Deed::Definer { kind, who } => {
                Some(format!("creates a {} with the rights of {}", kind.as_str(), who.escape_debug()))
            }
            _ => None,
        },
    },
    Rule {
        name: "runs-as-definer",
        concern: Concern::Escalation,
        products: &[Mysql, Mariadb],
        level: Level::Note,
        headline: "a view or a routine has the rights of whoever runs the migration",
        why: "That is the default of SQL SECURITY. Whoever may use it sees and does with it what the migration's account may, which is \
              more than the application's.",
        instead: "say SQL SECURITY INVOKER, unless it is made to lend those rights",
        source: "MySQL: 27.8 Stored Object Access Control; MariaDB: CREATE VIEW, SQL SECURITY",
        judge: |deed, _| match deed {
            Deed::CreateView { name, rights, .. } if *rights != Some(Rights::Invoker) => {
                Some(format!("makes the view {name}, which reads with the rights of the migration's account"))
            }
            Deed::CreateRoutine { name, rights: Rights::Definer, .. } => Some(format!(
                "makes the routine {name}, which runs with the rights of the migration's account"
            )),
            _ => None,
        },
    },
    Rule {
        name: "global-setting",
        concern: Concern::Escalation,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a setting of the whole server is changed",
        why: "It is everybody's, in all databases, and nobody sets it back when the migration is reverted; after a restart it is \
              gone, unless it was persisted.",
        instead: "set it for the session, or have the server's configuration changed by who is in charge of it",
        source: "MySQL: 15.7.6.1 SET Syntax for Variable Assignment; MariaDB: SET, GLOBAL",
        judge: |deed, _| match deed {
            Deed::AlterSystem { what } => Some(format!("sets {} for the whole server", what.escape_debug())),
            _ => None,
        },
    },
    Rule {
        name: "grant-everywhere",
        concern: Concern::Escalation,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "rights on all databases, or to give rights away, are given",
        why: "A right on `*.*` is one on the tables that hold the accounts, and on every database to come; some let their owner \
              read the server's files or become anybody.",
        instead: "grant what the application needs, on its own database",
        source: "MySQL: 8.2.2 Privileges Provided by MySQL; MariaDB: GRANT, Privilege Levels",
        judge: |deed, _| match deed {
            Deed::Grant(grant)
                if grant.on.as_deref() == Some("*.*") && grant.what != ["usage"] || is_grantable(deed) =>
            {
                let Deed::Grant(grant) = deed else { return None };
                let to: Vec<_> = grant.to.iter().map(|to| to.escape_debug().to_string()).collect();
                let option = if grant.grantable { ", to be given away again" } else { "" };
                let on =
                    grant.on.as_deref().map(|on| format!(" on {}", on.escape_debug())).unwrap_or_default();
                Some(format!(
                    "grants {}{on} to {}{option}",
                    grant.what.join(", ").escape_debug(),
                    to.join(", ")
                ))
            }
            _ => None,
        },
    },
    Rule {
        name: "load-code",
        concern: Concern::Escalation,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "code of the machine's is loaded into the database",
        why: "It runs with all that the server or the process may do, and a database on another machine does not have it.",
        instead: "have it installed with the server, or load it where the application opens the database",
        source: "MySQL: 15.7.4 Component, Plugin, and Loadable Function Statements; MariaDB: INSTALL SONAME; SQLite: Run-Time \
                 Loadable Extensions",
        judge: |deed, _| match deed {
            Deed::LoadCode { what } => Some(format!("loads code by {what}")),
            _ => None,
        },
    },
];

fn is_grantable(deed: &Deed) -> bool {
    matches!(deed, Deed::Grant(grant) if grant.grantable)
}
