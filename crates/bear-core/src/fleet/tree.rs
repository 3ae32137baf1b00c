//! A fleet file as a tree of which every key and every value knows where it stands.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;
use miette::SourceSpan;

use super::words::quoted;

/// A value of the file. Aliases share the value that they refer to.
pub(super) struct Node<'t> {
    /// Where it is written; of a list or a mapping, where it begins.
    pub(super) span: SourceSpan,
    pub(super) value: Value<'t>,
    /// How many values this one consists of when every alias is written out.
    pub(super) weight: u64,
    /// How many levels it has when every alias is written out.
    pub(super) depth: usize,
}

pub(super) enum Value<'t> {
    Scalar(Scalar<'t>),
    List(Vec<Slot<'t>>),
    Map(Map<'t>),
    /// What can't be told, because of something that was reported already.
    Broken,
}

pub(super) type Map<'t> = IndexMap<Cow<'t, str>, Slot<'t>>;

/// A value and the key that it stands under. Cheap to clone.
#[derive(Clone)]
pub(super) struct Slot<'t> {
    /// Where the key is written; in a list, where the entry is.
    pub(super) key: SourceSpan,
    pub(super) node: Rc<Node<'t>>,
}

/// A text, and whether it was written without quotes, so that it can be a number, a truth value or nothing.
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) plain: bool,
}

/// What YAML takes a scalar for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
}

impl<'t> Node<'t> {
    pub(super) fn new(span: SourceSpan, value: Value<'t>) -> Self {
        let (mut weight, mut depth) = (1_u64, 0);
        let mut add = |slot: &Slot<'_>| {
            weight = weight.saturating_add(slot.node.weight);
            depth = depth.max(slot.node.depth);
        };
        match &value {
            Value::List(items) => items.iter().for_each(&mut add),
            Value::Map(map) => map.values().for_each(&mut add),
            Value::Scalar(_) | Value::Broken => {}
        }
        Self { span, value, weight, depth: depth + 1 }
    }

    /// Whether nothing is written where a value could be.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind() == Kind::Null)
    }

    /// The mapping, where it is one.
    pub(super) fn map(&self) -> Option<&Map<'t>> {
        match &self.value {
            Value::Map(map) => Some(map),
            Value::Scalar(_) | Value::List(_) | Value::Broken => None,
        }
    }
}

impl Slot<'_> {
    /// The value below this one at `path`; a number stands for an entry of a list.
    pub(super) fn at<'s, 'p>(&'s self, path: impl IntoIterator<Item = &'p str>) -> Option<&'s Self> {
        path.into_iter().try_fold(self, |slot, step| match &slot.node.value {
            Value::Map(map) => map.get(step),
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            Value::Scalar(_) | Value::Broken => None,
        })
    }

    /// What to underline when this value is meant: itself, or its key where it spans lines.
    pub(super) fn span(&self) -> SourceSpan {
        match &self.node.value {
            Value::Scalar(_) if !self.node.is_null() => self.node.span,
            _ => self.key,
        }
    }
}

impl Scalar<'_> {
    /// What YAML 1.2's core schema takes it for.
    pub(super) fn kind(&self) -> Kind {
        if !self.plain {
            return Kind::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
            text if is_number(text) => Kind::Number,
            _ => Kind::Text,
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = |digits: &str, base| !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    let decimal =
        || text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && text.parse::<f64>().is_ok();
    let special =
        || matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hexadecimal), _) => digits(hexadecimal, 16),
        (_, Some(octal)) => digits(octal, 8),
        (None, None) => decimal() || special(),
    }
}

/// What is there, for the end of "expected a list, found …".
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a mapping"),
            Value::Broken => f.write_str("something unreadable"),
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Null => f.write_str("nothing"),
                Kind::Bool => write!(f, "the truth value {}", quoted(&scalar.text)),
                Kind::Number => write!(f, "the number {}", quoted(&scalar.text)),
                Kind::Text => write!(f, "the text {}", quoted(&scalar.text)),
            },
        }
    }
}
