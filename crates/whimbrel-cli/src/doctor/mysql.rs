//! What is asked of MySQL and MariaDB. Quotes no statement of anybody's: it may hold what is nobody's business.

use std::collections::BTreeMap;

use whimbrel::{Product, ServerVersion, Source};

use super::patient::{Patient, Silence, nth};
use super::{Check, Remedy, State, pooler, role, tls};

pub(crate) async fn checks(patient: &mut Patient<'_>) -> Vec<Check> {
    let variables = variables(patient).await;
    vec![
        server(patient, &variables).await,
        protection(patient).await,
        who(patient).await,
        pooler::check(patient, None).await,
        lock(patient).await,
        transactions(patient).await,
        settings(patient, &variables).await,
    ]
}

/// `u@h` as an account is written.
pub(crate) fn account(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    format!("{}@{}", quoted(name), quoted(host))
}

type Variables = Result<BTreeMap<String, String>, Silence>;

async fn variables(patient: &mut Patient<'_>) -> Variables {
    let rows = patient
        .ask(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'read_only', 'super_read_only', 'innodb_read_only', \
             'sql_mode', 'max_allowed_packet', 'lower_case_table_names', 'wsrep_on', 'autocommit')",
        )
        .await?;
    Ok(rows.iter().map(|row| (nth(row, 0).to_lowercase(), nth(row, 1).to_owned())).collect())
}

async fn server(patient: &mut Patient<'_>, variables: &Variables) -> Check {
    let variables = match variables {
        Ok(variables) => variables,
        Err(silence) => return patient.unanswered("server", silence),
    };
    let of = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let mut check = Check::new("server");
    match ServerVersion::read(patient.dialect().name, of("version")) {
        Some(version) => {
            let (tested, which) = match version.product {
                Product::Mariadb => {
                    (matches!((version.major, version.minor), (10, 11) | (11, 8)), "10.11 or 11.8")
                }
                _ => (matches!((version.major, version.minor), (5, 7) | (9, _)), "5.7 or 9"),
            };
            if tested {
                check.add(State::Ok, version.to_string());
            } else {
                check.add(State::Warning, format!("{version}, which is not tested"));
                check.remedy(Remedy::change(format!("use {which}")));
            }
        }
        None => check.add(State::NotLookedAt, "it tells no version"),
    }
    let on = |name: &str| matches!(of(name), "ON" | "1");
    if on("innodb_read_only") {
        check.add(State::Wrong, "InnoDB is read-only here: nothing can be written");
        check.remedy(Remedy::change(format!("name the primary in {}", patient.whence())));
    } else if on("super_read_only") || on("read_only") {
        check.add(State::Wrong, "read-only, as replicas are");
        check.remedy(
            Remedy::change(format!("name the primary in {}", patient.whence())).when("if this is a replica"),
        );
        if on("super_read_only") {
            check.remedy(Remedy::sql("SET GLOBAL super_read_only = OFF").when("if this is the primary"));
        }
        check.remedy(Remedy::sql("SET GLOBAL read_only = OFF").when("if this is the primary"));
    } else {
        check.add(State::Ok, "to be written to");
    }
    check
}

async fn protection(patient: &mut Patient<'_>) -> Check {
    let rows = patient.ask("SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')").await;
    match rows {
        Ok(rows) => {
            let mut said: Vec<&str> =
                rows.iter().map(|row| nth(row, 1)).filter(|text| !text.is_empty()).collect();
            said.sort_unstable_by_key(|text| !text.starts_with("TLSv"));
            let said = (!said.is_empty()).then(|| said.join(", "));
            tls::check(patient, said)
        }
        Err(silence) => patient.unanswered("tls", &silence),
    }
}

async fn who(patient: &mut Patient<'_>) -> Check {
    let row = match patient.row("SELECT current_user(), database()").await {
        Ok(row) => row,
        Err(silence) => return patient.unanswered("role", &silence),
    };
    let mut check = Check::ok("role", format!("connected as {}", nth(&row, 0)));
    let (_, host) = nth(&row, 0).rsplit_once('@').unwrap_or_default();
    // MySQL takes names of 32 letters.
    let name: String = nth(&row, 1).chars().take(23).collect();
    let own = account(&format!("{name}_migrator@{host}"));
    let database = nth(&row, 1).replace('_', "\\_").replace('%', "\\%");
    let remedies = vec![
        Remedy::sql(format!("CREATE USER {own} IDENTIFIED BY '…'")),
        Remedy::sql(format!("GRANT ALL ON {}.* TO {own}", patient.identifier(&database))),
    ];
    role::superuser(patient, &mut check, remedies).await;
    if patient.context.settings.role.value.is_some() {
        check.add(State::Wrong, "`role` is set, and scripts can take on no role here");
        check.remedy(Remedy::change(
            "remove `role` from whimbrel.toml, and connect as the user that is to do it",
        ));
    }
    check
}

async fn lock(patient: &mut Patient<'_>) -> Check {
    let owner = match super::lock::owner(patient).await {
        Ok(owner) => owner,
        Err(check) => return check,
    };
    let sql =
        format!("SELECT user, host, command, time FROM information_schema.processlist WHERE id = {owner}");
    let row = patient.row(&sql).await.unwrap_or_default();
    let mut found = format!("connection {owner} has the migrators' lock");
    if !nth(&row, 0).is_empty() {
        found.push_str(&format!(
            ", of {} at {}, {} for {} s",
            nth(&row, 0),
            nth(&row, 1),
            nth(&row, 2),
            nth(&row, 3)
        ));
    }
    super::lock::held(found, format!("KILL {owner}"))
}

async fn transactions(patient: &mut Patient<'_>) -> Check {
    let longest = patient.context.settings.lock_timeout.value.as_secs();
    let sql = format!(
        "SELECT t.trx_mysql_thread_id, p.user, p.host, p.command, timestampdiff(SECOND, t.trx_started, now()) \
         FROM information_schema.innodb_trx t LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
         WHERE t.trx_mysql_thread_id <> connection_id() AND timestampdiff(SECOND, t.trx_started, now()) >= {longest} \
         ORDER BY t.trx_started"
    );
    let rows = match patient.ask(&sql).await {
        Ok(rows) => rows,
        Err(silence) => {
            let user = patient.text("SELECT current_user()").await.ok().flatten().unwrap_or_default();
            return Check::not_looked_at("transactions", silence.why)
                .remedied(Remedy::sql(format!("GRANT PROCESS ON *.* TO {}", account(&user))));
        }
    };
    let mut check = Check::new("transactions");
    for row in rows.iter().filter(|row| nth(row, 0) != "0") {
        if nth(row, 1).is_empty() {
            check.add(
                State::Warning,
                format!("connection {}, which is ending, for {} s", nth(row, 0), nth(row, 4)),
            );
            check.remedy(Remedy::change("wait until the server has rolled it back"));
            continue;
        }
        check.add(
            State::Warning,
            format!("connection {} of {}, {}, for {} s", nth(row, 0), nth(row, 1), nth(row, 3), nth(row, 4)),
        );
        check.remedy(Remedy::sql(format!("KILL {}", nth(row, 0))).when("if it can be given up"));
    }
    if check.found.is_empty() {
        check.add(State::Ok, "none is open for long");
    }
    check
}

async fn settings(patient: &mut Patient<'_>, variables: &Variables) -> Check {
    let variables = match variables {
        Ok(variables) => variables,
        Err(silence) => return patient.unanswered("settings", silence),
    };
    let of = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let mut check =
        Check::ok("settings", format!("lower_case_table_names is {}", of("lower_case_table_names")));
    if !["STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL"]
        .iter()
        .any(|mode| of("sql_mode").contains(mode))
    {
        check.add(State::Warning, "sql_mode is not strict: values that do not fit are cut without a word");
        check.remedy(Remedy::sql(
            "SET GLOBAL sql_mode = concat_ws(',', nullif(@@global.sql_mode, ''), 'STRICT_TRANS_TABLES')",
        ));
    }
    let largest = largest_script(patient).await;
    if let Ok(packet) = of("max_allowed_packet").parse::<u64>()
        && let Some((label, size)) = largest
        // What a statement needs beside its text.
        && size + 1024 > packet
    {
        check.add(
            State::Wrong,
            format!("max_allowed_packet is {packet}, and the script of {label} has {size} bytes"),
        );
        let enough = (size + 1024).next_power_of_two();
        check.remedy(Remedy::sql(format!("SET GLOBAL max_allowed_packet = {enough}")));
    }
    if matches!(of("wsrep_on"), "ON" | "1") {
        cluster(patient, &mut check).await;
    }
    check
}

async fn largest_script(patient: &Patient<'_>) -> Option<(String, u64)> {
    let set = patient.context.directory().load(patient.dialect().name).await.ok()?;
    let sizes = set.iter().map(|migration| (migration.label(), migration.up().text().len() as u64));
    sizes.max_by_key(|(_, size)| *size)
}

async fn cluster(patient: &mut Patient<'_>, check: &mut Check) {
    let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment', 'wsrep_ready')";
    let rows = patient.ask(sql).await.unwrap_or_default();
    let known: BTreeMap<&str, &str> = rows.iter().map(|row| (nth(row, 0), nth(row, 1))).collect();
    let of = |name: &str| known.get(name).copied().unwrap_or("unknown");
    let told = format!(
        "one of {} servers of a Galera cluster, {}",
        of("wsrep_cluster_size"),
        of("wsrep_local_state_comment")
    );
    if of("wsrep_ready") == "ON" {
        check.add(State::Ok, told);
    } else {
        check.add(State::Wrong, format!("{told}, and not ready"));
        check.remedy(Remedy::change(format!("name a server that is in its cluster in {}", patient.whence())));
    }
}
