//! What a verb has to say at its end: an answer, or why there is none. Knows no format.

use serde_json::Value;
use whimbrel::{Error, ErrorKind};

use crate::config::Problem;
use crate::exit::Code;

/// What became of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    /// For people; may have styles.
    pub(crate) text: String,
    /// For programs, as `docs/guide/json.md` describes it.
    pub(crate) data: Value,
}

impl Answer {
    pub(crate) fn new(text: impl Into<String>, data: Value) -> Self {
        Self { code: Code::Done, text: text.into(), data }
    }

    #[must_use]
    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) error: Box<Error>,
    /// What to type next, instead of what the library proposes to programs.
    pub(crate) next: Vec<String>,
    /// What is shown before the error, for people: a plan that wants an approval, say.
    pub(crate) before: Option<String>,
    /// The plan that it is about, for programs.
    pub(crate) plan: Option<Box<Value>>,
}

impl Failure {
    /// A failure of the command's own.
    pub(crate) fn of(code: Code, headline: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Configuration, headline);
        Self { code, error: Box::new(error), next: Vec::new(), before: None, plan: None }
    }

    #[must_use]
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    #[must_use]
    pub(crate) fn with_note(self, name: &'static str, text: impl Into<String>) -> Self {
        Self { error: Box::new(self.error.with_note(name, text)), ..self }
    }

    /// The same failure, with the commands to type next where nothing is said yet.
    #[must_use]
    pub(crate) fn advised(mut self, next: Vec<String>) -> Self {
        if self.next.is_empty() {
            self.next = next;
        }
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: Code::of(&error), error: Box::new(error), next: Vec::new(), before: None, plan: None }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { code: Code::Usage, ..Self::from(Error::from(problem)) }
    }
}
