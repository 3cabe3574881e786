//! The error of the library: why a run stopped, where, what was done before it, and whose turn it is.

use std::borrow::Cow;
use std::fmt;

use crate::driver::{DriverError, ErrorClass};
use crate::finding::{Finding, FindingKind, Weight};
use crate::report::{Outcome, Report};
use crate::script::Position;
use crate::shown::{shown, shown_lines};

/// The result of the library's verbs.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose turn it is after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Mend the migration files, then build and run again.
    Files,
    /// Mend the options, the environment or the database's settings and rights.
    Configuration,
    /// Look at the database: it, or its history, is not as this library left it.
    Database,
    /// Nothing is wrong in itself: wait and run again.
    Retry,
    /// Something is pending, and the verb does not apply anything.
    Pending,
    /// Nothing is wrong: the verb was asked to end ([`Stop`](crate::Stop)), and did between two migrations.
    Stopped,
    /// No one can tell whether a statement took effect: look, then settle.
    OutcomeUnknown,
    /// A step in Rust, a backup or a verifier of the application's returned an error.
    Application,
    /// A defect of this library or of a driver: please report it.
    Bug,
}

impl ErrorKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Configuration => "configuration",
            Self::Database => "database",
            Self::Retry => "retry",
            Self::Pending => "pending",
            Self::Stopped => "stopped",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Application => "application",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many findings, and how many notes, an error shows of each with `{:#}`.
pub const FINDINGS_SHOWN: usize = 50;

/// Why a verb stopped.
///
/// Of findings and notes, `{:#}` shows [`FINDINGS_SHOWN`] and how many more there are; `{:#.500}` shows up to 500, and
/// [`findings`](Self::findings) has all of them.
///
/// `Display` is one line. `Display` with `{:#}` is for people: the place, the line of the script with its literals masked,
/// what was done before, and what to do next. `Debug` is the same without `error: ` at its beginning, so that a `main` that
/// returns this error, which puts `Error: ` before it, prints it well. No form shows a secret or a value of a row, unless
/// [`Migrator::with_database_messages`](crate::Migrator::with_database_messages) asked for the database's own words.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    headline: String,
    migration: Option<String>,
    statement: Option<usize>,
    location: Option<Location>,
    findings: Vec<Finding>,
    notes: Vec<(&'static str, String)>,
    code: Option<String>,
    class: Option<ErrorClass>,
    report: Option<Report>,
    broken_history: bool,
    unknown_outcome: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: String,
    /// Where in it.
    pub position: Position,
    /// The line, with literals masked.
    pub line: String,
    /// How many characters of that line stand before the place. Masking may have moved it.
    pub before: usize,
    /// What is to be said about the place.
    pub label: String,
    /// How many characters are meant.
    pub width: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", shown(&self.file), self.position.line, self.position.column)
    }
}

impl Error {
    /// An error of this kind; the headline is one lower-case fragment.
    pub fn new(kind: ErrorKind, headline: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            headline: one_line(headline.into()),
            migration: None,
            statement: None,
            location: None,
            findings: Vec::new(),
            notes: Vec::new(),
            code: None,
            class: None,
            report: None,
            broken_history: false,
            unknown_outcome: kind == ErrorKind::OutcomeUnknown,
            source: None,
        }))
    }

    /// A refusal for these findings, of which there is at least one.
    pub fn refused(findings: Vec<Finding>) -> Self {
        // What someone has to look at by hand comes first, what a rebuild mends comes last.
        let order =
            [ErrorKind::OutcomeUnknown, ErrorKind::Database, ErrorKind::Configuration, ErrorKind::Files];
        let kind = order
            .into_iter()
            .find(|kind| findings.iter().any(|finding| turn(finding) == *kind))
            .unwrap_or(ErrorKind::Files);
        let mut error = Self::new(kind, refusal(findings.len(), None));
        if let [only] = findings.as_slice() {
            error.0.headline = format!("refused: {} {}", only.subject(), only.message());
            error.0.migration = Some(only.subject().to_owned());
        }
        error.0.findings = findings;
        error
    }

    /// What the database said outside any migration.
    pub(crate) fn driver(what: &str, error: DriverError) -> Self {
        let (kind, next) = match error.class() {
            ErrorClass::Busy | ErrorClass::Conflict => {
                (ErrorKind::Retry, "another process is writing: run again when it is done")
            }
            ErrorClass::Unavailable => (ErrorKind::Retry, "wait until the server is up, then run again"),
            ErrorClass::Unsupported => return Self::unsupported(error),
            ErrorClass::ConnectionLost => {
                (ErrorKind::Retry, "run again on a new connection: it continues from a known place")
            }
            ErrorClass::InTransaction => (
                ErrorKind::Configuration,
                "commit or roll back on this connection before migrating, or migrate on another one",
            ),
            ErrorClass::ReadOnly => (
                ErrorKind::Configuration,
                "something is pending, and this connection cannot write: connect to the primary, open the database \
                 for writing, or use `wait`",
            ),
            ErrorClass::Unprotected => {
                (ErrorKind::Configuration, "change the setting back on this connection, then run again")
            }
            ErrorClass::Permission => {
                (ErrorKind::Configuration, "give the role the right that the database names")
            }
            ErrorClass::Full => (ErrorKind::Configuration, "make room, then run again: nothing was lost"),
            ErrorClass::Damaged => (
                ErrorKind::Database,
                "this is no database of the expected kind, or a damaged one: check the path, or restore a backup",
            ),
            ErrorClass::TransactionLost => (
                ErrorKind::Bug,
                "a transaction ended in the middle; run again: it continues from a known place",
            ),
            ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::NoTransaction | ErrorClass::Other => (
                ErrorKind::Database,
                "the history table may have been made or changed by something else: compare it with docs/formats.md",
            ),
        };
        let mut this =
            Self::new(kind, format!("{what} failed: {}", error.message())).with_class(error.class());
        if let Some(hint) = error.hint() {
            this = this.with_note("hint", hint);
        }
        let mut this = this.with_note("next", next);
        this.0.code = error.code().map(str::to_owned);
        this.with_source(error)
    }

    /// The server is one that the driver does not support.
    fn unsupported(error: DriverError) -> Self {
        let mut this = Self::new(ErrorKind::Configuration, error.message()).with_class(error.class());
        let next = error.hint().unwrap_or(
            "connect to a server that docs/guide/servers.md lists as supported, or use a driver that was written for this one",
        );
        this = this.with_note("next", next.to_owned());
        this.0.code = error.code().map(str::to_owned);
        this.with_source(error)
    }

    pub(crate) fn with_class(mut self, class: ErrorClass) -> Self {
        self.0.class = Some(class);
        self
    }

    /// The same error, where the transaction could not be rolled back: nothing is said to be undone that may not be.
    pub(crate) fn without_rollback(mut self) -> Self {
        self.0.headline = self.0.headline.replace(
            "nothing of it was kept",
            "what of it was kept is not known, since its transaction could not be rolled back",
        );
        self
    }

    /// Whether it is known what was kept.
    pub(crate) fn with_outcome_known(mut self, known: bool) -> Self {
        self.0.unknown_outcome = !known;
        self
    }

    pub(crate) fn about_broken_history(mut self) -> Self {
        self.0.broken_history = true;
        self
    }

    /// Sets the database's code.
    #[must_use]
    pub fn with_code(mut self, code: Option<&str>) -> Self {
        self.0.code = code.map(str::to_owned);
        self
    }

    pub(crate) fn with_migration(mut self, label: impl Into<String>) -> Self {
        self.0.migration = Some(label.into());
        self
    }

    pub(crate) fn with_statement(mut self, number: usize) -> Self {
        self.0.statement = Some(number);
        self
    }

    pub(crate) fn with_location(mut self, location: Location) -> Self {
        self.0.location = Some(location);
        self
    }

    /// Adds a line below the error, `= name: text`.
    #[must_use]
    pub fn with_note(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.notes.push((name, shown_lines(&text.into()).into_owned()));
        self
    }

    pub(crate) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.0.findings = findings;
        self
    }

    pub(crate) fn with_report(mut self, report: Report) -> Self {
        if self.0.findings.len() > 1 {
            self.0.headline = refusal(self.0.findings.len(), Some(&report));
        }
        self.0.report = Some(report);
        self
    }

    /// Adds the error behind this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Whose turn it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The migration's label, like `42_add_email`.
    pub fn migration(&self) -> Option<&str> {
        self.0.migration.as_deref()
    }

    /// The number of the statement in its script, from 1.
    pub fn statement(&self) -> Option<usize> {
        self.0.statement
    }

    /// The place in the migration's file.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The reasons for which something was refused; empty for other errors.
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// Whether rows of the history are not as they were written: one was changed, is missing, or cannot be read.
    pub fn is_history_broken(&self) -> bool {
        self.0.broken_history || self.0.findings.iter().any(|finding| finding.kind() == FindingKind::History)
    }

    /// Whether it is known what was kept of the migration. Where it is not, the next run looks, and says how to go on.
    ///
    /// ```
    /// use whimbrel::{Error, ErrorKind};
    ///
    /// assert!(Error::new(ErrorKind::Files, "a statement failed").is_outcome_known());
    /// assert!(!Error::new(ErrorKind::OutcomeUnknown, "a statement is in doubt").is_outcome_known());
    /// ```
    pub fn is_outcome_known(&self) -> bool {
        !self.0.unknown_outcome
    }

    /// The database's code (SQLSTATE or a name).
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the database's error allows to conclude.
    pub fn class(&self) -> Option<ErrorClass> {
        self.0.class
    }

    /// The lines below the error, each a name and a text.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.notes.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// What was done before the error, of a verb that carries a plan out; perhaps nothing.
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    fn write_diagnostic(&self, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if !inner.findings.is_empty() && inner.location.is_none() {
            f.write_str(&refusal(inner.findings.len(), inner.report.as_ref()))?;
            let most = f.precision().unwrap_or(FINDINGS_SHOWN);
            inner.findings.iter().take(most).try_for_each(|finding| write!(f, "\n  {finding}"))?;
            if inner.findings.len() > most {
                write!(f, "\n  and {} more", inner.findings.len() - most)?;
            }
            self.write_notes(1, f)?;
            return match inner.report.as_ref().filter(|report| !report.migrations.is_empty()) {
                Some(report) => write!(f, "\n  = {}", Before(report)),
                None => Ok(()),
            };
        }
        write!(f, "{lead}{}", inner.headline)?;
        let gutter = inner.location.as_ref().map_or(1, |place| place.position.line.to_string().len());
        if let Some(place) = &inner.location {
            let pad = " ".repeat(gutter);
            write!(f, "\n{pad} --> {place}")?;
            write!(f, "\n{pad} |\n{} | {}", place.position.line, Line(&place.line))?;
            if !place.label.is_empty() {
                let before = place.line.chars().take(place.before);
                let before: String = before.map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
                let label = shown(&place.label);
                write!(f, "\n{pad} | {before}{} {label}", "^".repeat(place.width.max(1)))?;
            }
        }
        if let Some(report) = inner.report.as_ref().filter(|report| !report.migrations.is_empty()) {
            write!(f, "\n{} = {}", " ".repeat(gutter), Before(report))?;
        }
        self.write_notes(gutter, f)
    }

    fn write_notes(&self, gutter: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pad, most) = (" ".repeat(gutter), f.precision().unwrap_or(FINDINGS_SHOWN));
        for (name, text) in self.0.notes.iter().take(most) {
            write!(f, "\n{pad} = {name}: {}", text.replace('\n', &format!("\n{pad}     ")))?;
        }
        match self.0.notes.len().checked_sub(most) {
            Some(more @ 1..) => write!(f, "\n{pad} = and {more} more"),
            _ => Ok(()),
        }
    }
}

/// A text in which nothing begins another line.
fn one_line(text: String) -> String {
    match shown(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(safe) => safe,
    }
}

/// Whose turn it is. What only wants to be approved is mended by no change of a file.
fn turn(finding: &Finding) -> ErrorKind {
    match finding.weight() {
        Weight::Approval => ErrorKind::Configuration,
        Weight::Refusal | Weight::Note => finding.kind().turn(),
    }
}

/// The headline of a refusal.
fn refusal(count: usize, report: Option<&Report>) -> String {
    let plural = if count == 1 { "" } else { "s" };
    let more = if report.is_some_and(|report| !report.migrations.is_empty()) { " more" } else { "" };
    format!("refused: {count} finding{plural}, nothing{more} was changed")
}

/// A line of a script, with its tabs.
struct Line<'l>(&'l str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('\t');
        f.write_str(&shown(parts.next().unwrap_or_default()))?;
        parts.try_for_each(|part| write!(f, "\t{}", shown(part)))
    }
}

/// How many migrations are named that were done before an error.
const NAMED: usize = 6;

/// What was done before an error.
struct Before<'r>(&'r Report);

impl fmt::Display for Before<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let migrations = &self.0.migrations;
        f.write_str(match self.0.outcome {
            Outcome::Reverted => "reverted before it: ",
            Outcome::Redone => "done before it: ",
            _ => "applied before it: ",
        })?;
        let skipped = migrations.len().saturating_sub(NAMED);
        if skipped > 0 {
            write!(f, "{skipped} more, ")?;
        }
        let labels: Vec<&str> = migrations[skipped..].iter().map(|migration| &*migration.label).collect();
        f.write_str(&labels.join(", "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.location {
            _ if f.alternate() => self.write_diagnostic("error: ", f),
            // Of several errors with one headline each needs its place.
            Some(place) if !self.0.findings.is_empty() => write!(f, "{} ({place})", self.0.headline),
            _ => f.write_str(&self.0.headline),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` puts `Error: ` before it.
        self.write_diagnostic("", f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
