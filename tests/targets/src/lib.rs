//! Targets for fuzzing: each takes any bytes and checks what must hold of them, beside that nothing panics.
//!
//! The same functions are run by the tests of this crate over the committed corpora, by `cargo xtask fuzz`, which looks
//! for inputs that reach new code, and by the programs in `fuzz/`, which are built for cargo-fuzz.

mod canonical;
// Its modules' own tests are in their crate.
#[cfg(not(test))]
mod configuration;
mod corpus;
mod directives;
mod history;
mod large;
mod manifest;
mod names;
mod placeholders;
mod policy;
mod postgres;
mod quoted;
mod ready;
mod signatures;
mod splitter;
mod sqlite;
mod urls;

// The reader of configurations is part of a program, which nothing can link: its modules are compiled here once more.
#[cfg(not(test))]
#[path = "../../../crates/whimbrel-cli/src"]
#[allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes_without_reason,
    reason = "only reading is called here"
)]
mod command {
    pub(crate) mod config;
    pub(crate) mod settings;
}
#[cfg(not(test))]
use command::{config, settings};

pub use corpus::folder;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// Checks one input.
    ///
    /// # Panics
    /// Something that must hold does not.
    pub check: fn(&[u8]),
    /// Inputs to begin with, out of the fixtures of the other tests.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of which inputs are made.
    pub words: &'static [&'static str],
    /// Inputs of about so many bytes that are made to take long, by what they are.
    pub large: fn(usize) -> Named,
    /// How many bytes an input has at most while new ones are searched for.
    pub longest: usize,
}

/// Inputs, by what they are.
pub type Named = Vec<(&'static str, Vec<u8>)>;

/// All targets.
pub const TARGETS: &[Target] = &[
    canonical::TARGET,
    #[cfg(not(test))]
    configuration::TARGET,
    directives::TARGET,
    history::TARGET,
    manifest::TARGET,
    splitter::MARIADB,
    splitter::MYSQL,
    names::TARGET,
    placeholders::TARGET,
    policy::TARGET,
    postgres::TARGET,
    signatures::TARGET,
    sqlite::TARGET,
    urls::TARGET,
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Checks an input of the target of this name.
///
/// # Panics
/// There is no such target, or something that must hold does not.
pub fn check(name: &str, input: &[u8]) {
    match target(name) {
        Some(target) => (target.check)(input),
        None => panic!("there is no target {name}"),
    }
}
