//! The HTML report: takes plain data and gives one self-contained page. Knows no database, no file and no verb.
//!
//! Everything is written by [`Markup`], which has the only escaping there is.

mod findings;
mod history;
mod markup;
mod page;
mod plan;
mod sets;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use self::findings::{BrokenRow, Finding};
pub(crate) use self::history::{Row, Rows};
pub(crate) use self::markup::Markup;
pub(crate) use self::page::{Database, Page};
pub(crate) use self::plan::{Plan, Planned, Step};
pub(crate) use self::sets::{Migration, Set};

/// What a word amounts to, for whoever sees colours; the word itself always stands there as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Something is left to do.
    Waiting,
    /// Something is wrong.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "word good",
            Self::Waiting => "word waiting",
            Self::Bad => "word bad",
            Self::Plain => "word plain",
        }
    }
}

/// The page.
pub(crate) fn render(page: &Page) -> String {
    let mut markup = Markup::document();
    page.write(&mut markup);
    markup.finish()
}
