use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/file_misnamed");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
