//! The rights that migrating needs, as the driver's crate asks for them. Knows how to grant one, and not which are needed.

use whimbrel::{Plan, RightsQuery};

use super::patient::{Patient, nth};
use super::{Check, Remedy, State};

pub(crate) async fn check(patient: &mut Patient<'_>, plan: Option<&Plan>) -> Check {
    let dialect = patient.dialect();
    let settings = &patient.context.settings;
    let Some(questions) = dialect.preflight else { return Check::ok("privileges", "there are none") };
    let creates_table = match plan {
        Some(plan) => plan.creates_history(),
        None => !has_history(patient).await,
    };
    let needs = plan.map(|plan| plan.needs(&dialect)).unwrap_or_default();
    let role = settings.role.value.as_deref();
    let query = RightsQuery { table: &settings.table.value, creates_table, role, needs: &needs };
    let rows = match patient.ask(&(questions.missing)(&query)).await {
        Ok(rows) => rows,
        Err(silence) => return patient.unanswered("privileges", &silence),
    };
    let mut missing: Vec<String> = rows.iter().map(|row| nth(row, 0).to_owned()).collect();
    if missing.pop().as_deref() != Some("end") {
        return Check::not_looked_at("privileges", "they cannot be told, since the user has roles")
            .remedied(Remedy::change("connect as a user whose rights were granted to itself"));
    }
    let is_postgres = dialect.name == "postgres";
    let mut check = Check::new("privileges");
    if is_postgres {
        schema(patient, &mut check).await;
    }
    if missing.is_empty() {
        let what = if plan.is_some() {
            "all that the pending scripts and the history need, as far as their words tell"
        } else {
            "those on the history; what is pending was not looked at"
        };
        check.add(State::Ok, what);
        return check;
    }
    for right in &missing {
        check.add(State::Wrong, format!("{right} is missing"));
    }
    let remedies = if is_postgres {
        let user = patient.text("SELECT session_user::text").await.ok().flatten().unwrap_or_default();
        let user = patient.identifier(&user);
        let own = patient.identifier(role.unwrap_or_default());
        let table = settings.table.value.to_string();
        // The history is the connected user's, the scripts are the role's.
        let (scripts, history) = (if role.is_some() { &own } else { &user }, &user);
        let mut remedies = Vec::new();
        for right in &missing {
            remedies.extend(of_postgres(patient, right, (scripts, history), &table).await);
        }
        remedies
    } else {
        of_mysql(patient, &missing).await
    };
    remedies.into_iter().for_each(|remedy| check.remedy(remedy));
    check
}

/// Whether the history's table is there, whether or not it may be read.
async fn has_history(patient: &mut Patient<'_>) -> bool {
    let settings = &patient.context.settings;
    let dialect = patient.dialect();
    if let Ok(migrator) = patient.context.migrator()
        && let Ok(history) = migrator.history(&mut patient.db).await
    {
        return history.exists();
    }
    let table = &settings.table.value;
    let sql = match dialect.name {
        "postgres" => {
            let name = (dialect.literal)(&table.qualified(dialect.identifier, None));
            format!("SELECT to_regclass({name}) IS NOT NULL")
        }
        // Who has no right on it does not see it.
        _ => return true,
    };
    matches!(patient.text(&sql).await.ok().flatten().as_deref(), Some("1" | "t" | "true"))
}

/// Where tables are made, and whether that is what the search path begins with.
async fn schema(patient: &mut Patient<'_>, check: &mut Check) {
    let sql = "SELECT current_setting('search_path'), current_schema()::text, \
               (SELECT string_agg(s, ', ') FROM unnest(current_schemas(false)) s)";
    let Ok(row) = patient.row(sql).await else { return };
    let (path, current) = (nth(&row, 0), nth(&row, 1));
    if current.is_empty() {
        check.add(State::Wrong, format!("no schema of the search path, {path}, is there, or may be used"));
        let first = path.split(',').map(str::trim).find(|name| *name != "\"$user\"").unwrap_or("public");
        let first = if first.is_empty() { "public" } else { first };
        let user = patient.text("SELECT quote_ident(session_user)").await.ok().flatten().unwrap_or_default();
        let literal = (patient.dialect().literal)(first);
        let there = format!("SELECT count(*) FROM pg_namespace WHERE quote_ident(nspname) = {literal}");
        if patient.text(&there).await.ok().flatten().as_deref() == Some("0") {
            check.remedy(Remedy::sql(format!("CREATE SCHEMA {first}")));
        }
        check.remedy(Remedy::sql(format!("GRANT USAGE, CREATE ON SCHEMA {first} TO {user}")));
    } else {
        check.add(State::Ok, format!("tables are made in schema {current}"));
    }
}

async fn of_postgres(
    patient: &mut Patient<'_>,
    right: &str,
    (scripts, history): (&str, &str),
    table: &str,
) -> Vec<Remedy> {
    if let Some(object) = right.strip_prefix("ownership of ") {
        return vec![Remedy::sql(format!("ALTER TABLE {object} OWNER TO {scripts}"))];
    }
    let Some((what, object)) = right.split_once(" on ") else { return Vec::new() };
    if let Some(schema) = object.strip_prefix("schema ") {
        if schema == "that does not exist" {
            return Vec::new();
        }
        let literal = (patient.dialect().literal)(schema);
        let there =
            patient.text(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = {literal}")).await;
        let is_there = there.ok().flatten().as_deref() != Some("0");
        let schema = patient.identifier(schema);
        // What makes the history does so as the user that is connected, and scripts as the role.
        let mut whom = vec![scripts];
        if history != scripts {
            whom.push(history);
        }
        let grants =
            whom.iter().map(|who| Remedy::sql(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {who}")));
        let made = (!is_there).then(|| Remedy::sql(format!("CREATE SCHEMA {schema}")));
        return made.into_iter().chain(grants).collect();
    }
    let who = if object == table { history } else { scripts };
    let mut remedies = Vec::new();
    if let Some((schema, _)) = object.split_once('.').filter(|(schema, _)| !schema.contains('"')) {
        remedies.push(Remedy::sql(format!("GRANT USAGE ON SCHEMA {schema} TO {who}")));
    }
    remedies.push(Remedy::sql(format!("GRANT {what} ON {object} TO {who}")));
    remedies
}

/// Rights are given on the whole database: on a table that is not there yet they cannot be.
async fn of_mysql(patient: &mut Patient<'_>, missing: &[String]) -> Vec<Remedy> {
    let Ok(row) = patient.row("SELECT current_user(), database()").await else { return Vec::new() };
    let (user, database) = (super::mysql::account(nth(&row, 0)), nth(&row, 1));
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for right in missing {
        let Some((what, object)) = right.split_once(" on ") else { continue };
        let place = match object.strip_prefix(database).filter(|rest| rest.starts_with('.')) {
            Some(_) => database,
            None => object.split_once('.').map_or(object, |(place, _)| place),
        };
        let at = places.iter().position(|(known, _)| known == place).unwrap_or_else(|| {
            places.push((place.to_owned(), Vec::new()));
            places.len() - 1
        });
        if !places[at].1.iter().any(|known| known == what) {
            places[at].1.push(what.to_owned());
        }
    }
    let grants = places.iter().map(|(place, rights)| {
        // In a grant `_` and `%` stand for others.
        let place = place.replace('_', "\\_").replace('%', "\\%");
        Remedy::sql(format!("GRANT {} ON {}.* TO {user}", rights.join(", "), patient.identifier(&place)))
    });
    grants.collect()
}
