//! The page: its head, its landmarks and the order of its sections. Knows nothing of what stands in them.

use super::findings::{self, BrokenRow, Finding};
use super::history::{self, Rows};
use super::markup::Markup;
use super::plan::{self, Planned};
use super::sets::{self, Set};
use super::style::STYLE;
use super::timeline;
use crate::output::count;

/// What a report says.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// When it was made, in UTC.
    pub(crate) made: String,
    /// The version of the program that made it.
    pub(crate) version: String,
    /// `None`: no database was asked.
    pub(crate) database: Option<Database>,
    /// Where it all stands, in a sentence.
    pub(crate) summary: String,
    pub(crate) sets: Vec<Set>,
    pub(crate) plan: Planned,
    pub(crate) findings: Vec<Finding>,
    pub(crate) broken: Vec<BrokenRow>,
    pub(crate) history: Vec<Rows>,
}

/// The database that was asked.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Its name, and nothing else of where it is.
    pub(crate) name: String,
    /// Which server, and its version.
    pub(crate) server: String,
    /// The environment that it belongs to.
    pub(crate) environment: Option<String>,
}

/// Nothing is loaded from anywhere, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A section: where links lead to, its heading, and what writes it.
type Section = (&'static str, &'static str, fn(&Page, &mut Markup));

impl Page {
    pub(super) fn write(&self, html: &mut Markup) {
        let sections = self.sections();
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| {
                html.void("meta", &[("charset", "utf-8")]);
                html.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
                html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
                html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
                html.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
                html.leaf("title", &[], &self.title());
                html.style(STYLE);
            });
            html.element("body", &[], |html| {
                html.leaf("a", &[("class", "skip"), ("href", "#content")], "Skip to the content");
                html.element("header", &[], |html| self.header(html));
                html.element("nav", &[("aria-label", "Sections")], |html| {
                    html.element("ul", &[], |html| {
                        for (id, heading, _) in &sections {
                            html.element("li", &[], |html| html.leaf("a", &[("href", &format!("#{id}"))], heading));
                        }
                    });
                });
                html.element("main", &[("id", "content"), ("tabindex", "-1")], |html| {
                    for (id, heading, write) in &sections {
                        let name = format!("{id}-heading");
                        html.element("section", &[("id", id), ("aria-labelledby", &name)], |html| {
                            html.leaf("h2", &[("id", &name)], heading);
                            write(self, html);
                        });
                    }
                });
                html.element("footer", &[], |html| {
                    html.leaf("p", &[], "This page shows what was so when it was made. It loads nothing, and nothing in it runs.");
                });
            });
        });
    }

    fn title(&self) -> String {
        match &self.database {
            Some(Database { name, environment: Some(environment), .. }) => {
                format!("Migrations of {name} ({environment})")
            }
            Some(Database { name, .. }) => format!("Migrations of {name}"),
            None => "Migrations, without a database".to_owned(),
        }
    }

    fn header(&self, html: &mut Markup) {
        html.leaf("h1", &[], &self.title());
        html.leaf("p", &[("class", "summary")], &self.summary);
        html.element("dl", &[("class", "facts")], |html| {
            let mut fact = |name: &str, value: &str| {
                html.leaf("dt", &[], name);
                html.leaf("dd", &[], value);
            };
            match &self.database {
                Some(database) => {
                    fact("Environment", database.environment.as_deref().unwrap_or("none is recorded"));
                    fact("Database", &database.name);
                    fact("Server", &database.server);
                }
                None => fact("Database", "none was asked"),
            }
            fact("Findings", &self.counted());
            fact("Made", &format!("{} UTC, by whimbrel {}", self.made, self.version));
        });
    }

    /// How many findings there are of each weight, and how many rows that are not as they were written.
    fn counted(&self) -> String {
        let mut words: Vec<&str> = self.findings.iter().map(|finding| finding.weight.1).collect();
        words.sort_unstable();
        // A finding of this weight is no approval, but asks for one.
        let named = |number: usize, word: &str| match word {
            "approval" => format!("{number} to be approved"),
            _ => count(number, word),
        };
        let mut parts: Vec<String> =
            words.chunk_by(|a, b| a == b).map(|same| named(same.len(), same[0])).collect();
        if !self.broken.is_empty() {
            parts.push(format!("{} of the history not as written", count(self.broken.len(), "row")));
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = vec![
            ("sets", "Sets", |page, html| sets::write(html, &page.sets)),
            ("findings", "Findings", |page, html| findings::write(html, &page.findings, &page.broken)),
        ];
        if self.database.is_some() {
            sections.insert(1, ("plan", "Plan", |page, html| plan::write(html, &page.plan)));
            sections.push(("timeline", "Timeline", |page, html| timeline::write(html, &page.history)));
            sections.push(("history", "History", |page, html| history::write(html, &page.history)));
        }
        sections
    }
}
