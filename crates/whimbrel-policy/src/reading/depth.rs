//! How deep a statement may be nested: parsers call themselves, and a stack ends. Counts tokens; knows no grammar.

use whimbrel::script::{Lexing, Script, Statement, Token, TokenKind};

use super::Unparsed;

/// What any thread's stack is enough for.
const SHALLOW: usize = 250;

/// What [`STACK`] is enough for, and a parser's time. Statements that people write stay far below it.
const DEEPEST: usize = 2_000;

/// The stack for what is deeper than [`SHALLOW`], in bytes. Only what is used of it is ever memory.
const STACK: usize = 64 << 20;

/// Runs a parser, with a stack that is large enough for the statement.
pub(super) fn bounded<T: Send>(
    statement: &Statement<'_>,
    parse: impl FnOnce() -> Result<T, Unparsed> + Send,
) -> Result<T, Unparsed> {
    match bound(statement.words()) {
        0..=SHALLOW => parse(),
        depth if depth <= DEEPEST => std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse);
            let parsed = thread.ok().and_then(|thread| thread.join().ok());
            parsed.unwrap_or_else(|| Err(too_deep()))
        }),
        _ => Err(too_deep()),
    }
}

fn too_deep() -> Unparsed {
    Unparsed { why: "it is nested too deep, or a part of it is very long without a comma".to_owned() }
}

/// At most how deep a statement can be nested: on each level of brackets only what follows the last comma can be inside
/// of what was begun on it.
fn bound<'t>(words: impl Iterator<Item = Token<'t>>) -> usize {
    let (mut levels, mut sum, mut most) = (vec![0_usize], 0_usize, 0_usize);
    let mut statements_inside = false;
    for (number, token) in words.enumerate() {
        if number == 0 {
            statements_inside = token.is_keyword("CREATE") || token.is_keyword("DO");
        }
        let inside = if statements_inside && token.kind == TokenKind::String { body(token.text) } else { 0 };
        match token.text {
            "," | ";" if token.kind == TokenKind::Symbol => {
                sum -= levels.last_mut().map_or(0, std::mem::take);
            }
            ")" | "]" if token.kind == TokenKind::Symbol && levels.len() > 1 => {
                sum -= levels.pop().unwrap_or_default();
            }
            text => {
                sum += 1;
                if let Some(level) = levels.last_mut() {
                    *level += 1;
                }
                if matches!(text, "(" | "[") && token.kind == TokenKind::Symbol {
                    levels.push(0);
                }
            }
        }
        most = most.max(sum + inside);
    }
    most
}

/// The depth of a body that stands in a string.
fn body(text: &str) -> usize {
    let tag = text.strip_prefix('$').and_then(|rest| rest.find('$')).map_or(1, |end| end + 2);
    let inner = text.get(tag..text.len().saturating_sub(tag)).unwrap_or_default();
    let inner = if text.starts_with('$') { inner.to_owned() } else { inner.replace("''", "'") };
    // Blocks of PL/pgSQL begin with words that the splitter takes for control of a transaction, and it then tells no
    // statements: what is between two semicolons is counted by its words.
    match Script::parse(&inner, &Lexing::POSTGRES) {
        Ok(script) => script.statements().iter().map(|statement| bound(statement.words())).max().unwrap_or(0),
        Err(_) => inner.split([';', ',']).map(symbols).max().unwrap_or(0),
    }
}

/// Roughly the number of tokens in a text, and not fewer than could be nested.
fn symbols(text: &str) -> usize {
    let mut count = 0;
    let mut word = false;
    for one in text.chars() {
        let own = one.is_alphanumeric() || one == '_';
        count += usize::from(!own && !one.is_whitespace() || own && !word);
        word = own;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(sql: &str) -> usize {
        let script = Script::parse(sql, &Lexing::POSTGRES).expect("a script");
        bound(script.statements()[0].words())
    }

    #[test]
    fn lists_are_flat_and_brackets_and_chains_are_deep() {
        let rows = format!("INSERT INTO t VALUES (1, 2){}", ", (1, 2)".repeat(5_000));
        assert!(depth(&rows) < 10, "{}", depth(&rows));
        assert!(depth(&format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500))) > 500);
        assert!(depth(&format!("SELECT true{}", " AND true".repeat(500))) > 1_000);
        assert!(depth(&format!("SELECT {}1{}", "f(1, ".repeat(500), ")".repeat(500))) > 500);
        assert!(depth(&format!("CREATE FUNCTION f() AS $x$ SELECT {}1 $x$", "- ".repeat(500))) > 500);
        assert!(depth(&format!("DO 'BEGIN x := {}1; END'", "-".repeat(500))) > 500);
    }
}
