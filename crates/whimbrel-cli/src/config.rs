//! The configuration file `whimbrel.toml`. Knows its keys and what may stand behind them; knows nothing of arguments, and
//! opens no database.
//!
//! A value may be a password that does not belong there. So nothing that was read from the file is in an error: places,
//! names of keys from a closed list, and what is expected are all that it says.

mod problem;

pub(crate) use self::problem::Problem;

/// The file's name.
pub(crate) const FILE_NAME: &str = "whimbrel.toml";
