//! `whimbrel history`: what was done, when, by whom; and whether the rows are as they were written.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use whimbrel::{BrokenRow, HistoryEvent, SetName, Tip};

use super::status::{moment, who};
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::output::safe::shown;
use crate::output::style::{BAD, BOLD, DIM, GOOD, WAITING, paint};
use crate::output::table::Table;

/// Shows what was done, when and by whom
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel history\n  whimbrel history --tip > tip            kept elsewhere, and later:\n  whimbrel history --verify --tip-of \"$(cat tip)\""
)]
pub(crate) struct Arguments {
    /// Check each row against the one before it
    #[arg(long)]
    verify: bool,
    /// Only the newest row of each set and its hash, to be kept elsewhere
    #[arg(long)]
    tip: bool,
    /// With --verify: what --tip has printed earlier, SET:ROW:HASH; may be repeated
    #[arg(long, value_name = "TIP", requires = "verify")]
    tip_of: Vec<String>,
    /// Only the newest rows
    #[arg(short = 'n', long, value_name = "NUMBER")]
    last: Option<usize>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let migrator = context.migrator()?;
    let mut db = context.connect().await?;
    if arguments.verify || arguments.tip {
        let known = arguments.tip_of.iter().flat_map(|text| text.split_whitespace());
        let known = known.map(tip).collect::<Result<Vec<Tip>, Failure>>()?;
        let tips = migrator.verify_history(&mut db, &known).await?;
        let lines: Vec<String> =
            tips.iter().map(|tip| format!("{}:{}:{}", tip.set, tip.seq, tip.hash)).collect();
        let text = if arguments.tip {
            lines.join("\n")
        } else {
            let rows: i64 = tips.iter().map(|tip| tip.seq).sum();
            format!(
                "{} as they were written",
                paint(GOOD, output::count(usize::try_from(rows).unwrap_or(0), "row") + " are")
            )
        };
        return Ok(Answer::new(text, json!({ "tips": tips })));
    }
    let history = migrator.history(&mut db).await?;
    let mut text = String::new();
    let mut rows = Vec::new();
    for (set, state) in history.sets() {
        let name =
            if set == "*" { "all sets".to_owned() } else { format!("set {}", paint(BOLD, shown(set))) };
        let _ = writeln!(text, "{name}  {}", paint(DIM, output::count(state.rows().len(), "row")));
        let mut table = Table::new(&["row", "when (UTC)", "what", "migration", "detail", "by"])
            .right(&[0])
            .flexible(&[5, 4, 3])
            .spare(&[5]);
        let skipped = arguments.last.map_or(0, |last| state.rows().len().saturating_sub(last));
        for row in &state.rows()[skipped..] {
            let broken = state.broken().iter().any(|broken| broken.seq == row.seq());
            let style = match row.event() {
                _ if broken => BAD,
                HistoryEvent::Failed => BAD,
                HistoryEvent::Applied | HistoryEvent::Baselined => GOOD,
                HistoryEvent::Settled | HistoryEvent::Repaired | HistoryEvent::Reverted => WAITING,
                _ => DIM,
            };
            let detail: Vec<String> = ["reason", "because", "outcome", "statement", "code"]
                .into_iter()
                .filter_map(|key| row.detail_values(key).next().map(|value| format!("{key}: {value}")))
                .collect();
            table.push(vec![
                row.seq().to_string(),
                shown(&moment(row.at())),
                paint(style, shown(row.event().as_str())),
                shown(&row.label().unwrap_or_default()),
                shown(&detail.join(", ")),
                shown(&who(row)),
            ]);
            rows.push(json!({
                "set": set, "seq": row.seq(), "event": row.event().as_str(), "version": row.version(),
                "label": row.label(), "digest": row.digest(), "head": row.head(), "who": row.who(),
                "at": row.at(), "detail": row.detail(), "hash": row.hash(), "broken": broken,
            }));
        }
        text.push_str(&table.render(output::width()));
    }
    if rows.is_empty() && history.broken().next().is_none() {
        text.push_str("there is no history yet");
    }
    let broken: Vec<BrokenRow> = history.broken().cloned().collect();
    let data = json!({ "rows": rows, "broken": broken });
    if broken.is_empty() {
        return Ok(Answer::new(text, data));
    }
    text.push_str(&super::status::broken(context, &broken));
    Ok(Answer::new(text, data).with_code(Code::BrokenHistory))
}

/// Reads what `--tip` has printed.
fn tip(text: &str) -> Result<Tip, Failure> {
    let wrong = || Failure::of(Code::Usage, "--tip-of wants SET:ROW:HASH, as --tip prints it");
    let (set, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (seq, hash) = rest.split_once(':').ok_or_else(wrong)?;
    Ok(Tip {
        set: SetName::new(set).map_err(|_| wrong())?,
        seq: seq.parse().map_err(|_| wrong())?,
        hash: hash.parse().map_err(|_| wrong())?,
    })
}
