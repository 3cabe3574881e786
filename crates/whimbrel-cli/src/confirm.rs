//! Asks a person before something is destroyed. Where nobody sits at a terminal, only what was said in the arguments counts.

use std::io::{BufRead, IsTerminal, Write};

use crate::answer::Failure;
use crate::context::Context;
use crate::exit::Code;
use crate::output::style::{BOLD, paint};

/// Shows what is about to happen, and goes on only with a yes.
pub(crate) fn confirm(
    context: &Context,
    shown: &str,
    question: &str,
    yes: bool,
    how: &str,
) -> Result<(), Failure> {
    if context.is_for_people() {
        anstream::eprintln!("{}", shown.trim_end());
    }
    if yes {
        return Ok(());
    }
    let refused = |headline: &str| Failure::of(Code::Refused, headline).with_next(how);
    if !can_ask(context) {
        return Err(refused("this needs a yes, and nobody can be asked here; nothing was changed"));
    }
    anstream::eprint!("{} ", paint(BOLD, format!("{question} Type `yes`:")));
    // What cannot be written is not seen, and then nobody says yes.
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(refused("nobody said yes; nothing was changed"))
    }
}

/// Whether there is a person who can be asked.
pub(crate) fn can_ask(context: &Context) -> bool {
    context.is_for_people() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
