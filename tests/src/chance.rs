//! How often what is random is repeated.

pub use whimbrel_testkit::search::Chance;

/// How many runs: all of them with the full counts (`WHIMBREL_LONG`), else a tenth.
pub fn runs(all: usize) -> usize {
    if std::env::var_os("WHIMBREL_LONG").is_some() { all } else { all.div_ceil(10) }
}
