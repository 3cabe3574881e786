//! The driver of an explored migrator: hands each call to the scheduler, and is pending until that has carried it out.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use whimbrel::{Answers, Dialect, Driver, DriverError, Message, Rows, Value, async_trait};

use super::job::{Answer, Job};
use crate::fake::{FakeKind, lost};

/// What passes between a driver and the scheduler.
#[derive(Default)]
pub(super) struct Wire {
    /// What was sent and is not answered.
    pub(super) job: Option<Job>,
    /// The answer, until the driver has picked it up.
    pub(super) answer: Option<Answer>,
    /// Whether the client lets time pass.
    pub(super) paused: bool,
    /// Whether the pause is over.
    pub(super) woken: bool,
    /// Whether the client has given the connection up, or has heard that it is gone.
    pub(super) closed: bool,
}

/// A wire and its two ends.
pub(super) type SharedWire = Arc<Mutex<Wire>>;

pub(super) fn hold(wire: &SharedWire) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client's end.
pub(super) struct Line {
    pub(super) wire: SharedWire,
    pub(super) kind: FakeKind,
}

impl Line {
    async fn call(&mut self, job: Job) -> Answer {
        {
            let mut wire = hold(&self.wire);
            if wire.closed {
                return Answer::failed(lost());
            }
            wire.job = Some(job);
        }
        let under_way = UnderWay { wire: Arc::clone(&self.wire), done: false };
        let answer = std::future::poll_fn(|_| match hold(&self.wire).answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await;
        under_way.finish();
        answer
    }
}

/// Dropped before it is done, a call or a pause leaves a connection that is gone.
struct UnderWay {
    wire: SharedWire,
    done: bool,
}

impl UnderWay {
    fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.done {
            hold(&self.wire).closed = true;
        }
    }
}

#[async_trait]
impl Driver for Line {
    fn dialect(&self) -> &Dialect {
        self.kind.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let job = Job::new(messages.iter().map(|message| &*message.sql), Vec::new());
        let answer = self.call(job).await;
        let (whole, part) = answer.statements.split_at(answer.messages);
        for open in whole {
            for open in open {
                answers.transaction(*open);
                answers.statement();
            }
            answers.message_after(Duration::ZERO);
        }
        for open in part.iter().flatten() {
            answers.transaction(*open);
            answers.statement();
        }
        answer.result.map(drop)
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.call(Job::new([sql], values.to_vec())).await.result
    }

    async fn pause(&mut self, _time: Duration) {
        {
            let mut wire = hold(&self.wire);
            if wire.closed {
                return;
            }
            (wire.paused, wire.woken) = (true, false);
        }
        std::future::poll_fn(|_| {
            let mut wire = hold(&self.wire);
            if wire.woken {
                wire.paused = false;
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn close(&mut self) {
        hold(&self.wire).closed = true;
    }
}
