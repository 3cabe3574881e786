//! What the arguments of the command say of the settings, as text. Checks nothing.

use std::fmt;
use std::path::PathBuf;

/// What the arguments gave. It is checked by [`Settings::load`](super::Settings::load).
#[derive(Clone, Default)]
pub(crate) struct Overrides {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// `--environment`
    pub(crate) environment: Option<String>,
    /// `--directory`
    pub(crate) directory: Option<PathBuf>,
    /// `--recursive`
    pub(crate) recursive: bool,
    /// `--writers`
    pub(crate) writers: Option<String>,
    /// `--set`
    pub(crate) set: Option<String>,
    /// `--url`
    pub(crate) url: Option<String>,
    /// `--role`
    pub(crate) role: Option<String>,
    /// `--table`
    pub(crate) table: Option<String>,
    /// `--lock-deadline`
    pub(crate) lock_deadline: Option<String>,
    /// `--wait-deadline`
    pub(crate) wait_deadline: Option<String>,
    /// `--lock-timeout`
    pub(crate) lock_timeout: Option<String>,
    /// `--statement-timeout`
    pub(crate) statement_timeout: Option<String>,
    /// `--failure-pause`
    pub(crate) failure_pause: Option<String>,
    /// `--transaction`
    pub(crate) transaction: Option<String>,
    /// `--out-of-order`
    pub(crate) out_of_order: Option<String>,
    /// `--ahead`
    pub(crate) ahead: Option<String>,
    /// `--unbaselined`
    pub(crate) unbaselined: Option<String>,
    /// `--reverted`
    pub(crate) reverted: Option<String>,
    /// `--gaps`
    pub(crate) gaps: Option<String>,
    /// `--database-messages`
    pub(crate) database_messages: bool,
}

impl fmt::Debug for Overrides {
    /// Shows nothing: any of them may be a password, given by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}
