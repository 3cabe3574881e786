//! A file of SQLite that is not there yet: an empty database until something is written. What is refused leaves no file behind.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::time::Duration;

use whimbrel::{Answers, Dialect, Driver, DriverError, Error, ErrorClass, Message, Rows, Value, async_trait};
use whimbrel_sqlite::Sqlite;

use super::init::InitScript;
use crate::answer::Failure;
use crate::context::quoted;
use crate::exit::Code;

/// The file, and what stands in its place until it is made.
pub(crate) struct Unmade {
    path: PathBuf,
    init: Option<InitScript>,
    imagined: Sqlite,
    made: Option<Sqlite>,
}

impl Unmade {
    /// # Errors
    /// There is no folder for the file.
    pub(crate) fn new(path: PathBuf, init: Option<InitScript>) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let failure = Failure::of(Code::Failed, format!("the folder of {} is not there", path.display()));
            return Err(failure.with_next(format!("mkdir -p {}", quoted(&folder.display().to_string()))));
        }
        Ok(Self { path, init, imagined: Sqlite::in_memory()?, made: None })
    }

    /// The file, which is made if need be.
    async fn make(&mut self) -> Result<&mut Sqlite, DriverError> {
        let refused =
            |error: &Error| DriverError::new(error.class().unwrap_or(ErrorClass::Other), error.to_string());
        if self.made.is_none() {
            let mut made = Sqlite::open(&self.path).await.map_err(|error| refused(&error))?;
            if let Some(init) = &self.init {
                init.run(&mut made).await.map_err(|failure| refused(&failure.error))?;
            }
            self.made = Some(made);
        }
        Ok(self.current())
    }

    fn current(&mut self) -> &mut Sqlite {
        self.made.as_mut().unwrap_or(&mut self.imagined)
    }
}

#[async_trait]
impl Driver for Unmade {
    fn dialect(&self) -> &Dialect {
        self.imagined.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        self.make().await?.execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.current().query(sql, values).await
    }

    async fn pause(&mut self, time: Duration) {
        self.current().pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.current().native()
    }

    fn close(&mut self) {
        self.current().close();
    }
}
