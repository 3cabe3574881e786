//! Readings: what one statement does, from whichever dialect. Picks the reader; the grammars are theirs.

#[cfg(test)]
#[path = "../../../tests/corpus/reader.rs"]
mod corpus;
mod cursor;
mod depth;
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use whimbrel::script::{Lexing, Statement};
use whimbrel::{Product, ServerVersion};

use crate::deed::{Deed, Online};

/// What one statement does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// All that it does, in its order.
    pub(crate) deeds: Vec<Deed>,
    /// How it asks to be carried out (MySQL).
    pub(crate) online: Online,
}

impl Reading {
    /// A statement that does this, and asks for nothing.
    pub(crate) fn of(deeds: Vec<Deed>) -> Self {
        Self { deeds, online: Online::default() }
    }
}

/// A statement that its reader does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unparsed {
    /// Why, without any of its literals.
    pub(crate) why: String,
}

/// Reads a statement as a server understands it.
pub(crate) fn read(statement: &Statement<'_>, server: &ServerVersion) -> Result<Reading, Unparsed> {
    match server.product {
        Product::Postgres => depth::bounded(statement, || postgres::read(statement)),
        Product::Mysql | Product::Mariadb => mysql::read(statement, server),
        Product::Sqlite => depth::bounded(statement, || sqlite::read(statement)),
        _ => Err(Unparsed { why: "there is no reader for this database".to_owned() }),
    }
}

/// A statement as servers of other versions, or sessions with other settings, understand it, where that differs from
/// [`read`]; for some it may be no statement at all.
pub(crate) fn read_otherwise(
    statement: &Statement<'_>,
    server: &ServerVersion,
) -> Vec<Result<Reading, Unparsed>> {
    match server.product {
        Product::Mysql | Product::Mariadb => mysql::read_otherwise(statement),
        _ => Vec::new(),
    }
}

/// How scripts for a product are lexed.
pub(crate) fn lexing(product: Product) -> Option<Lexing> {
    match product {
        Product::Postgres => Some(Lexing::POSTGRES),
        Product::Mysql => Some(Lexing::MYSQL),
        Product::Mariadb => Some(Lexing::MARIADB),
        Product::Sqlite => Some(Lexing::SQLITE),
        _ => None,
    }
}

/// The oldest version of a product that the rules know, by which is judged where the server is not known.
pub(crate) fn oldest(product: Product) -> ServerVersion {
    let (major, minor, patch) = match product {
        Product::Postgres => (14, 0, 0),
        // The first that heeds checks.
        Product::Mysql => (8, 0, 16),
        Product::Mariadb => (10, 6, 0),
        Product::Sqlite => (3, 35, 0),
        _ => (0, 0, 0),
    };
    ServerVersion::new(product, major, minor, patch)
}
