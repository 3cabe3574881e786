use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/manifest_head");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
