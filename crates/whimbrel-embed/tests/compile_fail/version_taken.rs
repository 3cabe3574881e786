use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/version_taken");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
