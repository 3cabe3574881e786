//! URLs of databases: an error shows nothing of the text, and what is shown of a URL not its password.

use whimbrel::{DatabaseUrl, Secret};

use crate::Target;
use crate::large::{numbered, repeated};
use crate::quoted::{SECRET, hides_the_secret, is_one_line};

pub(crate) const TARGET: Target = Target {
    name: "urls",
    check,
    seeds: || {
        [
            format!("postgres://app:{SECRET}@db.example.com:5433/shop?connect_timeout=5"),
            format!("postgresql://h1:1,h2:2,[::1]:3/shop?password={SECRET}&sslmode=verify-full"),
            format!(
                "mysql://app:{SECRET}%40@localhost/shop?ssl-mode=REQUIRED&socket=/run/mysqld/mysqld.sock"
            ),
            format!("mariadb://app:{SECRET}/@h/d?x={SECRET}"),
            format!("sqlite:///var/lib/{SECRET}.db?mode=ro"),
            "sqlite::memory:".to_owned(),
            format!("postgres://%2Frun%2Fpostgresql/{SECRET}?user={SECRET}&dbname=b"),
            format!("postgres:app:{SECRET}@db/shop"),
            format!("{SECRET}://a:b@c"),
            format!("postgres://a@%2Ftmp%2F{SECRET}@b/d?port=1,2&host=a,b"),
        ]
        .map(String::into_bytes)
        .into()
    },
    words: &[
        "postgres://",
        "mysql://",
        "mariadb://",
        "sqlite:",
        "@",
        ":",
        "/",
        "?",
        "&",
        "=",
        "#",
        "%",
        "%40",
        "%2F",
        "%00",
        "%ff",
        "[::1]",
        "[",
        "]",
        ",",
        " ",
        SECRET,
        "localhost",
        "127.0.0.1",
        "5432",
        "65536",
        "sslmode=",
        "require",
        "verify-ca",
        "disable",
        "prefer",
        "sslrootcert=",
        "ssl-mode=",
        "REQUIRED",
        "user=",
        "password=",
        "host=",
        "port=",
        "dbname=",
        "socket=",
        "hostaddr=",
        "service=",
        "options=",
        "connect_timeout=",
        "\u{e9}",
        "\n",
    ],
    large: |size| {
        vec![
            ("question marks", repeated(size, "postgres://h/d", "?", "")),
            ("at signs", repeated(size, "postgres://h", "@", "/d")),
            ("at signs behind hosts", {
                let half = size / 2;
                [repeated(half, "postgres://", "a,", "a"), repeated(half, "", "@", "/d")].concat()
            }),
            ("at signs before question marks", repeated(size, "postgres://a:", "@!?", "")),
            ("sockets before at signs", repeated(size, "postgres://", "%2Fa@", "b/d")),
            ("hosts", repeated(size, "postgres://a", ",a", "/d")),
            ("parameters", numbered(size, "postgres://h/d?a=b", |at| format!("&a{at}=b"), "")),
            ("a long password", repeated(size, "postgres://u:", "%", "@h/d")),
            ("slashes", repeated(size, "postgres://u:", "/", "@h/d")),
            ("brackets", repeated(size, "postgres://", "[", "/d")),
        ]
    },
    longest: 1 << 9,
};

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match DatabaseUrl::parse(&text) {
        Ok(url) => {
            let shown = format!("{url}\n{url:?}\n{url:#?}");
            is_one_line(&url.to_string());
            // Another password is shown alike.
            if url.password().is_some() {
                let other = url.clone().with_password(Secret::new("another"));
                assert_eq!(
                    shown,
                    format!("{other}\n{other:?}\n{other:#?}"),
                    "the password is shown: {text:?}"
                );
            }
            assert!(url.hosts().iter().all(|host| !matches!(host.port, Some(0))), "port 0: {text:?}");
        }
        Err(error) => {
            let shown = format!("{error}\n{error:?}\n{error:#}");
            hides_the_secret(&text, &shown);
            is_one_line(&error.to_string());
            let whole = whimbrel::Error::from(error);
            hides_the_secret(&text, &format!("{whole}\n{whole:?}\n{whole:#}"));
        }
    }
}
