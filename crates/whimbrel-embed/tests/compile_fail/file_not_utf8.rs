use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/file_not_utf8");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
