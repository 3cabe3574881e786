//! What the database's own client makes of a set, statement by statement.

use std::collections::HashMap;
use std::sync::Mutex;

use whimbrel_testkit::search::{GeneratedSet, MigrationKind, Picture};
use whimbrel_testkit::{Server, ServerKind};
use whimbrel_tests::by_hand;
use whimbrel_tests::remote::{self, Remote};

/// The pictures that the client leaves of one set.
pub(super) struct Oracle<'s> {
    server: &'static Server,
    set: &'s GeneratedSet,
    /// After so many migrations, the first of them after none.
    pub(super) after: Vec<Picture>,
    /// The migration at which the client fails, and its words. What it leaves then is the last picture.
    pub(super) failed: Option<(usize, String)>,
    /// After the last migration's way down.
    pub(super) down: Option<Picture>,
    within: Mutex<HashMap<(usize, usize), Picture>>,
}

/// What begins a transaction by the client.
fn begin(kind: ServerKind) -> &'static str {
    if kind == ServerKind::Postgres { "BEGIN" } else { "START TRANSACTION" }
}

/// An empty database that the set's setup has prepared.
pub(super) fn prepared(server: &Server, set: &GeneratedSet) -> Remote {
    let remote = if set.narrow { Remote::in_latin1(server) } else { Remote::fresh(server) };
    let setup = set.setup(remote.name());
    remote.run(&setup.iter().map(String::as_str).collect::<Vec<_>>());
    remote
}

/// The picture of a database.
pub(super) fn picture(remote: &Remote) -> Result<Picture, String> {
    remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await.map_err(|error| format!("{error:#}"))?;
        let picture = Picture::read(&mut &mut *driver, remote.name()).await;
        picture.map_err(|error| format!("the picture: {error}: {:?}", error.private()))
    })
}

impl<'s> Oracle<'s> {
    pub(super) fn of(server: &'static Server, set: &'s GeneratedSet) -> Result<Self, String> {
        let remote = prepared(server, set);
        let mut after = vec![picture(&remote)?];
        let mut failed = None;
        for at in 0..set.migrations.len() {
            let text = set.by_client(at, None, begin(server.kind()), remote.name());
            let result = by_hand::on(&remote, &text);
            after.push(picture(&remote)?);
            if let Err(words) = result {
                failed = Some((at, words));
                break;
            }
        }
        let mut down = None;
        if let (None, Some(at)) = (&failed, reversible(set)) {
            let text = set.down_by_client(at, begin(server.kind()), remote.name());
            if by_hand::on(&remote, &text).is_ok() {
                down = Some(picture(&remote)?);
            }
        }
        Ok(Self { server, set, after, failed, down, within: Mutex::default() })
    }

    /// What the client leaves in the end.
    pub(super) fn end(&self) -> &Picture {
        self.after.last().expect("there is a first one")
    }

    /// How many migrations can be applied.
    pub(super) fn can_apply(&self) -> usize {
        self.failed.as_ref().map_or(self.set.migrations.len(), |(at, _)| *at)
    }

    /// What the client leaves of all migrations before this one and of its first statements.
    pub(super) fn within(&self, migration: usize, statements: usize) -> Result<Picture, String> {
        let mut within = self.within.lock().expect("nobody panics meanwhile");
        if let Some(known) = within.get(&(migration, statements)) {
            return Ok(known.clone());
        }
        let remote = prepared(self.server, self.set);
        for at in 0..=migration {
            let some = (at == migration).then_some(statements);
            let text = self.set.by_client(at, some, begin(self.server.kind()), remote.name());
            // The last statement may fail on purpose.
            let fails = self.failed.as_ref().is_some_and(|(failing, _)| *failing == at);
            match by_hand::on(&remote, &text) {
                Err(words) if !fails => {
                    return Err(format!("the client fails where it did not before: {words}"));
                }
                _ => {}
            }
        }
        let seen = picture(&remote)?;
        within.insert((migration, statements), seen.clone());
        Ok(seen)
    }
}

/// The newest migration with a version, if it has a way down.
pub(super) fn reversible(set: &GeneratedSet) -> Option<usize> {
    let newest = set.migrations.iter().rposition(|one| one.kind != MigrationKind::Repeatable)?;
    (!set.migrations[newest].down.is_empty() && newest > set.library).then_some(newest)
}
