use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/manifest_missing");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
