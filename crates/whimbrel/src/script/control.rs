//! Owns which statements a script may not contain. Sees a statement's tokens, and nothing around it.

use super::problem::ProblemKind;
use super::token::{Token, TokenKind, Words};
use super::{Bodies, Lexing};

/// The words that begin or end a transaction, if the statement that `words` begins does.
pub(super) fn transaction_control(mut words: Words<'_, '_>, lexing: &Lexing) -> Option<&'static str> {
    // Statements stand inside statements as deep as the script is long: a loop, since a stack ends.
    loop {
        match control(words, lexing)? {
            Control::Begins(word) => return Some(word),
            Control::Runs(inner) => words = inner,
        }
    }
}

/// What a statement does to transactions, or the statement inside of it that it runs.
enum Control<'s, 't> {
    Begins(&'static str),
    Runs(Words<'s, 't>),
}

fn control<'s, 't>(words: Words<'s, 't>, lexing: &Lexing) -> Option<Control<'s, 't>> {
    let mut ahead = words;
    let first = ahead.next().filter(|token| token.kind == TokenKind::Word)?;
    let found = lexing.transaction_control.iter().copied().find(|phrase| {
        phrase.split_first().is_some_and(|(word, others)| {
            first.is_keyword(word)
                && (others.is_empty()
                    || ahead.clone().zip(others).filter(|(token, word)| token.is_keyword(word)).count()
                        == others.len())
        })
    });
    let word = match found {
        Some(["ROLLBACK", ..]) if rolls_back_to_savepoint(ahead.clone()) => None,
        // `PREPARE transaction AS …` prepares a statement of that name.
        Some(["PREPARE", "TRANSACTION"]) => {
            ahead.nth(1).filter(|token| token.kind == TokenKind::String).map(|_| "PREPARE TRANSACTION")
        }
        Some(["BEGIN"])
            if lexing.bodies == Bodies::CompoundAnywhere
                && ahead.next().is_some_and(|token| token.is_keyword("NOT")) =>
        {
            None
        }
        Some(["START", "TRANSACTION"]) => Some("START TRANSACTION"),
        Some([word, ..]) => Some(*word),
        _ if lexing.autocommit_variable && first.is_keyword("SET") => return sets_autocommit(ahead),
        _ => None,
    };
    word.map(Control::Begins)
}

/// Whether a word may be what begins or ends a transaction, wherever it stands.
pub(super) fn may_control(word: &Token<'_>, lexing: &Lexing) -> bool {
    word.text.trim_matches(['`', '"']).eq_ignore_ascii_case("autocommit")
        || lexing.transaction_control.iter().filter_map(|phrase| phrase.first()).any(|it| word.is_keyword(it))
}

/// `ROLLBACK [WORK | TRANSACTION [name]] TO …`
fn rolls_back_to_savepoint(words: Words<'_, '_>) -> bool {
    words.take(3).any(|token| token.is_keyword("TO"))
}

/// Whether a `SET` assigns to the system variable `autocommit`, among other variables perhaps; reading
/// it is fine, and so is the user's variable `@autocommit`. MariaDB's `SET STATEMENT … FOR` runs the
/// statement after it.
fn sets_autocommit<'s, 't>(mut words: Words<'s, 't>) -> Option<Control<'s, 't>> {
    let (mut target, mut depth, mut statement) = (true, 0_usize, false);
    let mut before: Option<Token<'_>> = None;
    while let Some(token) = words.next() {
        match token.kind {
            TokenKind::Symbol => match token.text {
                ";" => return None,
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => target = true,
                "=" | ":=" => target = false,
                _ => {}
            },
            TokenKind::Word if before.is_none() && token.is_keyword("STATEMENT") => statement = true,
            TokenKind::Word if statement && depth == 0 && !target && token.is_keyword("FOR") => {
                return Some(Control::Runs(words));
            }
            TokenKind::Word | TokenKind::QuotedIdentifier
                if target
                    && token.text.trim_matches(['`', '"']).eq_ignore_ascii_case("autocommit")
                    && !before.is_some_and(|token| token.is_symbol("@")) =>
            {
                return Some(Control::Begins("SET autocommit"));
            }
            _ => {}
        }
        before = Some(token);
    }
    None
}

/// Whether the statement is a `COPY` whose data comes from or goes to the client. PostgreSQL takes
/// `FROM STDOUT` and `TO STDIN` for the same.
pub(super) fn copies_client_data(mut words: Words<'_, '_>) -> bool {
    if !words.next().is_some_and(|token| token.is_keyword("COPY")) {
        return false;
    }
    let (mut depth, mut direction) = (0_usize, false);
    for token in words {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if direction && (token.is_keyword("STDIN") || token.is_keyword("STDOUT")) => return true,
            _ => {}
        }
        direction = depth == 0 && (token.is_keyword("FROM") || token.is_keyword("TO"));
    }
    false
}

/// What is wrong with a statement of which `words` are the tokens.
pub(super) fn problem(words: &Words<'_, '_>, lexing: &Lexing) -> Option<ProblemKind> {
    if let Some(word) = transaction_control(words.clone(), lexing) {
        return Some(ProblemKind::TransactionControl { word });
    }
    (lexing.copy_data && copies_client_data(words.clone())).then_some(ProblemKind::CopyData)
}

#[cfg(test)]
mod tests {
    use super::super::{Lexing, Script};

    #[test]
    fn an_assignment_before_the_semicolon_of_another_is_not_overlooked() {
        for (inside, refused) in [
            ("IF 1 THEN SET a = 1; SET autocommit = 0; END IF", 1),
            ("IF 1 THEN SET @a = 1; SET @b = @@autocommit; END IF", 0),
            // No server takes these two; nothing of them may pass for harmless.
            ("IF 1 THEN SET a = 1 THEN SET autocommit = 0; END IF", 1),
            ("IF 1 THEN SET STATEMENT a = 1 FOR SET b = 1 THEN SET STATEMENT c = 1 FOR COMMIT; END IF", 1),
        ] {
            let text = format!("BEGIN NOT ATOMIC {inside}; END");
            let problems = Script::parse(&text, &Lexing::MARIADB).err().unwrap_or_default();
            assert_eq!(problems.len(), refused, "{text}: {problems:?}");
        }
    }

    #[test]
    fn statements_inside_statements_do_not_use_up_the_stack() {
        let deep = "SET STATEMENT a = 1 FOR ".repeat(100_000);
        let script = Script::parse(&deep, &Lexing::MARIADB).map(|script| script.statements().len());
        assert_eq!(script, Ok(1));
        let problems = Script::parse(&format!("{deep} COMMIT"), &Lexing::MARIADB).expect_err("it commits");
        assert_eq!(problems.len(), 1);
    }
}
