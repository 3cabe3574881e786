use rusqlite::Connection; use whimbrel_sqlite as _; use whimbrel::{Memory, Migrator};
fn main() {
    let mem = (1..=1000).fold(Memory::new(), |m, n| m.with_sql(n, format!("t{n}"), format!("CREATE TABLE t{n} (a);")));
    let set = mem.set().unwrap();
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&set).run_blocking(&mut db).unwrap();
    let v: &'static [whimbrel::Migration] = Vec::leak(set.versioned().to_vec());
    let baked = whimbrel::MigrationSet::baked(set.name().clone(), v, &[], *set.head().as_bytes(), *set.repeatables_digest().as_bytes(), None, 0);
    let m = Migrator::new(&baked);
    work(&m, &mut db);
}
#[inline(never)]
fn work(m: &Migrator, db: &mut Connection) { for _ in 0..300 { m.run_blocking(db).unwrap(); } }
