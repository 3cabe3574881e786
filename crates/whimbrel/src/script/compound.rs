//! Owns the bodies of MySQL's and MariaDB's stored programs: which semicolons end a statement there.
//! Follows just so much of the grammar as tells a block from an expression.

use super::token::{Token, TokenKind};

/// Follows one statement after the other.
#[derive(Debug)]
pub(super) struct Compound {
    /// Whether blocks may stand outside of stored programs.
    anywhere: bool,
    at: At,
    /// The blocks that are open.
    blocks: Vec<Block>,
    /// Open parentheses.
    depth: usize,
    before: Before,
    anonymous: bool,
    begins_statement: bool,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    kind: BlockKind,
    offset: usize,
    /// Parentheses that were open when it began.
    depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Begin,
    If,
    Case,
    /// `CASE … END`, a value.
    CaseExpression,
    Loop,
    Repeat,
    /// `REPEAT … UNTIL`, in its condition.
    Until,
    While,
    For,
}

/// What the token before was, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// After which only an operand makes sense: there `end` is a name.
    Operator,
    Operand,
    /// `.` or `@`, after which any word is a name.
    Qualifier,
    Definer,
    Each,
    CharacterSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The first token of a script's statement comes.
    Top,
    /// After `BEGIN` as such: a block only if `NOT ATOMIC` follows.
    TopBegin(usize),
    /// After `CREATE` or `ALTER`: what is created comes.
    Create,
    /// In `DEFINER = user`.
    Definer,
    /// After `PROCEDURE` or `FUNCTION`, before and in its parameters.
    RoutineName,
    /// After the parameters.
    RoutineHead,
    TriggerHead,
    /// After `FOR EACH ROW`: perhaps `FOLLOWS` or `PRECEDES`.
    TriggerOrder,
    /// After those: a name comes.
    TriggerOther,
    EventHead,
    /// A statement of the body begins.
    Start,
    /// After its first word, which may be a label.
    Label,
    /// After `BEGIN`: perhaps `NOT ATOMIC`.
    Begin,
    /// Somewhere in a statement of the body.
    Inside,
    /// After `DECLARE`, and words after it.
    Declare,
    DeclareKind,
    /// After `HANDLER`, before `FOR`.
    Handler,
    /// A handler's condition comes.
    Condition,
    /// After `SQLSTATE` or `NOT`.
    ConditionRest,
    /// A comma or the handler's statement comes.
    ConditionEnd,
    /// After `END`: only its block's kind or its label can follow.
    End,
    /// Nothing that could follow matters.
    Plain,
}

/// Words that begin a simple statement, where a routine's head may go on instead.
const SIMPLE: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "BINLOG",
    "CALL",
    "CHECK",
    "CHECKSUM",
    "CLOSE",
    "COMMIT",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DO",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "FLUSH",
    "GET",
    "GRANT",
    "HANDLER",
    "INSERT",
    "INSTALL",
    "ITERATE",
    "KILL",
    "LEAVE",
    "LOAD",
    "LOCK",
    "OPEN",
    "OPTIMIZE",
    "PREPARE",
    "PURGE",
    "RELEASE",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "RESIGNAL",
    "RESET",
    "RETURN",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "SIGNAL",
    "START",
    "STOP",
    "TABLE",
    "TRUNCATE",
    "UNINSTALL",
    "UNLOCK",
    "UPDATE",
    "USE",
    "VALUES",
    "WITH",
    "XA",
];

/// Words after which an operand comes.
const OPERATORS: &[&str] = &[
    "ALL", "AND", "AS", "BETWEEN", "BINARY", "BY", "CASE", "COLLATE", "DISTINCT", "DIV", "ELSE", "ELSEIF",
    "ESCAPE", "FROM", "HAVING", "IF", "IN", "INTERVAL", "IS", "LIKE", "LIMIT", "MOD", "NOT", "OFFSET", "ON",
    "OR", "REGEXP", "RETURN", "RLIKE", "SELECT", "SET", "THEN", "UNTIL", "WHEN", "WHERE", "WHILE", "XOR",
];

fn is_any(token: &Token<'_>, words: &[&str]) -> bool {
    token.kind == TokenKind::Word && words.iter().any(|word| token.is_keyword(word))
}

impl Compound {
    pub(super) fn new(anywhere: bool) -> Compound {
        Compound {
            anywhere,
            at: At::Top,
            blocks: Vec::new(),
            depth: 0,
            before: Before::Operator,
            anonymous: false,
            begins_statement: false,
        }
    }

    pub(super) fn reset(&mut self) {
        self.blocks.clear();
        self.at = At::Top;
        self.depth = 0;
        self.before = Before::Operator;
        self.anonymous = false;
        self.begins_statement = false;
    }

    /// Whether no token can matter before the next semicolon.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.at == At::Plain
    }

    /// Where the outermost block begins that a semicolon does not end: of an expression see [`Self::semicolon`].
    pub(super) fn open(&self) -> Option<usize> {
        let block = self.blocks.iter().find(|block| block.kind != BlockKind::CaseExpression)?;
        Some(block.offset)
    }

    /// Whether the last token began a statement in a block that is run at once.
    pub(super) fn begins_anonymous_statement(&self) -> bool {
        self.anonymous && self.begins_statement
    }

    pub(super) fn semicolon(&mut self) -> bool {
        // No expression holds a semicolon, so one that seems open was none.
        while self.blocks.last().is_some_and(|block| block.kind == BlockKind::CaseExpression) {
            self.blocks.pop();
        }
        self.depth = 0;
        self.at = At::Start;
        self.before = Before::Operator;
        self.blocks.is_empty()
    }

    pub(super) fn token(&mut self, token: &Token<'_>) {
        self.begins_statement = false;
        if self.at == At::Plain {
            return;
        }
        if token.kind == TokenKind::Symbol {
            match token.text {
                "(" => self.depth += 1,
                ")" => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.at = self.after(token);
        if self.at != At::Plain {
            self.before = self.classify(token);
        }
    }

    fn classify(&self, token: &Token<'_>) -> Before {
        match token.kind {
            TokenKind::Symbol => match token.text {
                ")" => Before::Operand,
                "." | "@" | "@@" => Before::Qualifier,
                _ => Before::Operator,
            },
            TokenKind::Word if token.is_keyword("EACH") => Before::Each,
            TokenKind::Word if is_any(token, &["CHARACTER", "CHAR", "RETURNS"]) => Before::CharacterSet,
            TokenKind::Word if token.is_keyword("DEFINER") => Before::Definer,
            TokenKind::Word if self.before != Before::Qualifier && is_any(token, OPERATORS) => {
                Before::Operator
            }
            _ => Before::Operand,
        }
    }

    fn after(&mut self, token: &Token<'_>) -> At {
        let is = |keyword| token.is_keyword(keyword);
        let word = token.kind == TokenKind::Word;
        match self.at {
            At::Top if is("CREATE") || is("ALTER") => At::Create,
            At::Top if self.anywhere && is("BEGIN") => At::TopBegin(token.offset),
            At::Top if self.anywhere && is_any(token, &["IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR"]) => {
                self.anonymous = true;
                self.start(token)
            }
            At::TopBegin(offset) if is("NOT") => {
                self.anonymous = true;
                self.push(BlockKind::Begin, offset);
                At::Begin
            }
            At::Top | At::TopBegin(_) | At::Plain => At::Plain,
            At::Create if is("PROCEDURE") || is("FUNCTION") => At::RoutineName,
            At::Create if is("TRIGGER") => At::TriggerHead,
            At::Create if is("EVENT") => At::EventHead,
            At::Create if is("DEFINER") => At::Definer,
            At::Create if is_any(token, &["OR", "REPLACE", "AGGREGATE"]) => At::Create,
            At::Create => At::Plain,
            // A user may be named `event`; such a word is what is created only where no name is due.
            At::Definer
                if matches!(self.before, Before::Operand)
                    && is_any(token, &["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "AGGREGATE"]) =>
            {
                self.at = At::Create;
                self.after(token)
            }
            At::Definer if self.before == Before::Operand && word => At::Plain,
            At::Definer => At::Definer,
            At::RoutineName if self.depth == 0 && token.is_symbol(")") => At::RoutineHead,
            At::RoutineName => At::RoutineName,
            At::RoutineHead if token.is_symbol(":") => At::Start,
            At::RoutineHead if self.depth > 0 || !word || self.before == Before::Qualifier => At::RoutineHead,
            At::RoutineHead if is_any(token, &["BEGIN", "IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR"]) => {
                self.start(token)
            }
            // `RETURNS SET('a')` and `CHARACTER SET x` belong to the head.
            At::RoutineHead if is("SET") && self.before == Before::CharacterSet => At::RoutineHead,
            At::RoutineHead if is_any(token, SIMPLE) => At::Label,
            At::RoutineHead => At::RoutineHead,
            At::TriggerHead if is("ROW") && self.before == Before::Each => At::TriggerOrder,
            At::TriggerHead => At::TriggerHead,
            At::TriggerOrder if is("FOLLOWS") || is("PRECEDES") => At::TriggerOther,
            At::TriggerOther => At::Start,
            At::EventHead if is("DO") && self.before != Before::Qualifier => At::Start,
            At::EventHead => At::EventHead,
            At::Begin if is("NOT") || is("ATOMIC") => At::Begin,
            At::TriggerOrder | At::Start | At::Begin => self.start(token),
            At::Label if token.is_symbol(":") => At::Start,
            At::Label | At::Inside => self.inside(token),
            At::Declare if is_any(token, &["CONTINUE", "EXIT", "UNDO"]) => At::DeclareKind,
            At::DeclareKind if is("HANDLER") => At::Handler,
            At::Declare | At::DeclareKind => self.inside(token),
            At::Handler if is("FOR") => At::Condition,
            At::Handler => At::Inside,
            At::Condition if is("SQLSTATE") || is("NOT") => At::ConditionRest,
            At::ConditionRest if is("VALUE") => At::ConditionRest,
            At::Condition | At::ConditionRest => At::ConditionEnd,
            At::ConditionEnd if token.is_symbol(",") => At::Condition,
            At::ConditionEnd => self.start(token),
            At::End => At::End,
        }
    }

    /// A statement of the body begins with `token`.
    fn start(&mut self, token: &Token<'_>) -> At {
        self.begins_statement = true;
        if token.kind == TokenKind::QuotedIdentifier {
            return At::Label;
        }
        if token.kind != TokenKind::Word {
            return self.inside(token);
        }
        let top = self.blocks.last().map(|block| block.kind);
        let kinds = [
            ("BEGIN", BlockKind::Begin, At::Begin),
            ("IF", BlockKind::If, At::Inside),
            ("CASE", BlockKind::Case, At::Inside),
            ("LOOP", BlockKind::Loop, At::Start),
            ("REPEAT", BlockKind::Repeat, At::Start),
            ("WHILE", BlockKind::While, At::Inside),
        ];
        if let Some((_, kind, at)) = kinds.into_iter().find(|(keyword, ..)| token.is_keyword(keyword)) {
            self.push(kind, token.offset);
            return at;
        }
        if self.anywhere && token.is_keyword("FOR") {
            self.push(BlockKind::For, token.offset);
            return At::Inside;
        }
        if token.is_keyword("END") && top.is_some() {
            self.blocks.pop();
            return At::End;
        }
        if token.is_keyword("ELSE") && matches!(top, Some(BlockKind::If | BlockKind::Case)) {
            return At::Start;
        }
        if token.is_keyword("UNTIL")
            && let Some(block) = self.blocks.last_mut()
            && block.kind == BlockKind::Repeat
        {
            block.kind = BlockKind::Until;
            return At::Inside;
        }
        match () {
            () if token.is_keyword("DECLARE") => At::Declare,
            () if is_any(token, &["ELSEIF", "WHEN"]) => At::Inside,
            () => At::Label,
        }
    }

    /// A statement of the body goes on with `token`.
    fn inside(&mut self, token: &Token<'_>) -> At {
        if token.kind != TokenKind::Word || self.before == Before::Qualifier {
            return At::Inside;
        }
        let block = self.blocks.last().copied();
        let here = |kind| block.is_some_and(|block| block.kind == kind && block.depth == self.depth);
        if token.is_keyword("CASE") {
            self.push(BlockKind::CaseExpression, token.offset);
        } else if (token.is_keyword("THEN") && (here(BlockKind::If) || here(BlockKind::Case)))
            || (token.is_keyword("DO") && (here(BlockKind::While) || here(BlockKind::For)))
        {
            return At::Start;
        } else if token.is_keyword("END") && self.before != Before::Operator {
            if here(BlockKind::CaseExpression) {
                self.blocks.pop();
            } else if here(BlockKind::Until) {
                self.blocks.pop();
                return At::End;
            }
        }
        At::Inside
    }

    fn push(&mut self, kind: BlockKind, offset: usize) {
        self.blocks.push(Block { kind, offset, depth: self.depth });
    }
}
