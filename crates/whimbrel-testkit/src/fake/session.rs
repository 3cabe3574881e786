//! Transactions: one writer at a time, and what each connection sees. Knows nothing of calls and faults.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use whimbrel::{DriverError, ErrorClass, Rows, Value};

use super::query::Scope;
use super::state::{State, missing};
use super::statement::{Change, Statement};

/// What all connections to one database share.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) committed: State,
    /// Files lie outside transactions.
    pub(super) files: BTreeSet<String>,
    ticks: Cell<u64>,
    writer: Option<u64>,
    connections: u64,
}

impl Server {
    /// The number of a new connection.
    pub(super) fn connect(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    /// Schema, data and files, without the history.
    pub(super) fn dump(&self) -> String {
        let files: String = self.files.iter().map(|name| format!("file {name}\n")).collect();
        self.committed.dump() + &files
    }
}

/// What belongs to one connection.
#[derive(Debug)]
pub(super) struct Session {
    number: u64,
    read_only: bool,
    open: Option<Open>,
    settings: BTreeMap<String, i64>,
    memory: Value,
}

/// An open transaction: what it would commit, and its savepoints.
#[derive(Debug)]
struct Open {
    work: State,
    savepoints: Vec<(String, State)>,
}

impl Session {
    pub(super) fn new(number: u64, read_only: bool) -> Self {
        Self { number, read_only, open: None, settings: BTreeMap::new(), memory: Value::Null }
    }

    /// Ends what is open, as a server does when a client is gone.
    pub(super) fn abandon(&mut self, server: &mut Server) {
        if self.open.take().is_some() {
            server.writer = None;
        }
    }

    /// Runs a statement, whole or not at all.
    pub(super) fn run(
        &mut self,
        server: &mut Server,
        statement: &Statement,
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
                self.may_write(server)?;
                server.writer = Some(self.number);
                self.open = Some(Open { work: server.committed.clone(), savepoints: Vec::new() });
            }
            Statement::Commit => {
                server.committed = self.open.take().ok_or_else(no_transaction)?.work;
                server.writer = None;
            }
            Statement::Rollback => {
                self.open.take().ok_or_else(no_transaction)?;
                server.writer = None;
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
                if let Some(open) = &mut self.open {
                    open.work = open.savepoints[place].1.clone();
                    open.savepoints.truncate(place + 1);
                }
            }
            Statement::Vacuum => self.outside("VACUUM", server)?,
            Statement::MakeFile(name) => {
                self.outside("MAKE FILE", server)?;
                if !server.files.insert(name.clone()) {
                    let message = format!("there is a file `{name}` already");
                    return Err(DriverError::new(ErrorClass::Sql, message).with_code("exists"));
                }
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
            Statement::Change(change) => return self.change(server, change, parameters),
            Statement::Select(selects) => {
                return self.scope(self.state(server), server, parameters).union(selects);
            }
        }
        Ok(Rows::default())
    }

    fn change(
        &mut self,
        server: &mut Server,
        change: &Change,
        parameters: &[Value],
    ) -> Result<Rows, DriverError> {
        if self.open.is_none() {
            self.may_write(server)?;
        }
        let before = self.state(server).clone();
        let mut after = before.clone();
        let affected = after.apply(change, &self.scope(&before, server, parameters))?;
        match &mut self.open {
            Some(open) => open.work = after,
            None => server.committed = after,
        }
        Ok(Rows::new(Vec::new(), Vec::new(), affected))
    }

    fn state<'s>(&'s self, server: &'s Server) -> &'s State {
        self.open.as_ref().map_or(&server.committed, |open| &open.work)
    }

    fn scope<'s>(&'s self, state: &'s State, server: &'s Server, parameters: &'s [Value]) -> Scope<'s> {
        let (settings, memory, ticks) = (&self.settings, &self.memory, &server.ticks);
        Scope { state, settings, memory, parameters, ticks, row: None }
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
            Some(_) => Err(DriverError::new(ErrorClass::Busy, "another connection writes")),
            None => Ok(()),
        }
    }
}

fn no_transaction() -> DriverError {
    DriverError::new(ErrorClass::NoTransaction, "there is no transaction")
}

fn inside(what: &str) -> DriverError {
    DriverError::new(ErrorClass::Sql, format!("{what} does not work inside a transaction"))
}
