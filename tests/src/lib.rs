//! What the tests across crates share: sets of migrations, databases on servers, a picture of one, a driver that dies.

pub mod browser;
pub mod by_hand;
pub mod certificate;
pub mod chance;
pub mod command;
pub mod crossing;
pub mod dying;
pub mod either;
pub mod knock;
pub mod memory;
pub mod picture;
pub mod remote;
pub mod sets;
pub mod straits;
pub mod voyage;

/// A folder of its own on a file system in memory, where there is one: these tests write thousands of small files, and
/// what an fsync would cost is not what they are about.
///
/// # Panics
/// No folder can be made.
pub fn memory_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::TempDir::new_in(memory) } else { tempfile::TempDir::new() };
    folder.expect("a temporary folder")
}
