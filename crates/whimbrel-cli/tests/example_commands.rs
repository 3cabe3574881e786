//! The commands of the examples for CI and for Kubernetes, run as they stand there, on a real PostgreSQL. The files around
//! them are read in `example_files.rs`.
#![cfg(unix)]

mod document;
mod stage;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use document::{at, examples, gather, items, parsed, read, text};
use saphyr::Yaml;
use stage::{Kind, Said, Stage};

/// A project with the migrations of the service, and a database that is empty.
fn project() -> Stage {
    let stage = Stage::new(Kind::Postgres);
    stage.done("create --url env:DATABASE_URL");
    let migrations = examples().join("axum-service/migrations");
    for entry in fs::read_dir(migrations).expect("migrations") {
        let from = entry.expect("an entry").path();
        let name = from.file_name().expect("a name").to_str().expect("text");
        stage.write(&format!("migrations/{name}"), &fs::read_to_string(&from).expect("text"));
    }
    stage
}

/// What a runner does: one script after another, up to the first that fails, each with variables of its own.
fn run(stage: &Stage, scripts: &[(String, Vec<(String, String)>)]) -> Result<(), (String, Said)> {
    for (script, variables) in scripts {
        let exports: String =
            variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
        let said = stage.shell(&format!("set -eo pipefail\n{exports}{script}"));
        if said.code != 0 {
            return Err((script.clone(), said));
        }
    }
    Ok(())
}

/// The variables of a part of a workflow, but for the database, which is the stage's.
fn variables(node: &Yaml<'_>, key: &str) -> Vec<(String, String)> {
    let all = at(node, key).and_then(Yaml::as_mapping).map(|it| it.iter()).into_iter().flatten();
    let all = all.map(|(name, value)| (name.as_str().expect("a name"), value.as_str().expect("a text")));
    all.filter(|(name, _)| *name != "DATABASE_URL").map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// The steps for GitHub that call the command, but for the one that tells of a failure.
fn on_github() -> Vec<(String, Vec<(String, String)>)> {
    let source = read("ci/migrations.yml");
    let workflow = parsed("ci/migrations.yml", &source);
    let job = at(&workflow, "jobs.migrations").expect("a job");
    let steps = items(job, "steps").iter().filter(|step| at(step, "if").is_none());
    let scripts = steps.filter_map(|step| Some((step, at(step, "run")?.as_str()?)));
    scripts
        .map(|(step, script)| (script.to_owned(), [variables(job, "env"), variables(step, "env")].concat()))
        .collect()
}

/// The script for GitLab: one shell runs it all, after what is done before, but for installing the command.
fn on_gitlab() -> Vec<(String, Vec<(String, String)>)> {
    let source = read("ci/gitlab-ci.yml");
    let document = parsed("ci/gitlab-ci.yml", &source);
    let job = at(&document, "migrations").expect("a job");
    let lines = items(job, "before_script").iter().chain(items(job, "script"));
    let lines =
        lines.map(|line| line.as_str().expect("a line")).filter(|line| !line.starts_with("cargo install"));
    vec![(lines.collect::<Vec<_>>().join("\n"), variables(job, "variables"))]
}

fn with_configuration(stage: Stage) -> Stage {
    stage.write("ci/throwaway.toml", &read("ci/throwaway.toml"));
    stage
}

#[test]
fn the_workflows_pass_where_all_is_well() {
    for scripts in [on_github(), on_gitlab()] {
        let stage = with_configuration(project());
        run(&stage, &scripts).unwrap_or_else(|(script, said)| panic!("{script}: {said:#?}"));
        let history = stage.done("history --url env:DATABASE_URL").stdout;
        assert!(history.contains("2_products_have_a_stock") && history.contains("reverted"), "{history}");
    }
}

#[test]
fn the_workflow_for_gitlab_mends_the_rights_of_files_that_everybody_may_write_to() {
    let stage = with_configuration(project());
    for name in ["migrations", "migrations/0001_create_products.up.sql", "migrations/whimbrel.sum"] {
        fs::set_permissions(stage.path().join(name), fs::Permissions::from_mode(0o777)).expect("rights");
    }
    let said = stage.whimbrel("verify --dialect postgres");
    assert_ne!(said.code, 0, "{said:#?}");
    run(&stage, &on_gitlab()).unwrap_or_else(|(script, said)| panic!("{script}: {said:#?}"));
}

#[test]
fn what_is_wrong_fails_at_the_step_that_is_for_it() {
    let third = |stage: &Stage, up: &str, down: Option<&str>| {
        stage.write("migrations/0003_third.up.sql", up);
        if let Some(down) = down {
            stage.write("migrations/0003_third.down.sql", down);
        }
    };
    type Change<'c> = (&'c str, &'c dyn Fn(&Stage), bool, &'c str, i32);
    let cases: [Change<'_>; 6] = [
        (
            "an edited file",
            &|it| it.write("migrations/0001_create_products.down.sql", "SELECT 1;"),
            false,
            "verify",
            4,
        ),
        (
            "what a rule refuses",
            &|it| third(it, "GRANT SELECT ON products TO PUBLIC;", Some("SELECT 1;")),
            true,
            "verify",
            4,
        ),
        ("a script that fails", &|it| third(it, "SELECT 1 / 0;", Some("SELECT 1;")), true, "up", 1),
        ("no way down", &|it| third(it, "CREATE TABLE t (n bigint);", None), true, "down", 4),
        (
            "a way down that leaves something",
            &|it| third(it, "CREATE TABLE t (n bigint);", Some("SELECT 1;")),
            true,
            "down",
            1,
        ),
        (
            "nothing, with a table that goes on the way down",
            &|it| third(it, "CREATE TABLE t (n bigint);", Some("DROP TABLE t;")),
            true,
            "",
            0,
        ),
    ];
    for (what, change, locked, verb, code) in cases {
        let stage = with_configuration(project());
        change(&stage);
        if locked {
            stage.done("lock");
        }
        match run(&stage, &on_github()) {
            Ok(()) => assert_eq!(verb, "", "{what} was not found"),
            Err((script, said)) => {
                assert!(script.contains(&format!("whimbrel {verb}")), "{what}: {script}: {said:#?}");
                assert_eq!(said.code, code, "{what}: {said:#?}");
            }
        }
    }
}

#[test]
fn what_the_manifests_run_migrates_with_the_roles_and_a_mounted_secret() {
    for manifest in ["kubernetes/deployment.yaml", "kubernetes/job.yaml"] {
        let stage = project();
        let name = stage.url().rsplit('/').next().expect("a database").to_owned();
        stage.write("whimbrel.toml", &read("kubernetes/whimbrel.toml").replace("shop", &name));
        stage.write("roles.sql", &read("kubernetes/roles.sql").replace("shop", &name));
        let said = stage.shell("psql --quiet --set ON_ERROR_STOP=1 \"$DATABASE_URL\" --file roles.sql");
        assert_eq!(said.code, 0, "{said:#?}");

        let (scheme, rest) = stage.url().split_once("://").expect("a URL");
        let (_, address) = rest.split_once('@').expect("a user");
        stage.write("mounted/url", &format!("{scheme}://{name}_migrator@{address}"));
        let mounted = stage.path().join("mounted/url");
        fs::set_permissions(&mounted, fs::Permissions::from_mode(0o440)).expect("rights");

        let source = read(manifest);
        let document = parsed(manifest, &source);
        let mut found = Vec::new();
        gather(&document, &mut found);
        let [command] = &found[..] else { panic!("{manifest}: one command was expected") };
        assert_eq!(command[0], "whimbrel");
        let arguments: Vec<String> =
            command[1..]
                .iter()
                .map(|word| {
                    if word.starts_with("file:") {
                        format!("file:{}", mounted.display())
                    } else {
                        word.clone()
                    }
                })
                .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = stage.whimbrel_with(&arguments);
        assert!(said.code == 0 && said.stdout.contains("applied 2 migrations"), "{manifest}: {said:#?}");
        let said = stage.whimbrel_with(&arguments);
        assert!(said.code == 0 && said.stdout.contains("up to date"), "{manifest}: {said:#?}");

        let owners = "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
        let said =
            stage.shell(&format!("psql --tuples-only --no-align \"$DATABASE_URL\" --command \"{owners}\""));
        let expected = format!("products|{name}_owner\nwhimbrel_history|{name}_migrator\n");
        assert_eq!(said.stdout, expected, "{manifest}");
        // Whose role may not: what the init container would say, had it the application's secret.
        stage.write("mounted/app", &format!("{scheme}://{name}_app@{address}"));
        fs::set_permissions(stage.path().join("mounted/app"), fs::Permissions::from_mode(0o440))
            .expect("rights");
        let said = stage.whimbrel("down --to 1 --yes --url file:./mounted/app");
        assert!(said.code != 0, "{said:#?}");
        assert_eq!(
            text(&document, "kind"),
            if manifest.ends_with("job.yaml") { "Job" } else { "Deployment" }
        );
    }
}
