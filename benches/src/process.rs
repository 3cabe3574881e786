//! Measures a process: its time, and the peaks of memory of it and of a server's. Knows nothing of what it does.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a process has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) time: Duration,
    /// The peak of its memory, in KiB.
    pub(crate) peak: usize,
    /// How much more than before the server's processes had at once of their own, in KiB, at most.
    pub(crate) server: usize,
}

/// Runs a process to its end, while the memory of a server, by the number of its process, is looked at.
pub(crate) fn measure(command: &mut Command, server: Option<u32>) -> Measured {
    let before = server.map_or(0, of_server);
    let began = Instant::now();
    let mut child = command.spawn().expect("a process");
    let name = child.id().to_string();
    let (mut peak, mut most) = (0, before);
    loop {
        peak = peak.max(kilobytes(&name, "VmHWM:"));
        most = most.max(server.map_or(0, of_server));
        if let Some(status) = child.try_wait().expect("a process") {
            assert!(status.success(), "a contestant has failed");
            return Measured { time: began.elapsed(), peak, server: most - before };
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A number of KiB that Linux tells of a process; 0 if it is gone.
fn kilobytes(process: &str, name: &str) -> usize {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

/// What a server's processes have of their own: PostgreSQL has one for each session.
fn of_server(pid: u32) -> usize {
    let own = kilobytes(&pid.to_string(), "RssAnon:");
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    own + children.split_whitespace().map(|child| kilobytes(child, "RssAnon:")).sum::<usize>()
}
