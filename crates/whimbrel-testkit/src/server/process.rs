//! Processes of this machine, told apart by number and time of start. Knows nothing of servers.

use std::fmt;
use std::fs;
use std::process;
use std::str::FromStr;

/// One process. Its number is used again some day, with another time of start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// In ticks since the machine started; 0 where `/proc` does not tell.
    pub(crate) start: u64,
}

/// What `/proc/PID/stat` says.
struct Stat {
    name: String,
    state: char,
    parent: u32,
    start: u64,
}

impl ProcessId {
    /// This process.
    pub(crate) fn current() -> Self {
        Self::of(process::id())
    }

    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid, start: stat(pid).map_or(0, |stat| stat.start) }
    }

    /// Whether it still runs; one that has ended and was not waited for does not. Where `/proc` does not
    /// tell, it does.
    pub(crate) fn is_alive(self) -> bool {
        match stat(self.pid) {
            Some(stat) => !matches!(stat.state, 'Z' | 'X') && stat.start == self.start,
            None => self.start == 0,
        }
    }

    /// The nearest process above this one that has one of these names.
    pub(crate) fn ancestor(self, names: &[&str]) -> Option<Self> {
        let mut pid = stat(self.pid)?.parent;
        while pid > 1 {
            let stat = stat(pid)?;
            if names.contains(&stat.name.as_str()) {
                return Some(Self { pid, start: stat.start });
            }
            pid = stat.parent;
        }
        None
    }
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name stands in parentheses and may hold anything, parentheses too: the last one closes it.
    let (before, fields) = text.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    Some(Stat {
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        // Field 22 of proc(5), counted from the third.
        start: fields.get(19)?.parse().ok()?,
    })
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.pid, self.start)
    }
}

impl FromStr for ProcessId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pid, start) = text.split_once('-').ok_or(())?;
        Ok(Self { pid: pid.parse().map_err(|_| ())?, start: start.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_only_with_its_own_time_of_start() {
        let current = ProcessId::current();
        assert!(current.is_alive());
        assert!(!ProcessId { start: current.start + 1, ..current }.is_alive());
        assert_eq!(current.to_string().parse(), Ok(current));
    }

    #[test]
    fn a_process_that_ended_and_was_not_waited_for_is_not_alive() {
        let mut child = process::Command::new("sleep").arg("60").spawn().expect("there is a sleep");
        let id = ProcessId::of(child.id());
        assert!(id.is_alive());
        child.kill().expect("it is ours");
        while id.is_alive() {
            std::thread::yield_now();
        }
        child.wait().expect("it is ours");
        assert!(!id.is_alive());
    }
}
