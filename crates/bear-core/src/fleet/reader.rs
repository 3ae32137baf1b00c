//! From text to tree: follows the events of the YAML parser, resolves aliases and merge keys, and finds keys that are
//! written twice.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::map::Entry;
use miette::SourceSpan;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span, Tag};

use super::findings::Findings;
use super::mask;
use super::syntax::{self, DEPTH_MAX};
use super::tree::{Map, Node, Scalar, Slot, Value};
use super::words::{nearest, quoted};

/// How many values the aliases of a file may stand for, however small the file is.
const EXPANSION_MIN: u64 = 100_000;

/// How many values the aliases of a file may stand for, for each byte of it.
const EXPANSION_PER_BYTE: u64 = 16;

/// How many of the anchors before an alias it may have been meant for.
const RECENT_ANCHORS: usize = 100;

/// A text as a tree, as far as it could be read.
pub(super) struct Tree<'t> {
    /// The value that the file consists of; none where reading had to stop or there is nothing.
    pub(super) root: Option<Slot<'t>>,
    /// Where secrets are written.
    pub(super) secrets: Vec<SourceSpan>,
    /// Whether reading had to stop before the end.
    pub(super) stopped: bool,
}

/// Reading can't go on; why is among the findings.
struct Stop;

/// Reads a text as YAML.
pub(super) fn read<'t>(text: &'t str, findings: &mut Findings) -> Tree<'t> {
    let mut reader = Reader {
        text,
        findings,
        open: Vec::new(),
        anchors: HashMap::new(),
        names: Vec::new(),
        documents: 0,
        expanded: 0,
        secrets: Vec::new(),
        root: None,
    };
    let stopped = reader.run().is_err();
    let root = reader.root.filter(|_| !stopped);
    Tree { root, secrets: reader.secrets, stopped }
}

struct Reader<'t, 'f> {
    text: &'t str,
    findings: &'f mut Findings,
    open: Vec<Open<'t>>,
    anchors: HashMap<usize, Rc<Node<'t>>>,
    names: Vec<Cow<'t, str>>,
    documents: usize,
    expanded: u64,
    secrets: Vec<SourceSpan>,
    root: Option<Slot<'t>>,
}

/// A list or a mapping of which the end has not been seen.
struct Open<'t> {
    span: SourceSpan,
    anchor: usize,
    children: Children<'t>,
}

enum Children<'t> {
    List(Vec<Slot<'t>>),
    Map { entries: Map<'t>, key: Option<(Key<'t>, SourceSpan)>, merged: Vec<Slot<'t>> },
}

enum Key<'t> {
    Text(Cow<'t, str>),
    Merge,
    /// Not a text: reported, and its value is skipped.
    Unusable,
}

impl<'t> Reader<'t, '_> {
    fn run(&mut self) -> Result<(), Stop> {
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            emit_comments: false,
            disallow_directives: true,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        for event in Parser::new_from_str_with_options(self.text, options) {
            match event {
                Ok(_) if self.findings.are_enough() => return Err(Stop),
                Ok((event, span)) => self.event(event, source_span(&span))?,
                Err(error) => {
                    let offset = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
                    syntax::report(self.text, offset, error.kind(), self.findings);
                    return Err(Stop);
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'t>, span: SourceSpan) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Anchor(_, name) => {
                self.names.push(name);
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), span);
                self.value(Node::new(span, Value::Scalar(Scalar { text, plain })), anchor, span);
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), span);
                self.begin(span, anchor, Children::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), span);
                self.begin(span, anchor, Children::Map { entries: Map::new(), key: None, merged: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { span, anchor, children }) = self.open.pop() {
                    let value = match children {
                        Children::List(items) => Value::List(items),
                        Children::Map { entries, merged, .. } => Value::Map(self.merge(entries, merged)),
                    };
                    self.value(Node::new(span, value), anchor, span);
                }
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let recent = self.names.iter().rev().take(RECENT_ANCHORS);
                let near = nearest(&name, recent.map(|name| &**name));
                self.findings
                    .error(
                        "bear::fleet::unknown_alias",
                        span,
                        format!("no anchor is named {}", quoted(&name)),
                    )
                    .label("refers to nothing")
                    .help(near.map_or_else(
                        || String::from("an alias `*name` comes after its anchor `&name`"),
                        |near| format!("did you mean `*{near}`?"),
                    ));
                self.value(Node::new(span, Value::Broken), 0, span);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: SourceSpan) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        self.findings
            .error("bear::fleet::several_documents", span, "the file has more than one YAML document")
            .label("a second document begins here")
            .help("write one fleet to a file");
        Err(Stop)
    }

    /// Whether a tag says that a value is a text; any other tag is reported.
    fn is_text(&mut self, tag: Option<&Tag>, span: SourceSpan) -> bool {
        let Some(tag) = tag else { return false };
        if tag.is_yaml_core_schema_tag("str") || tag.original() == "!" {
            return true;
        }
        self.findings
            .error(
                "bear::fleet::tag",
                span,
                format!("the tag {} means nothing here", quoted(&tag.original())),
            )
            .label("has a tag")
            .help("leave the tag out");
        false
    }

    fn begin(&mut self, span: SourceSpan, anchor: usize, children: Children<'t>) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.too_deep(span));
        }
        self.open.push(Open { span, anchor, children });
        Ok(())
    }

    fn alias(&mut self, id: usize, span: SourceSpan) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&id).map(Rc::clone) else {
            self.findings
                .error("bear::fleet::unknown_alias", span, "an alias refers to the value that it is part of")
                .label("never ends")
                .help("write out what is meant");
            self.value(Node::new(span, Value::Broken), 0, span);
            return Ok(());
        };
        self.expanded = self.expanded.saturating_add(node.weight);
        let most = EXPANSION_MIN.max(EXPANSION_PER_BYTE * self.text.len() as u64);
        if self.expanded > most {
            self.findings
                .error(
                    "bear::fleet::alias_bomb",
                    span,
                    format!("the aliases stand for more than {most} values"),
                )
                .label("with this one it is too much")
                .help("aliases of aliases multiply; write `count` where many instances are alike");
            return Err(Stop);
        }
        if self.open.len() + node.depth > DEPTH_MAX {
            return Err(self.too_deep(span));
        }
        self.place(Slot { key: span, node });
        Ok(())
    }

    fn too_deep(&mut self, span: SourceSpan) -> Stop {
        syntax::too_deep(span, self.findings);
        Stop
    }

    fn value(&mut self, node: Node<'t>, anchor: usize, span: SourceSpan) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(Slot { key: span, node });
    }

    /// Puts a value where it belongs: into the list or the mapping around it.
    fn place(&mut self, slot: Slot<'t>) {
        let Some(Open { children, .. }) = self.open.last_mut() else {
            self.root = Some(slot);
            return;
        };
        match children {
            Children::List(items) => items.push(slot),
            Children::Map { entries, key, merged } => match key.take() {
                None => *key = Some(as_key(&slot, self.findings)),
                Some((Key::Unusable, _)) => {}
                Some((Key::Merge, _)) => merged.push(slot),
                Some((Key::Text(text), span)) => {
                    let slot = Slot { key: span, node: slot.node };
                    let is_secret =
                        matches!(&slot.node.value, Value::Scalar(scalar) if mask::is_secret(&scalar.text));
                    if is_secret || mask::looks_secret(&text) {
                        mask::literals(&slot, &mut self.secrets);
                    }
                    match entries.entry(text) {
                        Entry::Vacant(vacant) => {
                            vacant.insert(slot);
                        }
                        Entry::Occupied(first) => {
                            let line = line_of(self.text, first.get().key);
                            self.findings
                                .error(
                                    "bear::fleet::duplicate_key",
                                    span,
                                    format!("the key {} is written twice", quoted(first.key())),
                                )
                                .label(format!("already written on line {line}"))
                                .help("keep one of them");
                        }
                    }
                }
            },
        }
    }

    /// Adds what merge keys bring in: what is written out goes before it, and earlier ones before later ones.
    fn merge(&mut self, mut entries: Map<'t>, merged: Vec<Slot<'t>>) -> Map<'t> {
        for slot in merged {
            let sources = match &slot.node.value {
                Value::List(items) => items.as_slice(),
                Value::Scalar(_) | Value::Map(_) | Value::Broken => std::slice::from_ref(&slot),
            };
            for source in sources {
                if let Value::Map(map) = &source.node.value {
                    for (key, slot) in map {
                        entries.entry(key.clone()).or_insert_with(|| slot.clone());
                    }
                } else if !matches!(source.node.value, Value::Broken) {
                    self.findings
                        .error(
                            "bear::fleet::merge",
                            source.key,
                            format!("only a mapping can be merged, this is {}", source.node),
                        )
                        .label("not a mapping")
                        .help("`<<: *name` takes in the keys of the mapping that `&name` stands before");
                }
            }
        }
        entries
    }
}

fn as_key<'t>(slot: &Slot<'t>, findings: &mut Findings) -> (Key<'t>, SourceSpan) {
    let key = match &slot.node.value {
        Value::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Key::Merge,
        Value::Scalar(scalar) => Key::Text(scalar.text.clone()),
        Value::Broken => Key::Unusable,
        Value::List(_) | Value::Map(_) => {
            findings
                .error("bear::fleet::wrong_type", slot.key, format!("expected a key, found {}", slot.node))
                .label("not a text")
                .help("put text that begins with `{` or `[` in quotes");
            Key::Unusable
        }
    };
    (key, slot.key)
}

fn line_of(text: &str, span: SourceSpan) -> usize {
    text[..span.offset()].matches('\n').count() + 1
}

fn source_span(span: &Span) -> SourceSpan {
    let range = span.byte_range().unwrap_or_default();
    (range.start, range.end.saturating_sub(range.start)).into()
}
