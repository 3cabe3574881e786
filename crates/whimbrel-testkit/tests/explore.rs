//! Every interleaving of migrators, with a fault at every step.

use whimbrel::Memory;
use whimbrel_testkit::{Deed, Exploration, FakeKind, Release};

const KINDS: [FakeKind; 3] = [FakeKind::Locking, FakeKind::Pipelined, FakeKind::Committing];

fn explore(name: &str, exploration: &Exploration) {
    let explored = exploration.explore().unwrap_or_else(|violation| panic!("{name}: {violation}"));
    eprintln!("explored {name}: {explored}");
}

#[test]
fn two_migrators_and_one_migration() {
    let memory = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY)");
    for kind in KINDS {
        let exploration = Exploration::new(kind)
            .with_release(Release::new("one", &memory, |migrator| migrator))
            .with_migrator(0, Deed::Run)
            .with_migrator(0, Deed::Run)
            .with_faults(1);
        explore(&format!("{kind:?}"), &exploration);
    }
}
