//! Private folders for servers, and who owns them. Knows nothing of what is kept there.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, io};

use super::error::{ServerError, ServerErrorKind};
use super::installation;

/// A folder of one server: `data` and `run` (its sockets) belong to the server's account, the rest to us.
///
/// Whoever removes it is the supervisor; until there is one, it is this value's maker.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    account: Option<Account>,
}

/// The account that a server runs under when the tests run as root: PostgreSQL refuses root, and the others need
/// not have it.
#[derive(Clone, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

/// The variable that says where servers have their data.
pub(crate) const VARIABLE: &str = "WHIMBREL_SERVER_DATA";

/// Where servers have their data: where the variable says, or where temporary files go. The names of sockets must be short,
/// so a long name is not taken.
pub(crate) fn temporary() -> PathBuf {
    // A socket's name has at most 107 characters, of which a place and PostgreSQL's own name take up to 60.
    let folder = env::var_os(VARIABLE).map_or_else(env::temp_dir, PathBuf::from);
    if folder.as_os_str().len() <= 40 { folder } else { PathBuf::from("/tmp") }
}

/// Makes a folder of ours that others may pass through, and may not list. One that is there is taken only if it is
/// ours: its name can be guessed.
pub(crate) fn make_folder(folder: &Path) -> Result<(), ServerError> {
    match DirBuilder::new().mode(0o711).create(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = fs::symlink_metadata(folder).map_err(ServerError::at(folder))?;
            if there.is_dir() && there.uid() == own_uid()? {
                Ok(())
            } else {
                let sentence = format!("{} belongs to somebody else: remove it", folder.display());
                Err(ServerError::new(ServerErrorKind::Machine, sentence))
            }
        }
        Err(error) => Err(ServerError::at(folder)(error)),
    }
}

impl Place {
    /// A new one in this folder, which is made if need be; `name` is followed by numbers that make it unique.
    pub(crate) fn new(within: &Path, name: &str) -> Result<Self, ServerError> {
        static PLACES: AtomicUsize = AtomicUsize::new(0);
        if within != temporary() {
            make_folder(within)?;
        }
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let folder = within.join(format!("{name}.{}.{number}", process::id()));
        DirBuilder::new().mode(0o711).create(&folder).map_err(ServerError::at(&folder))?;
        let account = if own_uid()? == 0 { Some(Account::unprivileged()?) } else { None };
        let place = Self { folder, account };
        DirBuilder::new().mode(0o711).create(place.run()).map_err(ServerError::at(&place.run()))?;
        DirBuilder::new().mode(0o700).create(place.data()).map_err(ServerError::at(&place.data()))?;
        place.hand_over(&place.run())?;
        place.hand_over(&place.data())?;
        Ok(place)
    }

    /// The server's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The server's sockets.
    pub(crate) fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// A file that only the server may read.
    pub(crate) fn write_private(&self, name: &str, text: &[u8]) -> Result<PathBuf, ServerError> {
        let path = self.folder.join(name);
        fs::write(&path, []).map_err(ServerError::at(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(ServerError::at(&path))?;
        fs::write(&path, text).map_err(ServerError::at(&path))?;
        self.hand_over(&path)?;
        Ok(path)
    }

    /// A program of our own, for the server's account.
    pub(crate) fn write_program(&self, name: &str, text: &str) -> Result<PathBuf, ServerError> {
        let folder = self.folder.join("programs");
        make_folder(&folder)?;
        let path = folder.join(name);
        fs::write(&path, text).map_err(ServerError::at(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(ServerError::at(&path))?;
        Ok(path)
    }

    /// A program that will run under the server's account. Its words follow.
    pub(crate) fn command(&self, program: &Path) -> Vec<String> {
        let program = program.display().to_string();
        // `setpriv` becomes the program, under the same process id. Were the supervisor to die, the kernel would end
        // the server. It is the *thread* that starts it which counts, and a supervisor has but one.
        let mut words = vec!["setpriv".to_owned(), "--pdeathsig=KILL".to_owned()];
        match &self.account {
            Some(Account { uid, gid }) => {
                words.extend([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]);
            }
            None if installation::program("setpriv").is_some() => {}
            None => words.clear(),
        }
        words.push(program);
        words
    }

    fn hand_over(&self, path: &Path) -> Result<(), ServerError> {
        match &self.account {
            Some(Account { uid, gid }) => chown(path, Some(*uid), Some(*gid)).map_err(ServerError::at(path)),
            None => Ok(()),
        }
    }
}

impl Account {
    /// `postgres` where it exists, as it does with Debian's packages, else `nobody`.
    fn unprivileged() -> Result<Self, ServerError> {
        let path = Path::new("/etc/passwd");
        let accounts = fs::read_to_string(path).map_err(ServerError::at(path))?;
        ["postgres", "nobody"].iter().find_map(|name| Self::named(name, &accounts)).ok_or_else(|| {
            let sentence = "the tests run as root, and there is no account `nobody` to run a server under";
            ServerError::new(ServerErrorKind::Machine, sentence)
        })
    }

    fn named(name: &str, accounts: &str) -> Option<Self> {
        let fields: Vec<_> = accounts
            .lines()
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<_>| fields[0] == name)?;
        Some(Self { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }
}

/// Whom the files that we make belong to.
fn own_uid() -> Result<u32, ServerError> {
    let path = Path::new("/proc/self");
    if let Ok(own) = fs::metadata(path) {
        return Ok(own.uid());
    }
    let output = Command::new("id").arg("-u").output().map_err(ServerError::running("id"))?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|_| ServerError::new(ServerErrorKind::Machine, "`id -u` did not answer with a number"))
}
