//! Whether the user that is connected may do everything. What a dialect says about it, the driver's crate knows.

use super::patient::Patient;
use super::{Check, Remedy, State};

/// Adds to the check what is found; `remedies` make a role of its own.
pub(crate) async fn superuser(patient: &mut Patient<'_>, check: &mut Check, remedies: Vec<Remedy>) {
    let Some(questions) = patient.dialect().preflight else { return };
    let preflight = &patient.context.settings.preflight.value;
    // Asked for, if asking for it once more changes nothing.
    let is_refused = preflight.clone().without_superuser() == *preflight;
    let answer = patient.text(&format!("SELECT {}", questions.superuser)).await;
    let bad = if is_refused { State::Wrong } else { State::Warning };
    match answer.ok().flatten().as_deref() {
        Some("0") => check.add(State::Ok, "which may not do everything"),
        Some("1") => {
            check.add(bad, "which may do everything on this server");
            remedies.into_iter().for_each(|remedy| check.remedy(remedy));
            check.remedy(Remedy::change(format!("connect as that one: name it in {}", patient.whence())));
        }
        _ => {
            let state = if is_refused { State::Wrong } else { State::NotLookedAt };
            check.add(state, "whether it may do everything cannot be told, since it has roles");
            check.remedy(Remedy::change("connect as a user whose rights were granted to itself"));
        }
    }
}
