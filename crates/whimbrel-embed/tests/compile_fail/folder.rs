use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/folder");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
