use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/file_unlisted");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
