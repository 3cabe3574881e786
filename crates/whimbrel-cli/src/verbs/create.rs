//! `whimbrel create`: makes the database, for development.

use clap::Args;
use serde_json::json;

use super::drop::refuse_remote;
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database::whole;

/// Makes the database, if it is not there (development)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  whimbrel create && whimbrel up")]
pub(crate) struct Arguments {
    /// Also on another machine
    #[arg(long)]
    remote: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let address = context.address()?;
    refuse_remote(context, &address, arguments.remote, "create")?;
    whole::check(&address)?;
    let made = whole::create(&address).await?;
    let shown = address.shown();
    let text = if made { format!("made {shown}") } else { format!("{shown} is there already") };
    Ok(Answer::new(text, json!({ "created": made })))
}
