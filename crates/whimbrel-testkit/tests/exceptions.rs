//! Declared exceptions are kept honest.

use std::panic::catch_unwind;

use whimbrel::{StepFuture, StepTransaction};
use whimbrel_testkit::{Exception, Fake, Scripts, TestDatabase, checks, run_check, unknown_exceptions};

/// A database whose schema is told wrongly, so that nothing is ever found in it.
struct Wrong(Fake);

impl TestDatabase for Wrong {
    type Driver = Fake;

    async fn connect(&self) -> Fake {
        self.0.another()
    }

    fn scripts(&self) -> Scripts {
        Scripts::new("NO SUCH STATEMENT", "SELECT name FROM fake_schema WHERE history = 0")
    }

    fn end_transaction<'t>(_: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
        Box::pin(async { Ok(()) })
    }

    fn exceptions() -> &'static [Exception] {
        &[
            Exception { check: "a_target_stops_there", reason: "none" },
            Exception {
                check: "a_rust_step_that_ends_its_transaction_is_found",
                reason: "it does not end it",
            },
            Exception { check: "no_such_check", reason: "none" },
        ]
    }
}

fn run(name: &str, check: fn(&whimbrel_testkit::Bench<'_, Wrong>)) -> bool {
    catch_unwind(|| run_check(name, &|| Wrong(Fake::new()), check)).is_ok()
}

#[test]
fn an_exception_that_holds_is_an_error() {
    assert!(!run("a_target_stops_there", checks::a_target_stops_there));
}

#[test]
fn an_exception_that_fails_is_one() {
    let name = "a_rust_step_that_ends_its_transaction_is_found";
    assert!(run(name, checks::a_rust_step_that_ends_its_transaction_is_found));
}

#[test]
fn a_check_that_fails_undeclared_is_an_error() {
    let name = "a_failing_statement_outside_transactions_is_gone_on_with_when_corrected";
    assert!(!run(name, checks::a_failing_statement_outside_transactions_is_gone_on_with_when_corrected));
}

#[test]
fn an_exception_without_a_check_is_named() {
    let names = ["a_target_stops_there", "a_rust_step_that_ends_its_transaction_is_found"];
    assert_eq!(unknown_exceptions(|| Wrong(Fake::new()), &names), ["no_such_check"]);
}
