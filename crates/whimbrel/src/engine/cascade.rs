//! Refuses a `DROP TABLE`, and a `DELETE` of all rows of a table that is made anew, that would delete or change rows of the
//! tables that refer to it.
//!
//! Whether it would is asked of the database right before the statement, in its transaction: the schema at that moment
//! decides, whatever the script has created, renamed or emptied before.

use super::Session;
use crate::dialect::{DroppedTable, ForeignKeys};
use crate::driver::{Driver, DriverError, ErrorClass, Rows};
use crate::script::{Script, Statement};

const DROPPING: &str = "dropping";

const HINT: &str = "to rebuild the table, put `-- whimbrel: foreign_keys=off` at the top of the file (in place of \
                    `no-transaction`): no row is touched, and every foreign key is checked before the commit; if these rows \
                    are meant to go, drop the tables that refer to it first, or put `-- whimbrel: foreign_keys=cascade` \
                    there";

const HINT_IN_STEP: &str = "to rebuild the table, write a script with `-- whimbrel: foreign_keys=off`; if these rows are meant \
                            to go, delete them, or drop the tables that refer to it first";

/// What the database is asked through.
enum Asked<'a, 'd> {
    Session(&'a mut Session<'d>),
    Driver(&'a mut (dyn Driver + 'd)),
}

impl Asked<'_, '_> {
    async fn query(&mut self, sql: &str) -> Result<Rows, DriverError> {
        match self {
            Self::Session(session) => session.query(sql).await,
            Self::Driver(driver) => driver.query(sql, &[]).await,
        }
    }
}

/// The refusal of a statement that would take rows of other tables along, if it would.
pub(super) async fn refusal(
    session: &mut Session<'_>,
    keys: ForeignKeys,
    statement: &Statement<'_>,
) -> Result<Option<DriverError>, DriverError> {
    let Some(dropped) = dropped(session, statement) else { return Ok(None) };
    let lost = lost(Asked::Session(session), keys, dropped).await?;
    Ok(lost.map(|message| refused(message, HINT)))
}

/// The same for a statement of a step in Rust.
pub(crate) async fn refusal_in_step(
    driver: &mut dyn Driver,
    keys: ForeignKeys,
    statement: &Statement<'_>,
) -> Result<Option<DriverError>, DriverError> {
    let Some(dropped) = DroppedTable::of(statement) else { return Ok(None) };
    let lost = lost(Asked::Driver(driver), keys, (DROPPING, dropped)).await?;
    Ok(lost.map(|message| refused(message, HINT_IN_STEP)))
}

fn refused(message: String, hint: &'static str) -> DriverError {
    DriverError::new(ErrorClass::Constraint, message).with_hint(hint)
}

/// What would be lost with a table's rows.
async fn lost(
    mut session: Asked<'_, '_>,
    keys: ForeignKeys,
    (deed, dropped): (&'static str, DroppedTable),
) -> Result<Option<String>, DriverError> {
    let enforced = session.query(keys.enforced).await?;
    if !enforced.first().is_some_and(|row| row.read::<bool>(0).unwrap_or(true)) {
        return Ok(None);
    }
    let found = session.query(&(keys.schema)(&dropped)).await?;
    let Some(schema) = found.first().and_then(|row| row.read::<String>(0).ok()) else { return Ok(None) };
    let dropped = dropped.within(schema);
    let mut lost: Vec<String> = Vec::new();
    for row in session.query(&(keys.referring)(&dropped)).await? {
        let text = |column| row.read::<Option<String>>(column).ok().flatten().unwrap_or_default();
        let (table, action, rows) = (text(0), text(1), text(2));
        let has_rows = match session.query(&rows).await {
            Ok(rows) => rows.first().is_some_and(|row| row.read::<bool>(0).unwrap_or(true)),
            // A key that refers to no column of the table: the database decides what that means, and it is not said here.
            Err(error) if error.class() == ErrorClass::Sql => true,
            Err(error) => return Err(error),
        };
        let told = format!("{table} (ON DELETE {action})");
        if has_rows && !lost.contains(&told) {
            lost.push(told);
        }
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let message = format!(
        "foreign keys are enforced, so {deed} the table {} would delete or change rows of {}",
        dropped.name,
        lost.join(", ")
    );
    Ok(Some(message))
}

/// The table that a statement drops or empties, with its placeholders filled in, and which of it.
fn dropped(session: &Session<'_>, statement: &Statement<'_>) -> Option<(&'static str, DroppedTable)> {
    let of = |statement: &Statement<'_>| {
        let dropped = DroppedTable::of(statement).map(|table| (DROPPING, table));
        dropped.or_else(|| DroppedTable::emptied_by(statement).map(|table| ("emptying", table)))
    };
    let Some(text) = session.filled_text(statement.text()) else { return of(statement) };
    let script = Script::parse(&text, &session.dialect().lexing).ok()?;
    script.statements().first().and_then(of)
}
