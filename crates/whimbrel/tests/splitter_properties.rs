//! What holds for every text, in every dialect.

use proptest::prelude::*;
use whimbrel::script::{Lexing, Position, Script, TokenKind, mask};

const DIALECTS: [Lexing; 5] =
    [Lexing::SQLITE, Lexing::POSTGRES, Lexing::MYSQL, Lexing::MARIADB, Lexing::ANSI];

const FRAGMENTS: &[&str] = &[
    ";",
    ";;",
    " ",
    "\n",
    "\r",
    "\t",
    "\u{FEFF}",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "\\",
    "\\'",
    "E'",
    "e'",
    "U&'",
    "x'",
    "N'",
    "$",
    "$$",
    "$a$",
    "$1",
    "a$b",
    "--",
    "-- ",
    "--\n",
    "#",
    "/*",
    "*/",
    "/*!",
    "/*!50000 ",
    "/*M!",
    "(",
    ")",
    ",",
    ".",
    ":",
    "::",
    ":=",
    "@",
    "@@",
    "1",
    "1.5e-",
    "0x",
    "..",
    "ü",
    "🦆",
    "\0",
    "DELIMITER ",
    "DELIMITER //\n",
    "//",
    "BEGIN",
    "END",
    "NOT ATOMIC",
    "ATOMIC",
    "CREATE ",
    "TEMP ",
    "TRIGGER ",
    "FUNCTION ",
    "PROCEDURE ",
    "EVENT ",
    "f() ",
    "ON t ",
    "FOR EACH ROW ",
    "DO ",
    "IF ",
    "THEN ",
    "ELSE ",
    "END IF",
    "CASE ",
    "WHEN ",
    "END CASE",
    "LOOP ",
    "REPEAT ",
    "UNTIL ",
    "WHILE ",
    "FOR ",
    "l: ",
    "DECLARE ",
    "CONTINUE HANDLER FOR ",
    "NOT FOUND ",
    "SELECT ",
    "SELECT 1; ",
    "COMMIT",
    "ROLLBACK ",
    "TO ",
    "SAVEPOINT s",
    "SET ",
    "autocommit",
    "= ",
    "COPY t FROM STDIN",
    "\\.\n",
    "\\connect x\n",
    "AS ",
    "-- whimbrel: a\n",
    "/* whimbrel: b */",
    "RETURN ",
    "DEFINER=",
    "TRANSACTION ",
    "START ",
    "XA ",
    "PREPARE ",
];

fn nasty() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40).prop_map(|parts| parts.concat())
}

/// All that must hold for one text.
fn holds(text: &str, lexing: &Lexing) -> Result<(), TestCaseError> {
    let _ = mask(text, lexing);
    let script = match Script::parse(text, lexing) {
        Ok(script) => script,
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.is_sorted_by_key(|problem| problem.position));
            for problem in problems {
                prop_assert!(text.is_char_boundary(problem.position.offset));
                prop_assert_eq!(problem.position, Position::of(text, problem.position.offset));
            }
            return Ok(());
        }
    };
    prop_assert_eq!(script.text(), text);
    let pieces: Vec<_> = script.pieces().collect();
    prop_assert_eq!(pieces.concat(), text);
    prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
    let mut end = 0;
    for statement in script.statements() {
        let position = statement.position();
        prop_assert_eq!(position, Position::of(text, position.offset));
        let piece_start = statement.piece().as_ptr().addr() - text.as_ptr().addr();
        prop_assert!(end <= piece_start && piece_start <= position.offset);
        end = piece_start + statement.piece().len();
        prop_assert!(position.offset + statement.text().len() <= end);
        prop_assert_eq!(
            text.get(position.offset..position.offset + statement.text().len()),
            Some(statement.text())
        );
        prop_assert_eq!(statement.text().trim_matches([' ', '\n', '\r', '\t']), statement.text());
        prop_assert!(!statement.text().is_empty());
        let mut words = 0;
        let mut token_end = position.offset;
        for token in statement.words() {
            words += 1;
            prop_assert!(token.offset >= token_end);
            token_end = token.offset + token.text.len();
            prop_assert_eq!(text.get(token.offset..token_end), Some(token.text));
        }
        prop_assert!(words > 0 && token_end <= position.offset + statement.text().len());
    }
    for directive in script.directives() {
        prop_assert_eq!(directive.position, Position::of(text, directive.position.offset));
    }
    Ok(())
}

fn literals(lexing: &Lexing, secret: &str) -> Vec<String> {
    let mut literals = vec![format!("'{secret}'"), format!("'a''{secret}'"), format!("x'{secret}'")];
    if lexing.backslash_escapes {
        literals.extend([format!("'a\\'{secret}'"), format!("\"{secret}\""), format!("\"\\\"{secret}\"")]);
    }
    if lexing.escape_strings {
        literals.extend([
            format!("E'a\\'{secret}'"),
            format!("E'a'\n'\\'{secret}'"),
            format!("U&'{secret}'"),
        ]);
        literals.extend([format!("$${secret}$$"), format!("$a$$b${secret}$$a$")]);
    }
    literals.extend([format!("-- {secret}\n"), format!("/* {secret} */")]);
    literals
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_cut_or_refused(text in any::<String>()) {
        for lexing in &DIALECTS {
            holds(&text, lexing)?;
        }
    }

    #[test]
    fn nasty_text_is_cut_or_refused(text in nasty()) {
        for lexing in &DIALECTS {
            holds(&text, lexing)?;
        }
    }

    #[test]
    fn a_statement_cut_out_is_one_statement(text in nasty()) {
        for lexing in &DIALECTS {
            // A delimiter of its own and a version's comment belong to the script around.
            if text.contains("DELIMITER") || text.contains("/*") {
                continue;
            }
            let Ok(script) = Script::parse(&text, lexing) else { continue };
            for statement in script.statements() {
                // To MySQL, `--;` is two minus signs, but `--` at the very end a comment.
                if lexing.dashes_need_blank && statement.text().ends_with("--") {
                    continue;
                }
                let again = Script::parse(statement.text(), lexing).expect("what was fine stays fine");
                prop_assert_eq!(again.statements().len(), 1, "{:?} {:?}", statement.text(), lexing);
                prop_assert_eq!(again.statements()[0].text(), statement.text());
                let kinds: Vec<_> = statement.words().map(|token| (token.kind, token.text)).collect();
                let again: Vec<_> = again.statements()[0].words().map(|token| (token.kind, token.text)).collect();
                prop_assert_eq!(kinds, again);
            }
        }
    }

    #[test]
    fn a_mask_leaves_nothing_of_a_literal(
        secret in "[b-d]{5}[0-9]{3}",
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for lexing in &DIALECTS {
            let literals = literals(lexing, &secret);
            let sql: String = chosen.iter().map(|index| format!("select {}, 73519e2 , ", index.get(&literals))).collect();
            let masked = mask(&sql, lexing);
            prop_assert!(!masked.contains(&secret) && !masked.contains("735"), "{masked}");
            // Cut anywhere, as a server's message cuts it.
            let cut = &sql[..cut.index(sql.len())];
            prop_assert!(!mask(cut, lexing).contains(&secret), "{cut}");
        }
    }

    #[test]
    fn numbers_are_numbers(number in "[0-9]{1,4}(\\.[0-9]{1,3})?(e[-+]?[0-9]{1,2})?") {
        for lexing in &DIALECTS {
            let text = format!("select {number}, 0xAF");
            let script = Script::parse(&text, lexing).expect("nothing to refuse");
            let kinds: Vec<_> = script.statements()[0].words().map(|token| token.kind).collect();
            prop_assert_eq!(kinds, [TokenKind::Word, TokenKind::Number, TokenKind::Symbol, TokenKind::Number]);
        }
    }
}

#[test]
fn directives_are_told_in_order_and_the_header_ends_at_the_first_statement() {
    let text = "-- whimbrel: no-transaction\n/* WHIMBREL:  lock_timeout=3s */ -- not whimbrel: x\n\
                --whimbrel:a\nselect /* whimbrel: inside */ 1; -- whimbrel: after\n-- whimbrelled: no";
    let script = Script::parse(text, &Lexing::POSTGRES).expect("nothing to refuse");
    let told: Vec<_> = script
        .directives()
        .iter()
        .map(|directive| (directive.text, directive.position.line, directive.in_header))
        .collect();
    assert_eq!(
        told,
        [
            ("no-transaction", 1, true),
            ("lock_timeout=3s", 2, true),
            ("a", 3, true),
            ("inside", 4, false),
            ("after", 4, false)
        ]
    );
}

#[test]
fn a_problem_names_no_literal() {
    let problems = Script::parse("COMMIT; select 'secret", &Lexing::SQLITE).expect_err("refused");
    let told: Vec<_> = problems.iter().map(|problem| format!("{}: {problem}", problem.position)).collect();
    assert_eq!(
        told,
        [
            "1:1: COMMIT in a script, whose transaction is begun and ended for it: remove it, or use savepoints",
            "1:16: a string that is never closed: close its quote"
        ]
    );
}
