//! The sets and how each migration stands. Knows nothing of how that was found out.

use super::Tone;
use super::markup::Markup;
use super::table::table;

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) name: String,
    /// For which kind of database its scripts are.
    pub(crate) dialect: String,
    /// The head of what the files hold.
    pub(crate) head: String,
    /// Whether a manifest says that this was reviewed.
    pub(crate) locked: bool,
    pub(crate) migrations: Vec<Migration>,
}

/// A migration.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    pub(crate) label: String,
    /// How it stands, in a word; `None` where no database was asked.
    pub(crate) state: Option<(Tone, String)>,
    pub(crate) since: String,
    pub(crate) took: String,
    pub(crate) by: String,
    /// Whether there is a way down; `None` where the files do not have the migration.
    pub(crate) down: Option<bool>,
}

pub(super) fn write(html: &mut Markup, sets: &[Set]) {
    if sets.is_empty() {
        html.leaf("p", &[], "There are no sets.");
    }
    for set in sets {
        html.leaf("h3", &[], &format!("Set {}", set.name));
        html.element("dl", &[("class", "facts")], |html| {
            let reviewed = if set.locked { "whimbrel.sum" } else { "not locked: there is no whimbrel.sum" };
            for (name, value) in [("Scripts for", set.dialect.as_str()), ("Manifest", reviewed)] {
                html.leaf("dt", &[], name);
                html.leaf("dd", &[], value);
            }
            html.leaf("dt", &[], "Head");
            html.element("dd", &[], |html| html.leaf("code", &[], &set.head));
        });
        if set.migrations.is_empty() {
            html.leaf("p", &[], "It has no migrations.");
        } else if set.migrations.iter().all(|migration| migration.state.is_none()) {
            files(html, set);
        } else {
            states(html, set);
        }
    }
}

fn states(html: &mut Markup, set: &Set) {
    let caption = format!("Migrations of {}, and how they stand", set.name);
    table(html, &caption, &["Migration", "State", "Since (UTC)", "Took", "By", "Way down"], |table| {
        for migration in &set.migrations {
            table.row(|row| {
                row.code(&migration.label);
                match &migration.state {
                    Some((tone, word)) => row.word(*tone, word),
                    None => row.text(""),
                }
                row.short(&migration.since);
                row.short(&migration.took);
                row.text(&migration.by);
                row.text(down(migration));
            });
        }
    });
}

fn files(html: &mut Markup, set: &Set) {
    table(html, &format!("Migrations of {}", set.name), &["Migration", "Way down"], |table| {
        for migration in &set.migrations {
            table.row(|row| {
                row.code(&migration.label);
                row.text(down(migration));
            });
        }
    });
}

fn down(migration: &Migration) -> &'static str {
    match migration.down {
        Some(true) => "yes",
        Some(false) => "no",
        None => "no file",
    }
}
