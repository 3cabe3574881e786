use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/manifest_of_another_set", set = "jobs");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
