//! Transactions: one writer at a time, and what each connection sees. Knows nothing of calls and faults.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use whimbrel::{DriverError, ErrorClass, Rows, Value};

use super::kind::FakeKind;
use super::locks::Locks;
use super::query::Scope;
use super::state::{State, missing};
use super::statement::{Change, Statement};

/// What all connections to one database share.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) committed: State,
    /// Files lie outside transactions.
    pub(crate) files: BTreeSet<String>,
    pub(crate) kind: FakeKind,
    /// Whether the clock shows one time for ever.
    pub(crate) clock_stands: bool,
    pub(crate) locks: RefCell<Locks>,
    ticks: Cell<u64>,
    writer: Option<u64>,
    connections: u64,
    /// How often something was committed, or the write lock given back.
    changes: u64,
}

impl Server {
    /// A database with this in it, whose clock stands.
    pub(crate) fn standing(kind: FakeKind, committed: State, files: BTreeSet<String>) -> Self {
        Self { committed, files, kind, clock_stands: true, ..Self::default() }
    }

    /// The number of a new connection.
    pub(crate) fn connect(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    /// Grows with whatever a session may be waiting for.
    pub(crate) fn changes(&self) -> u64 {
        self.changes + self.locks.borrow().releases()
    }

    /// The session that has the write lock.
    pub(crate) fn writer(&self) -> Option<u64> {
        self.writer
    }

    /// Schema, data and files, without the history.
    pub(crate) fn dump(&self) -> String {
        let files: String = self.files.iter().map(|name| format!("file {name}\n")).collect();
        self.committed.dump() + &files
    }
}

/// What belongs to one connection.
#[derive(Debug)]
pub(crate) struct Session {
    number: u64,
    read_only: bool,
    open: Option<Open>,
    settings: BTreeMap<String, i64>,
    memory: Value,
}

/// An open transaction: what it would commit, and its savepoints.
#[derive(Debug)]
struct Open {
    /// None yet, where it begins with the first change.
    work: Option<State>,
    savepoints: Vec<(String, Option<State>)>,
    /// Whether something has failed, and nothing but the end is taken.
    failed: bool,
}

impl Session {
    pub(crate) fn new(number: u64, read_only: bool) -> Self {
        Self { number, read_only, open: None, settings: BTreeMap::new(), memory: Value::Null }
    }

    /// Rolls back what is open.
    pub(super) fn abandon(&mut self, server: &mut Server) {
        if let Some(open) = self.open.take() {
            self.end_transaction(server, &open);
        }
    }

    /// Ends, as a server's session does when its client is gone.
    pub(crate) fn end(&mut self, server: &mut Server) {
        self.abandon(server);
        server.locks.get_mut().end_session(self.number);
    }

    /// Whether it has neither a transaction nor a lock.
    pub(crate) fn is_idle(&self, server: &Server) -> bool {
        self.open.is_none() && !server.locks.borrow().is_held_by(self.number)
    }

    /// What it sees.
    pub(crate) fn view<'s>(&'s self, server: &'s Server) -> &'s State {
        self.state(server)
    }

    /// Whether a transaction is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether its transaction has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.failed)
    }

    /// Whether it has the write lock.
    pub(crate) fn writes(&self, server: &Server) -> bool {
        server.writer == Some(self.number)
    }

    fn end_transaction(&self, server: &mut Server, open: &Open) {
        if open.work.is_some() {
            server.writer = None;
            server.changes += 1;
        }
        server.locks.get_mut().end_transaction(self.number);
    }

    /// Whether a statement would have to wait for the write lock.
    pub(crate) fn is_blocked(&self, server: &Server, statement: &Statement) -> bool {
        let writes = match statement {
            Statement::Begin => server.kind.begin_locks(),
            Statement::Change(_) | Statement::Vacuum | Statement::MakeFile(_) => {
                !self.open.as_ref().is_some_and(|open| open.failed)
            }
            _ => false,
        };
        writes && server.writer.is_some_and(|writer| writer != self.number)
    }

    /// Runs a statement, whole or not at all.
    pub(crate) fn run(
        &mut self,
        server: &mut Server,
        statement: &Statement,
        text: &str,
        parameters: &[Value],
    ) -> Result<Rows, DriverError> {
        if let Some(open) = &self.open
            && open.failed
        {
            match statement {
                Statement::Rollback => {}
                Statement::Commit => {
                    self.abandon(server);
                    return Err(DriverError::new(ErrorClass::TransactionLost, "it was rolled back"));
                }
                _ => {
                    return Err(
                        DriverError::new(ErrorClass::Other, "the transaction has failed").with_code("failed")
                    );
                }
            }
        }
        let result = self.run_healthy(server, statement, text, parameters);
        if result.is_err() && server.kind.fails_whole() {
            self.open.iter_mut().for_each(|open| open.failed = true);
        }
        result
    }

    fn run_healthy(
        &mut self,
        server: &mut Server,
        statement: &Statement,
        text: &str,
        parameters: &[Value],
    ) -> Result<Rows, DriverError> {
        match statement {
            Statement::Begin => {
                if self.open.is_some() {
                    return Err(DriverError::new(
                        ErrorClass::InTransaction,
                        "there is a transaction already",
                    ));
                }
                let mut open = Open { work: None, savepoints: Vec::new(), failed: false };
                if server.kind.begin_locks() {
                    self.may_write(server)?;
                    server.writer = Some(self.number);
                    open.work = Some(server.committed.clone());
                }
                self.open = Some(open);
            }
            Statement::Commit => self.commit(server)?,
            Statement::Rollback => {
                if self.open.is_none() {
                    return Err(no_transaction());
                }
                self.abandon(server);
            }
            Statement::Savepoint(name) => {
                let open = self.open.as_mut().ok_or_else(no_transaction)?;
                open.savepoints.push((name.clone(), open.work.clone()));
            }
            Statement::Release(name) => {
                let place = self.savepoint(name)?;
                self.open.iter_mut().for_each(|open| open.savepoints.truncate(place));
            }
            Statement::RollbackTo(name) => {
                let place = self.savepoint(name)?;
                let base = server.committed.clone();
                if let Some(open) = &mut self.open {
                    // The write lock stays until the end of the transaction.
                    let before = open.savepoints[place].1.clone();
                    open.work = open.work.take().map(|_| before.unwrap_or(base));
                    open.savepoints.truncate(place + 1);
                }
            }
            Statement::Vacuum => self.outside("VACUUM", server)?,
            Statement::MakeFile(name) => {
                if server.kind.schema_commits() && self.open.is_some() {
                    self.commit(server)?;
                }
                self.outside("MAKE FILE", server)?;
                if !server.files.insert(name.clone()) {
                    let message = format!("there is a file `{name}` already");
                    return Err(DriverError::new(ErrorClass::Sql, message).with_code("exists"));
                }
                server.committed.count(text);
                server.changes += 1;
            }
            Statement::Set(name, number) => {
                if self.open.is_some() {
                    return Err(inside("SET"));
                }
                self.settings.insert(name.clone(), *number);
            }
            Statement::Remember(expression) => {
                let state = self.state(server).clone();
                let memory = self.scope(&state, server, parameters).value(expression)?;
                self.memory = memory;
            }
            Statement::Nothing => {}
            Statement::Assert(conditions) => {
                if !self.scope(self.state(server), server, parameters).all(conditions)? {
                    return Err(
                        DriverError::new(ErrorClass::Sql, "an assertion does not hold").with_code("untrue")
                    );
                }
            }
            Statement::Change(change) => return self.change(server, change, text, parameters),
            Statement::Select(selects) => {
                return self.scope(self.state(server), server, parameters).union(selects);
            }
        }
        Ok(Rows::default())
    }

    fn commit(&mut self, server: &mut Server) -> Result<(), DriverError> {
        let open = self.open.take().ok_or_else(no_transaction)?;
        self.end_transaction(server, &open);
        if let Some(work) = open.work {
            server.committed = work;
        }
        Ok(())
    }

    fn change(
        &mut self,
        server: &mut Server,
        change: &Change,
        text: &str,
        parameters: &[Value],
    ) -> Result<Rows, DriverError> {
        if change.is_of_schema() && server.kind.schema_commits() && self.open.is_some() {
            self.commit(server)?;
        }
        if self.open.as_ref().is_none_or(|open| open.work.is_none()) {
            self.may_write(server)?;
        }
        if let Some(open) = &mut self.open
            && open.work.is_none()
        {
            server.writer = Some(self.number);
            open.work = Some(server.committed.clone());
        }
        let before = self.state(server).clone();
        let mut after = before.clone();
        let affected = after.apply(change, &self.scope(&before, server, parameters))?;
        if !after.is_history(change.table()) && !before.is_history(change.table()) {
            after.count(text);
        }
        match &mut self.open {
            Some(open) => open.work = Some(after),
            None => {
                server.committed = after;
                server.changes += 1;
            }
        }
        Ok(Rows::new(Vec::new(), Vec::new(), affected))
    }

    fn state<'s>(&'s self, server: &'s Server) -> &'s State {
        self.open.as_ref().and_then(|open| open.work.as_ref()).unwrap_or(&server.committed)
    }

    fn scope<'s>(&'s self, state: &'s State, server: &'s Server, parameters: &'s [Value]) -> Scope<'s> {
        let (settings, memory, ticks) = (&self.settings, &self.memory, &server.ticks);
        Scope {
            state,
            settings,
            memory,
            parameters,
            ticks,
            clock_stands: server.clock_stands,
            locks: &server.locks,
            session: self.number,
            committed: &server.committed,
            row: None,
        }
    }

    fn savepoint(&self, name: &str) -> Result<usize, DriverError> {
        let open = self.open.as_ref().ok_or_else(no_transaction)?;
        open.savepoints.iter().rposition(|(own, _)| own == name).ok_or_else(|| missing("savepoint", name))
    }

    /// Whether a statement may run that works outside transactions only.
    fn outside(&self, what: &str, server: &Server) -> Result<(), DriverError> {
        if self.open.is_some() { Err(inside(what)) } else { self.may_write(server) }
    }

    fn may_write(&self, server: &Server) -> Result<(), DriverError> {
        if self.read_only {
            return Err(DriverError::new(ErrorClass::ReadOnly, "this connection may only read"));
        }
        match server.writer {
            Some(writer) if writer == self.number => Ok(()),
            Some(_) => Err(DriverError::new(ErrorClass::Busy, "another connection writes")),
            None => Ok(()),
        }
    }
}

fn no_transaction() -> DriverError {
    DriverError::new(ErrorClass::NoTransaction, "there is no transaction").with_code("no_transaction")
}

fn inside(what: &str) -> DriverError {
    DriverError::new(ErrorClass::Sql, format!("{what} does not work inside a transaction"))
}
