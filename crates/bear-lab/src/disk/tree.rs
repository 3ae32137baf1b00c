//! Files and folders apart from their names: the names as programs see them, and as a power cut would leave them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path};

use super::bytes::Bytes;
use super::draws::Draws;
use super::script::{Survives, errno, error};

/// A file or folder, whatever its name. Never given out again.
pub type Node = u64;

/// The folder that everything lies in.
pub const ROOT: Node = 1;

/// How many nodes there may be before it is worth looking for those that nothing leads to.
const FEW: usize = 64;

/// Everything that lies on a disk.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<Node, Inode>,
    /// What was changed in folders and not synced, in order.
    dirty: Vec<Renaming>,
    next_node: Node,
    /// Numbers that were given back: the lowest is given out next, as file systems do.
    free_numbers: BTreeSet<u64>,
    next_number: u64,
    worth_sweeping: usize,
}

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) content: Content,
    /// As programs see it; given to another once nothing leads to this one.
    pub(super) number: u64,
    pub(super) mode: u32,
    /// In ticks of the disk.
    pub(super) modified: u64,
    /// How many names it has.
    pub(super) links: u32,
    /// How often it is open.
    pub(super) held: u32,
}

#[derive(Debug)]
pub(super) enum Content {
    File(Bytes),
    Folder(Names),
    Symlink(OsString),
}

/// The names in a folder.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) now: BTreeMap<OsString, Node>,
    durable: BTreeMap<OsString, Node>,
}

/// Names that change together, or not at all: in which folder, and what has the name then.
#[derive(Debug)]
struct Renaming(Vec<(Node, OsString, Option<Node>)>);

impl Tree {
    /// A folder with nothing in it.
    pub(super) fn new() -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            dirty: Vec::new(),
            next_node: ROOT,
            free_numbers: BTreeSet::new(),
            next_number: ROOT,
            worth_sweeping: FEW,
        };
        let root = tree.add(Content::Folder(Names::default()), 0o755, 0);
        tree.inode_mut(root).expect("it was just made").links = 1;
        tree
    }

    pub(super) fn inode(&self, node: Node) -> io::Result<&Inode> {
        self.nodes.get(&node).ok_or_else(|| error(errno::ENOENT))
    }

    pub(super) fn inode_mut(&mut self, node: Node) -> io::Result<&mut Inode> {
        self.nodes.get_mut(&node).ok_or_else(|| error(errno::ENOENT))
    }

    pub(super) fn file(&self, node: Node) -> io::Result<&Bytes> {
        self.inode(node)?.file()
    }

    /// The bytes of a file that is to change at `tick`.
    pub(super) fn file_mut(&mut self, node: Node, tick: u64) -> io::Result<&mut Bytes> {
        let inode = self.inode_mut(node)?;
        match &mut inode.content {
            Content::File(bytes) => {
                inode.modified = tick;
                Ok(bytes)
            }
            Content::Folder(_) => Err(error(errno::EISDIR)),
            Content::Symlink(_) => Err(error(errno::EINVAL)),
        }
    }

    pub(super) fn names(&self, folder: Node) -> io::Result<&Names> {
        match &self.inode(folder)?.content {
            Content::Folder(names) => Ok(names),
            _ => Err(error(errno::ENOTDIR)),
        }
    }

    pub(super) fn lookup(&self, folder: Node, name: &OsStr) -> io::Result<Option<Node>> {
        Ok(self.names(folder)?.now.get(name).copied())
    }

    /// What lies at `path`, which begins at the root whether it says so or not.
    pub(super) fn find(&self, path: &Path) -> io::Result<Node> {
        self.walk(path, |names, name| names.now.get(name).copied())
    }

    /// What surely lies at `path` after a power cut.
    pub(super) fn find_durable(&self, path: &Path) -> io::Result<Node> {
        self.walk(path, |names, name| names.durable.get(name).copied())
    }

    fn walk(&self, path: &Path, step: impl Fn(&Names, &OsStr) -> Option<Node>) -> io::Result<Node> {
        path.components().try_fold(ROOT, |folder, component| match component {
            Component::Normal(name) => step(self.names(folder)?, name).ok_or_else(|| error(errno::ENOENT)),
            Component::RootDir | Component::CurDir => Ok(folder),
            Component::ParentDir | Component::Prefix(_) => Err(error(errno::EINVAL)),
        })
    }

    /// A name that leads to a node, for scripts and traces; the first of several, and none if it has none.
    pub(super) fn name_of(&self, node: Node) -> OsString {
        let name_in = |inode: &Inode| match &inode.content {
            Content::Folder(names) => names.now.iter().find(|(_, of)| **of == node).map(|it| it.0.clone()),
            _ => None,
        };
        self.nodes.values().find_map(name_in).unwrap_or_default()
    }

    /// Makes something that has no name yet.
    pub(super) fn add(&mut self, content: Content, mode: u32, tick: u64) -> Node {
        if self.nodes.len() >= self.worth_sweeping {
            self.sweep();
            self.worth_sweeping = self.nodes.len() * 2 + FEW;
        }
        let node = self.next_node;
        self.next_node += 1;
        let number = self.take_number();
        self.nodes.insert(node, Inode { content, number, mode, modified: tick, links: 0, held: 0 });
        node
    }

    fn take_number(&mut self) -> u64 {
        self.free_numbers.pop_first().unwrap_or_else(|| {
            self.next_number += 1;
            self.next_number - 1
        })
    }

    /// Gives all these names in these folders to these nodes, or to none, at once.
    pub(super) fn rename(&mut self, names: Vec<(Node, OsString, Option<Node>)>, tick: u64) {
        let mut left = Vec::new();
        for (folder, name, node) in &names {
            let before = self.set_name(*folder, name, *node, tick);
            if let Some(inode) = node.and_then(|node| self.nodes.get_mut(&node)) {
                inode.links += 1;
            }
            if let Some(inode) = before.and_then(|before| self.nodes.get_mut(&before)) {
                inode.links -= 1;
            }
            left.extend(before);
        }
        self.dirty.push(Renaming(names));
        // Only now: a file that got another name had none for a moment.
        for node in left {
            self.let_go(node);
        }
    }

    fn set_name(&mut self, folder: Node, name: &OsStr, node: Option<Node>, tick: u64) -> Option<Node> {
        let inode = self.nodes.get_mut(&folder)?;
        let Content::Folder(names) = &mut inode.content else { return None };
        inode.modified = tick;
        put(&mut names.now, name, node)
    }

    /// Opens a node.
    pub(super) fn hold(&mut self, node: Node) -> io::Result<()> {
        self.inode_mut(node)?.held += 1;
        Ok(())
    }

    /// Closes it.
    pub(super) fn release(&mut self, node: Node) {
        if let Some(inode) = self.nodes.get_mut(&node) {
            inode.held = inode.held.saturating_sub(1);
            self.let_go(node);
        }
    }

    /// Gives the number of a node back, if nothing leads to it any more.
    fn let_go(&mut self, node: Node) {
        if let Some(inode) = self.nodes.get_mut(&node)
            && inode.links == 0
            && inode.held == 0
            && inode.number != 0
        {
            self.free_numbers.insert(std::mem::take(&mut inode.number));
        }
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync_folder(&mut self, folder: Node) -> io::Result<()> {
        self.names(folder)?;
        let (done, left): (Vec<_>, Vec<_>) =
            self.dirty.drain(..).partition(|renaming| renaming.0.iter().any(|(of, _, _)| *of == folder));
        self.dirty = left;
        for renaming in done {
            self.make_durable(renaming);
        }
        Ok(())
    }

    fn make_durable(&mut self, renaming: Renaming) {
        for (folder, name, node) in renaming.0 {
            if let Some(Inode { content: Content::Folder(names), .. }) = self.nodes.get_mut(&folder) {
                put(&mut names.durable, &name, node);
            }
        }
    }

    /// What a power cut leaves.
    pub(super) fn cut(&mut self, survives: Survives) {
        let mut draws = Draws::new(if let Survives::Drawn(seed) = survives { seed } else { 0 });
        for renaming in surviving(std::mem::take(&mut self.dirty), survives, &mut draws) {
            self.make_durable(renaming);
        }
        for inode in self.nodes.values_mut() {
            inode.held = 0;
            inode.links = 0;
            match &mut inode.content {
                Content::File(bytes) => bytes.cut(survives, &mut draws),
                Content::Folder(names) => names.now.clone_from(&names.durable),
                Content::Symlink(_) => {}
            }
        }
        self.sweep();
        self.count_links();
        self.number_anew();
    }

    fn count_links(&mut self) {
        let named = |inode: &Inode| match &inode.content {
            Content::Folder(names) => names.now.values().copied().collect(),
            _ => Vec::new(),
        };
        let named = self.nodes.values().flat_map(named).chain([ROOT]).collect::<Vec<_>>();
        for node in named {
            if let Some(inode) = self.nodes.get_mut(&node) {
                inode.links += 1;
            }
        }
    }

    /// Nobody remembers the numbers from before.
    fn number_anew(&mut self) {
        self.free_numbers.clear();
        self.next_number = ROOT;
        for inode in self.nodes.values_mut() {
            inode.number = self.next_number;
            self.next_number += 1;
        }
    }

    /// Forgets what no program and no power cut could lead to.
    fn sweep(&mut self) {
        let mut reached = BTreeSet::new();
        let mut next = vec![ROOT];
        next.extend(self.nodes.iter().filter(|(_, inode)| inode.held > 0).map(|(node, _)| *node));
        next.extend(
            self.dirty.iter().flat_map(|renaming| renaming.0.iter().filter_map(|(_, _, node)| *node)),
        );
        while let Some(node) = next.pop() {
            if reached.insert(node)
                && let Some(Inode { content: Content::Folder(names), .. }) = self.nodes.get(&node)
            {
                next.extend(names.now.values().chain(names.durable.values()));
            }
        }
        self.nodes.retain(|node, _| reached.contains(node));
    }
}

impl Inode {
    pub(super) fn file(&self) -> io::Result<&Bytes> {
        match &self.content {
            Content::File(bytes) => Ok(bytes),
            Content::Folder(_) => Err(error(errno::EISDIR)),
            Content::Symlink(_) => Err(error(errno::EINVAL)),
        }
    }
}

fn put(names: &mut BTreeMap<OsString, Node>, name: &OsStr, node: Option<Node>) -> Option<Node> {
    match node {
        Some(node) => names.insert(name.to_owned(), node),
        None => names.remove(name),
    }
}

/// The names that are changed all the same: a journal of metadata keeps the first of them, other file systems any.
fn surviving(dirty: Vec<Renaming>, survives: Survives, draws: &mut Draws) -> Vec<Renaming> {
    match survives {
        Survives::Everything | Survives::Torn(_) | Survives::Holed => dirty,
        Survives::Nothing => Vec::new(),
        Survives::Drawn(_) if dirty.is_empty() => dirty,
        Survives::Drawn(_) => match draws.below(4) {
            0 => Vec::new(),
            1 => dirty,
            2 => {
                let first = draws.index(dirty.len());
                dirty.into_iter().take(first).collect()
            }
            _ => dirty.into_iter().filter(|_| draws.below(2) == 0).collect(),
        },
    }
}
