//! A simulated disk below its paths, node by node, as the kernel asks a file system for it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::time::SystemTime;

use super::SimulatedDisk;
use super::inner::{Halt, Inner};
use super::process::modified;
use super::script::{errno, error};
use super::tree::{Content, Inode, Node};

/// The nodes of a disk. Every error has the number that the kernel knows it by.
///
/// A scripted death has nobody here to strike, so it turns the disk off: everything fails until it is mended.
#[derive(Clone, Copy, Debug)]
pub struct Nodes<'d>(&'d SimulatedDisk);

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Which one it is.
    pub node: Node,
    /// What it is.
    pub kind: NodeKind,
    /// In bytes; of a folder none.
    pub length: u64,
    /// Who may do what, chmod(2).
    pub mode: u32,
    /// When it was last changed, in the disk's own time.
    pub modified: SystemTime,
    /// How many names it has.
    pub links: u32,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A path to something else.
    Symlink,
}

impl SimulatedDisk {
    /// The disk node by node.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes(self)
    }
}

impl Nodes<'_> {
    fn look<T>(self, look: impl FnOnce(&Inner) -> io::Result<T>) -> io::Result<T> {
        let inner = self.0.inner();
        inner.expect_alive(None)?;
        look(&inner)
    }

    fn act<T>(self, act: impl FnOnce(&mut Inner) -> Result<T, Halt>) -> io::Result<T> {
        let mut inner = self.0.inner();
        inner.expect_alive(None)?;
        act(&mut inner).map_err(|halt| match halt {
            Halt::Failed(error) => error,
            Halt::Died => error(errno::EIO),
        })
    }

    /// What has a name in a folder.
    pub fn lookup(&self, folder: Node, name: &OsStr) -> io::Result<Attributes> {
        self.look(|inner| {
            let node = inner.tree.lookup(folder, name)?.ok_or_else(|| error(errno::ENOENT))?;
            Ok(attributes(node, inner.tree.inode(node)?))
        })
    }

    /// What is known of a node.
    pub fn attributes(&self, node: Node) -> io::Result<Attributes> {
        self.look(|inner| Ok(attributes(node, inner.tree.inode(node)?)))
    }

    /// Up to `length` bytes of a file from `offset` on.
    pub fn read_at(&self, node: Node, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.look(|inner| {
            let bytes = inner.tree.file(node)?.now();
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(length).min(bytes.len());
            Ok(bytes[start..end].to_vec())
        })
    }

    /// Writes all of `bytes` into a file.
    pub fn write_at(&self, node: Node, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.act(|inner| {
            let name = inner.tree.name_of(node);
            inner.write(None, (node, &name), offset, bytes)
        })
    }

    /// Cuts a file off or fills it up.
    pub fn truncate(&self, node: Node, length: u64) -> io::Result<()> {
        self.act(|inner| {
            let name = inner.tree.name_of(node);
            inner.set_length(None, (node, &name), length)
        })
    }

    /// Sets who may do what.
    pub fn set_mode(&self, node: Node, mode: u32) -> io::Result<()> {
        self.act(|inner| {
            inner.tree.inode_mut(node)?.mode = mode;
            Ok(())
        })
    }

    /// Creates a file that is not there yet.
    pub fn create(&self, folder: Node, name: &OsStr, mode: u32) -> io::Result<Attributes> {
        let node = self.act(|inner| inner.create_file(None, (folder, name), mode))?;
        self.attributes(node)
    }

    /// Creates a folder.
    pub fn make_folder(&self, folder: Node, name: &OsStr, mode: u32) -> io::Result<Attributes> {
        let node = self.act(|inner| inner.create_folder(None, (folder, name), mode))?;
        self.attributes(node)
    }

    /// Creates a symbolic link.
    pub fn make_symlink(&self, folder: Node, name: &OsStr, target: &OsStr) -> io::Result<Attributes> {
        let content = Content::Symlink(target.to_owned());
        let node = self.act(|inner| inner.create(None, (folder, name), content, 0o777))?;
        self.attributes(node)
    }

    /// Where a symbolic link leads.
    pub fn read_link(&self, node: Node) -> io::Result<OsString> {
        self.look(|inner| match &inner.tree.inode(node)?.content {
            Content::Symlink(target) => Ok(target.clone()),
            _ => Err(error(errno::EINVAL)),
        })
    }

    /// Gives a file one more name.
    pub fn link(&self, node: Node, folder: Node, name: &OsStr) -> io::Result<Attributes> {
        self.act(|inner| inner.link(None, node, (folder, name)))?;
        self.attributes(node)
    }

    /// Removes the name of a file.
    pub fn unlink(&self, folder: Node, name: &OsStr) -> io::Result<()> {
        self.act(|inner| inner.unlink(None, (folder, name)))
    }

    /// Removes a folder that is empty.
    pub fn remove_folder(&self, folder: Node, name: &OsStr) -> io::Result<()> {
        self.act(|inner| inner.remove_folder(None, (folder, name)))
    }

    /// Gives something another name, in place of whatever had that.
    pub fn rename(&self, folder: Node, name: &OsStr, to_folder: Node, to_name: &OsStr) -> io::Result<()> {
        self.act(|inner| inner.rename(None, (folder, name), (to_folder, to_name)))
    }

    /// Makes the bytes of a file durable, or the names in a folder.
    pub fn sync(&self, node: Node) -> io::Result<()> {
        self.act(|inner| {
            let name = inner.tree.name_of(node);
            inner.sync(None, (node, &name))
        })
    }

    /// What is in a folder, by name.
    pub fn list(&self, folder: Node) -> io::Result<Vec<(OsString, Attributes)>> {
        self.look(|inner| {
            let with_attributes = |(name, node)| Ok((name, attributes(node, inner.tree.inode(node)?)));
            inner.list(folder)?.into_iter().map(with_attributes).collect()
        })
    }

    /// Opens something: it lives on without a name until [`Self::let_go`].
    pub fn hold(&self, node: Node) -> io::Result<()> {
        self.act(|inner| Ok(inner.tree.hold(node)?))
    }

    /// Closes it.
    pub fn let_go(&self, node: Node) {
        self.0.inner().tree.release(node);
    }
}

fn attributes(node: Node, inode: &Inode) -> Attributes {
    let (kind, length) = match &inode.content {
        Content::File(bytes) => (NodeKind::File, bytes.now().len() as u64),
        Content::Folder(_) => (NodeKind::Folder, 0),
        Content::Symlink(target) => (NodeKind::Symlink, target.len() as u64),
    };
    Attributes { node, kind, length, mode: inode.mode, modified: modified(inode), links: inode.links }
}
