use rusqlite::Connection;
use whimbrel::{Memory, Migrator};
use whimbrel_sqlite as _;
fn migration(number: usize) -> String {
    format!(
        "CREATE TABLE table_{number} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER);\nCREATE INDEX index_{number} ON table_{number} (name);\n"
    )
}
fn main() {
    let n = 1000;
    let mem = (1..=n).fold(Memory::new(), |m, i| m.with_sql(i as i64, format!("table_{i}"), migration(i)));
    let set = mem.set().unwrap();
    let v: &'static [whimbrel::Migration] = Vec::leak(set.versioned().to_vec());
    let baked = whimbrel::MigrationSet::baked(
        set.name().clone(),
        v,
        &[],
        *set.head().as_bytes(),
        *set.repeatables_digest().as_bytes(),
        None,
        0,
    );
    let mut db = Connection::open_in_memory().unwrap();
    let m = Migrator::new(&baked);
    let texts: Vec<String> = (1..=n).map(migration).collect();
    work(&m, &mut db);
    let mut db = Connection::open_in_memory().unwrap();
    peer(&texts, &mut db);
}
#[inline(never)]
fn work(m: &Migrator, db: &mut Connection) {
    m.run_blocking(db).unwrap();
}
#[inline(never)]
fn peer(texts: &[String], db: &mut Connection) {
    rusqlite_migration::Migrations::new(texts.iter().map(|t| rusqlite_migration::M::up(t)).collect())
        .to_latest(db)
        .unwrap();
}
