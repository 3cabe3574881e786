//! A migrator of a generated set, with its steps in Rust.

use whimbrel::Migrator;
use whimbrel_testkit::search::GeneratedSet;

/// The release with the first so many migrations, for a database of this name.
pub(super) fn with_steps(set: &GeneratedSet, count: usize, database: &str) -> Migrator<'static> {
    let mut sources = set.sources(count, database).into_iter();
    let steps = set.steps(count, database);
    let bind = |migrator: Migrator<'static>, library: bool| {
        let own = steps.iter().filter(|(of_library, _, _)| *of_library == library);
        own.fold(migrator, |migrator, (_, version, statements)| {
            let statements = statements.clone();
            migrator.with_step(*version, move |tx| {
                let statements = statements.clone();
                Box::pin(async move {
                    for sql in &statements {
                        tx.execute(sql, &[]).await?;
                    }
                    Ok(())
                })
            })
        })
    };
    let first = sources.next().expect("there is one");
    let migrator = bind(Migrator::new(first), set.library.min(count) > 0);
    match sources.next() {
        Some(second) => bind(migrator.and(second), false),
        None => migrator,
    }
}
