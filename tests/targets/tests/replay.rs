//! Every input of the corpora, every seed and every large input, through its target.

use std::fs;

use whimbrel_targets::{TARGETS, folder, target};

/// The bytes of a large input; a small part of it at every run: how the steps grow is counted by `cargo xtask ci`.
fn large() -> usize {
    if std::env::var_os("WHIMBREL_LONG").is_some() { 1 << 20 } else { 1 << 14 }
}

fn replay(name: &str) {
    let target = target(name).unwrap_or_else(|| panic!("there is no target {name}"));
    let mut inputs = (target.seeds)();
    assert!(!inputs.is_empty(), "{name} has no seeds");
    let folder = folder(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no corpus");
    inputs.extend(paths.iter().map(|path| fs::read(path).expect("it can be read")));
    for input in &inputs {
        (target.check)(input);
    }
    (target.check)(b"");
    for (_, input) in (target.large)(large()) {
        (target.check)(&input);
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let mut replayed = [$(stringify!($name)),*];
            replayed.sort_unstable();
            let mut all: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            all.sort_unstable();
            assert_eq!(replayed.as_slice(), all);
        }
    };
}

replays! {
    canonical configuration directives history manifest mariadb mysql names placeholders policy postgres signatures sqlite urls
}
