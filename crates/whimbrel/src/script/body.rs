//! Owns which semicolons end a statement: those in no body and, where that matters, in no parentheses.
//! Sees tokens in order, and neither white space nor comments.

use super::compound::Compound;
use super::token::{Token, TokenKind};
use super::{Bodies, Lexing};

/// Follows one statement after the other.
#[derive(Debug)]
pub(super) struct Body {
    shape: Shape,
    /// Open parentheses.
    depth: usize,
    parentheses_hold: bool,
}

#[derive(Debug)]
enum Shape {
    None,
    Triggers(Simple),
    Atomic(Simple),
    Compound(Compound),
}

impl Body {
    pub(super) fn new(lexing: &Lexing) -> Body {
        let shape = match lexing.bodies {
            Bodies::None => Shape::None,
            Bodies::Triggers => Shape::Triggers(Simple::Start),
            Bodies::Atomic => Shape::Atomic(Simple::Start),
            Bodies::Compound => Shape::Compound(Compound::new(false)),
            Bodies::CompoundAnywhere => Shape::Compound(Compound::new(true)),
        };
        Body { shape, depth: 0, parentheses_hold: lexing.semicolons_in_parentheses }
    }

    /// A statement begins.
    pub(super) fn reset(&mut self) {
        self.depth = 0;
        match &mut self.shape {
            Shape::None => {}
            Shape::Triggers(simple) | Shape::Atomic(simple) => *simple = Simple::Start,
            Shape::Compound(compound) => compound.reset(),
        }
    }

    /// The statement goes on with `token`, which is no semicolon.
    #[inline]
    pub(super) fn token(&mut self, token: &Token<'_>) {
        if token.kind == TokenKind::Symbol {
            match token.text {
                "(" => self.depth += 1,
                ")" => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        match &mut self.shape {
            Shape::None | Shape::Triggers(Simple::Plain) | Shape::Atomic(Simple::Plain) => {}
            Shape::Triggers(simple) => *simple = simple.after_trigger_token(token, self.depth),
            Shape::Atomic(simple) => *simple = simple.after_atomic_token(token, self.depth),
            Shape::Compound(compound) => compound.token(token),
        }
    }

    /// Whether nothing but symbols can matter before the next semicolon, as in most statements.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        match &self.shape {
            Shape::None => true,
            Shape::Triggers(simple) | Shape::Atomic(simple) => *simple == Simple::Plain,
            Shape::Compound(compound) => compound.is_idle(),
        }
    }

    /// A semicolon comes: whether it ends the statement.
    pub(super) fn semicolon(&mut self) -> bool {
        if self.parentheses_hold && self.depth > 0 {
            return false;
        }
        match &mut self.shape {
            Shape::None => true,
            Shape::Triggers(Simple::Arguments) if self.depth > 0 => false,
            Shape::Triggers(simple) | Shape::Atomic(simple) => match *simple {
                Simple::Inside(begin) | Simple::AfterSemicolon(begin) => {
                    *simple = Simple::AfterSemicolon(begin);
                    false
                }
                _ => true,
            },
            Shape::Compound(compound) => compound.semicolon(),
        }
    }

    /// Where the body that is still open begins.
    pub(super) fn open(&self) -> Option<usize> {
        match &self.shape {
            Shape::Triggers(Simple::Inside(begin) | Simple::AfterSemicolon(begin))
            | Shape::Atomic(Simple::Inside(begin) | Simple::AfterSemicolon(begin)) => Some(*begin),
            Shape::Compound(compound) => compound.open(),
            _ => None,
        }
    }

    /// Whether a statement that runs with the script, but inside a body, begins with the token that was
    /// given last.
    pub(super) fn begins_anonymous_statement(&self) -> bool {
        matches!(&self.shape, Shape::Compound(compound) if compound.begins_anonymous_statement())
    }
}

/// How far a statement has been followed whose body is a plain list: each of its statements ends with
/// a semicolon, and `END` directly after one ends the body. So neither `CASE … END` nor a column named
/// `end` need be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Simple {
    Start,
    /// After `EXPLAIN`; SQLite only.
    Explain,
    /// After `CREATE`, and words that may follow it.
    Create,
    /// After `TRIGGER`: a name comes, perhaps `IF NOT EXISTS` before it.
    Name,
    IfNotExists,
    /// After those and after a schema: any word is a name.
    NameOnly,
    /// After a name, or its first half.
    Named,
    /// Between the name and the body.
    Head,
    /// After a word `BEGIN` at this offset, which may be a name.
    Begin(usize),
    /// In the body that begins at this offset.
    Inside(usize),
    AfterSemicolon(usize),
    /// After `CREATE VIRTUAL TABLE`; SQLite only. Its module takes any tokens in parentheses, semicolons among them.
    Arguments,
    /// Nothing that could follow matters.
    Plain,
}

impl Simple {
    /// Follows `[EXPLAIN [QUERY PLAN]] CREATE [TEMP] TRIGGER [IF NOT EXISTS] [schema.]name … BEGIN …; END`.
    fn after_trigger_token(self, token: &Token<'_>, depth: usize) -> Simple {
        let is = |keyword| token.is_keyword(keyword);
        match self {
            Simple::Start if is("EXPLAIN") => Simple::Explain,
            Simple::Explain if is("QUERY") || is("PLAN") => Simple::Explain,
            Simple::Start | Simple::Explain if is("CREATE") => Simple::Create,
            Simple::Create if is("TEMP") || is("TEMPORARY") => Simple::Create,
            Simple::Create if is("TRIGGER") => Simple::Name,
            Simple::Create if is("VIRTUAL") => Simple::Arguments,
            Simple::Arguments => Simple::Arguments,
            Simple::Start | Simple::Explain | Simple::Create | Simple::Plain => Simple::Plain,
            Simple::Name if is("IF") => Simple::IfNotExists,
            Simple::IfNotExists if is("EXISTS") => Simple::NameOnly,
            Simple::IfNotExists => Simple::IfNotExists,
            Simple::Name | Simple::NameOnly => Simple::Named,
            Simple::Named if token.is_symbol(".") => Simple::NameOnly,
            // A trigger, a table or a column may be named `begin`, but none of these can follow a name
            // where a body may begin, except after the trigger's own, which is past.
            Simple::Begin(begin)
                if ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES"]
                    .into_iter()
                    .any(is) =>
            {
                Simple::Inside(begin)
            }
            Simple::Named | Simple::Head | Simple::Begin(_) if depth == 0 && is("BEGIN") => {
                Simple::Begin(token.offset)
            }
            Simple::Named | Simple::Head | Simple::Begin(_) => Simple::Head,
            Simple::Inside(_) | Simple::AfterSemicolon(_) => self.after_body_token(token),
        }
    }

    /// Follows `CREATE [OR REPLACE] FUNCTION | PROCEDURE … BEGIN ATOMIC …; END`.
    fn after_atomic_token(self, token: &Token<'_>, depth: usize) -> Simple {
        let is = |keyword| token.is_keyword(keyword);
        match self {
            Simple::Start if is("CREATE") => Simple::Create,
            Simple::Create if is("OR") || is("REPLACE") => Simple::Create,
            Simple::Create if is("FUNCTION") || is("PROCEDURE") => Simple::Head,
            // `END` may follow at once.
            Simple::Begin(begin) if is("ATOMIC") => Simple::AfterSemicolon(begin),
            Simple::Head | Simple::Begin(_) if depth == 0 && is("BEGIN") => Simple::Begin(token.offset),
            Simple::Head | Simple::Begin(_) => Simple::Head,
            Simple::Inside(_) | Simple::AfterSemicolon(_) => self.after_body_token(token),
            _ => Simple::Plain,
        }
    }

    fn after_body_token(self, token: &Token<'_>) -> Simple {
        match self {
            Simple::AfterSemicolon(_) if token.is_keyword("END") => Simple::Plain,
            Simple::AfterSemicolon(begin) => Simple::Inside(begin),
            other => other,
        }
    }
}
