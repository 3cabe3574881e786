//! Rows 8, 10 and 11: secrets in files, secrets from a manager, and secrets that everybody knows.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use whimbrel::{
    DatabaseUrl, Driver as _, ErrorKind, Memory, Migrator, ProviderError, Secret, SecretProvider, async_trait,
};
use whimbrel_sqlite::{Sqlite, SqliteBackup};
use whimbrel_testkit::{Server, ServerKind, ServerOptions, block_on};
use whimbrel_tests::either::{Database, Either, kinds};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o7777
}

#[test]
fn threat_08_files_that_are_made_are_for_their_owner_and_a_secret_that_others_may_read_or_write_is_refused() {
    // SQLite: the database, what lies beside it, and its backups, whatever the process' mask.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let mut db = block_on(Sqlite::open(&path)).expect("it is made");
    assert_eq!(mode(&path), 0o600);
    let set = Memory::new()
        .with_sql(1, "wal", "-- whimbrel: no-transaction\nPRAGMA journal_mode = WAL;")
        .with_sql(2, "t", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);");
    block_on(Migrator::new(&set).run(&mut db)).expect("an empty database");
    let more = set.with_sql(3, "row", "INSERT INTO t VALUES (2);");
    block_on(Migrator::new(&more).with_backup(SqliteBackup::into_folder(folder.path())).run(&mut db))
        .expect("a run");
    let made: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.path()).collect();
    for name in ["app.db", "app.db-wal", "app.db-shm", ".backup"] {
        assert!(made.iter().any(|path| path.to_string_lossy().ends_with(name)), "{name}: {made:?}");
    }
    for path in &made {
        assert_eq!(mode(path) & 0o077, 0, "{}", path.display());
    }
    drop(db);

    // Secrets: each mode, and in each the text is not shown. (In memory, and root's, a file looks like a mounted one.)
    let secret = folder.path().join("secret");
    fs::write(&secret, "hush-hush").expect("written");
    let in_memory = rustix::fs::statfs(folder.path()).is_ok_and(|facts| facts.f_type == 0x0102_1994);
    assert!(!in_memory || !rustix::process::geteuid().is_root(), "set TMPDIR to a folder on a disk");
    for bits in 0..0o1000 {
        if bits & 0o400 == 0 {
            continue;
        }
        fs::set_permissions(&secret, Permissions::from_mode(bits)).expect("ours");
        let exposed = bits & 0o022 != 0 || bits & 0o004 != 0;
        match Secret::from_file(&secret) {
            Ok(text) => assert!(!exposed && text.expose() == "hush-hush", "{bits:o}"),
            Err(error) => {
                assert!(exposed && error.is_exposed(), "{bits:o}: {error}");
                assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
            }
        }
    }
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("ours");
    // A link is as good as what it leads to.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&secret, &link).expect("a link");
    assert!(Secret::from_file(&link).is_ok());
    if std::os::unix::fs::chown(&secret, Some(54_321), None).is_ok() {
        let error = Secret::from_file(&link).expect_err("somebody else's");
        assert!(error.is_exposed() && error.to_string().contains("chown"), "{error}");
        std::os::unix::fs::chown(&secret, Some(0), None).expect("ours again");
    }

    // Exchanged between the look and the reading: what is read is what was looked at.
    let put = |text: &str, mode| {
        let aside = folder.path().join("aside");
        fs::write(&aside, text).expect("written");
        fs::set_permissions(&aside, Permissions::from_mode(mode)).expect("ours");
        fs::rename(&aside, &secret).expect("moved");
    };
    put("kept", 0o600);
    let done = std::sync::atomic::AtomicBool::new(false);
    let (mut kept, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                put("put there by somebody else", 0o666);
                put("kept", 0o600);
            }
        });
        while kept < 100 || refused < 100 {
            match Secret::from_file(&secret) {
                Ok(text) => {
                    assert_eq!(text.expose(), "kept");
                    kept += 1;
                }
                Err(error) => {
                    assert!(error.is_exposed(), "{error}");
                    refused += 1;
                }
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// A manager of secrets that is asked, and hangs.
struct Hangs;

#[async_trait]
impl SecretProvider for Hangs {
    async fn secret(&self, _: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        std::future::pending().await
    }
}

#[test]
fn threat_10_a_secret_manager_that_never_answers_is_given_up_and_nothing_is_connected_to() {
    let longest = Duration::from_millis(50);
    let began = Instant::now();
    let error = block_on(Secret::from_provider(&Hangs, "database/url", longest)).expect_err("no answer");
    assert!(matches!(error, ProviderError::NoAnswer { .. }), "{error}");
    assert!(began.elapsed() >= longest);
    assert!(error.to_string().contains("database/url") && error.to_string().contains("50ms"), "{error}");
}

/// Logins that everybody knows; each works on the server of the test.
fn known(kind: ServerKind) -> Vec<(&'static str, Option<&'static str>)> {
    match kind {
        ServerKind::Postgres => vec![
            ("postgres", Some("postgres")),
            ("postgres", None),
            ("shop", Some("shop")),
            ("app", Some("ChangeMe")),
            ("app", Some("mysecretpassword")),
        ],
        _ => vec![
            ("root", None),
            ("root", Some("root")),
            ("shop", Some("shop")),
            ("app", Some("my-secret-pw")),
            ("app", Some("123456")),
        ],
    }
}

#[tokio::test]
async fn threat_11_default_credentials_open_no_connection_to_another_machine() {
    for kind in kinds() {
        let options = match kind {
            ServerKind::Postgres => ServerOptions::new(kind).with_access("host all all 127.0.0.1/32 trust"),
            _ => ServerOptions::new(kind),
        };
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let mut admin = database.open().await;
        let scheme = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
        for (user, password) in known(kind) {
            // MariaDB's and MySQL's own root is the harness': it has no password.
            let works = (user, password) != ("root", Some("root"));
            if kind == ServerKind::Postgres {
                let create = format!("CREATE ROLE {user} LOGIN SUPERUSER");
                admin
                    .run(&format!("DO $$ BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"))
                    .await;
            } else if let Some(password) = password.filter(|_| works) {
                admin.run(&format!("CREATE USER IF NOT EXISTS {user}@'%'")).await;
                admin.run(&format!("ALTER USER {user}@'%' IDENTIFIED BY '{password}'")).await;
                admin.run(&format!("GRANT ALL ON *.* TO {user}@'%'")).await;
            }
            // All addresses of this machine lead to it; only the loopback's are known to.
            let url = |host: &str| -> DatabaseUrl {
                let login = password.map_or(user.to_owned(), |password| format!("{user}:{password}"));
                let text =
                    format!("{scheme}://{login}@{host}:{}/{}?sslmode=disable", server.port(), database.name);
                text.parse().expect("a URL")
            };
            let error = Either::connect(&url("0.0.0.0")).await.expect_err("everybody knows that one");
            let text = format!("{error:#} {error:?}");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(
                text.contains("everybody tries first") && text.contains("allowing_default_credentials"),
                "{text}"
            );
            assert!(
                password.is_none_or(|password| !text.contains(password) || text.contains("postgres")),
                "{text}"
            );
            if !works {
                continue;
            }
            let mut db = Either::connect(&url("0.0.0.0").allowing_default_credentials())
                .await
                .unwrap_or_else(|error| panic!("{kind}: {user}, allowed: {error:#}"));
            db.query("SELECT 1", &[]).await.expect("it works");
            let here = Either::connect(&url("127.0.0.1")).await;
            assert!(here.is_ok(), "{kind}: {user} on this machine: {here:?}");
        }
    }
}
