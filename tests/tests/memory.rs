//! Row 9: what is left of a password in a process that no longer needs it, and what others can see of it meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use whimbrel::{DatabaseUrl, Secret};
use whimbrel_testkit::{Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, kinds};
use whimbrel_tests::memory::Needle;

/// How often a password may be left in memory by a client library once the driver, the URL and the runtime are gone. Wiping
/// these is the library's to do; `docs/threat-model.md` names them.
fn left_by_client(kind: ServerKind) -> usize {
    match kind {
        // tokio-postgres: `Config`, and what SCRAM prepares of it.
        ServerKind::Postgres => 2,
        // mysql_async: `Opts`, and what it answers the server's challenge with.
        _ => 2,
    }
}

/// What comes before the part of a password that is looked for: an allocator writes its own notes over the first bytes of
/// what was given back, and what is behind them would stay.
const BEFORE: &str = "kept-by-no-allocator-0123456789-0123456789-";

/// A password whose end stands nowhere else.
fn password() -> String {
    format!("{BEFORE}{}Z", Server::unique_name().replace('_', "q"))
}

/// Runs `forgetful`, and answers its counts.
fn forgetful(case: &str, password: &str, file: Option<&Path>, stdin: Stdio) -> BTreeMap<String, usize> {
    let output = Command::new(env!("CARGO_BIN_EXE_forgetful"))
        .args([case, &Needle::mask(password.rsplit('-').next().unwrap_or_default())])
        .args(file)
        .stdin(stdin)
        .output()
        .expect("it starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{case}: {said}");
    assert!(!said.contains(password), "{case}: {said}");
    let counts = said.lines().filter_map(|line| line.split_once(' '));
    let counts: BTreeMap<String, usize> =
        counts.filter_map(|(when, count)| Some((when.to_owned(), count.parse().ok()?))).collect();
    assert_eq!(counts.get("before"), Some(&0), "{case}: the search finds itself: {said}");
    println!("{case}: {counts:?}");
    counts
}

fn kept(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("secret");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    path
}

#[test]
fn threat_09_of_a_secret_nothing_of_ours_stays_in_memory_and_no_argument_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let password = password();
    let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let file = kept(folder.path(), &password);
    let counts = forgetful("secret", &password, Some(&file), Stdio::null());
    assert_eq!((counts["during"], counts["after"]), (2, 0));
    let counts = forgetful("descriptor", &password, None, fs::File::open(&file).expect("a file").into());
    assert_eq!((counts["during"], counts["after"]), (2, 0));
    let forms = [
        format!("postgres://app:{password}@db.example.com/shop"),
        format!("postgres://app:{encoded}@db.example.com/shop"),
        format!("mysql://db.example.com/shop?user=app&password={password}"),
        format!("mariadb://app:x@db.example.com/shop?secret_of_the_application={password}"),
        format!("postgres://app:{}%@h1,h2:1,1/shop?password_of_another=%20{password}", "y"),
    ];
    for text in &forms {
        let file = kept(folder.path(), text);
        let counts = forgetful("url", &password, Some(&file), Stdio::null());
        assert!(counts["during"] >= 1, "{text}");
        assert_eq!(counts["after"], 0, "{text}");
    }
    for text in [
        format!("postgres://app:{password}@db.example.com:port/shop"),
        format!("postgres://app:{password}%00@db.example.com/shop"),
        format!("postgres://app:{password}%ff@db.example.com/shop"),
        format!("postgres//app:{password}@db.example.com/shop"),
        format!("mysql://app:x@h/shop?a={password}&a={password}"),
        format!("mysql://app:x@h/shop?{password}"),
    ] {
        let file = kept(folder.path(), &text);
        let counts = forgetful("broken", &password, Some(&file), Stdio::null());
        assert_eq!((counts["during"], counts["after"]), (0, 0), "{text}");
    }
    // Whoever lists processes sees arguments: a secret comes by a file or a descriptor, and is in none.
    let secret = Secret::from_file(kept(folder.path(), &password)).expect("a secret");
    let line = fs::read("/proc/self/cmdline").expect("this process' arguments");
    assert!(!line.windows(password.len()).any(|piece| piece == secret.expose().as_bytes()));
}

#[tokio::test]
async fn threat_09_after_a_driver_is_dropped_only_the_clients_own_copies_are_left() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in kinds() {
        let options = match kind {
            ServerKind::Postgres => ServerOptions::new(kind)
                .with_access("host all postgres 127.0.0.1/32 trust")
                .with_access("host all all 127.0.0.1/32 scram-sha-256"),
            _ => ServerOptions::new(kind),
        };
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let mut admin = database.open().await;
        let password = password();
        let name = &database.name;
        let statements = match kind {
            ServerKind::Postgres => vec![
                format!("CREATE ROLE keeper LOGIN PASSWORD '{password}'"),
                "GRANT ALL ON SCHEMA public TO keeper".to_owned(),
            ],
            _ => vec![
                format!("CREATE USER keeper IDENTIFIED BY '{password}'"),
                format!("GRANT ALL ON {name}.* TO keeper"),
            ],
        };
        for sql in statements {
            admin.run(&sql).await;
        }
        let scheme = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
        let url = format!("{scheme}://keeper:{password}@127.0.0.1:{}/{name}", server.port());
        DatabaseUrl::parse(&url).expect("a URL");
        let file = kept(folder.path(), &url);
        let counts = forgetful("connect", &password, Some(&file), Stdio::null());
        let left = left_by_client(kind);
        assert!(counts["during"] >= 1 && counts["url"] >= 1, "{kind}: {counts:?}");
        assert!(counts["after"] <= left, "{kind}: {counts:?}");
        // A login that fails, by a password that the server does not know.
        let wrong = format!("{password}Wrong");
        let file = kept(folder.path(), &url.replace(&password, &wrong));
        let counts = forgetful("refused", &wrong, Some(&file), Stdio::null());
        assert!(counts["after"] <= left, "{kind}: {counts:?}");
    }
}
