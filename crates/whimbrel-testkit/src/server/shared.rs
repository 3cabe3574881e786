//! Servers that the threads and the processes of a run share: the first that wants one starts it, the others find it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::error::{ServerError, ServerErrorKind};
use super::place::{self, Place};
use super::process::ProcessId;
use super::run::TestRun;
use super::supervisor::{Supervisor, said};

/// What one process has to know of a server that another one has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    /// The server itself.
    pub(crate) process: ProcessId,
}

/// What starting a server has come to: its place, its port and its supervisor.
pub(crate) type Started = (Place, u16, Supervisor);

/// Starts a server for a run, with the files that have to be removed together with it.
type Start<'a> = &'a dyn Fn(&TestRun, Vec<PathBuf>) -> Result<Started, ServerError>;

/// The run's server of this name: `start` is called by the first process that asks.
pub(crate) fn find_or_start(name: &str, start: Start<'_>) -> Result<Found, ServerError> {
    let run = TestRun::current()?;
    let folder = run.folder();
    place::make_folder(&folder)?;
    let (lock_path, state_path) = (folder.join(format!("{name}.lock")), folder.join(format!("{name}.state")));
    // The kernel releases it when this process dies. What it had begun until then belongs to a supervisor, which
    // ends with the run; the next process starts a server of its own.
    let lock = File::create(&lock_path).map_err(ServerError::at(&lock_path))?;
    lock.lock().map_err(ServerError::at(&lock_path))?;
    match read(&state_path) {
        Some(Ok(found)) if found.process.is_alive() => return Ok(found),
        Some(Ok(found)) => {
            // It is not started again: what ended it is to be found, and the other tests have lost their data.
            let sentence =
                format!("the run's {name} has ended by itself:\n{}", said(&found.folder.join("log")));
            return Err(ServerError::new(ServerErrorKind::NotStarted, sentence));
        }
        // What could not be started is not tried again by each of many tests.
        Some(Err(sentence)) => return Err(ServerError::new(ServerErrorKind::NotStarted, sentence)),
        None => {}
    }
    let started = start(&run, vec![lock_path, state_path.clone()]);
    let state = match &started {
        Ok((place, port, supervisor)) => {
            let server = supervisor.server().map(ProcessId::of).ok_or_else(|| {
                ServerError::new(ServerErrorKind::NotStarted, format!("the run's {name} ended at once"))
            })?;
            format!("{port} {server} {}\n", place.folder.display())
        }
        Err(error) => format!("failed: {error}\n"),
    };
    let unfinished = state_path.with_extension("new");
    fs::write(&unfinished, &state).map_err(ServerError::at(&unfinished))?;
    fs::rename(&unfinished, &state_path).map_err(ServerError::at(&state_path))?;
    started?;
    match read(&state_path) {
        Some(Ok(found)) => Ok(found),
        _ => Err(ServerError::new(ServerErrorKind::Machine, format!("{} was changed", state_path.display()))),
    }
}

fn read(path: &Path) -> Option<Result<Found, String>> {
    let text = fs::read_to_string(path).ok()?;
    if let Some(sentence) = text.strip_prefix("failed: ") {
        return Some(Err(sentence.trim_end().to_owned()));
    }
    let mut words = text.trim_end().splitn(3, ' ');
    let port = words.next()?.parse().ok()?;
    let process = words.next()?.parse().ok()?;
    Some(Ok(Found { folder: words.next()?.into(), port, process }))
}

/// Values by key, each made once however many threads ask, and kept until the process ends. Failures are kept too.
pub(crate) struct Kept<T: 'static> {
    slots: Mutex<Option<HashMap<String, &'static Slot<T>>>>,
}

type Slot<T> = OnceLock<Result<T, ServerError>>;

impl<T> Kept<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Mutex::new(None) }
    }

    pub(crate) fn get_or_make(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T, ServerError>,
    ) -> Result<&'static T, ServerError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            *slots
                .get_or_insert_default()
                .entry(key.to_owned())
                .or_insert_with(|| Box::leak(Box::new(OnceLock::new())))
        };
        slot.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}
