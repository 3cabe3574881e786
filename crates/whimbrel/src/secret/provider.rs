//! Secrets that somebody else hands out, a manager in the network or a keyring: asked for, and not waited for without end.
//! Knows no runtime, so the time is kept by a thread.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;

use super::Secret;

/// Hands out secrets by their names.
///
/// **Who implements it:** applications, over the client of their secret manager.
///
/// **Who calls it:** [`Secret::from_provider`], once for each secret.
///
/// ```
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use whimbrel::{DatabaseUrl, Secret, SecretProvider};
///
/// struct Vault;
///
/// #[async_trait]
/// impl SecretProvider for Vault {
///     async fn secret(&self, name: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
///         // Asks the manager; the answer goes into a `Secret` at once.
///         # assert_eq!(name, "database/url");
///         Ok(Secret::new("postgres://app:hunter2@db.example.com/app"))
///     }
/// }
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let text = Secret::from_provider(&Vault, "database/url", Duration::from_secs(5)).await?;
/// let url = DatabaseUrl::parse(text.expose())?;
/// # assert!(!format!("{text:?} {url:?}").contains("hunter2"));
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait SecretProvider: Send + Sync {
    /// The secret of this name. It must not block the thread: what blocks it cannot be given up.
    ///
    /// # Errors
    /// There is none, or the provider cannot say. The error's text is shown, and must not hold a secret.
    async fn secret(&self, name: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>>;
}

/// Why a provider gave no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It said no.
    #[error("the provider does not give the secret `{name}`: look at what it says")]
    Refused {
        /// The secret's name.
        name: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It gave an empty text.
    #[error("the secret `{name}` is empty: fill it")]
    Empty {
        /// The secret's name.
        name: String,
    },
    /// It said nothing.
    #[error("the provider of the secret `{name}` has not answered within {longest:?}: look whether it is up")]
    NoAnswer {
        /// The secret's name.
        name: String,
        /// How long it was waited for.
        longest: Duration,
    },
}

impl Secret {
    /// Asks a provider, and waits for it so long and no longer.
    ///
    /// # Errors
    /// It says no, gives an empty text, or does not answer in time: then there is no secret, and nothing to go on with.
    ///
    /// # If interrupted
    /// The provider's future is dropped.
    pub async fn from_provider(
        provider: &dyn SecretProvider,
        name: &str,
        longest: Duration,
    ) -> Result<Self, ProviderError> {
        let mut asked = pin!(provider.secret(name));
        let alarm = Alarm::after(longest);
        let answer = poll_fn(|context| match asked.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => alarm.poll(context).map(|()| None),
        });
        let name = || name.to_owned();
        match answer.await {
            Some(Ok(secret)) if secret.expose().is_empty() => Err(ProviderError::Empty { name: name() }),
            Some(Ok(secret)) => Ok(secret),
            Some(Err(source)) => Err(ProviderError::Refused { name: name(), source }),
            None => Err(ProviderError::NoAnswer { name: name(), longest }),
        }
    }
}

/// Rings once. Dropped, its thread ends.
struct Alarm {
    state: Arc<Mutex<AlarmState>>,
    _thread: Sender<()>,
}

#[derive(Default)]
struct AlarmState {
    has_rung: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn after(time: Duration) -> Self {
        let state = Arc::new(Mutex::new(AlarmState::default()));
        let (sender, receiver) = mpsc::channel();
        let of_thread = Arc::clone(&state);
        thread::spawn(move || {
            if receiver.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                let waker = {
                    let mut state = of_thread.lock().unwrap_or_else(PoisonError::into_inner);
                    state.has_rung = true;
                    state.waker.take()
                };
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        });
        Self { state, _thread: sender }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.has_rung {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    /// What a provider does when it is asked.
    enum Manager {
        Gives(&'static str),
        Refuses,
        Hangs,
    }

    #[async_trait]
    impl SecretProvider for Manager {
        async fn secret(&self, name: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
            match self {
                Self::Gives(text) => Ok(Secret::new(*text)),
                Self::Refuses => Err(format!("nobody may have {name}").into()),
                Self::Hangs => std::future::pending().await,
            }
        }
    }

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn ask(manager: &Manager, longest: Duration) -> Result<Secret, ProviderError> {
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut future = pin!(Secret::from_provider(manager, "database", longest));
        loop {
            if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return answer;
            }
            thread::park();
        }
    }

    #[test]
    fn what_a_provider_gives_is_the_secret() {
        let secret = ask(&Manager::Gives("MARKER"), Duration::MAX).expect("it is given");
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("MARKER", "***"));
    }

    #[test]
    fn a_provider_that_refuses_or_gives_nothing_is_told() {
        let error = ask(&Manager::Refuses, Duration::MAX).expect_err("refused");
        assert!(error.to_string().contains("`database`"), "{error}");
        let source = std::error::Error::source(&error).expect("what it said");
        assert_eq!(source.to_string(), "nobody may have database");
        let error = ask(&Manager::Gives(""), Duration::MAX).expect_err("empty");
        assert!(matches!(error, ProviderError::Empty { .. }), "{error}");
    }

    #[test]
    fn a_provider_that_never_answers_is_given_up() {
        let error = ask(&Manager::Hangs, Duration::from_millis(20)).expect_err("no answer");
        assert!(matches!(error, ProviderError::NoAnswer { .. }), "{error}");
        assert!(error.to_string().contains("20ms"), "{error}");
    }
}
