use whimbrel::{Dialect, History, Request};
use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/good");

fn skip_the_gate(history: &History, dialect: &Dialect) {
    let set = MIGRATIONS.set("sqlite").expect("it is good");
    let _ = whimbrel::plan(&[set], history, &Request::default(), dialect);
}

fn main() {}
