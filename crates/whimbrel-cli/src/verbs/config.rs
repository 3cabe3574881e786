//! `whimbrel config`: each setting, and where it came from.

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::output;
use crate::output::safe::shown;
use crate::output::style::{DIM, paint};
use crate::output::table::Table;

/// Shows each setting and where it came from; secrets as their references
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  whimbrel -e production config")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    let lines = context.settings.lines();
    let mut table = Table::new(&["setting", "value", "from"]).flexible(&[1, 2]);
    for line in &lines {
        table.push(vec![shown(&line.name), shown(&line.value), paint(DIM, shown(&line.origin.to_string()))]);
    }
    Ok(Answer::new(table.render(output::width()), json!({ "settings": lines })))
}
