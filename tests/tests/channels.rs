//! Who coordinates by what. A process of its own: it counts the sockets that it has.

use std::collections::BTreeSet;
use std::sync::Mutex;

use whimbrel::{Event, Memory, Migrator};
use whimbrel_sqlite::Sqlite;
use whimbrel_tests::either::{Database, kinds};
use whimbrel_tests::memory_folder;

/// The sockets that this process has open.
fn sockets() -> BTreeSet<String> {
    let links = std::fs::read_dir("/proc/self/fd").expect("the process' files").flatten();
    links
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .filter(|link| link.starts_with("socket:") || link.starts_with("pipe:"))
        .collect()
}

fn set() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(
        2,
        "row",
        "INSERT INTO t VALUES (1);",
    )
}

#[tokio::test]
async fn threat_23_a_run_has_no_channel_but_the_databases_own_session() {
    let folder = memory_folder();
    let mut db = Sqlite::open(folder.path().join("app.db")).await.expect("a file");
    let before = sockets();
    let during = Mutex::new(0);
    let watch = |_: &Event<'_>| {
        assert_eq!(sockets(), before);
        *during.lock().expect("nobody panics") += 1;
    };
    Migrator::new(set()).with_observer(watch).run(&mut db).await.expect("an empty database");
    assert!(*during.lock().expect("nobody panics") > 3);
    for kind in kinds() {
        let database = Database::new(kind).await;
        let before = sockets();
        let mut db = database.open().await;
        let connected = sockets();
        assert_eq!(connected.difference(&before).count(), 1, "{kind}: {connected:?}");
        let during = Mutex::new(0);
        let watch = |_: &Event<'_>| {
            assert!(sockets().is_subset(&connected), "{kind}: {:?}", sockets());
            *during.lock().expect("nobody panics") += 1;
        };
        Migrator::new(set()).with_observer(watch).run(&mut db).await.expect("an empty database");
        assert!(*during.lock().expect("nobody panics") > 3);
    }
}
