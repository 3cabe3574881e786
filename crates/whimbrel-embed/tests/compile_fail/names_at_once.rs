use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/names_at_once");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
