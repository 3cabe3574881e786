use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/manifest_unreadable");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
