//! One call under way: its messages, cut into statements, how far the server has come, and the answer.

use std::collections::VecDeque;

use whimbrel::script::Script;
use whimbrel::{DriverError, ErrorClass, Rows, Value};

use crate::fake::SERVER_LEXING;
use crate::fake::parser;
use crate::fake::session::{Server, Session};
use crate::fake::statement::Statement;

/// A statement that was sent.
pub(super) struct Sent {
    pub(super) text: String,
    /// Or what the server says of it.
    pub(super) parsed: Result<Statement, DriverError>,
}

/// A call under way.
pub(super) struct Job {
    messages: VecDeque<VecDeque<Sent>>,
    values: Vec<Value>,
    answer: Answer,
    /// How many statements were carried out, failed ones too.
    pub(super) position: usize,
    /// Whether an error was answered; what comes behind it is not told.
    told: bool,
}

/// What the client is told.
pub(super) struct Answer {
    /// For each message that was begun, and each statement of it that was carried out: whether a transaction is open behind it.
    pub(super) statements: Vec<Vec<bool>>,
    /// How many messages were carried out whole.
    pub(super) messages: usize,
    pub(super) result: Result<Rows, DriverError>,
}

impl Answer {
    pub(super) fn failed(error: DriverError) -> Self {
        Self { statements: Vec::new(), messages: 0, result: Err(error) }
    }
}

impl Job {
    pub(super) fn new<'m>(messages: impl IntoIterator<Item = &'m str>, values: Vec<Value>) -> Self {
        let messages: VecDeque<VecDeque<Sent>> = messages.into_iter().map(cut).collect();
        let answer = Answer { statements: vec![Vec::new()], messages: 0, result: Ok(Rows::default()) };
        Self { messages, values, answer, position: 0, told: false }
    }

    /// What is carried out next.
    pub(super) fn next(&self) -> Option<&Sent> {
        self.messages.front()?.front()
    }

    /// How many statements are left.
    pub(super) fn left(&self) -> usize {
        self.messages.iter().map(VecDeque::len).sum()
    }

    /// The texts of all statements that are left.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().flatten().map(|sent| &*sent.text)
    }

    /// Carries out the next statement.
    pub(super) fn step(&mut self, session: &mut Session, server: &mut Server) {
        let Some(sent) = self.messages.front_mut().and_then(VecDeque::pop_front) else { return };
        self.position += 1;
        let result = sent
            .parsed
            .and_then(|statement| session.run(server, &statement, &sent.text, &self.values))
            .inspect_err(|error| debug_assert_ne!(error.class(), ErrorClass::Busy, "it was not blocked"));
        match result {
            Ok(rows) if !self.told => {
                if let Some(open) = self.answer.statements.last_mut() {
                    open.push(session.is_open());
                }
                self.answer.result = Ok(rows);
            }
            Ok(_) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    self.answer.result = Err(error);
                }
                if server.kind.goes_on() {
                    self.messages.pop_front();
                } else {
                    self.messages.clear();
                }
                return;
            }
        }
        if self.messages.front().is_some_and(VecDeque::is_empty) {
            self.messages.pop_front();
            if !self.told {
                self.answer.messages += 1;
                self.answer.statements.push(Vec::new());
            }
        }
    }

    /// The answer, once nothing is left.
    pub(super) fn into_answer(self) -> Answer {
        self.answer
    }
}

fn cut(message: &str) -> VecDeque<Sent> {
    match Script::parse(message, &SERVER_LEXING) {
        Ok(script) => script
            .statements()
            .iter()
            .map(|statement| Sent { text: statement.text().to_owned(), parsed: parser::parse(statement) })
            .collect(),
        Err(problems) => {
            let what = problems.first().map(ToString::to_string).unwrap_or_default();
            let parsed = Err(DriverError::new(ErrorClass::Sql, what).with_code("syntax"));
            VecDeque::from([Sent { text: message.to_owned(), parsed }])
        }
    }
}
