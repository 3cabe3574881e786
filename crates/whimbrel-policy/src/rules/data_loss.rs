//! The rules about what loses data. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use crate::deed::Deed;
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "drop-column",
    concern: Concern::DataLoss,
    products: &[Postgres, Mysql, Mariadb, Sqlite],
    level: Level::Approval,
    headline: "a column is dropped, and its values with it",
    why: "Nothing but a backup brings the values back, and every statement of the running version that names the column \
          fails from then on.",
    instead: "stop reading and writing the column first, and drop it with a later release",
    source: "PostgreSQL: ALTER TABLE, DROP COLUMN; MySQL: ALTER TABLE; SQLite: ALTER TABLE DROP COLUMN",
    judge: |deed, case| match deed {
        Deed::DropColumn { table, column, .. } if !case.is_new(table) => {
            Some(format!("drops the column {column} of {table}, and its values"))
        }
        _ => None,
    },
}];
