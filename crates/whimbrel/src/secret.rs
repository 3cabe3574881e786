//! Text that nobody may see. Knows how to keep it out of messages and to wipe it; knows nothing of where it is used.

mod exposure;
mod provider;
mod reference;

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

use self::exposure::Exposure;
use crate::url::UrlError;

pub use self::provider::{ProviderError, SecretProvider};
pub use self::reference::{SecretReference, SecretReferenceError};

/// What a file may hold at most; whoever names a larger one has named the wrong one.
const LARGEST_FILE: usize = 64 * 1024;

/// A password or another text that must not be seen.
///
/// `Debug` and `Display` show `***`. The memory is wiped on drop; copies that the application makes of
/// [`expose`](Self::expose) are its own.
///
/// ```
/// use whimbrel::Secret;
///
/// let secret = Secret::new("correct horse");
/// assert_eq!(format!("{secret} {secret:?}"), "*** ***");
/// assert_eq!(secret.expose(), "correct horse");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text. A `String` is taken as it is; of a `&str` a copy is made, and the original stays where it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads an environment variable. Other processes of the same user may be able to read it too, and child processes
    /// inherit it: a file is the better place.
    ///
    /// # Errors
    /// If the variable is not set, is empty, or is not UTF-8.
    pub fn from_env(name: &str) -> Result<Self, UrlError> {
        let Some(value) = env::var_os(name) else { return Err(UrlError::no_variable(name)) };
        match value.into_string() {
            Ok(text) if text.is_empty() => Err(UrlError::empty_variable(name)),
            Ok(text) => Ok(Self::new(text)),
            Err(value) => {
                value.into_encoded_bytes().zeroize();
                Err(UrlError::variable_not_utf8(name))
            }
        }
    }

    /// Reads a file, as secret managers and orchestrators put them there. One line break at its end is cut off.
    ///
    /// On Unix the *open* file is looked at, each time: it must belong to this user or to root, others must not be able to
    /// write to it, and not everybody may read it, except where root has mounted it in memory, as Kubernetes and Docker
    /// Swarm do for a container.
    ///
    /// # Errors
    /// If the file cannot be read, is not kept from others, is empty, is larger than 64 KiB, or is not UTF-8.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, UrlError> {
        Self::read(path.as_ref())
    }

    /// Reads what another process hands over by an open file descriptor: a pipe, or a file. Unlike a variable it is not
    /// inherited further, and unlike an argument nobody else sees it. One line break at its end is cut off.
    ///
    /// ```console
    /// $ app --database-url-fd 3 3< <(secret-tool lookup app database)
    /// ```
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file); and where descriptors have no names (`/dev/fd`).
    pub fn from_descriptor(number: u32) -> Result<Self, UrlError> {
        Self::read(Path::new(&format!("/dev/fd/{number}")))
    }

    fn read(path: &Path) -> Result<Self, UrlError> {
        // One buffer that never grows: growing would leave copies of its content behind.
        let mut buffer = Zeroizing::new(vec![0; LARGEST_FILE + 1]);
        let mut length = 0;
        let mut file = File::open(path).map_err(|error| UrlError::unreadable(path, error))?;
        if let Some(exposure) = exposure::of(&file).map_err(|error| UrlError::unreadable(path, error))? {
            return Err(match exposure {
                Exposure::Owner => UrlError::foreign_file(path),
                Exposure::Writable => UrlError::writable_file(path),
                Exposure::Readable => UrlError::readable_file(path),
            });
        }
        while length < buffer.len() {
            match file.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(UrlError::unreadable(path, error)),
            }
        }
        if length > LARGEST_FILE {
            return Err(UrlError::file_too_large(path));
        }
        let text = str::from_utf8(&buffer[..length]).map_err(|_| UrlError::file_not_utf8(path))?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() {
            return Err(UrlError::empty_file(path));
        }
        Ok(Self::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("written");
        file
    }

    #[test]
    fn one_line_break_at_a_files_end_is_cut() {
        for (content, text) in [("a\n", "a"), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            let secret = Secret::from_file(file(content.as_bytes()).path()).expect("a secret");
            assert_eq!(secret.expose(), text);
        }
    }

    #[test]
    fn empty_large_binary_and_missing_files_are_refused_without_their_content() {
        for content in [&b""[..], b"\n", b"MARKER\xff", &[b'M'; LARGEST_FILE + 1]] {
            let error = Secret::from_file(file(content).path()).expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("MARKER"), "{error}");
        }
        let error = Secret::from_file("/nowhere/at/all").expect_err("no such file");
        assert!(error.is_missing());
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_not_kept_from_others_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt;

        let file = file(b"MARKER");
        for mode in [0o644, 0o620, 0o602] {
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).expect("ours");
            // Where the temporary folder is in memory and the tests run as root, it looks as if it were mounted.
            let Err(error) = Secret::from_file(file.path()) else { continue };
            assert!(error.is_exposed() && error.to_string().contains("chmod 600"), "{error}");
            assert!(!format!("{error} {error:?}").contains("MARKER"), "{error}");
        }
        for mode in [0o400, 0o600, 0o640] {
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).expect("ours");
            assert_eq!(Secret::from_file(file.path()).expect("kept").expose(), "MARKER");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_exchanged_between_the_look_and_the_reading_is_never_read() {
        use std::os::unix::fs::PermissionsExt;
        use std::sync::atomic::{AtomicBool, Ordering};

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let put = |text: &str, mode| {
            let aside = folder.path().join("aside");
            std::fs::write(&aside, text).expect("written");
            std::fs::set_permissions(&aside, PermissionsExt::from_mode(mode)).expect("ours");
            std::fs::rename(&aside, &path).expect("moved");
        };
        put("kept", 0o600);
        let done = AtomicBool::new(false);
        let (mut kept, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    put("put there by somebody else", 0o666);
                    put("kept", 0o600);
                }
            });
            while kept < 200 || refused < 200 {
                match Secret::from_file(&path) {
                    Ok(secret) => {
                        assert_eq!(secret.expose(), "kept");
                        kept += 1;
                    }
                    Err(error) => {
                        assert!(error.is_exposed(), "{error}");
                        refused += 1;
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_descriptor_is_read_whoever_may_read_the_file_behind_a_pipe() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;

        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"handed over\n").expect("written");
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).expect("a descriptor");
        assert_eq!(Secret::from_descriptor(number).expect("a secret").expose(), "handed over");
        assert!(Secret::from_descriptor(9_999).expect_err("there is none").is_missing());
    }

    #[test]
    fn a_url_given_for_a_path_or_a_name_is_not_shown() {
        for error in [
            Secret::from_file("postgres://u:MARKER@h/db").expect_err("no such file"),
            Secret::from_env("postgres://u:MARKER@h/db").expect_err("no such variable"),
        ] {
            assert!(!format!("{error} {error:?}").contains("MARKER"), "{error}");
        }
    }

    #[test]
    fn variables_that_are_missing_are_named() {
        let error = Secret::from_env("WHIMBREL_TEST_UNSET").expect_err("not set");
        assert!(error.is_missing());
        assert!(error.to_string().contains("WHIMBREL_TEST_UNSET"), "{error}");
        assert!(Secret::from_env("PATH").is_ok());
    }
}
