//! What loading costs, and what stands between a damaged program and a database.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use whimbrel::script::Lexing;
use whimbrel::{Dialect, Digest, FindingKind, History, HistorySql, Key, Kind, Migration, Request, Verified};
use whimbrel_embed::__private::{self as baked, BakedSet, Dir};
use whimbrel_embed::{Embedded, embed};

static PLAIN: Embedded = embed!("migrations");

/// A digest that no text has.
const WRONG: &[u8; 32] = &[7; 32];

const ONE: Migration = baked::migration(
    baked::version(1),
    "one",
    Kind::Sql,
    baked::file("m", "1_one.sql", "CREATE TABLE t (id INTEGER);", WRONG),
    None,
    WRONG,
);

static TEN: [Migration; 10] = [ONE; 10];
static MANY: [Migration; 10_000] = [ONE; 10_000];
static DIR: Dir<'static> = Dir::new("", &[]);

/// None of these digests fits, and the manifest does not parse.
static SET_OF_TEN: &[BakedSet] = &[BakedSet::new(None, "app", &TEN, &[], WRONG, WRONG, Some("no manifest"))];
static SET_OF_MANY: &[BakedSet] =
    &[BakedSet::new(None, "app", &MANY, &[], WRONG, WRONG, Some("no manifest"))];

static EMBEDDED_TEN: Embedded = baked::embedded("m", SET_OF_TEN, &DIR, None);
static EMBEDDED_MANY: Embedded = baked::embedded("m", SET_OF_MANY, &DIR, None);

static DIALECT: Dialect = Dialect::plain(
    "sqlite",
    Lexing::SQLITE,
    HistorySql::plain(|_| Vec::new(), |_| String::new(), |_| String::new(), "NULL"),
);

/// The value of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}

#[test]
fn loading_costs_the_same_for_any_number_of_migrations() -> whimbrel::Result<()> {
    for (embedded, migrations) in [(&EMBEDDED_TEN, &TEN[..]), (&EMBEDDED_MANY, &MANY[..])] {
        let set = embedded.set("sqlite")?;
        // The very constants, so that nothing was copied; and all of them wrong, so that nothing was looked at.
        assert!(std::ptr::eq(set.versioned(), migrations));
        assert_eq!(set.head(), &Digest::from_bytes(*WRONG));
        let verified = ready(Verified::set(set, &DIALECT, &[]))?;
        assert!(std::ptr::eq(verified.versioned(), migrations));
    }
    Ok(())
}

#[test]
fn manifest_is_not_parsed_until_it_is_asked_for() -> whimbrel::Result<()> {
    assert!(EMBEDDED_TEN.set("sqlite")?.manifest().is_none(), "this text does not parse");
    assert!(PLAIN.set("sqlite")?.manifest().is_some());
    Ok(())
}

fn findings(embedded: &Embedded) -> whimbrel::Result<Vec<(FindingKind, Option<String>)>> {
    let verified = ready(Verified::set(embedded.set("sqlite")?, &DIALECT, &[]))?;
    let history = History::absent(Vec::new());
    let plan = whimbrel::plan(&[verified], &history, &Request::default(), &DIALECT)
        .unwrap_or_else(|findings| panic!("{findings:?}"));
    assert!(!plan.is_empty());
    Ok(match ready(Verified::plan(plan, &[])) {
        Ok(_) => Vec::new(),
        Err(error) => error.findings().iter().map(|f| (f.kind(), f.location().map(str::to_owned))).collect(),
    })
}

#[test]
fn tampered_constant_is_refused_before_anything_is_executed() -> whimbrel::Result<()> {
    const SCRIPT: &str = "CREATE TABLE t (id INTEGER);";
    assert_eq!(findings(&PLAIN)?, []);
    let honest = Migration::new(
        Key::Versioned(whimbrel::Version::new(1).expect("at least 1")),
        "one",
        Kind::Sql,
        whimbrel::ScriptFile::new("m", "1_one.sql", SCRIPT),
        None,
    );
    let embedded = |text: &'static str, name: &'static str| {
        let (file, digest) = (honest.up().digest().as_bytes(), honest.digest().as_bytes());
        let up = baked::file("m", "1_one.sql", text, file);
        let migrations = vec![baked::migration(honest.key(), name, Kind::Sql, up, None, digest)].leak();
        let set = BakedSet::new(None, "app", migrations, &[], WRONG, WRONG, None);
        baked::embedded("m", vec![set].leak(), &DIR, None)
    };
    let tampered = [(FindingKind::Tampered, Some("m/1_one.sql".to_owned()))];
    assert_eq!(findings(&embedded(SCRIPT, "one"))?, []);
    assert_eq!(findings(&embedded("DROP TABLE t;", "one"))?, tampered);
    assert_eq!(findings(&embedded(SCRIPT, "other"))?, tampered);
    Ok(())
}
