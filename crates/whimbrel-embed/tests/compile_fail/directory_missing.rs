use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/directory_missing");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
