use std::sync::Arc;

use whimbrel::{MigrationSet, Plan, Verified};

fn forge_a_set(set: MigrationSet) -> Verified<MigrationSet> {
    Verified(Arc::new(set))
}

fn forge_a_plan(plan: Plan) -> Verified<Plan> {
    Verified::from(plan)
}

fn main() {}
