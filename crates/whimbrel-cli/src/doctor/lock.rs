//! The migrators' lock: who has it, and how it is taken away. Who a connection is, each database tells in its own way.

use super::patient::Patient;
use super::{Check, Remedy, State};

/// The connection that has the lock, or else what there is to say.
pub(crate) async fn owner(patient: &mut Patient<'_>) -> Result<u64, Check> {
    let Some(lock) = patient.dialect().lock else { return Err(Check::ok("lock", "there is none")) };
    let sql = format!("SELECT {}", (lock.owner)(&patient.context.settings.table.value));
    let owner = patient.text(&sql).await.map_err(|silence| patient.unanswered("lock", &silence))?;
    owner
        .and_then(|owner| owner.parse().ok())
        .ok_or_else(|| Check::ok("lock", "nobody has the migrators' lock"))
}

/// Somebody has it; `end` ends the connection.
pub(crate) fn held(found: String, end: String) -> Check {
    Check::new("lock")
        .and(State::Warning, found)
        .remedied(Remedy::sql(end).when("if nobody is migrating there"))
}
