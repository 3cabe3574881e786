//! Which server answers: PostgreSQL, or another product that speaks its protocol. No I/O.
//!
//! The server's own words decide, not a version number: most of these give a number of PostgreSQL's.

use whimbrel::Imitator;

/// Expressions for what the server says of itself, each in a statement of its own: the second is not understood by every
/// product that the first tells apart. Aurora DSQL gives PostgreSQL's version alone, and is told by a table that every cluster
/// has (Aurora DSQL User Guide, *Authentication and authorization*).
pub(crate) const IDENTITY: [&str; 2] = ["version()", "to_regclass('sys.iam_pg_role_mappings')::text"];

pub(crate) const IMITATORS: &[Imitator] = &[
    Imitator {
        name: "CockroachDB",
        signs: &["cockroachdb"],
        missing: "commits an open transaction at a change of the schema, and whose advisory locks lock nothing",
    },
    Imitator {
        name: "YugabyteDB",
        signs: &["-yb-", "yugabyte"],
        missing: "does not make changes of the schema part of a transaction by default",
    },
    Imitator {
        name: "Aurora DSQL",
        signs: &["iam_pg_role_mappings"],
        missing: "allows one change of the schema a transaction, and has no advisory locks",
    },
    Imitator {
        name: "Amazon Redshift",
        signs: &["redshift"],
        missing: "does not enforce unique keys, on which every row of the history rests",
    },
    Imitator {
        name: "Greenplum",
        signs: &["greenplum"],
        missing: "was never tried, and rests on a PostgreSQL that is no longer supported",
    },
    Imitator {
        name: "Materialize",
        signs: &["materialize"],
        missing: "has no unique keys, and no changes of the schema inside a transaction",
    },
    Imitator { name: "RisingWave", signs: &["risingwave"], missing: "has no transactions that write" },
    Imitator {
        name: "QuestDB",
        signs: &["questdb"],
        missing: "has no unique keys, and no changes of the schema inside a transaction",
    },
    Imitator { name: "CrateDB", signs: &["cratedb"], missing: "has no transactions" },
    Imitator {
        name: "openGauss",
        signs: &["opengauss", "gaussdb"],
        missing: "was never tried, and rests on a PostgreSQL that is no longer supported",
    },
];

#[cfg(test)]
mod tests {
    use whimbrel::refuse_imitators;

    use super::*;

    #[test]
    fn postgresql_and_its_services_pass_and_others_are_refused_by_name() {
        for said in [
            "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
            "PostgreSQL 17.5 (6bc9ef8) on aarch64-unknown-linux-gnu, compiled by gcc, 64-bit",
            "PostgreSQL 17.5 on x86_64-pc-linux-gnu, compiled by emcc (Emscripten gcc/clang-like) 3.1.74, 32-bit",
            "PostgreSQL 16.8 on x86_64-pc-linux-gnu, compiled by gcc (EnterpriseDB Advanced Server 16.8.0), 64-bit",
        ] {
            refuse_imitators(said, IMITATORS).expect("PostgreSQL");
        }
        for (said, name) in [
            ("CockroachDB CCL v25.1.2 (x86_64-pc-linux-gnu, built 2025/03/12)", "CockroachDB"),
            ("PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB"),
            ("PostgreSQL 16 sys.iam_pg_role_mappings", "Aurora DSQL"),
            ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.122", "Amazon Redshift"),
        ] {
            let error = refuse_imitators(said, IMITATORS).expect_err("another product");
            assert!(error.message().starts_with(&format!("the server is {name}, which ")), "{error}");
        }
    }
}
