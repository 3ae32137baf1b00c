//! What can be done to files and folders, each by who does it: what would fail on any disk, fails; the rest is a change
//! that may go wrong.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::bytes::{Bytes, part};
use super::inner::{Extent, Halt, Inner, Process};
use super::script::{Kind, errno, error};
use super::tree::{Content, Names, Node};

/// Files may not grow beyond this, so that a wrong offset shows as an error and not as the end of memory.
const MOST_BYTES: u64 = 1 << 32;

type Who = Option<Process>;

impl Inner {
    /// The folder and the name that a path leads to.
    pub(super) fn place<'p>(&self, path: &'p Path) -> io::Result<(Node, &'p OsStr)> {
        let name = path.file_name().ok_or_else(|| error(errno::EINVAL))?;
        let folder = self.tree.find(path.parent().unwrap_or(Path::new("/")))?;
        Ok((folder, name))
    }

    fn expect_free(&self, folder: Node, name: &OsStr) -> io::Result<()> {
        match self.tree.lookup(folder, name)? {
            Some(_) => Err(error(errno::EEXIST)),
            None => Ok(()),
        }
    }

    fn named(&self, folder: Node, name: &OsStr) -> io::Result<Node> {
        self.tree.lookup(folder, name)?.ok_or_else(|| error(errno::ENOENT))
    }

    /// Makes something new.
    pub(super) fn create(
        &mut self,
        who: Who,
        (folder, name): (Node, &OsStr),
        content: Content,
        mode: u32,
    ) -> Result<Node, Halt> {
        self.expect_free(folder, name)?;
        let kind = if matches!(content, Content::Folder(_)) { Kind::CreateFolder } else { Kind::Create };
        self.change(who, kind, name, |tree, tick, _| {
            let node = tree.add(content, mode, tick);
            tree.rename(vec![(folder, name.to_owned(), Some(node))], tick);
            Ok(node)
        })
    }

    pub(super) fn create_file(&mut self, who: Who, place: (Node, &OsStr), mode: u32) -> Result<Node, Halt> {
        self.create(who, place, Content::File(Bytes::default()), mode)
    }

    pub(super) fn create_folder(&mut self, who: Who, place: (Node, &OsStr), mode: u32) -> Result<Node, Halt> {
        self.create(who, place, Content::Folder(Names::default()), mode)
    }

    /// Gives one more name to something that has one.
    pub(super) fn link(&mut self, who: Who, node: Node, (folder, name): (Node, &OsStr)) -> Result<(), Halt> {
        self.expect_free(folder, name)?;
        self.tree.inode(node)?;
        self.change(who, Kind::Rename, name, |tree, tick, _| {
            tree.rename(vec![(folder, name.to_owned(), Some(node))], tick);
            Ok(())
        })
    }

    /// Removes the name of a file.
    pub(super) fn unlink(&mut self, who: Who, (folder, name): (Node, &OsStr)) -> Result<(), Halt> {
        let node = self.named(folder, name)?;
        if let Content::Folder(_) = self.tree.inode(node)?.content {
            return Err(error(errno::EISDIR).into());
        }
        self.remove_name(who, folder, name)
    }

    /// Removes a folder that is empty.
    pub(super) fn remove_folder(&mut self, who: Who, (folder, name): (Node, &OsStr)) -> Result<(), Halt> {
        let node = self.named(folder, name)?;
        if !self.tree.names(node)?.now.is_empty() {
            return Err(error(errno::ENOTEMPTY).into());
        }
        self.remove_name(who, folder, name)
    }

    fn remove_name(&mut self, who: Who, folder: Node, name: &OsStr) -> Result<(), Halt> {
        self.change(who, Kind::Remove, name, |tree, tick, _| {
            tree.rename(vec![(folder, name.to_owned(), None)], tick);
            Ok(())
        })
    }

    /// Gives something another name, in place of whatever had that.
    pub(super) fn rename(&mut self, who: Who, from: (Node, &OsStr), to: (Node, &OsStr)) -> Result<(), Halt> {
        let node = self.named(from.0, from.1)?;
        if let Some(there) = self.tree.lookup(to.0, to.1)? {
            if there == node {
                return Ok(());
            }
            self.expect_may_replace(node, there)?;
        }
        self.change(who, Kind::Rename, to.1, |tree, tick, _| {
            let names = vec![(from.0, from.1.to_owned(), None), (to.0, to.1.to_owned(), Some(node))];
            tree.rename(names, tick);
            Ok(())
        })
    }

    fn expect_may_replace(&self, node: Node, there: Node) -> io::Result<()> {
        let is_folder = matches!(self.tree.inode(node)?.content, Content::Folder(_));
        match &self.tree.inode(there)?.content {
            Content::Folder(_) if !is_folder => Err(error(errno::EISDIR)),
            Content::Folder(names) if !names.now.is_empty() => Err(error(errno::ENOTEMPTY)),
            Content::File(_) | Content::Symlink(_) if is_folder => Err(error(errno::ENOTDIR)),
            _ => Ok(()),
        }
    }

    pub(super) fn write(
        &mut self,
        who: Who,
        (node, name): (Node, &OsStr),
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Halt> {
        self.tree.file(node)?;
        let offset = fitting(offset.saturating_add(bytes.len() as u64))? - bytes.len();
        self.change(who, Kind::Write, name, |tree, tick, extent| {
            let length = match extent {
                Extent::Part(thousandths) => part(bytes.len(), thousandths),
                Extent::Whole | Extent::Lost => bytes.len(),
            };
            tree.file_mut(node, tick)?.write(offset, &bytes[..length]);
            Ok(())
        })
    }

    pub(super) fn set_length(&mut self, who: Who, (node, name): (Node, &OsStr), to: u64) -> Result<(), Halt> {
        self.tree.file(node)?;
        let length = fitting(to)?;
        self.change(who, Kind::SetLength, name, |tree, tick, _| {
            tree.file_mut(node, tick)?.set_length(length);
            Ok(())
        })
    }

    /// Makes the bytes of a file durable, or the names in a folder.
    pub(super) fn sync(&mut self, who: Who, (node, name): (Node, &OsStr)) -> Result<(), Halt> {
        let inode = self.tree.inode(node)?;
        let modified = inode.modified;
        match inode.content {
            Content::Folder(_) => {
                self.change(who, Kind::SyncFolder, name, |tree, _, _| tree.sync_folder(node))
            }
            Content::File(_) => self.change(who, Kind::Sync, name, |tree, _, extent| {
                let file = tree.file_mut(node, modified)?;
                if extent == Extent::Lost {
                    file.forget_dirty();
                } else {
                    file.sync();
                }
                Ok(())
            }),
            Content::Symlink(_) => Err(error(errno::EINVAL).into()),
        }
    }

    /// The names in a folder, and what they lead to.
    pub(super) fn list(&self, folder: Node) -> io::Result<Vec<(OsString, Node)>> {
        Ok(self.tree.names(folder)?.now.iter().map(|(name, node)| (name.clone(), *node)).collect())
    }
}

fn fitting(length: u64) -> io::Result<usize> {
    let fits = usize::try_from(length).ok().filter(|_| length <= MOST_BYTES);
    fits.ok_or_else(|| error(errno::EFBIG))
}
