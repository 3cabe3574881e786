//! Goes through all states, depth first. A future cannot be copied, so each branch is carried out from the start.

use std::collections::HashSet;

use super::verdict;
use super::world::{Choice, World};
use super::{Exploration, Explored, Violation};

pub(super) fn search(exploration: &Exploration) -> Result<Explored, Violation> {
    let mut explored = Explored::default();
    let mut known: HashSet<u64> = HashSet::new();
    let mut open: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(mut path) = open.pop() {
        explored.executions += 1;
        let mut world = World::new(exploration, false);
        path.iter().for_each(|choice| world.apply(*choice));
        loop {
            if let Some(what) = world.wrong.take() {
                return Err(violation(exploration, &path, what, explored));
            }
            let hash = world.hash();
            if world.waits_for_ever(hash) {
                let what = "everybody waits for something that does not happen".to_owned();
                return Err(violation(exploration, &path, what, explored));
            }
            if !known.insert(hash) {
                break;
            }
            explored.states = known.len();
            let choices = world.choices();
            explored.steps += choices.len();
            explored.deepest = explored.deepest.max(path.len());
            let Some((first, others)) = choices.split_first() else {
                explored.ends += 1;
                verdict::judge(&world).map_err(|what| violation(exploration, &path, what, explored))?;
                break;
            };
            if explored.states > exploration.most {
                return Ok(explored);
            }
            for other in others {
                let mut branch = path.clone();
                branch.push(*other);
                open.push(branch);
            }
            path.push(*first);
            world.apply(*first);
        }
    }
    Ok(Explored { complete: true, ..explored })
}

/// Carries the execution out once more, and writes it down.
fn violation(exploration: &Exploration, path: &[Choice], what: String, explored: Explored) -> Violation {
    let mut world = World::new(exploration, true);
    path.iter().for_each(|choice| world.apply(*choice));
    Violation { what, steps: world.trace.unwrap_or_default(), explored }
}
