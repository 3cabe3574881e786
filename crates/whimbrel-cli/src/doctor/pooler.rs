//! Whether the session that answers is the one that the client was told of.

use whimbrel::SessionNumber;

use super::patient::{Patient, nth};
use super::{Check, Remedy, State};

/// `address`: a query for the server's own address and port.
pub(crate) async fn check(patient: &mut Patient<'_>, address: Option<&str>) -> Check {
    let dialect = patient.dialect();
    let Some(lock) = dialect.lock else { return Check::ok("pooler", "none is possible") };
    let answers = match patient.text(&format!("SELECT {}", lock.session)).await {
        Ok(answers) => answers.unwrap_or_default(),
        Err(silence) => return patient.unanswered("pooler", &silence),
    };
    match dialect.session {
        SessionNumber::Known(told) if told.to_string() == answers => {
            Check::ok("pooler", "none: the session is kept")
        }
        SessionNumber::Vouched => Check::ok("pooler", "somebody vouches that the session is kept"),
        _ => {
            let mut check = Check::new("pooler").and(
                State::Warning,
                "another session answers than was connected to: scripts with `no-transaction` are refused here",
            );
            let mut place = None;
            if let Some(sql) = address
                && let Ok(row) = patient.row(sql).await
                && !nth(&row, 0).is_empty()
            {
                place = Some(format!("{}:{}", nth(&row, 0), nth(&row, 1)));
            }
            let place = place.map_or_else(
                || "the server's own address".to_owned(),
                |place| format!("the server's own address, as the pooler has it {place},"),
            );
            check.remedy(Remedy::change(format!(
                "to migrate, put {place} into the database's URL, {}",
                patient.whence()
            )));
            check
        }
    }
}
