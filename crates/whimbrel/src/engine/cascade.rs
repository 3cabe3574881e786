//! Refuses a `DROP TABLE` that would delete or change rows of the tables that refer to it.
//!
//! Whether it would is asked of the database right before the statement, in its transaction: the schema at that moment
//! decides, whatever the script has created, renamed or emptied before.

use super::Session;
use crate::dialect::{DroppedTable, ForeignKeys};
use crate::driver::{DriverError, ErrorClass};
use crate::script::{Script, Statement};

const HINT: &str = "to rebuild the table, put `-- whimbrel: foreign_keys=off` at the top of the file (in place of \
                    `no-transaction`): no row is touched, and every foreign key is checked before the commit; if these rows \
                    are meant to go, drop the tables that refer to it first, or put `-- whimbrel: foreign_keys=cascade` \
                    there";

/// The refusal of a statement that would take rows of other tables along, if it would.
pub(super) async fn refusal(
    session: &mut Session<'_>,
    keys: ForeignKeys,
    statement: &Statement<'_>,
) -> Result<Option<DriverError>, DriverError> {
    let Some(dropped) = dropped(session, statement) else { return Ok(None) };
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
        "foreign keys are enforced, so dropping the table {} would delete or change rows of {}",
        dropped.name,
        lost.join(", ")
    );
    Ok(Some(DriverError::new(ErrorClass::Constraint, message).with_hint(HINT)))
}

/// The table that a statement drops, with its placeholders filled in.
fn dropped(session: &Session<'_>, statement: &Statement<'_>) -> Option<DroppedTable> {
    let Some(text) = session.filled_text(statement.text()) else { return DroppedTable::of(statement) };
    let script = Script::parse(&text, &session.dialect().lexing).ok()?;
    script.statements().first().and_then(DroppedTable::of)
}
