//! The conformance suite, on database files.

use whimbrel::{StepFuture, StepTransaction};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Scripts, TestDatabase};

struct File(tempfile::TempDir);

impl TestDatabase for File {
    type Driver = Sqlite;

    async fn connect(&self) -> Sqlite {
        Sqlite::open(self.0.path().join("app.db")).await.expect("a file that can be opened")
    }

    fn scripts(&self) -> Scripts {
        Scripts::new(
            "VACUUM",
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name <> 'whimbrel_history'",
        )
    }

    fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
        Box::pin(async move {
            let sqlite = transaction.native::<Sqlite>().ok_or("another client")?;
            sqlite.call(|connection| connection.execute_batch("COMMIT")).await??;
            Ok(())
        })
    }
}

whimbrel_testkit::conformance!(File(tempfile::tempdir().expect("a directory")));
