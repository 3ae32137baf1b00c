//! The fleet: what the user wants, as written in a fleet file.
//!
//! Reading goes one way: `bytes` makes a text, `reader` a tree of it, `shape` a fleet of that, and `rules` looks at the
//! whole. Each adds what it finds wrong to the `findings` and goes on with what is left, so that all of it is reported
//! at once.

mod aws;
mod broker;
mod bytes;
mod edit;
mod fields;
mod findings;
mod foundation;
mod host_key;
mod image;
mod install;
mod machine;
mod mask;
pub mod model;
mod reader;
mod rules;
mod schema;
mod shape;
mod spec;
mod syntax;
mod template;
mod text;
mod tree;
mod version;
mod words;

use miette::SourceSpan;

pub use edit::{Edit, EditError, edit};
pub use foundation::Foundation;
pub use image::RELEASES;
pub use model::{Connect, Fleet};
pub use schema::schema;
pub use spec::{Endpoint, Host, Instance, Login, Spec};
pub use template::template;

use crate::problem::{Problem, Problems, Source};
use findings::Findings;

/// A fleet file that was read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What it says.
    pub fleet: Fleet,
    /// What is allowed and yet worth a second look, in the order of the file.
    pub warnings: Vec<Problem>,
    /// The file as it may be shown: whatever looks like a secret is masked.
    pub source: Source,
    /// The text as it was read, to find places in.
    text: Source,
}

impl Parsed {
    /// Where the value at `path` stands, such as `groups.broker.ports.mqtt` or `network.clients.0`. A value that
    /// spans lines is found by its key.
    ///
    /// Reads the text again: places are asked for only where something goes wrong later on.
    pub fn span_of(&self, path: &str) -> Option<SourceSpan> {
        let tree = reader::read(self.text.text(), &mut Findings::default());
        tree.root?.at(path.split('.')).map(tree::Slot::span)
    }
}

/// Reads the bytes of a fleet file that people know by `name`.
///
/// # Errors
///
/// Everything that is wrong with it, all at once.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Parsed, Problems> {
    let mut findings = Findings::default();
    let (text, readable) = bytes::text(bytes, &mut findings);
    let tree = readable.then(|| reader::read(&text, &mut findings));
    let fleet = tree.as_ref().and_then(|tree| read(tree, &mut findings));
    let secrets = match &tree {
        Some(tree) if !tree.stopped => tree.secrets.clone(),
        // What comes after the place where reading stopped is known by its looks only.
        Some(tree) => [tree.secrets.as_slice(), &mask::suspects(&text)].concat(),
        None => mask::suspects(&text),
    };
    let source = Source::new(name, mask::mask(&text, &secrets));
    let (errors, warnings) = findings.into_problems(&source);
    match fleet {
        Some(fleet) if errors.is_empty() => {
            let text = if secrets.is_empty() { source.clone() } else { Source::new(name, &*text) };
            Ok(Parsed { fleet, warnings, source, text })
        }
        _ => Err(Problems::new(errors)),
    }
}

fn read(tree: &reader::Tree<'_>, findings: &mut Findings) -> Option<Fleet> {
    let root = tree.root.as_ref().filter(|root| !root.node.is_null());
    let Some(root) = root else {
        if !tree.stopped {
            findings
                .error("bear::fleet::empty", None, "the file says nothing")
                .help(format!("the smallest fleet file is\n\n{}", template::SMALLEST.trim_end()));
        }
        return None;
    };
    let draft = shape::fleet(root, findings)?;
    rules::check(&draft, root, findings);
    draft.complete()
}
