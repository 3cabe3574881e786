//! The examples that are files rather than programs: that each parses, that what it refers to is there, that it holds no
//! secret, and that every `whimbrel` in it is a command that exists. Starts the command for its help only.

mod document;

use std::process::Command;

use document::{at, commands, examples, gather, items, parsed, read, text, texts};
use saphyr::Yaml;
use whimbrel::{DatabaseUrl, SecretReference};

const KUBERNETES: [&str; 2] = ["kubernetes/deployment.yaml", "kubernetes/job.yaml"];
const WORKFLOWS: [&str; 2] = ["ci/migrations.yml", "ci/gitlab-ci.yml"];

/// What the command says of a verb.
fn help(verb: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_whimbrel")).args([verb, "--help"]).output().expect("whimbrel");
    assert!(output.status.success(), "there is no verb `{verb}`");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_command_line_has_a_verb_and_options_that_exist_and_refers_to_its_secret() {
    let pages = ["ci/README.md", "kubernetes/README.md"];
    for name in KUBERNETES.into_iter().chain(WORKFLOWS).chain(pages) {
        let commands = commands(name);
        assert!(!commands.is_empty() || pages.contains(&name), "{name} has no command");
        for command in commands {
            let [_, verb, rest @ ..] = &command[..] else { panic!("{name}: no verb in {command:?}") };
            let help = help(verb);
            for option in rest.iter().filter(|word| word.starts_with('-')) {
                let there = help.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == option);
                assert!(there, "{name}: `{verb}` has no option `{option}`");
            }
            for pair in rest.windows(2).filter(|pair| pair[0] == "--url") {
                pair[1].parse::<SecretReference>().unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            let speaks_to_a_database = !["verify", "lint"].contains(&verb.as_str());
            assert_eq!(rest.contains(&"--url".to_owned()), speaks_to_a_database, "{name}: {command:?}");
        }
    }
}

#[test]
fn the_sets_of_the_examples_are_locked_and_break_no_rule() {
    let folders = [
        ("axum-service/migrations", "postgres"),
        ("desktop/migrations", "sqlite"),
        // A folder for each dialect, and both are looked at.
        ("library-set/jobs/migrations", "postgres"),
        ("library-set/mailer/migrations", "postgres"),
    ];
    for (folder, dialect) in folders {
        for verb in ["verify", "lint"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
            command.args([verb, "--dialect", dialect, "--directory"]).arg(examples().join(folder));
            let output = command.output().expect("whimbrel");
            assert!(output.status.success(), "{folder}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn no_file_holds_a_secret() {
    for name in KUBERNETES.into_iter().chain(WORKFLOWS) {
        let source = read(name);
        for text in texts(&parsed(name, &source)) {
            if text.contains("://") {
                let url = DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(url.password().is_none(), "{name}: a URL with a password");
                // Nor one that the drivers would refuse.
                url.check_credentials().unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            let lower = text.to_lowercase();
            assert!(!lower.contains("password"), "{name}: `{text}`");
        }
    }
    for name in ["kubernetes/roles.sql", "kubernetes/README.md", "ci/README.md"] {
        let lower = read(name).to_lowercase();
        assert!(!lower.contains("password '") && !lower.contains("password="), "{name} sets a password");
    }
}

#[test]
fn workflows_check_the_files_without_a_database_and_then_go_up_down_and_up() {
    for name in WORKFLOWS {
        let verbs: Vec<String> = commands(name).into_iter().map(|command| command[1].clone()).collect();
        let verbs = verbs.iter().map(String::as_str).filter(|verb| *verb != "status");
        let order = ["verify", "lint", "up", "check", "down", "up", "check"];
        assert_eq!(verbs.collect::<Vec<_>>(), order, "{name}");
    }
}

#[test]
fn the_workflow_for_github_is_one() {
    let source = read("ci/migrations.yml");
    let workflow = parsed("ci/migrations.yml", &source);
    assert!(at(&workflow, "on.pull_request").is_some());
    assert_eq!(text(&workflow, "permissions.contents"), "read");
    let job = at(&workflow, "jobs.migrations").expect("a job");
    assert!(text(job, "runs-on").starts_with("ubuntu-"));
    let steps = items(job, "steps");
    assert!(steps.len() > 5, "{}", steps.len());
    for step in steps {
        match (at(step, "uses").and_then(Yaml::as_str), at(step, "run")) {
            (Some(uses), None) => assert!(uses.contains("@v"), "{uses} is of no version"),
            (None, Some(_)) => assert!(at(step, "name").is_some(), "a step without a name"),
            _ => panic!("a step has either `uses` or `run`"),
        }
    }
    let url: DatabaseUrl = text(job, "env.DATABASE_URL").parse().expect("a URL");
    assert_eq!(url.user(), Some(text(job, "services.postgres.env.POSTGRES_USER")));
    let port = url.hosts()[0].port.expect("a port");
    assert_eq!(text(job, "services.postgres.ports.0"), format!("{port}:5432"));
    // The version that is installed is the one that is kept.
    let install = "cargo install --locked whimbrel-cli --version ";
    let version = source.split(install).nth(1).and_then(|rest| rest.lines().next()).expect("an installation");
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(source.contains(&format!("key: whimbrel-{version}-")), "another version is kept");
}

/// What is found in a dependency is found on days without a change, too.
#[test]
fn advisories_are_looked_at_every_day() {
    let source = read("ci/advisories.yml");
    let workflow = parsed("ci/advisories.yml", &source);
    let cron = text(&workflow, "on.schedule.0.cron");
    let times: Vec<&str> = cron.split(' ').collect();
    assert!(times.len() == 5 && times[2..] == ["*", "*", "*"], "{cron}");
    assert_eq!(text(&workflow, "permissions.contents"), "read");
    let steps = items(at(&workflow, "jobs.advisories").expect("a job"), "steps");
    let runs: Vec<&str> = steps.iter().filter_map(|step| at(step, "run").and_then(Yaml::as_str)).collect();
    assert_eq!(runs, ["cargo install --locked cargo-deny", "cargo deny check advisories"]);
    // The project has the same job.
    let own =
        std::fs::read_to_string(examples().join("../.github/workflows/advisories.yml")).expect("a workflow");
    let jobs = |text: &str| text.split_once("\nname:").expect("a name").1.to_owned();
    assert_eq!(jobs(&own), jobs(&source));
}

#[test]
fn the_job_for_gitlab_is_one() {
    let source = read("ci/gitlab-ci.yml");
    let document = parsed("ci/gitlab-ci.yml", &source);
    let job = at(&document, "migrations").expect("a job");
    let url: DatabaseUrl = text(job, "variables.DATABASE_URL").parse().expect("a URL");
    assert_eq!(url.user(), Some(text(job, "variables.POSTGRES_USER")));
    assert_eq!(url.hosts()[0].address.to_string(), text(job, "services.0.alias"));
    let before = items(job, "before_script");
    let install = format!("cargo install --locked whimbrel-cli --version {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(before.first().and_then(Yaml::as_str), Some(install.as_str()));
    // Its runners check out what everybody may write to.
    assert!(before.iter().any(|line| line.as_str() == Some("chmod -R go-w .")));
    assert_eq!(text(job, "cache.key"), format!("whimbrel-{}", env!("CARGO_PKG_VERSION")));
}

/// A container, and what is so of every one.
fn check_container(name: &str, container: &Yaml<'_>, volumes: &[Yaml<'_>]) {
    let called = text(container, "name");
    let (_, tag) = text(container, "image").rsplit_once(':').expect("an image of a version");
    assert!(tag.starts_with(|first: char| first.is_ascii_digit()), "{name}: {called} has no version");
    let safe = ["allowPrivilegeEscalation", "readOnlyRootFilesystem"]
        .map(|setting| at(container, &format!("securityContext.{setting}")).and_then(Yaml::as_bool));
    assert_eq!(safe, [Some(false), Some(true)], "{name}: {called}");
    for variable in items(container, "env") {
        let secret =
            ["URL", "PASSWORD", "TOKEN", "KEY"].iter().any(|part| text(variable, "name").contains(part));
        assert_eq!(at(variable, "value").is_some(), !secret, "{name}: {called}");
        assert_eq!(at(variable, "valueFrom.secretKeyRef.key").is_some(), secret, "{name}: {called}");
    }
    for mount in items(container, "volumeMounts") {
        let volume = volumes.iter().find(|volume| text(volume, "name") == text(mount, "name"));
        let volume = volume.unwrap_or_else(|| panic!("{name}: {called} mounts what is not there"));
        // What is read of it by whimbrel: its owner and its group, and nobody writes.
        assert_eq!(at(volume, "secret.defaultMode").and_then(Yaml::as_integer), Some(0o440), "{name}");
        assert_eq!(at(mount, "readOnly").and_then(Yaml::as_bool), Some(true), "{name}: {called}");
    }
}

/// A container that migrates: the secret that its URL refers to is mounted, and the role that it assumes is the owner's.
fn check_migrates(name: &str, container: &Yaml<'_>) {
    let mut found = Vec::new();
    gather(container, &mut found);
    let [command] = &found[..] else { panic!("{name}: one command was expected") };
    let after = |option: &str| command.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1].clone());
    assert_eq!(command[1], "up", "{name}");
    let file = after("--url").expect("a URL").strip_prefix("file:").expect("a file").to_owned();
    let mounts = items(container, "volumeMounts");
    assert!(mounts.iter().any(|mount| file.starts_with(&format!("{}/", text(mount, "mountPath")))), "{file}");
    // What else it is told is in the image.
    let told = read("kubernetes/whimbrel.toml");
    let role = told.lines().find_map(|line| line.strip_prefix("role = ")).expect("a role").trim_matches('"');
    let roles = read("kubernetes/roles.sql");
    assert!(roles.contains(&format!("CREATE ROLE {role} NOLOGIN;")), "{role}");
    assert!(roles.contains(&format!("GRANT {role} TO ")), "nobody may become {role}");
}

fn check_pod(name: &str, pod: &Yaml<'_>) {
    let volumes = items(pod, "volumes");
    for container in items(pod, "initContainers").iter().chain(items(pod, "containers")) {
        check_container(name, container, volumes);
    }
    assert_eq!(at(pod, "securityContext.runAsNonRoot").and_then(Yaml::as_bool), Some(true), "{name}");
    let user = at(pod, "securityContext.fsGroup").and_then(Yaml::as_integer);
    assert_eq!(user, at(pod, "securityContext.runAsGroup").and_then(Yaml::as_integer), "{name}");
    assert!(user.is_some_and(|user| user > 0), "{name}");
}

#[test]
fn the_deployment_migrates_in_an_init_container_and_its_application_waits_with_a_role_of_its_own() {
    let name = "kubernetes/deployment.yaml";
    let source = read(name);
    let deployment = parsed(name, &source);
    assert_eq!((text(&deployment, "apiVersion"), text(&deployment, "kind")), ("apps/v1", "Deployment"));
    let selected = at(&deployment, "spec.selector.matchLabels").expect("a selector");
    assert_eq!(at(&deployment, "spec.template.metadata.labels"), Some(selected));
    let pod = at(&deployment, "spec.template.spec").expect("a pod");
    check_pod(name, pod);
    let [migrates] = items(pod, "initContainers") else { panic!("one init container was expected") };
    check_migrates(name, migrates);

    let [serves] = items(pod, "containers") else { panic!("one container was expected") };
    assert!(items(serves, "volumeMounts").is_empty(), "the application can read what is the migrator's");
    let secret = at(serves, "env").and_then(Yaml::as_vec).expect("variables");
    let url = secret.iter().find(|variable| text(variable, "name") == "DATABASE_URL").expect("a URL");
    assert_ne!(text(url, "valueFrom.secretKeyRef.name"), text(pod, "volumes.0.secret.secretName"));
    // The application is the example beside it, and knows these variables.
    let program = read("axum-service/src/main.rs");
    for variable in items(serves, "env") {
        let variable = text(variable, "name");
        assert!(program.contains(&format!("\"{variable}\"")), "nothing reads {variable}");
    }
    let mode = items(serves, "env").iter().find(|variable| text(variable, "name") == "MIGRATIONS");
    assert_eq!(mode.map(|mode| text(mode, "value")), Some("wait"));
    for probe in ["startupProbe", "readinessProbe"] {
        assert_eq!(text(serves, &format!("{probe}.httpGet.path")), "/ready");
        assert_eq!(text(serves, &format!("{probe}.httpGet.port")), text(serves, "ports.0.name"));
    }
}

#[test]
fn the_job_gives_up_where_another_try_mends_nothing() {
    let name = "kubernetes/job.yaml";
    let source = read(name);
    let job = parsed(name, &source);
    assert_eq!((text(&job, "apiVersion"), text(&job, "kind")), ("batch/v1", "Job"));
    let pod = at(&job, "spec.template.spec").expect("a pod");
    check_pod(name, pod);
    let [migrates] = items(pod, "containers") else { panic!("one container was expected") };
    check_migrates(name, migrates);
    // A policy about failures wants this.
    assert_eq!(text(pod, "restartPolicy"), "Never");
    let rule = at(&job, "spec.podFailurePolicy.rules.0").expect("a rule");
    assert_eq!((text(rule, "action"), text(rule, "onExitCodes.operator")), ("FailJob", "In"));
    assert_eq!(text(rule, "onExitCodes.containerName"), text(migrates, "name"));
    let codes: Vec<_> = items(rule, "onExitCodes.values").iter().filter_map(Yaml::as_integer).collect();
    // Usage, refused, unknown outcome; not: failed, pending, locked or unreachable.
    assert_eq!(codes, [2, 4, 5]);
}
