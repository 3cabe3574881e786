//! Which server answers: MySQL, MariaDB, or another product that speaks their protocol. No I/O.
//!
//! The number in the greeting decides nothing: MySQL went from 9.7 to 26.7, MariaDB's numbers begin at 10, and a proxy such as
//! ProxySQL greets with a version of its own. `version()` and `@@version_comment` are the server's own words.

use whimbrel::{Dialect, DriverError, Imitator, refuse_imitators};

use crate::dialect::{FIX_8, MARIADB, MYSQL};
use crate::effect::{ROLE_BEFORE_8, mark_before_8, mark_of_8_0_21};

/// What a connection is asked before its first question, in the same packet.
pub(crate) const QUESTION: &str = "SELECT version(), @@version_comment";

/// A version's numbers.
pub(crate) type Numbers = (u16, u16, u16);

/// MySQL's versions by the calendar began with 26; below, from 10 on, a number is one of MariaDB's.
const CALENDAR: u16 = 26;

const IMITATORS: &[Imitator] = &[
    Imitator {
        name: "TiDB",
        signs: &["tidb"],
        missing: "changes schemas outside the session that asks for it, and whose IS_USED_LOCK does not prove who holds a lock",
    },
    Imitator {
        name: "Vitess",
        signs: &["vitess", "planetscale"],
        missing: "changes schemas shard by shard, and has no GET_LOCK that belongs to a session",
    },
    Imitator {
        name: "OceanBase",
        signs: &["oceanbase"],
        missing: "commits changes of schemas apart from the session's locks, and was never tried",
    },
    Imitator {
        name: "SingleStore",
        signs: &["singlestore", "memsql"],
        missing: "has no GET_LOCK, and no unique key over several nodes",
    },
    Imitator {
        name: "Dolt",
        signs: &["dolt"],
        missing: "has no information_schema by which an interrupted statement could be judged",
    },
    Imitator {
        name: "Apache Doris",
        signs: &["doris"],
        missing: "has no transactions over several statements and no GET_LOCK",
    },
    Imitator {
        name: "StarRocks",
        signs: &["starrocks"],
        missing: "has no transactions over several statements and no GET_LOCK",
    },
    Imitator {
        name: "ClickHouse",
        signs: &["clickhouse"],
        missing: "has no transactions, no unique keys and no GET_LOCK",
    },
    Imitator {
        name: "Manticore Search",
        signs: &["manticore", "sphinx"],
        missing: "is a search engine without transactions",
    },
    Imitator {
        name: "Percona XtraDB Cluster",
        signs: &["xtradb cluster"],
        missing: "refuses GET_LOCK (pxc_strict_mode), and shows late what was committed on another node",
    },
];

/// The dialect that is assumed until the server was asked. What is sent before that reads alike on all of them.
pub(crate) fn assumed(greeting: Numbers) -> Dialect {
    let text = if (10..CALENDAR).contains(&greeting.0) { "mariadb" } else { "" };
    dialect(text, greeting)
}

/// The dialect of the server that answers so.
///
/// # Errors
/// Another product, which is not supported.
pub(crate) fn recognized(version: &str, comment: &str, greeting: Numbers) -> Result<Dialect, DriverError> {
    let said = format!("{version} {comment}");
    refuse_imitators(&said, IMITATORS)?;
    Ok(dialect(&said, numbers(version).unwrap_or(greeting)))
}

fn dialect(said: &str, numbers: Numbers) -> Dialect {
    let mariadb = said.to_ascii_lowercase().contains("mariadb");
    let mut dialect = if mariadb { MARIADB } else { MYSQL };
    if !mariadb && numbers >= (8, 0, 11) {
        dialect.settings.fix = Some(FIX_8);
    }
    if let Some(effects) = &mut dialect.effects {
        effects.survives_restart = numbers.0 >= 8;
        if numbers.0 < 8 {
            effects.role = ROLE_BEFORE_8;
        }
        if !mariadb {
            effects.mark = match numbers {
                numbers if numbers < (8, 0, 0) => mark_before_8,
                numbers if numbers >= (8, 0, 21) => mark_of_8_0_21,
                _ => effects.mark,
            };
        }
    }
    dialect
}

/// The numbers with which a version begins. Clients of old were told that MariaDB is a MySQL 5.5.5.
fn numbers(version: &str) -> Option<Numbers> {
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().and_then(|part| part.parse().ok());
    Some((next()?, next().unwrap_or(0), next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_what_it_says_and_not_what_its_number_suggests() {
        let of = |version, comment| recognized(version, comment, (0, 0, 0)).expect("MySQL or MariaDB").name;
        assert_eq!(of("26.7.0", "MySQL Community Server - GPL"), "mysql");
        assert_eq!(of("9.7.4-2", "(Debian)"), "mysql");
        assert_eq!(of("8.0.36-28", "Percona Server (GPL), Release 28"), "mysql");
        assert_eq!(of("8.0.mysql_aurora.3.08.0", "Source distribution"), "mysql");
        assert_eq!(of("10.11.19-MariaDB-0+deb12u1", "Debian 12"), "mariadb");
        assert_eq!(of("26.3.1-MariaDB", "mariadb.org binary distribution"), "mariadb");
        assert_eq!(assumed((12, 2, 2)).name, "mariadb");
        assert_eq!(assumed((26, 7, 0)).name, "mysql");
        assert_eq!(numbers("5.5.5-10.6.12-MariaDB"), Some((10, 6, 12)));
        assert_eq!(numbers("8.0.mysql_aurora.3.08.0"), Some((8, 0, 0)));
    }

    #[test]
    fn a_product_that_only_speaks_the_protocol_is_refused_by_its_name() {
        for (version, comment, name) in [
            ("8.0.11-TiDB-v8.5.0", "TiDB Server (Apache License 2.0)", "TiDB"),
            ("8.0.40-Vitess", "", "Vitess"),
            ("5.7.25-OceanBase-v4.3", "", "OceanBase"),
            ("5.7.32", "SingleStoreDB source distribution", "SingleStore"),
            ("8.0.39", "Percona XtraDB Cluster (GPL), Release rel30", "Percona XtraDB Cluster"),
        ] {
            let error = recognized(version, comment, (8, 0, 0)).expect_err("another product");
            assert!(error.message().starts_with(&format!("the server is {name}, which ")), "{error}");
        }
    }
}
