//! Does what each error of a URL says to do. `docs/remedies.md` names this file.

use super::DatabaseUrl;

/// What the error says, a URL that leads to it, and the URL with that done.
const ROWS: &[(&str, &str, &str)] = &[
    (
        "begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`",
        "",
        "postgres://h/d",
    ),
    ("begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`", "h", "mysql://h/d"),
    (
        "begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`",
        "oracle://h/d",
        "mariadb://h/d",
    ),
    (
        "begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`",
        "postgres:h/d",
        "postgresql://h/d",
    ),
    (
        "take it out, or percent-encode it in a password",
        "postgres://ann:a\nb@h/d",
        "postgres://ann:a%0Ab@h/d",
    ),
    ("take it out, or percent-encode it", " postgres://h/d", "postgres://h/d"),
    ("take it out, or percent-encode it", "sqlite:a.db ", "sqlite:a.db%20"),
    (
        "percent-encode `@`, `/` and `?` in the password as `%40`, `%2F` and `%3F`, and every other `@` that does not end it",
        "postgres://ann:p@a?b@h/d",
        "postgres://ann:p%40a%3Fb@h/d",
    ),
    ("percent-encode it, `%25` for a percent sign", "postgres://h/50%", "postgres://h/50%25"),
    ("encode its UTF-8", "postgres://h/%e9", "postgres://h/%C3%A9"),
    ("take it out", "postgres://h/a%00", "postgres://h/a"),
    ("take it out", "postgres://%2Frun%0A/d", "postgres://%2Frun/d"),
    ("take it out", "postgres://h/a%0A", "postgres://h/a"),
    ("take it out", "postgres://h/d?options=%0A", "postgres://h/d?options="),
    (
        "percent-encode it, if it belongs to the name; if it belongs to the password, percent-encode that",
        "postgres://h/a#b",
        "postgres://h/a%23b",
    ),
    ("write `sqlite:` and the path, a `@` in it as `%40`", "sqlite://u:p@h", "sqlite:u:p%40h"),
    ("write `sqlite:` and the path", "sqlite:", "sqlite:app.db"),
    (
        "write name=value, and percent-encode a `&` in a value as `%26`",
        "postgres://h/d?application_name=a&b",
        "postgres://h/d?application_name=a%26b",
    ),
    (
        "percent-encode a `=` in a value as `%3D`, and put `&` between parameters",
        "postgres://h/d?options=a=b",
        "postgres://h/d?options=a%3Db",
    ),
    ("write name=value", "postgres://h/d?=a", "postgres://h/d?options=a"),
    (
        "leave one of them out",
        "postgres://h/d?application_name=a&application_name=b",
        "postgres://h/d?application_name=a",
    ),
    ("leave one of them out", "mysql://h/d?sslmode=require&ssl-mode=REQUIRED", "mysql://h/d?sslmode=require"),
    ("begin it with `/`", "mysql://h/d?socket=run/s", "mysql:///d?socket=/run/s"),
    ("say it in one place", "postgres://h:1/d?port=2", "postgres://h:1/d"),
    ("say it in one place", "postgres://h/d?host=other", "postgres://h/d"),
    ("say it in one place", "postgres://ann@h/d?user=bob", "postgres://bob@h/d"),
    ("write the address as the host", "postgres://h/d?hostaddr=10.0.0.1", "postgres://10.0.0.1/d"),
    ("write into the URL what that file says", "postgres:///?service=shop", "postgres://h/shop"),
    ("leave it out", "sqlite:a.db?user=ann", "sqlite:a.db"),
    ("leave it out", "sqlite:a.db?sslmode=disable", "sqlite:a.db"),
    (
        "give one port for all hosts, or one for each",
        "postgres://a,b,c/d?port=1,2",
        "postgres://a,b,c/d?port=1",
    ),
    (
        "give one port for all hosts, or one for each",
        "postgres://a,b,c/d?port=1,2",
        "postgres://a,b,c/d?port=1,2,3",
    ),
    ("close it", "postgres://[::1/d", "postgres://[::1]/d"),
    ("write `[address]:port`", "postgres://[::1]5432/d", "postgres://[::1]:5432/d"),
    ("write one without a zone, as `[::1]`", "postgres://[fe80::1%25eth0]/d", "postgres://[fe80::1]/d"),
    ("name it, or take out a comma", "postgres://a,,b/d", "postgres://a,b/d"),
    (
        "a name has letters, digits, `-`, `_` and `.`; percent-encode the special characters of a password before it, and a \
         socket's directory",
        "postgres://a!b/d",
        "postgres://a-b/d",
    ),
    (
        "correct it; if it is part of a password, percent-encode that one's special characters",
        "postgres://h:99999/d",
        "postgres://h:5432/d",
    ),
    (
        "leave the mode out, or name a file",
        "postgres://h/d?sslrootcert=system&sslmode=require",
        "postgres://h/d?sslrootcert=system",
    ),
    (
        "leave the mode out, or name a file",
        "postgres://h/d?sslrootcert=system&sslmode=verify-ca",
        "postgres://h/d?sslrootcert=ca.pem&sslmode=verify-ca",
    ),
    (
        "add `sslkey`, the certificate's key",
        "postgres://h/d?sslcert=c.pem",
        "postgres://h/d?sslcert=c.pem&sslkey=k.pem",
    ),
    (
        "add `sslcert`, the key's certificate",
        "postgres://h/d?sslkey=k.pem",
        "postgres://h/d?sslcert=c.pem&sslkey=k.pem",
    ),
    ("name a file, or leave it out", "postgres://h/d?sslrootcert=", "postgres://h/d?sslrootcert=ca.pem"),
    (
        "write `disable`, `require`, `verify-ca` or `verify-full`",
        "postgres://h/d?sslmode=prefer",
        "postgres://h/d?sslmode=require",
    ),
    (
        "write `DISABLED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`",
        "mysql://h/d?ssl-mode=PREFERRED",
        "mysql://h/d?ssl-mode=VERIFY_CA",
    ),
    (
        "write `sslmode`, `sslrootcert`, `sslcert` and `sslkey`",
        "postgres://h/d?sslcrl=x",
        "postgres://h/d?sslrootcert=x",
    ),
];

#[test]
fn a_url_is_read_when_what_its_error_says_is_done() {
    for (said, wrong, mended) in ROWS {
        let error = DatabaseUrl::parse(wrong).expect_err(wrong).to_string();
        assert!(error.ends_with(&format!(": {said}")), "{wrong}: {error}, and not {said}");
        DatabaseUrl::parse(mended).unwrap_or_else(|error| panic!("{mended}: {error}"));
    }
}

#[test]
fn credentials_that_everybody_knows_are_replaced_or_allowed_as_said() {
    for (said, wrong, mended) in [
        (
            "give the user another one, or allow it by name (`allowing_default_credentials`)",
            "postgres://app:secret@db.example.com/app",
            "postgres://app:Kx9-vq2-LmT@db.example.com/app",
        ),
        (
            "give the user a password, or allow it by name (`allowing_default_credentials`)",
            "postgres://postgres@db.example.com/app",
            "postgres://postgres:Kx9-vq2-LmT@db.example.com/app",
        ),
    ] {
        let url = DatabaseUrl::parse(wrong).expect("a URL");
        let error = url.check_credentials().expect_err(wrong).to_string();
        assert!(error.ends_with(&format!(": {said}")), "{wrong}: {error}");
        url.allowing_default_credentials().check_credentials().expect("it was allowed by name");
        DatabaseUrl::parse(mended).expect("a URL").check_credentials().expect("it is another one");
    }
}

#[test]
fn a_url_that_is_too_long_is_read_when_it_stands_alone() {
    let url = "postgres://ann@db.example.com/shop";
    let long = format!("{url}?options={}", "x".repeat(33 << 10));
    let error = DatabaseUrl::parse(&long).expect_err("it is too long").to_string();
    assert!(error.ends_with(": write the URL alone, of at most 32 KiB"), "{error}");
    DatabaseUrl::parse(url).expect("it stands alone");
}
