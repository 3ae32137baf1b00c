//! A simulated process: the store's file system on a simulated disk, until the process dies.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use bear_engine::store::{Filesystem, Identity, Metadata, Open, OpenFile};

use super::inner::{Halt, Handle, Inner, Process};
use super::script::{Crash, Trouble, errno, error};
use super::tree::{Content, Inode, Node};
use super::{EPOCH, SimulatedDisk};

/// One life of bear on a [`SimulatedDisk`]. What it does once it is dead fails, and changes nothing.
///
/// Its clones are the same process.
#[derive(Clone)]
pub struct SimulatedProcess {
    disk: SimulatedDisk,
    number: Process,
}

/// A file that a simulated process has open.
struct SimulatedFile {
    process: SimulatedProcess,
    handle: Handle,
    node: Node,
    name: OsString,
}

impl SimulatedProcess {
    pub(super) fn new(disk: &SimulatedDisk) -> Self {
        let number = disk.inner().start();
        Self { disk: disk.clone(), number }
    }

    /// Ends it, as SIGKILL does: its locks are free, and what it wrote stays.
    pub fn kill(&self) {
        self.disk.inner().kill(self.number);
    }

    /// Whether it died.
    pub fn is_dead(&self) -> bool {
        !self.disk.inner().is_alive(self.number)
    }

    /// Looks at the disk, if it is alive.
    fn look<T>(&self, look: impl FnOnce(&mut Inner) -> io::Result<T>) -> io::Result<T> {
        let mut inner = self.disk.inner();
        inner.expect_alive(Some(self.number))?;
        look(&mut inner)
    }

    /// Does something that it may die of.
    fn act<T>(&self, act: impl FnOnce(&mut Inner, Option<Process>) -> Result<T, Halt>) -> io::Result<T> {
        // The lock is given up before anything unwinds.
        let acted = {
            let mut inner = self.disk.inner();
            inner
                .expect_alive(Some(self.number))
                .map_err(Halt::from)
                .and_then(|()| act(&mut inner, Some(self.number)))
        };
        match acted {
            Ok(value) => Ok(value),
            Err(Halt::Failed(error)) => Err(error),
            // Like a panic, but without a message on standard error.
            Err(Halt::Died) if !std::thread::panicking() => std::panic::resume_unwind(Box::new(Crash)),
            Err(Halt::Died) => Err(error(errno::EIO)),
        }
    }
}

/// The only device.
const DEVICE: u64 = 1;
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

fn metadata(inode: &Inode) -> Metadata {
    let length = if let Content::File(bytes) = &inode.content { bytes.now().len() as u64 } else { 0 };
    Metadata {
        identity: Identity { device: DEVICE, inode: inode.number },
        length,
        modified: modified(inode),
        is_folder: matches!(inode.content, Content::Folder(_)),
    }
}

/// A millisecond for each change that the disk has seen.
pub(super) fn modified(inode: &Inode) -> SystemTime {
    SystemTime::UNIX_EPOCH + EPOCH + Duration::from_millis(inode.modified)
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(OsStr::new("/"))
}

impl Filesystem for SimulatedProcess {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.look(|inner| Ok(inner.tree.file(inner.tree.find(path)?)?.now().to_vec()))
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OpenFile>> {
        let (node, handle) = self.act(|inner, who| {
            if how != Open::Read && inner.lasting == Some(Trouble::ReadOnly) {
                return Err(Trouble::ReadOnly.error().into());
            }
            let may_create = matches!(how, Open::New | Open::Append | Open::Lock);
            let node = match inner.tree.find(path) {
                Ok(_) if how == Open::New => return Err(error(errno::EEXIST).into()),
                Ok(node) => node,
                Err(missing) if may_create && missing.kind() == io::ErrorKind::NotFound => {
                    let place = inner.place(path)?;
                    inner.create_file(who, place, FILE_MODE)?
                }
                Err(error) => return Err(error.into()),
            };
            if how != Open::Read {
                inner.tree.file(node)?;
            }
            Ok((node, inner.open(self.number, node)?))
        })?;
        Ok(Box::new(SimulatedFile { process: self.clone(), handle, node, name: name_of(path).to_owned() }))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.look(|inner| Ok(metadata(inner.tree.inode(inner.tree.find(path)?)?)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.look(|inner| {
            let folder = inner.tree.find(path)?;
            Ok(inner.list(folder)?.into_iter().map(|(name, _)| name).collect())
        })
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.act(|inner, who| {
            let place = inner.place(path)?;
            inner.create_folder(who, place, FOLDER_MODE).map(drop)
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.act(|inner, who| {
            let folder = inner.tree.find(path)?;
            inner.sync(who, (folder, name_of(path)))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(|inner, who| {
            let (from, to) = (inner.place(from)?, inner.place(to)?);
            inner.rename(who, from, to)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.act(|inner, who| {
            let place = inner.place(path)?;
            inner.unlink(who, place)
        })
    }

    fn now(&self) -> Instant {
        self.disk.began() + self.disk.elapsed()
    }

    fn sleep(&self, pause: Duration) {
        self.disk.inner().elapsed += pause;
    }
}

impl SimulatedFile {
    fn look<T>(&self, look: impl FnOnce(&mut Inner) -> io::Result<T>) -> io::Result<T> {
        self.process.look(|inner| {
            inner.expect_open(self.handle)?;
            look(inner)
        })
    }

    fn act(
        &self,
        act: impl FnOnce(&mut Inner, Option<Process>, (Node, &OsStr)) -> Result<(), Halt>,
    ) -> io::Result<()> {
        self.process.act(|inner, who| {
            inner.expect_open(self.handle)?;
            act(inner, who, (self.node, &self.name))
        })
    }
}

impl OpenFile for SimulatedFile {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.look(|inner| Ok(inner.tree.file(self.node)?.now().to_vec()))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.act(|inner, who, file| {
            let end = inner.tree.file(file.0)?.now().len() as u64;
            inner.write(who, file, end, bytes)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.act(|inner, who, file| inner.write(who, file, offset, bytes))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.act(|inner, who, file| inner.set_length(who, file, length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.act(Inner::sync)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.act(Inner::sync)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.look(|inner| Ok(metadata(inner.tree.inode(self.node)?)))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.look(|inner| Ok(inner.try_lock(self.handle, self.node)))
    }

    fn unlock(&self) -> io::Result<()> {
        self.look(|inner| {
            inner.unlock(self.handle, self.node);
            Ok(())
        })
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.process.disk.inner().close(self.handle);
    }
}

impl fmt::Debug for SimulatedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedProcess({})", self.number)
    }
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedFile({})", self.name.display())
    }
}
