//! What is asked of PostgreSQL. Quotes no statement of anybody's: it may hold what is nobody's business.

use whimbrel::ServerVersion;

use super::patient::{Patient, Texts, nth};
use super::{Check, Remedy, State, pooler, role, tls};

pub(crate) async fn checks(patient: &mut Patient<'_>) -> Vec<Check> {
    vec![
        server(patient).await,
        protection(patient).await,
        who(patient).await,
        pooler::check(patient, Some("SELECT host(inet_server_addr()), inet_server_port()")).await,
        lock(patient).await,
        transactions(patient).await,
        settings(patient).await,
    ]
}

/// The versions that this library is tested on.
const TESTED: std::ops::RangeInclusive<u32> = 14..=18;

async fn server(patient: &mut Patient<'_>) -> Check {
    let sql = "SELECT current_setting('server_version'), pg_is_in_recovery()::text, \
               current_setting('transaction_read_only')";
    let row = match patient.row(sql).await {
        Ok(row) => row,
        Err(silence) => return patient.unanswered("server", &silence),
    };
    let mut check = Check::new("server");
    match ServerVersion::read("postgres", nth(&row, 0)) {
        Some(version) if TESTED.contains(&version.major) => check.add(State::Ok, version.to_string()),
        _ => {
            check.add(State::Warning, format!("PostgreSQL {}, which is not tested", nth(&row, 0)));
            check.remedy(Remedy::change("use one of 14 to 18"));
        }
    }
    if nth(&row, 1) == "true" {
        check.add(State::Wrong, "a standby: nothing can be written here");
        let primary = "SELECT sender_host || ':' || sender_port FROM pg_stat_wal_receiver";
        let primary = patient.text(primary).await.ok().flatten();
        let primary = primary.map(|place| format!(", as the standby has it {place},")).unwrap_or_default();
        check.remedy(Remedy::change(format!(
            "name the primary{primary} in {}, or all servers with target_session_attrs=read-write",
            patient.whence()
        )));
    } else if nth(&row, 2) == "on" {
        check.add(State::Wrong, "transactions are read-only here, unless they say otherwise");
        let remedy = set(patient, "default_transaction_read_only", "off").await;
        check.remedy(remedy);
    } else {
        check.add(State::Ok, "a primary, to be written to");
    }
    check
}

/// For this role in this database, which no other setting of the server's overrules.
async fn set(patient: &mut Patient<'_>, name: &str, value: &str) -> Remedy {
    let source = format!("SELECT source FROM pg_settings WHERE name = '{name}'");
    if patient.text(&source).await.ok().flatten().as_deref() == Some("client") {
        return Remedy::change(format!("take {name} out of the URL's options, {}", patient.whence()));
    }
    let row = patient.row("SELECT session_user::text, current_database()::text").await.unwrap_or_default();
    let (user, database) = (patient.identifier(nth(&row, 0)), patient.identifier(nth(&row, 1)));
    Remedy::sql(format!("ALTER ROLE {user} IN DATABASE {database} SET {name} = {value}"))
}

async fn protection(patient: &mut Patient<'_>) -> Check {
    let sql = "SELECT ssl::text, version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    match patient.row(sql).await {
        Ok(row) => {
            let said = (nth(&row, 0) == "true").then(|| format!("{}, {}", nth(&row, 1), nth(&row, 2)));
            tls::check(patient, said)
        }
        Err(silence) => patient.unanswered("tls", &silence),
    }
}

async fn who(patient: &mut Patient<'_>) -> Check {
    let sql = "SELECT session_user::text, current_user::text, current_database()::text, \
               coalesce(current_schema()::text, 'public'), current_setting('server_version_num')";
    let row = match patient.row(sql).await {
        Ok(row) => row,
        Err(silence) => return patient.unanswered("role", &silence),
    };
    let user = nth(&row, 0);
    let mut check = Check::ok("role", format!("connected as {user}"));
    if nth(&row, 1) != user {
        check.add(State::Ok, format!("acting as {}", nth(&row, 1)));
    }
    let own = patient.identifier(&format!("{}_migrator", nth(&row, 2)));
    let database = patient.identifier(nth(&row, 2));
    let schema = patient.identifier(nth(&row, 3));
    let mut remedies = vec![
        Remedy::sql(format!("CREATE ROLE {own} LOGIN PASSWORD '…'")),
        Remedy::sql(format!("GRANT CONNECT ON DATABASE {database} TO {own}")),
        Remedy::sql(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {own}")),
    ];
    let table = patient.context.settings.table.value.qualified(patient.dialect().identifier, None);
    let literal = (patient.dialect().literal)(&table);
    let there = patient.text(&format!("SELECT to_regclass({literal})::text")).await.ok().flatten();
    if there.is_some() {
        remedies.push(Remedy::sql(format!("GRANT SELECT, INSERT ON {table} TO {own}")));
    }
    role::superuser(patient, &mut check, remedies).await;
    assumed(patient, &mut check, &row).await;
    check
}

/// Whether the setting `role` can be assumed.
async fn assumed(patient: &mut Patient<'_>, check: &mut Check, row: &Texts) {
    let Some(role) = patient.context.settings.role.value.as_deref() else { return };
    let literal = (patient.dialect().literal)(role);
    // From 16 on membership alone does not do.
    let way = if nth(row, 4) >= "160000" { "SET" } else { "MEMBER" };
    let sql = format!(
        "SELECT pg_has_role(session_user, oid, '{way}')::text FROM pg_roles WHERE rolname = {literal}"
    );
    let (own, user) = (patient.identifier(role), patient.identifier(nth(row, 0)));
    match patient.ask(&sql).await {
        Ok(rows) if rows.is_empty() => {
            check.add(State::Wrong, format!("there is no role {role}, as which scripts are to run"));
            check.remedy(Remedy::sql(format!("CREATE ROLE {own}")));
            check.remedy(Remedy::sql(format!("GRANT {own} TO {user}")));
        }
        Ok(rows) if nth(&rows[0], 0) == "true" => check.add(State::Ok, format!("scripts run as {role}")),
        Ok(_) => {
            check.add(
                State::Wrong,
                format!("scripts are to run as {role}, which {} may not become", nth(row, 0)),
            );
            check.remedy(Remedy::sql(format!("GRANT {own} TO {user}")));
        }
        Err(silence) => check.add(State::NotLookedAt, silence.why),
    }
}

async fn lock(patient: &mut Patient<'_>) -> Check {
    let owner = match super::lock::owner(patient).await {
        Ok(owner) => owner,
        Err(check) => return check,
    };
    let sql = format!(
        "SELECT usename, application_name, host(client_addr), \
         to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), state, \
         to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM pg_stat_activity WHERE pid = {owner}"
    );
    let row = patient.row(&sql).await.unwrap_or_default();
    let mut found = format!("server process {owner} has the migrators' lock");
    for (index, word) in [
        (0, "of "),
        (1, "application "),
        (2, "at "),
        (4, ""),
        (3, "connected since (UTC) "),
        (5, "in a transaction since "),
    ] {
        if !nth(&row, index).is_empty() {
            found.push_str(&format!(", {word}{}", nth(&row, index)));
        }
    }
    super::lock::held(found, format!("SELECT pg_terminate_backend({owner})"))
}

async fn transactions(patient: &mut Patient<'_>) -> Check {
    let longest = patient.context.settings.lock_timeout.value.as_millis();
    let sql = format!(
        "SELECT pid, usename, application_name, state, extract(epoch FROM now() - xact_start)::int \
         FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend' AND xact_start < now() - interval '{longest} milliseconds' ORDER BY xact_start"
    );
    // What a role may not see is NULL.
    let hidden = "SELECT count(*), quote_ident(session_user) FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid() AND backend_type IS NULL";
    let rows = match patient.ask(&sql).await {
        Ok(rows) => rows,
        Err(silence) => return patient.unanswered("transactions", &silence),
    };
    let mut check = Check::new("transactions");
    for row in &rows {
        let application = if nth(row, 2).is_empty() { String::new() } else { format!(" ({})", nth(row, 2)) };
        check.add(
            State::Warning,
            format!(
                "server process {} of {}{application}, {}, for {} s",
                nth(row, 0),
                nth(row, 1),
                nth(row, 3),
                nth(row, 4)
            ),
        );
        check.remedy(
            Remedy::sql(format!("SELECT pg_terminate_backend({})", nth(row, 0)))
                .when("if it can be given up"),
        );
    }
    let hidden = patient.row(hidden).await.unwrap_or_default();
    if !matches!(nth(&hidden, 0), "" | "0") {
        check.add(
            State::NotLookedAt,
            format!(
                "{} of others cannot be seen",
                crate::output::count(nth(&hidden, 0).parse().unwrap_or(0), "session")
            ),
        );
        check.remedy(Remedy::sql(format!("GRANT pg_read_all_stats TO {}", nth(&hidden, 1))));
    }
    if check.found.is_empty() {
        check.add(State::Ok, "none is open for long");
    }
    check
}

async fn settings(patient: &mut Patient<'_>) -> Check {
    let sql = "SELECT name, setting::bigint, source FROM pg_settings WHERE name IN ('statement_timeout', \
               'idle_in_transaction_session_timeout', 'transaction_timeout', 'idle_session_timeout') \
               AND setting <> '0' ORDER BY name";
    let rows = match patient.ask(sql).await {
        Ok(rows) => rows,
        Err(silence) => return patient.unanswered("settings", &silence),
    };
    let own = patient.context.settings.statement_timeout.value;
    let mut check = Check::new("settings");
    for row in &rows {
        let (name, time) = (nth(row, 0), nth(row, 1));
        // Whoever sets one of their own overrules it.
        if name == "statement_timeout" && own.is_some() {
            continue;
        }
        check.add(
            State::Warning,
            format!("{name} is {time} ms ({}), and ends what takes longer", nth(row, 2)),
        );
        let remedy = set(patient, name, "0").await;
        check.remedy(remedy);
    }
    if check.found.is_empty() {
        check.add(State::Ok, "none that ends statements or transactions");
    }
    check
}
