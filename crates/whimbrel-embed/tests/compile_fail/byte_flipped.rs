use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/byte_flipped");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
