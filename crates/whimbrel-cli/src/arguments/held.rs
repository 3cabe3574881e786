//! What of the arguments may hold a password. Judges texts; knows which option the URL belongs to and no other.

use std::ffi::OsString;

/// Whether an argument other than the value of `--url`, which is judged by itself, looks as if it held a credential.
pub(super) fn any(arguments: &[OsString]) -> bool {
    let mut is_url = false;
    let mut options = true;
    for argument in arguments.iter().skip(1) {
        let argument = argument.to_string_lossy();
        if std::mem::take(&mut is_url) {
            continue;
        }
        let text: &str = &argument;
        if options {
            match text.strip_prefix('-') {
                Some("-") => options = false,
                Some("-url") => is_url = true,
                Some(long) if long.starts_with("-url=") => continue,
                Some(short) if !short.starts_with('-') => {
                    // Flags may stand before it, as in `-qu URL`; after another option that takes a value there is none.
                    let flags = short.trim_start_matches(['q', 'y', 'h', 'V']);
                    if let Some(value) = flags.strip_prefix('u') {
                        is_url = value.is_empty();
                        continue;
                    }
                }
                _ => {}
            }
        }
        if in_text(text) {
            return true;
        }
    }
    false
}

/// Whether a text looks as if it held a credential: a URL with a user, a driver's own form of one, a connection's
/// parameters, a private key.
pub(super) fn in_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let at = |text: &str| text.contains('@') || text.contains("%40");
    let url = text.split_once("://").is_some_and(|(_, rest)| at(rest));
    let said = |words: &[&str], marks: &[char]| {
        words.iter().any(|word| text.split(word).skip(1).any(|after| after.trim_start().starts_with(marks)))
    };
    url || said(&["password", "passwd", "pwd"], &['=', ':'])
        || said(&["pass", "passphrase", "secret", "token"], &['='])
        || text.split_whitespace().any(user_at_host)
        || text.contains("private key-----")
}

/// `user:password@host`, with whatever before and behind it.
fn user_at_host(word: &str) -> bool {
    let Some((user, rest)) = word.split_once(':') else { return false };
    // A drive, as in `C:\migrations@2`.
    let drive = user.len() == 1 && rest.starts_with(['\\', '/']);
    !drive && (rest.contains('@') || rest.contains("%40"))
}

/// Whether a rejected word can be repeated: it is one word of plain letters, and not about a password.
pub(super) fn is_plain(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word.len() <= 30
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        && !["pass", "pwd", "secret", "token"].iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_hold_credentials_are_told_from_others() {
        for text in [
            "postgres://app:pa/hunter2@localhost/db",
            "postgres://hunter2@localhost/db",
            "postgres://localhost/db?password=hunter2",
            "app:hunter2@tcp(localhost)/db",
            "mysql:app:hunter2@h/db",
            "host=h password = hunter2",
            "--reason=app:hunter2@h",
            "app%3Ax:hunter2%40h",
            "--password=hunter2",
            "PGPASS=hunter2",
        ] {
            assert!(in_text(text) && !is_plain(text), "{text}");
        }
        for text in [
            "sqlite:app.db",
            "env:DATABASE_URL",
            "see https://example.com/a and tell ann",
            "asked for by ann@example.com",
            r"C:\shop@2\migrations",
            "b3v1:ac03d973748d9b5d88d087cece9a65b575eced700c33007f7b4a4d64df050d86",
            "the password is stored by the application now",
            "create_users",
        ] {
            assert!(!in_text(text), "{text}");
        }
    }

    #[test]
    fn only_the_value_of_url_may_hold_one() {
        let any = |line: &str| any(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let url = "postgres://app:hunter2@h/db";
        for line in ["w up --url U", "w --url=U up", "w -u U up", "w -uU up", "w -u=U up", "w down -yqu U"] {
            assert!(!any(&line.replace('U', url)), "{line}");
        }
        for line in [
            "w U",
            "w new U",
            "w up --reason U",
            "w up --reason=U",
            "w -e U up",
            "w -eu up U",
            "w up -u env:X U",
            "w -- --url U",
            "w -- -u U",
        ] {
            assert!(any(&line.replace('U', url)), "{line}");
        }
    }
}
