use rusqlite::Connection;
use std::time::Instant;
use whimbrel::{BootQuery, BootSet, Memory, Migrator, TableName};
fn min(mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..400 { let t = Instant::now(); f(); best = best.min(t.elapsed().as_secs_f64()*1e6); }
    best
}
fn main() {
    let dir = tempfile::TempDir::new().unwrap();
    let mem = (1..=1000).fold(Memory::new(), |m, n| m.with_sql(n, format!("t{n}"), format!("CREATE TABLE t{n} (a);")));
    let set = mem.set().unwrap();
    let mut db = Connection::open(dir.path().join("x.db")).unwrap();
    Migrator::new(&set).run_blocking(&mut db).unwrap();
    let v: &'static [whimbrel::Migration] = Vec::leak(set.versioned().to_vec());
    let baked = whimbrel::MigrationSet::baked(set.name().clone(), v, &[], *set.head().as_bytes(), *set.repeatables_digest().as_bytes(), None, 0);
    let t = TableName::default();
    let q = || (whimbrel_sqlite::DIALECT.history.boot)(&BootQuery { table: &t, sets: &[BootSet { name: "app", head: *set.head(), repeatables: *set.repeatables_digest(), last: 1000 }], environment: false });
    let sql = q();
    println!("build sql {:.1}", min(|| { std::hint::black_box(q()); }));
    println!("prepare boot {:.1}", min(|| { db.prepare(&sql).unwrap(); }));
    println!("boot query {:.1}", min(|| { db.query_row(&sql, (), |r| r.get::<_, i64>(1)).unwrap(); }));
    let sel = "SELECT head FROM whimbrel_history WHERE set_name = 'app' AND seq = 1";
    println!("prepare select {:.1}", min(|| { db.prepare(sel).unwrap(); }));
    println!("select {:.1}", min(|| { db.query_row(sel, (), |r| r.get::<_, String>(0)).unwrap(); }));
    println!("select 1 {:.1}", min(|| { db.query_row("SELECT 1", (), |r| r.get::<_, i64>(0)).unwrap(); }));
    let short = "SELECT 'app', n.seq, n.head, n.repeatables FROM main.whimbrel_history n WHERE n.set_name='app' ORDER BY n.seq DESC LIMIT 1";
    println!("short {:.1}", min(|| { db.query_row(short, (), |r| r.get::<_, i64>(1)).unwrap(); }));
    println!("build migrator {:.1}", min(|| { std::hint::black_box(Migrator::new(&baked)); }));
    let m = Migrator::new(&baked);
    println!("run {:.1}", min(|| { m.run_blocking(&mut db).unwrap(); }));
    println!("check {:.1}", min(|| { m.check_blocking(&mut db).unwrap(); }));
    let r = m.run_blocking(&mut db).unwrap(); println!("{r}");
}
