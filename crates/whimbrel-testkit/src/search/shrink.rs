//! Makes a failing set smaller while it still fails.

use super::generated::GeneratedSet;

/// Leaves out migrations, then statements, as long as `fails` says that the rest still fails; asks at most `tries` times.
///
/// `fails` has to answer `false` for a set that the client itself cannot run: leaving something out may make it one.
pub fn shrink(
    set: &GeneratedSet,
    tries: usize,
    mut fails: impl FnMut(&GeneratedSet) -> bool,
) -> GeneratedSet {
    let mut smallest = set.clone();
    let mut left = tries;
    loop {
        let smaller = candidates(&smallest).into_iter().find(|candidate| {
            left = left.saturating_sub(1);
            left > 0 && fails(candidate)
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// The set with one migration less, then with one statement less, each from the end.
fn candidates(set: &GeneratedSet) -> Vec<GeneratedSet> {
    let mut candidates = Vec::new();
    for at in (0..set.migrations.len()).rev().filter(|_| set.migrations.len() > 1) {
        let mut smaller = set.clone();
        smaller.migrations.remove(at);
        smaller.library -= usize::from(at < set.library);
        candidates.push(smaller);
    }
    for (at, migration) in set.migrations.iter().enumerate().rev() {
        for statement in (0..migration.statements.len()).rev().filter(|_| migration.statements.len() > 1) {
            let mut smaller = set.clone();
            smaller.migrations[at].statements.remove(statement);
            candidates.push(smaller);
        }
        if !migration.down.is_empty() {
            let mut smaller = set.clone();
            smaller.migrations[at].down.clear();
            candidates.push(smaller);
        }
    }
    if set.library > 0 {
        candidates.push(GeneratedSet { library: 0, ..set.clone() });
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::super::{Grammar, generate};
    use super::*;

    #[test]
    fn only_the_statement_that_matters_is_left() {
        let set = generate(Grammar::Postgres, 7);
        let needle = set.migrations[1].statements[0].sql.clone();
        let has =
            |set: &GeneratedSet| set.migrations.iter().any(|m| m.statements.iter().any(|s| s.sql == needle));
        let smallest = shrink(&set, 10_000, has);
        assert_eq!((smallest.migrations.len(), smallest.len()), (1, 1), "{smallest}");
        assert!(has(&smallest));
    }
}
