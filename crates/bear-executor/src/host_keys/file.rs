//! The file of host keys: plain `known_hosts` lines, replaced as a whole under a lock.
//!
//! Only bear writes it, so a line of another kind (hashed, revoked, of an authority) is an error and not passed over:
//! what it says about a host would go unheard.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{HostKey, KeyError};

/// How long another bear may hold the file.
const LOCK_MAX: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{attempt} the host keys in {path}: {cause}", path = path.display())]
    Io { attempt: &'static str, path: PathBuf, cause: io::Error },
    #[error("reading line {line} of the host keys in {path}: {cause}", path = path.display())]
    Line { path: PathBuf, line: usize, cause: LineError },
    #[error("locking the host keys in {path}: another bear has held them for {} s", LOCK_MAX.as_secs(), path = path.display())]
    Locked { path: PathBuf },
}

impl FileError {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "bear must be able to read and write this file, and the folder that it lies in"
            }
            Self::Line { .. } => {
                "only bear writes this file: mend the line, or remove it, and the host is met as for the first time"
            }
            Self::Locked { .. } => "wait until it is done, then do the same again",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("only plain lines, `HOST TYPE BASE64`, can stand here")]
    NotPlain,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The lines of the file. Comments and the order of lines are kept.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    Comment(String),
    Key { names: Vec<String>, key: HostKey },
}

impl Entries {
    fn parse(text: &str) -> Result<Self, (usize, LineError)> {
        let entry = |(index, line)| Entry::parse(line).map_err(|error| (index + 1, error));
        text.lines().enumerate().map(entry).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn of(&self, host: &str) -> Vec<HostKey> {
        let key = |entry: &Entry| match entry {
            Entry::Key { names, key } if names.iter().any(|name| name == host) => Some(key.clone()),
            _ => None,
        };
        self.0.iter().filter_map(key).collect()
    }

    pub(super) fn set(&mut self, host: &str, keys: &[HostKey]) {
        if self.of(host) == keys {
            return;
        }
        self.0.retain_mut(|entry| match entry {
            Entry::Comment(_) => true,
            Entry::Key { names, .. } => {
                names.retain(|name| name != host);
                !names.is_empty()
            }
        });
        self.0.extend(keys.iter().map(|key| Entry::Key { names: vec![host.to_owned()], key: key.clone() }));
    }

    fn text(&self) -> String {
        let line = |entry: &Entry| match entry {
            Entry::Comment(text) => format!("{text}\n"),
            Entry::Key { names, key } => format!("{} {key}\n", names.join(",")),
        };
        self.0.iter().map(line).collect()
    }
}

impl Entry {
    fn parse(line: &str) -> Result<Self, LineError> {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(Self::Comment(line.to_owned()));
        }
        let (names, key) = text.split_once([' ', '\t']).ok_or(LineError::NotPlain)?;
        let names = names.split(',').map(str::to_owned).collect::<Vec<_>>();
        if !names.iter().all(|name| is_plain(name)) {
            return Err(LineError::NotPlain);
        }
        Ok(Self::Key { names, key: key.parse()? })
    }
}

/// Whether a line may begin with this name: once the others of its line are forgotten, it does.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['@', '|', '#']) && !name.contains(['*', '?', '!'])
}

/// Reads the file; one that is not there holds no keys.
pub(super) fn read(path: &Path) -> Result<Entries, FileError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Entries::default()),
        text => text.map_err(failed("reading", path))?,
    };
    Entries::parse(&text).map_err(|(line, cause)| FileError::Line { path: path.to_owned(), line, cause })
}

/// Changes the file, so that whoever reads it sees it as it was or as it will be. Where it is as it is to be, as mostly, it
/// is only read, and nobody waits for anybody.
pub(super) fn change(path: &Path, change: impl Fn(&mut Entries)) -> Result<(), FileError> {
    let changed = || {
        let mut entries = read(path)?;
        let before = entries.text();
        change(&mut entries);
        let after = entries.text();
        Ok((before != after).then_some(after))
    };
    if changed()?.is_none() {
        return Ok(());
    }
    let _lock = lock(path)?;
    match changed()? {
        Some(text) => replace(path, text.as_bytes()).map_err(failed("writing", path)),
        None => Ok(()),
    }
}

/// Held until the file that it returns is dropped. A file of its own, for the other one is replaced.
fn lock(path: &Path) -> Result<File, FileError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(lock_path);
    let file = file.map_err(failed("locking", path))?;
    let since = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                return Err(failed("locking", path)(error.into()));
            }
            Err(_) if since.elapsed() > LOCK_MAX => return Err(FileError::Locked { path: path.to_owned() }),
            Err(_) => sleep(LOCK_PAUSE),
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".known_hosts-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

fn failed(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |cause| FileError::Io { attempt, path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key that no host has: its type and one byte.
    const KEY: &str = "ssh-x AAAABXNzaC14AA==";
    const OTHER: &str = "ssh-x AAAABXNzaC14AQ==";

    #[test]
    fn a_host_is_added_changed_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let set = |host: &str, keys: &[&str]| {
            let keys = keys.iter().map(|key| key.parse().unwrap()).collect::<Vec<_>>();
            change(&path, |entries| entries.set(host, &keys)).unwrap();
            fs::read_to_string(&path).unwrap()
        };
        fs::write(&path, format!("# of the fleet\nparis,[paris]:2222 {KEY} comment\n")).unwrap();
        insta::assert_snapshot!(set("lyon", &[KEY]), @"
        # of the fleet
        paris,[paris]:2222 ssh-x AAAABXNzaC14AA==
        lyon ssh-x AAAABXNzaC14AA==
        ");
        insta::assert_snapshot!(set("paris", &[OTHER]), @"
        # of the fleet
        [paris]:2222 ssh-x AAAABXNzaC14AA==
        lyon ssh-x AAAABXNzaC14AA==
        paris ssh-x AAAABXNzaC14AQ==
        ");
        insta::assert_snapshot!(set("[paris]:2222", &[]), @"
        # of the fleet
        lyon ssh-x AAAABXNzaC14AA==
        paris ssh-x AAAABXNzaC14AQ==
        ");
        assert_eq!(read(&path).unwrap().of("paris"), [OTHER.parse().unwrap()]);
        assert_eq!(read(&path).unwrap().of("nice"), []);
    }

    #[test]
    fn what_is_known_already_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let text = format!("paris {KEY}\nlyon {OTHER}\n");
        fs::write(&path, &text).unwrap();
        // Not even the lock is waited for, which somebody has.
        let _held = lock(&path).unwrap();
        change(&path, |entries| entries.set("paris", &[KEY.parse().unwrap()])).unwrap();
        change(&path, |entries| entries.set("nice", &[])).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_line_that_would_go_unheard_is_an_error() {
        let check = |text: &str| match Entries::parse(text) {
            Ok(_) => "read".to_owned(),
            Err((line, error)) => format!("line {line}: {error}"),
        };
        insta::assert_snapshot!(check("\n@revoked paris ssh-x AAAA"), @"line 2: only plain lines, `HOST TYPE BASE64`, can stand here");
        insta::assert_snapshot!(check("|1|abc= ssh-x AAAA"), @"line 1: only plain lines, `HOST TYPE BASE64`, can stand here");
        for names in [",paris", "paris,", "paris,@revoked", "paris,|1|abc=", "paris,#lyon"] {
            assert_eq!(check(&format!("{names} {KEY}")), check("@revoked paris"), "{names}");
        }
        insta::assert_snapshot!(check("paris"), @"line 1: only plain lines, `HOST TYPE BASE64`, can stand here");
        insta::assert_snapshot!(check("paris ssh-x AAAA"), @"line 1: the base64 after `ssh-x` is not that of a key of this type; it may have been cut off");
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let key = KEY.parse::<HostKey>().unwrap();
        std::thread::scope(|scope| {
            for number in 0..30 {
                let (path, key) = (&path, &key);
                scope.spawn(move || {
                    let host = format!("host-{number}");
                    change(path, |entries| entries.set(&host, std::slice::from_ref(key))).unwrap();
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 30);
    }
}
