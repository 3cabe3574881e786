use whimbrel_embed::{Embedded, embed};

const PATH: &str = "migrations";

static NOTHING: Embedded = embed!();
static NOT_A_LITERAL: Embedded = embed!(PATH);
static NOT_A_STRING: Embedded = embed!(b"migrations");
static NO_PATH: Embedded = embed!("");
static ABSOLUTE: Embedded = embed!("/srv/migrations");
static NO_COMMA: Embedded = embed!("migrations" unlocked);
static UNKNOWN: Embedded = embed!("migrations", dialect = "sqlite");
static NO_OPTION: Embedded = embed!("migrations", "jobs");
static TWICE: Embedded = embed!("migrations", unlocked, recursive, unlocked);
static NO_NAME: Embedded = embed!("migrations", set);
static NAME_IS_NO_STRING: Embedded = embed!("migrations", set = jobs);
static WRONG_NAME: Embedded = embed!("migrations", set = "Jobs!");

fn main() {}
