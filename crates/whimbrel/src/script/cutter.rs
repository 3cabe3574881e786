//! Owns the one pass over a script: brings lexer, bodies and what is refused together. Decides nothing of
//! its own about SQL.

use std::collections::HashSet;
use std::sync::Arc;

use super::body::Body;
use super::control;
use super::lexer::{Lexeme, LexemeKind, Lexer};
use super::reading::{self, Reading};
use super::{
    Lexing, Position, Problem, ProblemKind, RawDirective, Script, Statement, Token, TokenKind, Words,
};

pub(super) fn cut<'t>(text: &'t str, lexing: &Lexing) -> Result<Script<'t>, Vec<Problem>> {
    let mut cut = read(text, lexing, Reading::EVERYTHING);
    if cut.problems.is_empty() {
        cut.compare(text, lexing);
    }
    if cut.problems.is_empty() {
        let settings = reading::of_settings(&cut.statements, lexing);
        if !settings.is_empty() {
            let settings: Arc<[(Lexing, Reading)]> = settings.into();
            cut.statements.iter_mut().for_each(|statement| statement.settings = Some(Arc::clone(&settings)));
        }
        return Ok(Script { text, statements: cut.statements, directives: cut.directives });
    }
    Err(placed(text, cut.problems))
}

fn placed(text: &str, mut problems: Vec<(usize, ProblemKind)>) -> Vec<Problem> {
    problems.sort_by_key(|(offset, _)| *offset);
    let mut position = Position::START;
    let placed = problems.into_iter().map(|(offset, kind)| {
        position = position.advanced(text, offset);
        Problem { kind, position }
    });
    placed.collect()
}

/// What one reading of a text comes to.
struct Cut<'t> {
    statements: Vec<Statement<'t>>,
    directives: Vec<RawDirective<'t>>,
    problems: Vec<(usize, ProblemKind)>,
    /// The versions of executable comments that not every supported server executes.
    versions: Vec<u32>,
}

impl Cut<'_> {
    /// Reads the text in every other way in which a server may, and adds what is wrong there, or differs.
    fn compare(&mut self, text: &str, lexing: &Lexing) {
        if self.versions.len() > Reading::MOST_VERSIONS {
            self.problems.push((0, ProblemKind::AmbiguousComment));
            return;
        }
        let mut known = HashSet::new();
        for other in reading::others(&self.versions, lexing) {
            let other = read(text, lexing, other);
            let different = self.difference(&other).filter(|_| other.problems.is_empty());
            let problems = other.problems.iter().map(|(at, kind)| match kind {
                ProblemKind::TransactionControl { .. } => (*at, *kind),
                _ => (*at, ProblemKind::AmbiguousComment),
            });
            let different = different.map(|at| (at, ProblemKind::AmbiguousComment));
            self.problems.extend(problems.chain(different).filter(|problem| known.insert(*problem)));
        }
        for (lexing, other) in reading::of_settings(&self.statements, lexing) {
            let other = read(text, &lexing, other);
            let at = other.problems.first().map(|(at, _)| *at).or_else(|| self.difference(&other));
            if let Some(at) = at
                && !self.problems.iter().any(|(_, kind)| *kind == ProblemKind::AmbiguousQuotes)
            {
                self.problems.push((at, ProblemKind::AmbiguousQuotes));
            }
        }
    }

    /// Where a statement of another reading is not one of these: none may end elsewhere, or reach into the one before. One
    /// of these may be nothing but comments there.
    fn difference(&self, other: &Cut<'_>) -> Option<usize> {
        let mut all = self.statements.iter();
        let differs = |it: &&Statement<'_>| {
            let same = all.find(|one| one.piece_end >= it.piece_end);
            !same.is_some_and(|one| one.piece_end == it.piece_end && it.position.offset >= one.piece_start)
        };
        other.statements.iter().find(differs).map(|it| it.position.offset)
    }
}

fn read<'t>(text: &'t str, lexing: &Lexing, reading: Reading) -> Cut<'t> {
    let mut cutter = Cutter::new(text, lexing, reading);
    while let Some(lexeme) = cutter.lexer.next() {
        cutter.lexeme(&lexeme);
    }
    cutter.finish();
    Cut {
        statements: cutter.statements,
        directives: cutter.directives,
        problems: cutter.problems,
        versions: cutter.lexer.versions,
    }
}

/// A place in a script that begins a token or a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: usize,
    /// Whether it stands inside a statement.
    pub(crate) inside: bool,
    /// How many statements have ended before it.
    pub(crate) before: usize,
}

/// Which of some places in a script begin a token or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) marks: Vec<Mark>,
    /// How many statements there are in all.
    pub(crate) statements: usize,
}

/// Finds out which of these places, in the order of the text, begin a token or a comment: the others are inside of one,
/// such as a string. Nothing, if a quote or a comment is never closed.
pub(crate) fn locate(text: &str, lexing: &Lexing, mut places: &[usize]) -> Option<Located> {
    let mut cutter = Cutter::new(text, lexing, Reading::EVERYTHING);
    let mut marks = Vec::new();
    while let Some(lexeme) = cutter.lexer.next() {
        while let Some((place, rest)) = places.split_first().filter(|(place, _)| **place <= lexeme.start) {
            if *place == lexeme.start {
                let (inside, before) = (cutter.statement.is_some(), cutter.cut);
                marks.push(Mark { offset: lexeme.start, inside, before });
            }
            places = rest;
        }
        cutter.lexeme(&lexeme);
        cutter.statements.clear();
    }
    let open = cutter.problems.iter().any(|(_, kind)| kind.swallows_the_rest());
    let statements = cutter.cut + usize::from(cutter.statement.is_some());
    (!open).then_some(Located { marks, statements })
}

/// The statements of a text, cut as they are asked for: a script of any size is read without a list of its statements.
///
/// Made by [`Script::stream`].
#[derive(Debug)]
pub struct Statements<'s, 't> {
    cutter: Cutter<'s, 't>,
    ended: bool,
    /// Whether a statement may change how the ones behind it are read.
    differs: bool,
    /// The other ways to read each of them that the script's own statements make, where they were looked for.
    settings: Option<Arc<[(Lexing, Reading)]>>,
}

impl<'s, 't> Statements<'s, 't> {
    pub(super) fn new(text: &'t str, lexing: &'s Lexing) -> Self {
        let cutter = Cutter::new(text, lexing, Reading::EVERYTHING);
        Self { cutter, ended: false, differs: false, settings: None }
    }

    /// From the beginning on, each with the ways to read it that the whole script makes.
    pub(super) fn in_every_way(mut self) -> Self {
        let (text, lexing) = (self.cutter.text, self.cutter.lexing);
        let mut all = Self::new(text, lexing);
        all.by_ref().for_each(drop);
        if all.differs {
            // What they set is read from the list of them.
            let script = cut(text, lexing).ok();
            self.settings = script.and_then(|script| script.statements.first()?.settings.clone());
        }
        self
    }

    /// The directives of the part that was read.
    pub(crate) fn directives(&self) -> &[RawDirective<'t>] {
        &self.cutter.directives
    }

    /// How many statements were read.
    pub(crate) fn count_read(&self) -> usize {
        self.cutter.cut
    }

    /// Everything that is wrong with the text, in its order; what was not read yet is read for it.
    #[must_use]
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.by_ref().for_each(drop);
        let (text, lexing) = (self.cutter.text, self.cutter.lexing);
        let read_alike = self.cutter.lexer.versions.is_empty() && !self.differs;
        if self.cutter.problems.is_empty() && !read_alike {
            // Other ways to read it are compared with the list of its statements.
            return cut(text, lexing).err().unwrap_or_default();
        }
        placed(text, self.cutter.problems)
    }
}

impl<'t> Iterator for Statements<'_, 't> {
    type Item = Statement<'t>;

    fn next(&mut self) -> Option<Statement<'t>> {
        while !self.ended {
            match self.cutter.lexer.next() {
                Some(lexeme) => self.cutter.lexeme(&lexeme),
                None => {
                    self.ended = true;
                    self.cutter.finish();
                }
            }
            if let Some(mut statement) = self.cutter.statements.pop() {
                statement.settings.clone_from(&self.settings);
                self.differs = self.differs || reading::may_differ(&statement, self.cutter.lexing);
                return Some(statement);
            }
        }
        None
    }
}

/// The client cuts off what is longer, in bytes.
const LONGEST_DELIMITER: usize = 15;

#[derive(Debug)]
struct Cutter<'s, 't> {
    text: &'t str,
    lexing: &'s Lexing,
    lexer: Lexer<'s, 't>,
    body: Body,
    piece_start: usize,
    /// Where the statement begins, and where what was seen of it ends.
    statement: Option<(usize, usize)>,
    /// Where an executable comment opened in which no token was seen yet.
    executable_start: Option<usize>,
    /// Where the last statement began, from which lines are counted on.
    counted: Position,
    statements: Vec<Statement<'t>>,
    /// How many statements were cut.
    cut: usize,
    /// Up to where no line break was found behind the last statement, or that there is one.
    same_line: (usize, bool),
    directives: Vec<RawDirective<'t>>,
    problems: Vec<(usize, ProblemKind)>,
    /// Whether an end of data for `COPY` may yet come.
    copy_data_ends: bool,
    /// Up to where a `SET` in a block was looked through, and the last word there that may control transactions.
    looked: Option<(usize, Option<usize>)>,
}

impl<'s, 't> Cutter<'s, 't> {
    fn new(text: &'t str, lexing: &'s Lexing, reading: Reading) -> Self {
        let mut lexer = Lexer::new(text, lexing);
        lexer.reading = reading;
        Self {
            text,
            lexing,
            lexer,
            body: Body::new(lexing),
            piece_start: 0,
            statement: None,
            executable_start: None,
            counted: Position::START,
            statements: Vec::new(),
            cut: 0,
            same_line: (0, false),
            looked: None,
            directives: Vec::new(),
            // One is enough to tell: a text in UTF-16 has thousands.
            problems: text.find('\0').map(|at| (at, ProblemKind::Nul)).into_iter().collect(),
            copy_data_ends: true,
        }
    }

    #[inline]
    fn lexeme(&mut self, lexeme: &Lexeme) {
        if let Some(kind) = lexeme.problem {
            self.problems.push((lexeme.start, kind));
        }
        let kind = match lexeme.kind {
            LexemeKind::Blank => return,
            LexemeKind::Comment => return self.comment(lexeme),
            LexemeKind::Delimiter => return self.delimiter(lexeme.end),
            LexemeKind::ExecutableOpen => {
                if self.statement.is_none() {
                    self.executable_start.get_or_insert(lexeme.start);
                }
                return;
            }
            LexemeKind::ExecutableClose => {
                self.executable_start = None;
                if let Some((_, end)) = &mut self.statement {
                    *end = lexeme.end;
                }
                return;
            }
            LexemeKind::Word => TokenKind::Word,
            LexemeKind::QuotedIdentifier => TokenKind::QuotedIdentifier,
            LexemeKind::String | LexemeKind::DollarQuote => TokenKind::String,
            LexemeKind::Number => TokenKind::Number,
            LexemeKind::Symbol => TokenKind::Symbol,
        };
        if kind != TokenKind::Symbol
            && let Some((_, statement_end)) = &mut self.statement
            && self.body.is_idle()
        {
            *statement_end = lexeme.end;
            return;
        }
        let text = self.lexer.slice(lexeme.start, lexeme.end);
        self.token(&Token { kind, text, offset: lexeme.start }, lexeme.end);
    }

    fn token(&mut self, token: &Token<'t>, end: usize) {
        if token.is_symbol(";") && (self.statement.is_none() || self.body.semicolon()) {
            if self.statement.is_some() || self.lexer.in_executable() {
                self.refuse_open_executable();
            }
            return self.end_piece(end);
        }
        if self.lexing.backslash_commands && token.is_symbol("\\") {
            self.problems.push((token.offset, ProblemKind::BackslashCommand));
            return self.lexer.jump(self.line_end(token.offset));
        }
        if self.statement.is_none() && self.lexing.delimiter_command && self.is_delimiter_command(token, end)
        {
            return self.delimiter_command(token.offset, end);
        }
        let start = self.executable_start.unwrap_or(token.offset);
        self.statement.get_or_insert((start, end)).1 = end;
        if token.is_symbol(";") {
            return;
        }
        self.body.token(token);
        // What stands in a block that is no program's runs with the script.
        if self.body.begins_anonymous_statement() && !token.is_keyword("BEGIN") {
            self.check_inside(token);
        }
    }

    /// Checks a statement that begins in a block that is run at once.
    ///
    /// A `SET` is looked through up to its semicolon. No server takes another statement before that; a text that has one
    /// all the same, and what may control transactions behind it, is refused without looking once more.
    fn check_inside(&mut self, token: &Token<'t>) {
        if !token.is_keyword("SET") {
            self.check(token.offset, self.text.len());
            return;
        }
        if let Some((end, last)) = self.looked
            && token.offset < end
        {
            if last.is_some_and(|last| last > token.offset) {
                let kind = ProblemKind::TransactionControl { word: "SET autocommit" };
                self.problems.push((token.offset, kind));
            }
            return;
        }
        let words = Words::read(self.text, token.offset, self.text.len(), self.lexing, self.lexer.reading);
        let (mut end, mut last) = (self.text.len(), None);
        for word in words {
            if word.is_symbol(";") {
                end = word.offset;
                break;
            }
            if control::may_control(&word, self.lexing) {
                last = Some(word.offset);
            }
        }
        self.looked = Some((end, last));
        self.check(token.offset, end);
    }

    fn comment(&mut self, lexeme: &Lexeme) {
        let text = self.lexer.slice(lexeme.start, lexeme.end);
        let inside = match text.strip_prefix("/*") {
            Some(block) => block.strip_suffix("*/").unwrap_or(block),
            None => text.trim_start_matches(['-', '#']),
        };
        const NAME: &str = "whimbrel:";
        let inside = inside.trim();
        // Spelled otherwise it would be overlooked in silence, so case does not matter.
        if inside.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            let before = self.directives.last().map_or(Position::START, |directive| directive.position);
            let behind = self.cut > 0 && self.statement.is_none() && self.is_on_the_same_line(lexeme.start);
            self.directives.push(RawDirective {
                text: inside.get(NAME.len()..).unwrap_or_default().trim(),
                position: before.advanced(self.text, lexeme.start),
                in_header: self.cut == 0 && self.statement.is_none(),
                statement: self.cut - usize::from(behind),
            });
        }
    }

    /// Whether no line break stands between the last statement's end and a place, which only ever moves on.
    fn is_on_the_same_line(&mut self, place: usize) -> bool {
        let (looked, broken) = &mut self.same_line;
        *broken |= self.text.get(*looked..place).is_some_and(|between| between.contains('\n'));
        *looked = place;
        !*broken
    }

    /// A delimiter comes that a `DELIMITER` line has set: the client cuts there, whatever is open.
    fn delimiter(&mut self, end: usize) {
        if let Some(begin) = self.body.open() {
            self.problems.push((begin, ProblemKind::OpenBody));
        }
        self.refuse_open_executable();
        self.end_piece(end);
    }

    /// A server starts each statement outside of comments.
    fn refuse_open_executable(&mut self) {
        if let Some(start) = self.lexer.leave_executable() {
            self.problems.push((start, ProblemKind::AmbiguousComment));
        }
    }

    fn end_piece(&mut self, piece_end: usize) {
        let piece_start = std::mem::replace(&mut self.piece_start, piece_end);
        self.executable_start = None;
        self.body.reset();
        let Some((start, end)) = self.statement.take() else { return };
        let position = self.counted.advanced(self.text, start);
        self.counted = position;
        let varies = std::mem::take(&mut self.lexer.varied);
        let statement = Statement {
            script: self.text,
            piece_start,
            piece_end,
            end,
            position,
            lexing: *self.lexing,
            varies,
            settings: None,
        };
        if self.check(start, end) == Some(ProblemKind::CopyData) {
            self.skip_copy_data(piece_end);
        }
        self.statements.push(statement);
        self.cut += 1;
        self.same_line = (piece_end, false);
    }

    fn check(&mut self, offset: usize, end: usize) -> Option<ProblemKind> {
        let words = Words::read(self.text, offset, end, self.lexing, self.lexer.reading);
        let kind = control::problem(&words, self.lexing)?;
        self.problems.push((offset, kind));
        Some(kind)
    }

    /// Data after `COPY … FROM STDIN` is no SQL: read as such it would add problems that are none.
    fn skip_copy_data(&mut self, from: usize) {
        if !self.copy_data_ends {
            return;
        }
        let rest = self.text.get(from..).unwrap_or_default();
        match rest.find("\n\\.\n").or_else(|| rest.ends_with("\n\\.").then(|| rest.len() - 3)) {
            Some(at) => self.lexer.jump(from + at + 3),
            None => self.copy_data_ends = false,
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |at| from + at)
    }

    fn is_delimiter_command(&self, token: &Token<'_>, end: usize) -> bool {
        token.is_keyword("DELIMITER")
            && self
                .text
                .get(end..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    }

    /// Understood as MySQL's own client does, but for what it ignores on the rest of the line.
    fn delimiter_command(&mut self, start: usize, end: usize) {
        let line_end = self.line_end(end);
        let line = self.text.get(end..line_end).unwrap_or_default().trim();
        let (delimiter, rest) = match line.chars().next().filter(|quote| "'\"`".contains(*quote)) {
            Some(quote) => line[1..].split_once(quote).unwrap_or_default(),
            None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
        };
        let rest = rest.trim_start();
        let alone = rest.is_empty() || rest.starts_with('#') || rest.starts_with("-- ") || rest == "--";
        if delimiter.is_empty()
            || delimiter.len() > LONGEST_DELIMITER
            || delimiter.contains(|next: char| next == '\\' || next.is_whitespace())
            || !alone
            || self.lexer.in_executable()
        {
            self.problems.push((start, ProblemKind::Delimiter));
        } else {
            self.lexer.set_delimiter((delimiter != ";").then_some(delimiter));
        }
        let next = (line_end + 1).min(self.text.len());
        self.lexer.jump(next);
        self.end_piece(next);
    }

    fn finish(&mut self) {
        if let Some(start) = self.lexer.leave_executable() {
            self.problems.push((start, ProblemKind::OpenComment));
        }
        // A quote that swallowed the rest swallowed the body's end as well: one reason is enough.
        if let Some(begin) = self.body.open()
            && !self.problems.iter().any(|(at, kind)| *at > begin && kind.swallows_the_rest())
        {
            self.problems.push((begin, ProblemKind::OpenBody));
        }
        if self.statement.is_some() {
            self.end_piece(self.text.len());
        }
    }
}
