//! The blocking twins of the verbs. They do nothing that the verbs do not.

use super::Migrator;
use super::postpone::PostponedMigration;
use super::settle::Settlement;
use super::status::Status;
use super::verbs::Mode;
use crate::blocking::{Blocking, block_on};
use crate::error::Result;
use crate::history::History;
use crate::migration::Version;
use crate::observe::Tip;
use crate::plan::{Goal, Plan};
use crate::report::Report;

impl Migrator<'_> {
    /// Does what [`run`](Self::run) does, blocking. Steps may be plain functions.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # If interrupted
    /// As [`run`](Self::run).
    pub fn run_blocking<Kind>(&self, db: &mut impl Blocking<Kind>) -> Result<Report> {
        block_on(self.run_in(&mut db.driver(), Mode::Blocking))
    }

    /// Does what [`revert_to`](Self::revert_to) does, blocking. Steps may be plain functions.
    ///
    /// # Errors
    /// As [`revert_to`](Self::revert_to).
    ///
    /// # If interrupted
    /// As [`revert_to`](Self::revert_to).
    pub fn revert_to_blocking<Kind>(
        &self,
        db: &mut impl Blocking<Kind>,
        version: Option<Version>,
    ) -> Result<Report> {
        block_on(self.revert_in(&mut db.driver(), Goal::RevertTo(version), Mode::Blocking))
    }

    /// Does what [`redo`](Self::redo) does, blocking. Steps may be plain functions.
    ///
    /// # Errors
    /// As [`redo`](Self::redo).
    ///
    /// # If interrupted
    /// As [`redo`](Self::redo).
    pub fn redo_blocking<Kind>(&self, db: &mut impl Blocking<Kind>) -> Result<Report> {
        block_on(self.revert_in(&mut db.driver(), Goal::Redo, Mode::Blocking))
    }
}

macro_rules! blocking_twins {
    ($($twin:ident = $verb:ident($($name:ident: $type:ty),*) -> $result:ty;)*) => {
        /// The blocking twins: for drivers that need no async runtime, and clients that a driver's crate can borrow. They
        /// run on the caller's thread.
        impl Migrator<'_> {
            $(
                #[doc = concat!("Does what [`", stringify!($verb), "`](Self::", stringify!($verb), ") does, blocking.")]
                ///
                /// # Errors
                #[doc = concat!("As [`", stringify!($verb), "`](Self::", stringify!($verb), ").")]
                pub fn $twin<Kind>(&self, db: &mut impl Blocking<Kind> $(, $name: $type)*) -> Result<$result> {
                    block_on(self.$verb(&mut db.driver() $(, $name)*))
                }
            )*
        }
    };
}

blocking_twins! {
    plan_blocking = plan() -> Plan;
    plan_for_blocking = plan_for(goal: Goal) -> Plan;
    history_blocking = history() -> History;
    script_blocking = script() -> String;
    script_for_blocking = script_for(goal: Goal) -> String;
    check_blocking = check() -> Report;
    wait_blocking = wait() -> Report;
    status_blocking = status() -> Status;
    postponed_blocking = postponed() -> Vec<PostponedMigration>;
    baseline_blocking = baseline(version: Version) -> Report;
    settle_blocking = settle(settlement: Settlement) -> Report;
    repair_blocking = repair(reason: &str) -> Report;
    verify_history_blocking = verify_history(tips: &[Tip]) -> Vec<Tip>;
}
