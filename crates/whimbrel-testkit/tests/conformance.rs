//! The fake database runs the whole suite.

use whimbrel::{StepFuture, StepTransaction};
use whimbrel_testkit::{Fake, Scripts, TestDatabase};

struct InMemory(Fake);

impl TestDatabase for InMemory {
    type Driver = Fake;

    async fn connect(&self) -> Fake {
        // Every call is pending, so that futures can be dropped at each.
        self.0.another().with_pending()
    }

    fn scripts(&self) -> Scripts {
        Scripts::new("VACUUM", "SELECT kind, name, definition FROM fake_schema WHERE history = 0")
    }

    fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
        Box::pin(async move {
            transaction.native::<Fake>().ok_or("another client than the fake's")?.run("COMMIT")?;
            Ok(())
        })
    }
}

whimbrel_testkit::conformance!(InMemory(Fake::new()));
