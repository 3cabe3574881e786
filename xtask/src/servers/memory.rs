//! Where servers can have their data without a disk: thousands of tables are tens of thousands of files.

use std::{env, fs};

use crate::command::Command;

/// The variable by which the tests are told.
pub(super) const VARIABLE: &str = "WHIMBREL_SERVER_DATA";

const FOLDER: &str = "/dev/shm";

/// What has to be free, in KiB. A run of all tests takes about half of it.
const ENOUGH: u64 = 8 << 20;

/// The folder, if there is one with room, and nobody has named another one.
pub(super) fn for_servers() -> Option<&'static str> {
    if env::var_os(VARIABLE).is_some() || env::var_os("TMPDIR").is_some() {
        return None;
    }
    let said = Command::new("df").args(["--output=avail", "-k", FOLDER]).read().ok()?;
    let room: u64 = said.lines().last()?.trim().parse().ok()?;
    // A folder in memory promises more than the machine has.
    let memory = available(&fs::read_to_string("/proc/meminfo").ok()?)?;
    (room.min(memory) >= ENOUGH).then_some(FOLDER)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read() {
        let meminfo = "MemTotal:       24588416 kB\nMemAvailable:   10264960 kB\nBuffers: 1 kB\n";
        assert_eq!(available(meminfo), Some(10_264_960));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
