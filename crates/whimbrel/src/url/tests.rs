//! Claims about URLs: what they say, what is refused, and that nothing of a password is ever seen.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn url(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    match DatabaseUrl::parse(text) {
        Ok(url) => panic!("{text} is read as {url}"),
        Err(error) => error.to_string(),
    }
}

fn password(text: &str) -> String {
    url(text).password().map(|secret| secret.expose().to_owned()).unwrap_or_default()
}

fn hosts(text: &str) -> String {
    url(text).hosts().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_longer_than_any_url_is_refused_and_not_read() {
    let longest = format!("postgres://u:{}@h/d", "x".repeat((32 << 10) - 17));
    assert_eq!(password(&longest).len(), (32 << 10) - 17);
    let said = refused(&longest.replace('d', "dd"));
    assert_eq!(said, "the database URL is longer than 32 KiB: write the URL alone, of at most 32 KiB");
}

#[test]
fn every_scheme_is_known() {
    for (text, scheme) in [
        ("postgres://h/d", Scheme::Postgres),
        ("postgresql://h/d", Scheme::Postgres),
        ("PostgreSQL://h/d", Scheme::Postgres),
        ("mysql://h/d", Scheme::MySql),
        ("mariadb://h/d", Scheme::MariaDb),
        ("sqlite:d", Scheme::Sqlite),
    ] {
        assert_eq!(url(text).scheme(), scheme);
        assert_eq!(text.parse::<DatabaseUrl>().expect("read").scheme(), scheme);
        assert_eq!(DatabaseUrl::try_from(text).expect("read").scheme(), scheme);
    }
}

#[test]
fn hosts_are_read_as_libpq_reads_them() {
    for (text, expected) in [
        ("postgres://h/d", "h"),
        ("postgres://H.Example.COM:5433/d", "h.example.com:5433"),
        ("postgres://h1:1,h2:2/d", "h1:1 h2:2"),
        ("postgres://h:1/d?host=H", "h:1"),
        ("postgres://h1,h2/d?host=h1,h2", "h1 h2"),
        ("postgres://10.0.0.1/d?host=10.0.0.1", "10.0.0.1"),
        ("postgres://h1,h2:2,[::1]:3/d", "h1 h2:2 [::1]:3"),
        ("postgres://u@[2001:db8::1]/d", "[2001:db8::1]"),
        ("postgres://10.0.0.1:5432", "10.0.0.1:5432"),
        ("postgres://%2Frun%2Fpostgresql/d", "/run/postgresql"),
        ("postgres://%2Frun%2Fpostgresql:5433/d", "/run/postgresql:5433"),
        ("postgres:///d?host=/run/postgresql", "/run/postgresql"),
        ("postgres:///d?host=%2Frun%2Fpostgresql&port=5433", "/run/postgresql:5433"),
        ("postgres://localhost:5433/d?host=/cloudsql/a:b:c", "/cloudsql/a:b:c:5433"),
        ("postgres:///d?host=h1,h2&port=1,2", "h1:1 h2:2"),
        ("postgres:///d?host=h1,h2&port=1", "h1:1 h2:1"),
        ("postgres://", "localhost"),
        ("postgres:///d", "localhost"),
        ("postgres://u:p@/d", "localhost"),
        ("postgres://:5433/d", "localhost:5433"),
        ("postgres://h?port=1", "h:1"),
        ("mysql://u@localhost/d?socket=/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock"),
        ("sqlite:d", ""),
    ] {
        assert_eq!(hosts(text), expected, "{text}");
    }
}

#[test]
fn parts_are_read_wherever_they_stand() {
    for text in [
        "postgres://u:p@h:1/d",
        "postgres://?user=u&password=p&host=h&port=1&dbname=d",
        "postgres://u@h:1/d?password=p",
    ] {
        let url = url(text);
        assert_eq!((url.user(), url.database()), (Some("u"), Some("d")));
        assert_eq!(url.password().map(Secret::expose), Some("p"));
        assert_eq!(url.hosts(), [Host::new("h").with_port(1)]);
        assert_eq!(url.parameters().count(), 0);
    }
    let url = url("postgres://h/a%20b/c?application_name=a%26b&options=-c%20x%3Dy&connect_timeout=");
    assert_eq!(url.database(), Some("a b/c"));
    let parameters: Vec<_> = url.parameters().collect();
    assert_eq!(parameters, [("application_name", "a&b"), ("options", "-c x=y"), ("connect_timeout", "")]);
    assert_eq!(url.parameter("options"), Some("-c x=y"));
    assert_eq!(url.parameter("other"), None);
}

#[test]
fn a_file_of_sqlite_is_read_in_every_form() {
    for (text, path) in [
        ("sqlite:app.db", "app.db"),
        ("sqlite://app.db", "app.db"),
        ("sqlite:///var/app.db", "/var/app.db"),
        ("sqlite:/var/app.db", "/var/app.db"),
        ("sqlite::memory:", ":memory:"),
        ("sqlite://:memory:", ":memory:"),
        ("sqlite:a%20b%3f.db?mode=ro", "a b?.db"),
        ("sqlite:/home/me@work/app.db", "/home/me@work/app.db"),
    ] {
        assert_eq!(url(text).database(), Some(path), "{text}");
    }
    assert_eq!(url("sqlite:a?mode=ro").parameter("mode"), Some("ro"));
    assert_eq!(url("sqlite:/a b").to_string(), "sqlite:/a%20b");
}

#[test]
fn a_password_may_have_any_character_where_it_is_plain_what_is_meant() {
    for (text, expected) in [
        ("postgres://u:p@h/d", "p"),
        ("postgres://u:a:b@h/d", "a:b"),
        ("postgres://u:a@b@h/d", "a@b"),
        ("postgres://u:a@@h/d", "a@"),
        ("postgres://u:a/b@h/d", "a/b"),
        ("postgres://u:a?b@h/d", "a?b"),
        ("postgres://u:a#b@h/d", "a#b"),
        ("postgres://u:100%@h/d", "100%"),
        ("postgres://u:%zz%4@h/d", "%zz%4"),
        ("postgres://u:%40%2F%25@h/d", "@/%"),
        ("postgres://u:a b+c@h/d", "a b+c"),
        ("postgres://u:pä€𝄞@h/d", "pä€𝄞"),
        ("postgres://u:[::1]@h/d", "[::1]"),
        ("postgres://u:p%0A@h/d", "p\n"),
        ("postgres://h/d?password=a==", "a=="),
        ("postgres://h/d?password=100%25", "100%"),
        ("postgres://:p@h/d", "p"),
        ("postgres://u:@h/d", ""),
        ("postgres://u:p@h/d?application_name=me@work", "p"),
        ("mysql://u:x/y?z@w#v:@h:3306/d?user_agent=1", "x/y?z@w#v:"),
    ] {
        assert_eq!(password(text), expected, "{text}");
        assert_eq!(url(text).hosts()[0].address, HostAddress::Name("h".into()), "{text}");
    }
    assert_eq!(url("postgres://user@server:p@h/d").user(), Some("user@server"));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for text in [
        // The password `1/x`, or the port 1 and an odd parameter.
        "postgres://u:1/x?y=a@h/d",
        "postgres://u:p@s/s?x=@h/d",
        "postgres://u:p@h/d?x=a@b",
    ] {
        let error = DatabaseUrl::parse(text).expect_err(text);
        assert!(error.is_ambiguous(), "{text}: {error}");
        assert!(error.to_string().contains("%40"), "{error}");
    }
    // One reading has an `@` in the database's name, which needs encoding: the other one is meant.
    assert_eq!(password("postgres://u:p@s/s@h/d"), "p@s/s");
}

#[test]
fn what_is_wrong_is_named_by_its_part() {
    for (text, part) in [
        ("", "the database URL is empty"),
        ("h", "no scheme"),
        ("host=h dbname=d", "no scheme"),
        ("oracle://h/d", "`sqlite:`"),
        ("http://h", "scheme is not a known one"),
        ("postgres:h/d", "not followed by `//`"),
        ("postgres://h\n/d", "control character"),
        ("postgres://h/d\n", "control character"),
        (" postgres://h/d", "white space"),
        ("postgres://h/d ", "white space"),
        ("postgres://h:0/d", "port of host 1"),
        ("postgres://h:65536/d", "from 1 to 65535"),
        ("postgres://h:+1/d", "from 1 to 65535"),
        ("postgres://a,h:x/d", "port of host 2"),
        ("postgres://a,,b/d", "host 2"),
        ("postgres://[::1/d", "`[` without"),
        ("postgres://[::1]1/d", "other than a port"),
        ("postgres://[fe80::1%25eth0]/d", "no IPv6 address"),
        ("postgres://[h]/d", "no IPv6 address"),
        ("postgres://h%20h/d", "host 1"),
        ("postgres://h%/d", "host 1"),
        ("postgres://ä/d", "host 1"),
        ("postgres://u:p%00@h/d", "password"),
        ("postgres://u:p%ff@h/d", "not UTF-8"),
        ("postgres://u%zz@h/d", "user"),
        ("postgres://u%0a@h/d", "user"),
        ("postgres://u/x:p@h/d", "name of the database"),
        ("postgres://h/d%00", "NUL"),
        ("postgres://h/%ff", "not UTF-8"),
        ("postgres://h/d?x", "parameter 1"),
        ("postgres://h/d?a=1&a=2", "parameter 2"),
        ("postgres://h/d?a=1&%61=2", "parameter 2"),
        ("postgres://h/d?a=1&", "parameter 2"),
        ("postgres://h/d?=1", "parameter 1"),
        ("postgres://h/d?a=b=c", "second `=`"),
        ("postgres://h/d?a=%0a", "control character"),
        ("postgres://h:1/d?port=2", "`port`"),
        ("postgres://h/d?host=other", "`host` names another host"),
        ("postgres://h/d?host=h,other", "`host` names another host"),
        ("postgres://h1,h2/d?host=h2,h1", "`host` names another host"),
        ("postgres://u:p@h/d?%68ost=other", "`host` names another host"),
        ("postgres://h/d?host=/run/postgresql", "`host` names another host"),
        ("postgres://localhost/d?host=other", "`host` names another host"),
        ("mysql://h/d?host=other", "`host` names another host"),
        ("mysql://h/d?socket=/run/mysqld/mysqld.sock", "`socket` names another host"),
        ("mysql:///d?host=h&socket=/run/mysqld/mysqld.sock", "`socket` names another host"),
        ("postgres://u@h/d?user=v", "`user`"),
        ("postgres://u:p@h/d?password=q", "`password`"),
        ("postgres://h/d?dbname=e", "`dbname`"),
        ("postgres://h/d?hostaddr=1.2.3.4", "`hostaddr`"),
        ("postgres://h/d?service=s", "libpq"),
        ("postgres://h1,h2/d?port=1,2,3", "list of ports"),
        ("mysql://h/d?socket=s", "`socket`"),
        ("sqlite:", "path"),
        ("sqlite://u:p@h/d", "SQLite"),
        ("sqlite:d?sslmode=require", "SQLite"),
        ("sqlite:d?password=p", "SQLite"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text:?}: {error}");
        assert!(error.contains(": "), "what to do: {error}");
    }
}

#[test]
fn a_remote_host_is_verified_unless_less_is_asked_for_by_name() {
    for (host, mode) in [
        ("localhost", TlsMode::Disable),
        ("LOCALHOST", TlsMode::Disable),
        ("127.0.0.1", TlsMode::Disable),
        ("127.9.9.9", TlsMode::Disable),
        ("[::1]", TlsMode::Disable),
        ("%2Frun", TlsMode::Disable),
        ("db.example.com", TlsMode::VerifyFull),
        ("10.0.0.1", TlsMode::VerifyFull),
        ("localhost.", TlsMode::VerifyFull),
        ("localhost.example.com", TlsMode::VerifyFull),
        ("127.1", TlsMode::VerifyFull),
        ("2130706433", TlsMode::VerifyFull),
        ("0x7f000001", TlsMode::VerifyFull),
        ("0177.0.0.1", TlsMode::VerifyFull),
        ("0.0.0.0", TlsMode::VerifyFull),
        ("[::]", TlsMode::VerifyFull),
        ("[::ffff:127.0.0.1]", TlsMode::VerifyFull),
    ] {
        let url = url(&format!("postgres://{host}/d"));
        assert_eq!(url.tls(&url.hosts()[0].address), mode, "{host}");
    }
    let several = url("postgres://localhost,db.example.com/d");
    let modes: Vec<_> = several.hosts().iter().map(|host| several.tls(&host.address)).collect();
    assert_eq!(modes, [TlsMode::Disable, TlsMode::VerifyFull]);
}

#[test]
fn what_the_url_says_of_tls_holds() {
    for (text, mode) in [
        ("postgres://h?sslmode=disable", TlsMode::Disable),
        ("postgres://h?sslmode=require", TlsMode::Require),
        ("postgres://h?sslmode=verify-ca", TlsMode::VerifyCa),
        ("postgres://localhost?sslmode=verify-full", TlsMode::VerifyFull),
        // As libpq: an authority's file makes `require` verify the chain; it is of no use to a socket.
        ("postgres://h?sslmode=require&sslrootcert=/ca", TlsMode::VerifyCa),
        ("postgres://%2Frun?sslmode=verify-full", TlsMode::Disable),
        ("postgres://localhost?sslrootcert=/ca", TlsMode::VerifyFull),
        ("postgres://localhost?sslrootcert=system", TlsMode::VerifyFull),
        ("postgres://localhost?sslcert=/c&sslkey=/k", TlsMode::VerifyFull),
        ("mysql://h?ssl-mode=DISABLED", TlsMode::Disable),
        ("mysql://h?ssl-mode=REQUIRED", TlsMode::Require),
        ("mysql://h?ssl-mode=required&ssl-ca=/ca", TlsMode::VerifyCa),
        ("mariadb://h?ssl-mode=VERIFY_CA", TlsMode::VerifyCa),
        ("mariadb://localhost?ssl-mode=VERIFY_IDENTITY", TlsMode::VerifyFull),
        ("mysql://h?sslmode=verify-ca", TlsMode::VerifyCa),
    ] {
        let url = url(text);
        assert_eq!(url.tls(&url.hosts()[0].address), mode, "{text}");
        assert_eq!(url.parameters().count(), 0, "{text}");
    }
    let url = url("mysql://h?ssl-ca=/ca%20x&ssl-cert=/c&sslkey=/k");
    assert_eq!(url.root_certificate(), Some(Path::new("/ca x")));
    assert_eq!(url.client_certificate(), Some((Path::new("/c"), Path::new("/k"))));
    assert_eq!(self::url("postgres://h?sslrootcert=system").root_certificate(), None);
}

#[test]
fn what_cannot_be_held_of_tls_is_refused() {
    for text in [
        "postgres://h?sslmode=prefer",
        "postgres://h?sslmode=allow",
        "postgres://h?sslmode=",
        "postgres://h?sslmode=MARKER",
        "postgres://h?ssl-mode=REQUIRED",
        "postgres://h?sslcrl=/crl",
        "postgres://h?sslpassword=MARKER",
        "postgres://h?ssl=true",
        "postgres://h?SSLMODE=require",
        "postgres://h?sslcert=/c",
        "postgres://h?sslkey=/k",
        "postgres://h?sslrootcert=",
        "postgres://h?sslrootcert=system&sslmode=require",
        "mysql://h?ssl-mode=PREFERRED",
        "mysql://h?sslmode=PREFERRED",
        "mysql://h?ssl-mode=REQUIRED&sslmode=require",
        "mysql://h?ssl-ca=/a&sslrootcert=/b",
        "mysql://h?ssl-ca=system&sslrootcert=/b",
        "mysql://h?tls-version=TLSv1.3",
        "mysql://h?require_ssl=true",
    ] {
        let error = DatabaseUrl::parse(text).expect_err(text);
        assert!(error.is_tls(), "{text}: {error}");
        assert!(!error.to_string().contains("MARKER"));
    }
    assert!(refused("postgres://h?sslmode=prefer").contains("plaintext"));
    assert!(refused("postgres://h?sslmode=prefer").contains("`verify-full`"));
    assert!(refused("mysql://h?ssl-mode=PREFERRED").contains("`VERIFY_IDENTITY`"));
}

#[test]
fn a_url_of_its_parts_is_the_same_as_one_that_was_read() {
    let parts = DatabaseUrl::new(Scheme::Postgres, Host::new("DB.example.com").with_port(5433))
        .with_host("::1")
        .with_host("/run/postgresql")
        .with_user("u:1")
        .with_password(Secret::new("p"))
        .with_database("d e")
        .with_parameter("application_name", "x")
        .with_parameter("application_name", "a b")
        .with_tls(TlsMode::Require)
        .with_root_certificate("/ca")
        .with_client_certificate("/c", "/k");
    let text = "postgres://u%3A1:***@db.example.com:5433,[::1],%2Frun%2Fpostgresql/d%20e?application_name=a%20b\
                &sslmode=require&sslrootcert=/ca&sslcert=/c&sslkey=/k";
    assert_eq!(parts.to_string(), text);
    let read = url(text);
    assert_eq!(read.to_string(), text);
    assert_eq!(read.hosts(), parts.hosts());
    assert_eq!(parts.hosts()[2].address, HostAddress::Socket(PathBuf::from("/run/postgresql")));
    assert_eq!(parts.tls(&parts.hosts()[0].address), TlsMode::VerifyCa);
    for host in [HostAddress::from("a.db"), HostAddress::from("/var/a.db")] {
        let url = DatabaseUrl::new(Scheme::Sqlite, host.clone());
        assert_eq!(url.database(), Some(host.to_string().as_str()));
        assert!(url.hosts().is_empty());
    }
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    for (text, shown) in [
        ("postgres://u:MARKER@h/d", "postgres://u:***@h/d"),
        ("postgres://MARKER@h/d", "postgres://***@h/d"),
        ("postgres://:MARKER@h/d", "postgres://:***@h/d"),
        ("postgres://h/d?password=MARKER", "postgres://:***@h/d"),
        ("postgres://h/d?pasword=MARKER", "postgres://h/d?***"),
        ("postgres://h/d?MARKER=1&connect_timeout=2", "postgres://h/d?***&connect_timeout=2"),
        ("postgres://h/d?options=-c%20a.key%3DMARKER", "postgres://h/d?***"),
    ] {
        let url = url(text);
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
        assert!(!format!("{url:#?}").contains("MARKER"));
    }
}

#[test]
fn errors_become_errors_of_the_configuration() {
    fn connect() -> crate::Result<()> {
        DatabaseUrl::from_env("WHIMBREL_TEST_UNSET")?;
        Ok(())
    }
    let error = connect().expect_err("not set");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "the environment variable `WHIMBREL_TEST_UNSET` is not set");
    assert_eq!(error.notes().next(), Some(("next", "set it, or give its right name")));

    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "postgres://u:p@h/d\n").expect("written");
    assert_eq!(DatabaseUrl::from_file(file.path()).expect("read").database(), Some("d"));
}

/// Everything that an error shows.
fn shown(error: UrlError) -> String {
    let mut text = format!("{error} {error:?} {error:#} {error:#?}");
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(&format!("{source} {source:?}"));
        next = source.source();
    }
    let error = crate::Error::from(error);
    text.push_str(&format!("{error} {error:?} {error:#} {error:#?} {:?}", error.source()));
    text
}

/// URLs whose passwords have the marker in them.
const MARKED: [&str; 8] = [
    "postgres://user:xMARKERx@db.example.com:5432/shop?sslmode=require&connect_timeout=5",
    "postgresql://user:x%20MARKER%25@[::1]:5432,h2/shop",
    "mysql://user:a@b/cMARKER#?@db.example.com/shop?ssl-mode=REQUIRED",
    "mariadb://user:MARKER@10.0.0.1/shop?socket=/run/mysqld.sock",
    "postgres:///shop?host=/run/postgresql&user=user&password=MARKER&port=1",
    "postgres://user@db.example.com/shop?password=xMARKER=&application_name=a",
    "postgres://:MARKER@/",
    "postgres://user:MARKER@%2Frun%2Fpostgresql/shop",
];

/// Changes one character or some, where the generated numbers say.
fn mutate(text: &str, changes: &[(usize, u8, char)]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for &(place, how, letter) in changes {
        let place = place % letters.len().max(1);
        // The marker stays whole: what is looked for must be there to be found.
        let text: String = letters.iter().collect();
        let marked = text.find("MARKER").map(|start| text[..start].chars().count());
        let within = |place: usize| marked.is_some_and(|start| (start..start + 6).contains(&place));
        match how % 5 {
            0 if !within(place) => letters[place] = letter,
            1 if !within(place) => drop(letters.remove(place)),
            2 if !within(place) || marked == Some(place) => letters.insert(place, letter),
            3 if !within(place) && marked.is_some_and(|start| start > place) => drop(letters.drain(..place)),
            4 if !within(place) && marked.is_some_and(|start| start < place) => letters.truncate(place),
            _ => {}
        }
    }
    letters.into_iter().collect()
}

fn letters() -> impl Strategy<Value = char> {
    prop_oneof![
        proptest::sample::select("@:/?#&=%[],. 0a*\0\n\u{7f}ä;".chars().collect::<Vec<_>>()),
        any::<char>(),
    ]
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), scheme in 0..5_usize) {
        let scheme = ["", "postgres://", "mysql://u:p@", "sqlite:", "mariadb://h/d?"][scheme];
        let _ = DatabaseUrl::parse(&text);
        if let Ok(url) = DatabaseUrl::parse(&format!("{scheme}{text}")) {
            let _ = format!("{url} {url:?}");
        }
    }

    #[test]
    fn any_password_survives_percent_encoding(
        text in any::<String>(),
        special in proptest::collection::vec(letters(), 0..12),
    ) {
        for text in [text, special.into_iter().collect()] {
            let text = text.replace('\0', "");
            let encoded = percent_encoded(&text);
            for url in [format!("postgres://u:{encoded}@h:1/d?x=y"), format!("mysql://h/d?password={encoded}")] {
                prop_assert_eq!(password(&url), text.as_str());
            }
        }
    }

    #[test]
    fn a_raw_password_is_read_as_it_is_or_refused(special in proptest::collection::vec(letters(), 1..12)) {
        let text: String = special.into_iter().filter(|&letter| letter != '%').collect();
        if let Ok(url) = DatabaseUrl::parse(&format!("postgres://user:{text}@h/d")) {
            prop_assert_eq!(url.password().map(Secret::expose).unwrap_or_default(), text.as_str());
            prop_assert_eq!((url.user(), url.database()), (Some("user"), Some("d")));
        }
    }

    #[test]
    fn no_change_of_a_url_makes_an_error_show_its_password(
        number in 0..MARKED.len(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>(), letters()), 0..6),
    ) {
        let text = mutate(MARKED[number], &changes);
        if let Err(error) = DatabaseUrl::parse(&text) {
            let shown = shown(error);
            prop_assert!(!shown.contains("MARKER"), "{text}: {shown}");
        }
    }

    #[test]
    fn no_slip_of_the_pen_makes_a_url_show_its_password(
        number in 0..MARKED.len(),
        change in (any::<usize>(), 0..3_u8, letters()),
    ) {
        let text = mutate(MARKED[number], &[change]);
        if let Ok(url) = DatabaseUrl::parse(&text) {
            let shown = format!("{url} {url:?} {url:#?}");
            prop_assert!(!shown.contains("MARKER"), "{text}: {shown}");
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same(
        user in "[ -~]{1,8}", database in "[ -~ä]{1,8}", port in 1..=u16::MAX, value in "[ -~]{0,8}",
    ) {
        let url = DatabaseUrl::new(Scheme::Postgres, Host::new("h").with_port(port))
            .with_user(user).with_password(Secret::new("***")).with_database(database)
            .with_parameter("application_name", value);
        let read = DatabaseUrl::parse(&url.to_string()).expect("what was shown");
        prop_assert_eq!(read.to_string(), url.to_string());
        prop_assert_eq!((read.user(), read.database()), (url.user(), url.database()));
        prop_assert_eq!(read.parameter("application_name"), url.parameter("application_name"));
    }
}
