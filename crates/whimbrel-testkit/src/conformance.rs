//! The suite that proves a driver: what it is given, and how its checks are mounted. What is checked stands in the
//! modules below.

mod bench;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod boot;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod crash;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod failure;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod framing;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod refusal;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod step;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod tombstone;
#[expect(missing_docs, reason = "a check's name is its claim")]
mod verb;

use std::panic::{AssertUnwindSafe, catch_unwind};

use whimbrel::{Driver, StepFuture, StepTransaction};

#[doc(hidden)]
pub use self::bench::Bench;

/// Every check, by its name.
#[doc(hidden)]
pub mod checks {
    pub use super::boot::*;
    pub use super::crash::*;
    pub use super::failure::*;
    pub use super::framing::*;
    pub use super::refusal::*;
    pub use super::step::*;
    pub use super::tombstone::*;
    pub use super::verb::*;
}

/// A database that the suite may fill: empty when it is made, gone when it is dropped.
///
/// **Who implements it:** the tests of a driver's crate.
///
/// **Who calls it:** [`conformance!`](crate::conformance!), which makes one or more for each check, and connects to
/// each several times, from several threads at once too.
///
/// ```
/// use whimbrel::{StepFuture, StepTransaction};
/// use whimbrel_testkit::{Fake, Scripts, TestDatabase};
///
/// struct InMemory(Fake);
///
/// impl TestDatabase for InMemory {
///     type Driver = Fake;
///
///     async fn connect(&self) -> Fake {
///         self.0.another()
///     }
///
///     fn scripts(&self) -> Scripts {
///         Scripts::new("VACUUM", "SELECT kind, name, definition FROM fake_schema WHERE history = 0")
///     }
///
///     fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
///         Box::pin(async move {
///             let fake = transaction.native::<Fake>().ok_or("not the fake")?;
///             fake.run("COMMIT")?;
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait TestDatabase: Sync {
    /// The driver under test.
    type Driver: Driver + 'static;

    /// Another connection to this database.
    fn connect(&self) -> impl Future<Output = Self::Driver>;

    /// Runs a future to its end, on a runtime if the driver needs one. Called from several threads at once.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        crate::block_on(future)
    }

    /// The SQL that differs from one dialect to another.
    fn scripts(&self) -> Scripts;

    /// What a step in Rust must not do: commits the transaction through the native client, behind the engine's back.
    fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t>;

    /// The checks that the database cannot meet. Each must indeed fail: one that holds is an error too.
    fn exceptions() -> &'static [Exception] {
        &[]
    }
}

/// A check that a database cannot meet, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The check's name.
    pub check: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// SQL that differs from one dialect to another. What stands in braces is put in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scripts {
    /// Creates `{table}` with a column `id` that is the key, and `n`, both whole numbers.
    pub create: &'static str,
    /// Adds a column of whole numbers, `{column}`, to `{table}`.
    pub add_column: &'static str,
    /// Creates the table `words` with the key `word`, a text.
    pub create_words: &'static str,
    /// A statement on one line that fails wherever it is run, and has no effect.
    pub failing: &'static str,
    /// A statement that works outside transactions only, and does no harm however often it is run.
    pub outside: &'static str,
    /// A query whose rows, in any order, are the schema without the history.
    pub schema: &'static str,
    /// How the nth bound value, from 1, is written.
    pub parameter: fn(usize) -> String,
}

impl Scripts {
    /// What most databases understand, with a statement that works outside transactions only, and a query for the
    /// schema.
    pub fn new(outside: &'static str, schema: &'static str) -> Self {
        Self {
            create: "CREATE TABLE {table} (id INTEGER PRIMARY KEY, n INTEGER)",
            add_column: "ALTER TABLE {table} ADD COLUMN {column} INTEGER",
            create_words: "CREATE TABLE words (word VARCHAR(80) PRIMARY KEY)",
            failing: "INSERT INTO there_is_no_such_table (id) VALUES (1)",
            outside,
            schema,
            parameter: |_| "?".to_owned(),
        }
    }
}

/// Runs one check, or sees that a declared exception is one.
#[doc(hidden)]
pub fn run_check<T: TestDatabase>(name: &str, make: &dyn Fn() -> T, check: fn(&Bench<'_, T>)) {
    let bench = Bench::new(make);
    let Some(exception) = T::exceptions().iter().find(|exception| exception.check == name) else {
        return check(&bench);
    };
    let failed = catch_unwind(AssertUnwindSafe(|| check(&bench))).is_err();
    assert!(failed, "the exception is stale, the check holds: remove it ({})", exception.reason);
}

/// The exceptions that name no check.
#[doc(hidden)]
pub fn unknown_exceptions<T: TestDatabase>(_make: fn() -> T, checks: &[&str]) -> Vec<&'static str> {
    let names = T::exceptions().iter().map(|exception| exception.check);
    names.filter(|name| !checks.contains(name)).collect()
}

/// Mounts the conformance suite: one test for each promise of the library.
///
/// The argument makes a [`TestDatabase`]; it is evaluated for every database that a check needs.
///
/// ```no_run
/// # use whimbrel::{StepFuture, StepTransaction};
/// # use whimbrel_testkit::{Fake, Scripts, TestDatabase};
/// # struct InMemory(Fake);
/// # impl TestDatabase for InMemory {
/// #     type Driver = Fake;
/// #     async fn connect(&self) -> Fake { self.0.another() }
/// #     fn scripts(&self) -> Scripts { Scripts::new("VACUUM", "SELECT name FROM fake_schema") }
/// #     fn end_transaction<'t>(_: &'t mut StepTransaction<'t>) -> StepFuture<'t> { Box::pin(async { Ok(()) }) }
/// # }
/// // in tests/conformance.rs
/// whimbrel_testkit::conformance!(InMemory(Fake::new()));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($database:expr) => {
        $crate::mount_checks! { $database;
            a_boot_with_nothing_to_do_is_one_query_and_writes_nothing,
            a_boot_costs_the_same_with_10_and_with_500_migrations,
            a_boot_of_an_older_program_is_one_query_and_writes_nothing,
            the_first_run_creates_the_history_and_a_second_one_finds_nothing_to_do,
            a_thousand_migrations_take_at_most_40_calls,
            connections_that_race_apply_each_migration_once,
            whatever_call_is_lost_before_it_takes_effect_everything_happens_once,
            whatever_call_is_lost_after_it_took_effect_everything_happens_once,
            wherever_the_future_is_dropped_everything_happens_once,
            wherever_one_transaction_for_all_is_cut_off_all_or_nothing_is_kept,
            wherever_a_script_outside_transactions_is_cut_off_each_statement_runs_once,
            wherever_a_revert_is_cut_off_everything_happens_once,
            a_script_that_is_changed_while_a_statement_of_it_is_open_is_refused,
            a_failing_statement_is_told_with_its_place,
            a_failing_migration_leaves_nothing_and_what_came_before_stays,
            a_failing_statement_outside_transactions_is_gone_on_with_when_corrected,
            an_empty_database_built_at_once_equals_one_built_step_by_step,
            errors_and_events_and_the_history_hold_no_literals,
            a_trailing_comment_without_a_line_end_swallows_nothing,
            a_script_that_ends_inside_a_comment_or_a_string_is_refused,
            transaction_control_in_a_script_is_refused,
            a_script_without_statements_is_recorded_and_changes_nothing,
            a_connection_inside_a_transaction_is_refused_and_left_as_it_was,
            a_late_migration_is_refused_until_asked_for,
            a_changed_migration_is_refused,
            an_unknown_migration_is_refused,
            a_reverted_migration_is_refused_until_asked_for,
            another_environment_is_refused,
            tables_without_a_history_are_refused_until_baselined,
            an_edited_history_is_refused_until_repaired,
            a_cut_history_is_found_against_a_tip,
            a_table_of_that_name_made_by_something_else_is_refused,
            a_rust_step_uses_the_transaction_of_its_migration,
            a_failing_rust_step_takes_its_migration_back,
            a_rust_step_that_ends_its_transaction_is_found,
            a_rust_step_cannot_control_the_transaction,
            reverting_and_redoing_come_back_to_the_same_database,
            a_migration_half_done_can_be_settled,
            a_tombstone_for_the_newest_version_is_told_alike_by_every_verb,
            several_sets_are_kept_apart,
            repeatables_run_when_they_have_changed,
            looking_changes_nothing,
            a_target_stops_there,
            the_history_can_have_another_name,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! mount_checks {
    ($database:expr; $($check:ident,)*) => {
        $(
            #[test]
            fn $check() {
                $crate::run_check(stringify!($check), &|| $database, $crate::checks::$check);
            }
        )*

        #[test]
        fn every_declared_exception_names_a_check() {
            let unknown = $crate::unknown_exceptions(|| $database, &[$(stringify!($check)),*]);
            assert!(unknown.is_empty(), "no checks: {unknown:?}");
        }
    };
}
