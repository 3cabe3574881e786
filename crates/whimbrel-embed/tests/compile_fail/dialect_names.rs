use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/dialect_names");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
