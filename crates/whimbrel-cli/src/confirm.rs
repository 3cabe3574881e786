//! Asks a person before something is destroyed. Where nobody sits at a terminal, only what was said in the arguments counts.

use std::io::{BufRead, IsTerminal};
use std::time::Duration;

use crate::answer::Failure;
use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::output::style::{BOLD, paint};

/// How often it is looked whether somebody has pressed Ctrl-C instead of answering.
const LOOK: Duration = Duration::from_millis(50);

/// Shows what is about to happen, and goes on only with a yes. `how` is what is typed to say yes in a script.
pub(crate) async fn confirm(
    context: &Context,
    shown: &str,
    question: &str,
    yes: bool,
    how: &str,
) -> Result<(), Failure> {
    let refused = |code, headline: &str| Failure::of(code, headline).with_next(how);
    if context.is_for_people() {
        output::err(shown.trim_end());
    }
    if yes {
        return stopped(context).map_or(Ok(()), Err);
    }
    if !can_ask(context) {
        return Err(refused(
            Code::Refused,
            "this needs a yes, and nobody can be asked here; nothing was changed",
        ));
    }
    output::err_part(&format!("{} ", paint(BOLD, format!("{question} Type `yes`:"))));
    let mut reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let answer = loop {
        tokio::select! {
            answer = &mut reading => break answer,
            () = tokio::time::sleep(LOOK) => {
                if let Some(failure) = stopped(context) {
                    return Err(failure);
                }
            }
        }
    };
    let said_yes = matches!(answer, Ok(Ok(line)) if line.trim().eq_ignore_ascii_case("yes"));
    match stopped(context) {
        Some(failure) => Err(failure),
        None if said_yes => Ok(()),
        None => Err(refused(Code::Refused, "nobody said yes; nothing was changed")),
    }
}

/// Whoever has pressed Ctrl-C has not said yes.
fn stopped(context: &Context) -> Option<Failure> {
    context
        .stop
        .is_asked()
        .then(|| Failure::of(Code::Aborted, "broken off before a yes; nothing was changed"))
}

/// Whether there is a person who can be asked.
pub(crate) fn can_ask(context: &Context) -> bool {
    context.is_for_people() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
