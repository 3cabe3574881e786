//! Where the database is, as the settings say it: a reference to a secret, a file of SQLite, or a URL without a password.
//! Reads no secret.

use std::fmt;
use std::path::{Path, PathBuf};

use whimbrel::{DatabaseUrl, Scheme, SecretReference};

use crate::config::Problem;

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Where its URL is.
    Reference(SecretReference),
    /// A file of SQLite; `:memory:` is none.
    Sqlite(PathBuf),
    /// Its URL, which has no password.
    Url(DatabaseUrl),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(f),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// What an argument may be.
const FORMS: &str = "give `sqlite:PATH`, `env:NAME`, `file:./PATH`, `fd:NUMBER`, or a `postgres://`, `mysql://` or `mariadb://` URL \
                     without a password";
/// What to do with a password.
const ELSEWHERE: &str = "put the whole URL into an environment variable, and give its name: `--url env:NAME`";

impl Place {
    /// Reads what `--url` gives; paths are relative to `start`.
    pub(crate) fn of_argument(text: &str, start: &Path) -> Result<Self, Problem> {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        // A file that is there needs no folder before its name; any other text could be a password.
        if let Some(("file", (_, path))) = scheme.as_deref().zip(text.split_once(':'))
            && !path.is_empty()
            && start.join(path).exists()
        {
            return Ok(Self::Reference(SecretReference::File(start.join(path))));
        }
        if let Some("env" | "file" | "fd") = scheme.as_deref() {
            let reference: SecretReference = text.parse().map_err(|_| {
                let next = match scheme.as_deref() {
                    Some("file") => {
                        "there is no such file here: give its path as `file:./PATH` or `file:/PATH`"
                    }
                    _ => FORMS,
                };
                Problem::new("`--url` refers to nothing that can hold a URL").with_next(next)
            })?;
            return Ok(Self::Reference(match reference {
                SecretReference::File(path) => SecretReference::File(start.join(path)),
                other => other,
            }));
        }
        let url = DatabaseUrl::parse(text).map_err(|error| {
            let wrong = Problem::from(error);
            let headline = format!("`--url`: {}", wrong.headline());
            Problem::new(headline).with_next(wrong.next().unwrap_or(FORMS))
        })?;
        let hides = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["pass", "pwd", "secret", "token", "credential", "auth", "@"]
                .iter()
                .any(|part| name.contains(part))
        };
        let secret = url.password().is_some()
            || url.user().is_some_and(|user| user.contains(':'))
            || url.parameters().any(|(name, _)| hides(name));
        if secret {
            return Err(Problem::new(
                "`--url` holds a password, and others can see the arguments of a process",
            )
            .with_next(ELSEWHERE));
        }
        if url.scheme() != Scheme::Sqlite {
            return Ok(Self::Url(url));
        }
        if url.parameters().next().is_some() {
            return Err(Problem::new(
                "`--url` names a file of SQLite with parameters, of which there are none",
            )
            .with_next("give `sqlite:PATH`"));
        }
        let path = url.database().unwrap_or_default();
        // A user and a host, or something in the place of a path; or what the client would read as a URL.
        if text.contains('@') || path.starts_with("file:") || path.contains(char::is_control) {
            return Err(Problem::new("`--url` has no path of a file behind `sqlite:`")
                .with_next("give the path, a `@` in it as `%40`"));
        }
        Ok(Self::sqlite(path, start))
    }

    /// A file of SQLite.
    pub(crate) fn sqlite(path: &str, folder: &Path) -> Self {
        Self::Sqlite(if path == ":memory:" { PathBuf::from(path) } else { folder.join(path) })
    }
}
