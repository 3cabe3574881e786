//! The arguments of the command: what every verb takes, and the verbs.

mod held;
pub(crate) mod misuse;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verbs;

/// Migrates databases, writes manifests, shows plans, and repairs with care.
#[derive(Debug, Parser)]
#[command(name = "whimbrel", version, max_term_width = 100, after_help = AFTER, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const AFTER: &str = "\
Examples:
  whimbrel new create_users               begin a migration
  whimbrel lock                           write the manifest, for review
  whimbrel up --url sqlite:app.db         apply what is pending
  whimbrel -e production plan --sql       what a DBA would run

Exit codes:
  0  done, or nothing to do     5  the outcome of a statement is unknown: settle
  1  failed                     6  somebody else migrates, or no server: try again
  2  wrong arguments            7  stopped as asked; 130 broken off
  3  something is pending       8  the history is broken: history --verify
  4  refused, nothing (more) was changed

Settings come from whimbrel.toml; `whimbrel config` shows each and where it came from.";

/// What every verb takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// The environment in whimbrel.toml
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) environment: Option<String>,
    /// The database: sqlite:PATH, env:VARIABLE, file:PATH, fd:NUMBER, or a URL without a password
    #[arg(short, long, global = true, value_name = "URL", help_heading = "Global options")]
    pub(crate) url: Option<String>,
    /// The migrations directory
    #[arg(short, long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) directory: Option<PathBuf>,
    /// Who may be able to write to the migrations: anyone, group or owner
    #[arg(long, global = true, value_name = "WHO", help_heading = "Global options")]
    pub(crate) writers: Option<String>,
    /// The configuration, instead of whimbrel.toml here or in a folder above
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// The database's kind, where none is asked
    #[arg(long, global = true, value_name = "KIND", value_parser = crate::sets::DIALECTS, help_heading = "Global options")]
    pub(crate) dialect: Option<String>,
    /// How long another migrator is waited for, like 30s or 5min
    #[arg(long, global = true, value_name = "TIME", help_heading = "Global options")]
    pub(crate) lock_deadline: Option<String>,
    /// What is written: for people, or a JSON object a line for programs
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Global options")]
    pub(crate) format: Format,
    /// Colours; `auto` has them on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub(crate) color: When,
    /// No progress, only results and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// For whom is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(verbs::init::Arguments),
    New(verbs::new::Arguments),
    Lock(verbs::lock::Arguments),
    Merge(verbs::merge::Arguments),
    #[cfg(feature = "sign")]
    Sign(verbs::sign::Arguments),
    Verify(verbs::verify::Arguments),
    #[cfg(feature = "policy")]
    Lint(verbs::lint::Arguments),
    Status(verbs::status::Arguments),
    Plan(verbs::plan::Arguments),
    Up(verbs::up::Arguments),
    Down(verbs::down::Arguments),
    Redo(verbs::redo::Arguments),
    Check(verbs::check::Arguments),
    Wait(verbs::wait::Arguments),
    Baseline(verbs::baseline::Arguments),
    History(verbs::history::Arguments),
    Settle(verbs::settle::Arguments),
    Repair(verbs::repair::Arguments),
    Report(verbs::report::Arguments),
    Create(verbs::create::Arguments),
    Drop(verbs::drop::Arguments),
    Reset(verbs::reset::Arguments),
    Doctor(verbs::doctor::Arguments),
    Config(verbs::config::Arguments),
    Completions(verbs::completions::Arguments),
    Man(verbs::man::Arguments),
}
