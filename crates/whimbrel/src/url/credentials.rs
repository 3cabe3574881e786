//! User names and passwords that everybody knows. Knows the lists; opens no connection.

use super::error::{Part, UrlError};
use super::{DatabaseUrl, Scheme};
use crate::secret::Secret;

/// Passwords that images, manuals and installers come with, or that are tried first by whoever guesses. In lower case.
const KNOWN: [&str; 34] = [
    "000000",
    "1234",
    "12345",
    "123456",
    "12345678",
    "123456789",
    "admin",
    "administrator",
    "changeit",
    "changeme",
    "database",
    "default",
    "demo",
    "docker",
    "example",
    "guest",
    "letmein",
    "mariadb",
    "my-secret-pw",
    "mysecretpassword",
    "mysql",
    "pass",
    "passw0rd",
    "password",
    "password1",
    "postgres",
    "postgresql",
    "qwerty",
    "root",
    "secret",
    "test",
    "toor",
    "user",
    "welcome",
];

/// Who has every right where nothing was changed, and is there without a password where nothing was set.
const ADMINISTRATORS: [&str; 4] = ["admin", "mysql", "postgres", "root"];

/// Refuses what everybody knows, unless every host is this machine.
pub(super) fn check(url: &DatabaseUrl) -> Result<(), UrlError> {
    let remote = url.hosts.iter().any(|host| !host.address.is_loopback() && !host.address.is_socket());
    if !remote || url.default_credentials {
        return Ok(());
    }
    let user = url.user().unwrap_or_default();
    match url.password().map(Secret::expose).filter(|password| !password.is_empty()) {
        Some(password) if is_known(user, password) => Err(UrlError::known(
            Part::Password,
            "is one that everybody tries first, and the host is not this machine",
            "give the user another one, or allow it by name (`allowing_default_credentials`)",
        )),
        // A certificate is in its place.
        None if url.client_certificate().is_some() => Ok(()),
        None if is_open(url.scheme, user) => Err(UrlError::known(
            Part::User,
            "is one that everybody tries first, without a password, and the host is not this machine",
            "give the user a password, or allow it by name (`allowing_default_credentials`)",
        )),
        _ => Ok(()),
    }
}

fn is_known(user: &str, password: &str) -> bool {
    let password = password.trim();
    password.is_empty()
        || password.eq_ignore_ascii_case(user)
        || KNOWN.iter().any(|known| password.eq_ignore_ascii_case(known))
}

/// Without a user, MySQL and MariaDB take one who is anonymous.
fn is_open(scheme: Scheme, user: &str) -> bool {
    let nobody = matches!(scheme, Scheme::MySql | Scheme::MariaDb) && user.is_empty();
    nobody || ADMINISTRATORS.iter().any(|administrator| user.eq_ignore_ascii_case(administrator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        let url = DatabaseUrl::parse(text).expect("a URL");
        let allowed = url.clone().allowing_default_credentials();
        assert!(allowed.check_credentials().is_ok(), "{url}");
        url.check_credentials().is_err()
    }

    #[test]
    fn known_credentials_are_refused_for_every_host_that_is_not_this_machine() {
        let mut known = 0;
        for scheme in ["postgres", "mysql", "mariadb"] {
            let logins = KNOWN.map(|password| format!("app:{password}")).into_iter();
            let shouted = KNOWN.map(|password| format!("app:{}", password.to_uppercase())).into_iter();
            let open = ADMINISTRATORS.map(str::to_owned).into_iter();
            let same = ["shop:shop", "shop:Shop", "app:%20%20"].map(str::to_owned).into_iter();
            for login in logins.chain(shouted).chain(open).chain(same) {
                for host in
                    ["db.example.com", "10.0.0.1", "0.0.0.0", "[2001:db8::1]", "localhost.", "localhost,db"]
                {
                    assert!(refused(&format!("{scheme}://{login}@{host}/app")), "{scheme}://{login}@{host}");
                    known += 1;
                }
                for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "%2Frun%2Fdb"] {
                    assert!(!refused(&format!("{scheme}://{login}@{host}/app")), "{scheme}://{login}@{host}");
                }
            }
        }
        assert_eq!(known, 3 * 6 * (2 * KNOWN.len() + ADMINISTRATORS.len() + 3));
        assert!(refused("mysql://db.example.com/app"), "the anonymous user");
    }

    #[test]
    fn other_credentials_are_taken() {
        for text in [
            "postgres://app:Kx9-vq2-LmT@db.example.com/app",
            // Who has neither is let in by something else, or not at all.
            "postgres://app@db.example.com/app",
            "postgres://db.example.com/app",
            "postgres://postgres@db.example.com/app?sslcert=/c&sslkey=/k",
            "sqlite:app.db",
        ] {
            assert!(!refused(text), "{text}");
        }
    }

    #[test]
    fn the_refusal_says_what_to_do_and_shows_neither_user_nor_password() {
        for text in ["postgres://app:ChangeMe@db.example.com/app", "mysql://root@db.example.com/app"] {
            let error = DatabaseUrl::parse(text).expect("a URL").check_credentials().expect_err("refused");
            let shown = format!("{error} {error:?} {error:#?}").to_lowercase();
            assert!(shown.contains("allowing_default_credentials"), "{shown}");
            assert!(error.is_default_credentials());
            assert!(!shown.contains("changeme") && !shown.contains("root"), "{shown}");
        }
    }
}
