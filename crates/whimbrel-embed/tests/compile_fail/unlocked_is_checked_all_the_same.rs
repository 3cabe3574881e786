use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/file_differs", unlocked);

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
