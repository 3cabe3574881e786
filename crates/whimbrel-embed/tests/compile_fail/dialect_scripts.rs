use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/dialect_scripts");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
