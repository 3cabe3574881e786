//! What is wrong with a directory: lines that each name a file, and the error made of all of them.

use proc_macro2::Span;
use whimbrel::{Error, Finding, layout};

/// Everything that is wrong, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// Adds a line: the place, and what is wrong there.
    pub(crate) fn add(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.0.push(layout::shown(&format!("{place}: {what}")).into_owned());
    }

    /// Adds those of another set.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Adds what the core said about the files.
    pub(crate) fn add_error(&mut self, error: &Error) {
        let before = self.0.len();
        self.0.extend(error.notes().map(|(_, text)| text.to_owned()));
        if self.0.len() == before {
            self.0.push(error.to_string());
        }
    }

    /// Adds what the core's verifier found in the directory `root`.
    pub(crate) fn add_finding(&mut self, root: &str, finding: &Finding) {
        self.add(format_args!("{root}/{}", finding.subject()), finding.message());
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The compiler's error: one line a problem, at the literal that names the directory.
    pub(crate) fn into_error(self, directory: &str, span: Span) -> syn::Error {
        match self.0.as_slice() {
            [only] => syn::Error::new(span, only),
            many => {
                let mut text = format!("{} problems in `{directory}`", many.len());
                for line in many {
                    text.push_str("\n  ");
                    text.push_str(line);
                }
                syn::Error::new(span, text)
            }
        }
    }
}
