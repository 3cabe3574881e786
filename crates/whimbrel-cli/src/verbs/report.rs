//! `whimbrel report`: all that is known of a database and its sets as one HTML page. What the page looks like, `html` knows.

mod told;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use whimbrel::{Driver, Error, Finding, History, Plan, ServerVersion, Source, Status};

use super::status::{self, moment};
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database::{Address, Connection};
use crate::exit::Code;
use crate::html::{self, Page, Planned};
use crate::output::count;
use crate::sets;

/// Writes a report as one HTML page: sets, plan, findings, runs and history
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel report --out report.html\n  whimbrel -e production report > production.html\n  whimbrel report --offline --dialect postgres --out files.html"
)]
pub(crate) struct Arguments {
    /// Where the page is written; what is there is replaced [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Ask no database: only the sets and what the policy says of them
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let page = if arguments.offline { offline(context).await? } else { online(context).await? };
    let text = html::render(&page);
    let rows: usize = page.history.iter().map(|set| set.rows.len()).sum();
    let data = json!({
        "summary": page.summary, "path": arguments.out.as_ref().map(|path| path.display().to_string()), "html": arguments.out.is_none().then_some(&text),
        "findings": page.findings.len(), "broken": page.broken.len(), "rows": rows,
    });
    let is_broken = !page.broken.is_empty();
    let coded = |answer: Answer| if is_broken { answer.with_code(Code::BrokenHistory) } else { answer };
    let Some(path) = &arguments.out else { return Ok(coded(Answer::new(text, data))) };
    refuse_other(path)?;
    std::fs::write(path, &text).map_err(|error| {
        Failure::of(Code::Failed, format!("{} cannot be written: {error}", path.display()))
    })?;
    Ok(coded(Answer::new(format!("wrote {}\n{}", path.display(), page.summary), data)))
}

/// Only a page is replaced by a page.
fn refuse_other(path: &std::path::Path) -> Result<(), Failure> {
    use std::io::Read;
    const BEGINNING: &[u8] = b"<!doctype html";
    let mut begins = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut begins));
    match read {
        Ok(_) if !begins.is_empty() && !begins.eq_ignore_ascii_case(BEGINNING) => {
            Err(Failure::of(Code::Refused, format!("{} is there, and is no page", path.display()))
                .with_next("name another file with --out"))
        }
        // That it cannot be written is told when it is.
        _ => Ok(()),
    }
}

/// What the files say.
async fn offline(context: &Context) -> Result<Page, Failure> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for (root, dialect) in sets::all(context)? {
        // What is not locked yet is told as well.
        let set = context.source(&root).unlocked().load(&dialect).await?;
        findings.extend(sets::gate(context, &set, &dialect).await?);
        findings.extend(sets::judge(context, &set, &dialect)?);
        told.push(told::set_of_files(&set, &dialect));
    }
    let migrations = told.iter().map(|set| set.migrations.len()).sum();
    let summary = format!("{} in the files; no database was asked", count(migrations, "migration"));
    Ok(Page {
        made: now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database: None,
        summary,
        sets: told,
        plan: Planned::NotAsked,
        findings: findings.iter().map(told::finding).collect(),
        broken: Vec::new(),
        history: Vec::new(),
    })
}

/// What a database was found to have.
struct Found {
    history: History,
    /// `None`: the files did not pass the first gate.
    status: Option<Status>,
    /// Or why there is none.
    plan: Result<Plan, Error>,
}

impl Found {
    /// Asks. What is refused is told, and is no failure.
    async fn look(context: &Context, db: &mut Connection) -> Result<Self, Failure> {
        let migrator = context.migrator()?;
        let history = migrator.history(db).await?;
        let (status, plan) = match migrator.status(db).await {
            Ok(status) => (Some(status), migrator.plan(db).await),
            Err(error) => (None, Err(error)),
        };
        match plan {
            // The database has said no, or is gone: nothing that was seen before is to be relied on.
            Err(error) if error.class().is_some() => Err(error.into()),
            plan => Ok(Self { history, status, plan }),
        }
    }

    fn findings(&self) -> &[Finding] {
        match &self.plan {
            Ok(plan) => plan.notes(),
            Err(error) => error.findings(),
        }
    }

    fn summary(&self) -> String {
        let broken = self.history.broken().count();
        if broken > 0 {
            return format!(
                "the history is broken: {} not as written, so what is said here may not be true",
                if broken == 1 { "1 row is".to_owned() } else { format!("{broken} rows are") }
            );
        }
        match &self.status {
            Some(status) => {
                let (at, open, pending) = status::summary(status);
                status::sentence(at.as_deref(), open.as_deref(), pending)
            }
            None => "the files are refused, so nothing was compared with the database".to_owned(),
        }
    }
}

async fn online(context: &Context) -> Result<Page, Failure> {
    let mut db = context.connect_or_imagine().await?;
    let found = Found::look(context, &mut db).await?;
    let dialect = db.dialect().name;
    let server = server(&mut db).await;
    let files = context.directory().unlocked().load(dialect).await?;
    let judged = sets::judge(context, &files, dialect)?;
    let mut findings: Vec<html::Finding> = Vec::new();
    for finding in found.findings().iter().chain(&judged).map(told::finding) {
        // The plan's policy has judged what is pending already.
        if !findings.iter().any(|known| known.is_same(&finding)) {
            findings.push(finding);
        }
    }
    let environment = found.history.environment().map(str::to_owned);
    Ok(Page {
        made: now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database: Some(html::Database { name: name(&context.address()?), server, environment }),
        summary: found.summary(),
        sets: match &found.status {
            Some(status) => told::sets(status, &found.history, &files, dialect),
            None => vec![told::set_of_files(&files, dialect)],
        },
        plan: match &found.plan {
            Ok(plan) if plan.is_empty() => Planned::Nothing,
            Ok(plan) => Planned::Plan(told::plan(plan, db.dialect())),
            Err(error) => Planned::Refused(error.to_string()),
        },
        findings,
        broken: found.history.broken().map(told::broken).collect(),
        history: told::history(&found.history),
    })
}

/// What the server says it is.
async fn server(db: &mut Connection) -> String {
    let dialect = db.dialect().name;
    let version = match db.dialect().version {
        None if dialect == "sqlite" => Some("sqlite_version()"),
        version => version,
    };
    let Some(version) = version else { return dialect.to_owned() };
    let rows = db.query(&format!("SELECT {version}"), &[]).await.unwrap_or_default();
    let text = rows.first().and_then(|row| row.read::<String>(0).ok());
    let version = text.and_then(|text| ServerVersion::read(dialect, &text));
    version.map_or_else(|| dialect.to_owned(), |version| version.to_string())
}

/// The database's name. A page is passed on: it does not say on which host the database is, nor who may connect.
fn name(address: &Address) -> String {
    match address {
        Address::Sqlite(path) => {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        Address::Server(url) => url.database().unwrap_or_default().to_owned(),
    }
}

/// The time, as the history's are shown.
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    moment(&format!("{}T{:02}:{:02}:{:02}Z", now.date(), now.hour(), now.minute(), now.second()))
}
