//! Claims about the settings: who goes before whom, where paths lead, and what is shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use whimbrel::{Preflight, Transaction};

use super::*;

/// A folder with a configuration file, and `.git`, so that none above is found.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("made");
    fs::write(folder.path().join("whimbrel.toml"), text).expect("written");
    folder
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn load(text: &str, overrides: &Overrides) -> Result<Settings, Problem> {
    Settings::load(overrides, &nothing, folder(text).path())
}

fn loaded(text: &str, overrides: &Overrides) -> Settings {
    load(text, overrides).unwrap_or_else(|problem| panic!("{problem}"))
}

fn environment(name: &str) -> Overrides {
    Overrides { environment: Some(name.to_owned()), ..Overrides::default() }
}

fn url(url: &str) -> Overrides {
    Overrides { url: Some(url.to_owned()), ..Overrides::default() }
}

/// What `whimbrel config` shows, with the folder's name redacted.
#[cfg(all(feature = "policy", feature = "sign"))]
fn shown(settings: &Settings, folder: &Path) -> String {
    let folder = folder.canonicalize().expect("it is there").display().to_string();
    let lines = settings.lines().into_iter();
    let lines = lines.map(|line| format!("{} = {}  ({})\n", line.name, line.value, line.origin));
    lines.collect::<String>().replace(&folder, "FOLDER")
}

fn origin(setting: &Setting<impl Clone>) -> String {
    setting.origin.to_string()
}

const WHOLE: &str = r#"environment = "development"
directory = "db/migrations"
recursive = true
set = "shop"
role = "app_owner"
lock-deadline = "20s"
ahead = "refuse"
values = { region = "eu", owner = "shop" }
secrets = { api_key = { env = "API_KEY" } }

[environments.development]
sqlite = "app.db"
development = true
database-messages = true

[environments.production]
url = { env = "PRODUCTION_URL" }
password = { file = "secrets/password" }
role = "shop_owner"
table = "ops.whimbrel_history"
record-environment = false
lock-deadline = "1min"
wait-deadline = "10min"
lock-timeout = "250ms"
statement-timeout = "1h"
failure-pause = "0s"
transaction = "per-run"
out-of-order = "apply"
unbaselined = "allow"
reverted = "apply"
gaps = "refuse"
preflight = ["protected", "rights"]
values = { region = "us" }
secrets.mail = "fd:3"
"#;

#[cfg(all(feature = "policy", feature = "sign"))]
/// What only a build with policy and signatures takes.
const JUDGED: &str = r#"
[policy]
waivers = "refuse"
concerns = { rollout = "note" }
rules.drop-table = "refusal"

[signatures]
allowed-signers = "allowed_signers"
threshold = 2
minisign.carol = "RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK"

[signatures.approvals]
"#;

#[cfg(all(feature = "policy", feature = "sign"))]
#[test]
fn every_setting_is_shown_with_the_line_that_it_comes_from() {
    let folder = folder(&format!("{WHOLE}{JUDGED}"));
    let settings = |name| Settings::load(&environment(name), &nothing, folder.path()).expect("good");
    insta::assert_snapshot!("development", shown(&settings("development"), folder.path()));
    insta::assert_snapshot!("production", shown(&settings("production"), folder.path()));
    let json = serde_json::to_string(&settings("production").lines()[1]).expect("data");
    assert_eq!(json, r#"{"name":"environment","value":"production","origin":"--environment"}"#);
}

#[test]
fn without_a_file_the_defaults_hold_and_nothing_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".git")).expect("made");
    let settings = Settings::load(&environment("production"), &nothing, folder.path()).expect("good");
    assert_eq!((settings.record_environment.value, settings.config.value.as_ref()), (false, None));
    assert_eq!(settings.environment.value.as_deref(), Some("production"));
    assert_eq!(settings.directory.value, folder.path().join("migrations"));
    assert_eq!(settings.lock_timeout, Setting::by_default(Duration::from_secs(3)));
    assert_eq!(settings.preflight, Setting::by_default(Preflight::new()));
    assert!(settings.database.value.is_none() && settings.signatures.is_none());
    let with_file = loaded("", &Overrides::default());
    assert!(with_file.record_environment.value, "with a file the environment is recorded");
}

#[test]
fn arguments_go_before_the_environments_table_and_that_before_the_top_level() {
    let text = "lock-deadline = '1s'\nwait-deadline = '1s'\ngaps = 'refuse'\n[environments.a]\nlock-deadline = '2s'\nwait-deadline \
                = '2s'\n";
    let overrides = Overrides { lock_deadline: Some("3s".to_owned()), ..environment("a") };
    let settings = loaded(text, &overrides);
    assert_eq!(
        (settings.lock_deadline.value, origin(&settings.lock_deadline)),
        (secs(3), "--lock-deadline".to_owned())
    );
    assert_eq!(
        (settings.wait_deadline.value, origin(&settings.wait_deadline)),
        (secs(2), "whimbrel.toml:6".to_owned())
    );
    assert_eq!(origin(&settings.gaps), "whimbrel.toml:3");
    assert_eq!(origin(&settings.table), "default");
}

fn secs(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn every_argument_is_taken() {
    let text = |text: &str| Some(text.to_owned());
    let overrides = Overrides {
        directory: Some("sql".into()),
        recursive: true,
        set: text("s"),
        url: text("sqlite:a.db"),
        role: text("r"),
        table: text("t"),
        lock_deadline: text("1s"),
        wait_deadline: text("2s"),
        lock_timeout: text("3ms"),
        statement_timeout: text("4s"),
        failure_pause: text("5s"),
        transaction: text("per-migration"),
        out_of_order: text("apply"),
        ahead: text("refuse"),
        unbaselined: text("allow"),
        reverted: text("apply"),
        gaps: text("refuse"),
        database_messages: true,
        ..environment("production")
    };
    let settings = loaded(WHOLE, &overrides);
    let given: Vec<String> = settings
        .lines()
        .into_iter()
        .filter(|line| matches!(line.origin, Origin::Argument(_)))
        .map(|line| format!("{} {}", line.name, line.origin))
        .collect();
    let names = "environment directory recursive set database:--url role table lock-deadline wait-deadline lock-timeout \
                 statement-timeout failure-pause transaction out-of-order ahead unbaselined reverted gaps database-messages";
    let expected: Vec<String> = names
        .split_whitespace()
        .map(|name| {
            name.split_once(':')
                .map_or_else(|| format!("{name} --{name}"), |(name, of)| format!("{name} {of}"))
        })
        .collect();
    assert_eq!(given, expected);
    assert_eq!(settings.transaction.value, Transaction::PerMigration);
    assert_eq!(settings.statement_timeout.value, Some(secs(4)));
}

#[test]
fn values_and_secrets_of_an_environment_are_added_to_those_of_all() {
    let settings = loaded(WHOLE, &environment("production"));
    let values: Vec<(&str, &str)> =
        settings.values.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect();
    assert_eq!(values, [("owner", "shop"), ("region", "us")]);
    assert_eq!(settings.secrets.keys().collect::<Vec<_>>(), ["api_key", "mail"]);
}

#[test]
fn variables_name_the_file_and_the_environment_and_empty_ones_are_none() {
    let folder = folder(WHOLE);
    fs::write(folder.path().join("other.toml"), "[environments.b]\n").expect("written");
    let variables = |name: &str| match name {
        "WHIMBREL_CONFIG" => Some("other.toml".to_owned()),
        "WHIMBREL_ENVIRONMENT" => Some("b".to_owned()),
        _ => None,
    };
    let settings = Settings::load(&Overrides::default(), &variables, folder.path()).expect("good");
    assert_eq!(settings.config.value, Some(PathBuf::from("other.toml")));
    assert_eq!(origin(&settings.config), "WHIMBREL_CONFIG");
    assert_eq!(
        (settings.environment.value.as_deref(), origin(&settings.environment)),
        (Some("b"), "WHIMBREL_ENVIRONMENT".to_owned())
    );
    let overrides = Overrides { config: Some("whimbrel.toml".into()), ..environment("production") };
    let settings = Settings::load(&overrides, &variables, folder.path()).expect("good");
    assert_eq!(settings.environment.value.as_deref(), Some("production"));
    let settings =
        Settings::load(&Overrides::default(), &|_| Some(String::new()), folder.path()).expect("good");
    assert_eq!(settings.environment.value.as_deref(), Some("development"));
}

#[test]
fn the_databases_variable_counts_only_where_no_file_names_a_database() {
    let variables = |name: &str| (name == "DATABASE_URL").then(|| "postgres://u:MARKER@h/d".to_owned());
    let database = |text: &str, overrides: &Overrides| {
        let settings = Settings::load(overrides, &variables, folder(text).path()).expect("good");
        assert!(!format!("{settings:?}").contains("MARKER"), "it is not even read");
        let shown = settings.database.value.as_ref().map(ToString::to_string);
        format!("{} ({})", shown.unwrap_or_default(), settings.database.origin)
    };
    let named = "[environments.a]\nurl.env = 'A_URL'\n[environments.b]\n";
    assert_eq!(database("", &Overrides::default()), "env:DATABASE_URL (DATABASE_URL)");
    assert_eq!(database(named, &environment("a")), "env:A_URL (whimbrel.toml:2)");
    assert_eq!(database(named, &environment("b")), "env:DATABASE_URL (DATABASE_URL)");
    assert_eq!(database(named, &Overrides::default()), " (default)", "an environment has to be chosen");
    assert_eq!(database(named, &url("env:OTHER")), "env:OTHER (--url)");
    let unset =
        Settings::load(&Overrides::default(), &|_| Some(String::new()), folder("").path()).expect("good");
    assert!(unset.database.value.is_none(), "an empty variable is none");
}

#[test]
fn the_files_password_is_not_taken_to_where_an_argument_points() {
    let settings = loaded(WHOLE, &environment("production"));
    assert_eq!(origin(&settings.password), "whimbrel.toml:18");
    let overrides =
        Overrides { url: Some("postgres://app@elsewhere/shop".to_owned()), ..environment("production") };
    assert!(loaded(WHOLE, &overrides).password.value.is_none());
}

#[test]
fn what_an_argument_points_to_is_not_for_development_since_the_environment_is() {
    assert!(loaded(WHOLE, &environment("development")).development.value);
    let overrides = Overrides { url: Some("env:PRODUCTION_URL".to_owned()), ..environment("development") };
    assert!(!loaded(WHOLE, &overrides).development.value, "it may be dropped otherwise");
}

#[test]
fn who_names_no_database_is_told_what_to_do() {
    let next = |text: &str, overrides: &Overrides| {
        let problem = loaded(text, overrides).place().expect_err("none is named");
        format!("{problem}; {}", problem.next().unwrap_or_default())
    };
    let text = "[environments.a]\nsqlite = 'a.db'\n[environments.b]\n";
    assert!(next("", &Overrides::default()).starts_with("no database is named; set DATABASE_URL"));
    assert!(next(text, &Overrides::default()).ends_with("the environments: a, b"));
    assert!(next(text, &environment("b")).starts_with("the environment names no database"));
    assert!(loaded(text, &environment("a")).place().is_ok());
}

#[test]
fn a_database_in_an_argument_is_read() {
    for (text, expected) in [
        ("sqlite:app.db", "sqlite:START/app.db"),
        ("sqlite://app.db", "sqlite:START/app.db"),
        ("sqlite:///var/app.db", "sqlite:/var/app.db"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("env:SHOP_URL", "env:SHOP_URL"),
        ("file:/run/secrets/url", "file:/run/secrets/url"),
        ("file:./url", "file:START/./url"),
        ("fd:3", "fd:3"),
        ("postgres://db.example.com/shop", "postgres://db.example.com/shop"),
        ("postgresql://hunter2@db.example.com/shop", "postgres://***@db.example.com/shop"),
        ("mysql://app@db:3306/shop?ssl-mode=REQUIRED", "mysql://***@db:3306/shop?sslmode=require"),
        ("mariadb://localhost/shop", "mariadb://localhost/shop"),
    ] {
        let place = Place::of_argument(text, Path::new("START"))
            .unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!(place.to_string(), expected, "{text}");
    }
}

#[test]
fn paths_are_relative_to_the_files_folder_and_those_of_arguments_to_the_working_directory() {
    let root = folder(WHOLE);
    let below = root.path().join("crates/api");
    fs::create_dir_all(&below).expect("made");
    let root_path = root.path().canonicalize().expect("it is there");
    let settings = Settings::load(&environment("production"), &nothing, &below).expect("good");
    assert_eq!(settings.directory.value, root_path.join("db/migrations"));
    assert_eq!(origin(&settings.directory), Path::new("../../whimbrel.toml").display().to_string() + ":2");
    assert_eq!(
        settings.password.value,
        Some(SecretReference::File(root_path.join("secrets/password"))),
        "whether it begins with a dot or not"
    );
    let overrides = Overrides { directory: Some("sql".into()), ..url("sqlite:a.db") };
    let settings = Settings::load(&overrides, &nothing, &below).expect("good");
    assert_eq!(settings.directory.value, below.join("sql"));
    assert_eq!(
        settings.place().expect("named").to_string(),
        format!("sqlite:{}", below.join("a.db").display())
    );
}

#[test]
fn from_a_relative_folder_paths_stay_relative() {
    let root = folder("directory = 'db'\n[environments.a]\npassword = 'file:./p'\nurl.env='U'\n");
    let below = root.path().join("x/y");
    fs::create_dir_all(&below).expect("made");
    let here = std::env::current_dir().expect("a working directory").canonicalize().expect("it is there");
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let start = up.join(below.canonicalize().expect("it is there").strip_prefix("/").expect("absolute"));
    let settings = Settings::load(&environment("a"), &nothing, &start).expect("good");
    assert_eq!(settings.directory.value, start.join("../..").join("db"));
    assert!(settings.password.value.expect("named").to_string().ends_with("x/y/../.././p"));
}

#[test]
fn the_search_ends_at_git_and_at_home() {
    let outer = folder("set = 'outer'");
    fs::remove_dir(outer.path().join(".git")).expect("removed");
    let below = outer.path().join("home/project/deep");
    fs::create_dir_all(&below).expect("made");
    let set = |variables: &dyn Fn(&str) -> Option<String>| {
        let settings = Settings::load(&Overrides::default(), variables, &below).expect("good");
        settings.set.value.map(|set| set.to_string())
    };
    let home = outer.path().join("home").display().to_string();
    let at_home = |name: &str| (name == "HOME").then(|| home.clone());
    assert_eq!(set(&nothing).as_deref(), Some("outer"));
    assert_eq!(set(&at_home), None, "not above home");
    fs::write(outer.path().join("home/whimbrel.toml"), "set = 'home'").expect("written");
    assert_eq!(set(&at_home).as_deref(), Some("home"), "but in it");
    fs::create_dir(outer.path().join("home/project/.git")).expect("made");
    assert_eq!(set(&nothing), None, "not above the repository");
    fs::write(outer.path().join("home/project/whimbrel.toml"), "set = 'project'").expect("written");
    assert_eq!(set(&nothing).as_deref(), Some("project"), "but at its root");
}

#[cfg(unix)]
#[test]
fn a_file_that_everybody_may_write_to_has_to_be_named() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("");
    let file = folder.path().join("whimbrel.toml");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).expect("ours");
    let problem = Settings::load(&Overrides::default(), &nothing, folder.path()).expect_err("refused");
    assert_eq!(problem.to_string(), "whimbrel.toml may be written to by everybody");
    let overrides = Overrides { config: Some(file), ..Overrides::default() };
    assert!(Settings::load(&overrides, &nothing, folder.path()).is_ok());
}

#[test]
fn what_was_named_and_is_not_there_is_told() {
    let folder = folder("[environments.prod]\n[environments.test]\n");
    let told = |overrides: Overrides| {
        let problem = Settings::load(&overrides, &nothing, folder.path()).expect_err("refused");
        format!("{problem}; {}", problem.next().unwrap_or_default())
    };
    assert_eq!(
        told(environment("production")),
        "`--environment`: the configuration file has no environment of this name; it has: prod, test"
    );
    assert_eq!(
        told(Overrides { config: Some("nowhere.toml".into()), ..Overrides::default() }),
        "the configuration file nowhere.toml does not exist; make it, or give its right path"
    );
    assert_eq!(
        told(Overrides { config: Some(".git".into()), ..Overrides::default() }),
        ".git is a folder, and no configuration file; name the file in it, as whimbrel.toml"
    );
}

#[cfg(feature = "policy")]
#[test]
fn a_rules_level_goes_before_its_concerns() {
    let text = "[policy]\nconcerns.data-loss = 'note'\nrules.drop-table = 'refusal'\n";
    let policy = loaded(text, &Overrides::default()).policy.policy().expect("switched on");
    assert_eq!(policy.level("drop-table").expect("a rule"), whimbrel_policy::Level::Refusal);
    assert_eq!(policy.level("drop-column").expect("a rule"), whimbrel_policy::Level::Note);
    assert!(loaded("[policy]\nenabled = false", &Overrides::default()).policy.policy().is_none());
    assert!(loaded("", &Overrides::default()).policy.policy().is_some(), "without a word it is on");
}

#[cfg(feature = "policy")]
#[test]
fn levels_and_concerns_have_the_words_of_the_policy() {
    use crate::config::words::{CONCERN, LEVEL};

    for word in LEVEL.all() {
        let level: whimbrel_policy::Level = LEVEL.read(word).expect("its own").into();
        assert_eq!(level.as_str(), word);
    }
    let concerns: std::collections::BTreeSet<String> =
        whimbrel_policy::rules().map(|rule| rule.concern().as_str().replace(' ', "-")).collect();
    assert!(concerns.iter().all(|concern| CONCERN.read(concern).is_some()), "{concerns:?}");
    for word in CONCERN.all() {
        let concern: whimbrel_policy::Concern = CONCERN.read(word).expect("its own").into();
        assert_eq!(concern.as_str().replace(' ', "-"), word);
    }
}

#[test]
fn a_build_that_cannot_judge_refuses_a_file_that_wants_it_to() {
    let signed = load("[signatures]\nallowed-signers = 'x'", &Overrides::default());
    assert_eq!(signed.is_ok(), cfg!(feature = "sign"));
    let judged = load("[policy]\nwaivers = 'refuse'", &Overrides::default());
    assert_eq!(judged.is_ok(), cfg!(feature = "policy"));
    assert!(load("[policy]\nenabled = false", &Overrides::default()).is_ok());
}

#[cfg(feature = "sign")]
#[test]
fn the_signers_are_read_when_they_are_asked_for() {
    let text = "[signatures]\nallowed-signers = 'signers'\n[signatures.approvals]\nthreshold = 2\n";
    let folder = folder(text);
    let settings = Settings::load(&Overrides::default(), &nothing, folder.path()).expect("good");
    let signatures = settings.signatures.as_ref().expect("asked for");
    let protected = || settings.protected();
    assert_eq!(signatures.approvals.as_ref().map(|threshold| threshold.value), Some(2));
    let failure = signatures.verifier(protected()).expect_err("no file");
    assert!(failure.error.to_string().contains("signers cannot be read"), "{failure:?}");
    let key =
        "alice@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi";
    fs::write(folder.path().join("signers"), key).expect("written");
    assert!(
        signatures.verifier(protected()).is_ok()
            && signatures.approvers(protected()).expect("good").is_some()
    );
}
