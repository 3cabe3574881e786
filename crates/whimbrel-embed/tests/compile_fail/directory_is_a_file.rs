use whimbrel_embed::{Embedded, embed};

static MIGRATIONS: Embedded = embed!("directories/file_differs/0001_users.sql");

fn main() {
    let _ = MIGRATIONS.set("sqlite");
}
