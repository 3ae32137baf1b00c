//! The reference of fleet files, made from their JSON Schema and from the examples that there are.

use std::collections::HashSet;
use std::fmt::Write;
use std::slice::from_ref;

use serde_json::{Map, Value};

use super::page::anchor;

/// What a name may be.
const NAME: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";

/// What stands behind a key that has no settings.
const NOTHING: &str = "nothing";

/// The longest example that a table has room for, in bytes.
const EXAMPLE_MAX: usize = 80;

const HEAD: &str = "\
# The fleet file

A fleet file is YAML. This page is made from the same types as bear's own reader: every key that may stand in one stands
here, and a key that doesn't is refused, with its line and what was probably meant. `bear validate FILE` checks a file
and touches nothing else. `bear schema` prints a JSON Schema, which editors complete and check by.

- Left out means the default. No other file says anything about a fleet.
- Names are lower-case letters, digits and single hyphens within. Instances are called
  `<fleet>-<group>-<number or member>`.
- Keys at the top that begin with `x-` mean nothing to bear: they are a place for anchors.
- Versions are exact. `latest` and its like are refused: what runs is what was reviewed.
- Paths are relative to the project, the folder with `.git` or `.bear`; `~/` is the home folder.
- Secrets never stand in the file, only [where they come from](#secrets).

";

/// Makes the page: a section for each mapping in the order in which a reader meets them.
pub(crate) fn page(schema: &Value, examples: &[serde_yaml::Value]) -> String {
    let mut reference =
        Reference { schema, examples, seen: HashSet::new(), met: Vec::new(), page: HEAD.to_owned() };
    reference.mapping("The file", &[], schema);
    let mut to_come = Vec::new();
    loop {
        // What was just met comes next, and before what was met earlier.
        to_come.extend(reference.met.drain(..).rev());
        let Some((definition, path)) = to_come.pop() else { break };
        reference.section(&definition, &path);
    }
    reference.page.trim_end().to_owned() + "\n"
}

struct Reference<'a> {
    schema: &'a Value,
    examples: &'a [serde_yaml::Value],
    seen: HashSet<String>,
    /// Definitions that were met in the present section, each with the path at which it was met first.
    met: Vec<(String, Vec<String>)>,
    page: String,
}

/// What a heading is for each definition that has a section.
fn heading(definition: &str) -> &str {
    match definition {
        "Provider" => "Providers",
        "HostsProvider" => "The provider hosts",
        "AwsProvider" => "The provider aws",
        "Connect" => "Ways to connect",
        "Network" => "Networks",
        "Group" => "Groups",
        "Member" => "Members",
        "Machine" => "Machines",
        "Install" => "Packages",
        "Docker" => "Docker",
        "Repository" => "Package sources",
        "Broker" => "Brokers",
        "Embedded" => "The broker embedded",
        "Emqx" => "The broker emqx",
        "Mosquitto" => "The broker mosquitto",
        "Authentication" => "Passwords of clients",
        "SecretRef" => "Secrets",
        "Tls" => "Certificates",
        "Ports" => "Ports",
        other => panic!("`{other}` has no heading"),
    }
}

impl<'a> Reference<'a> {
    fn section(&mut self, definition: &str, path: &[String]) {
        let schema = &self.schema["$defs"][definition];
        let title = heading(definition);
        match schema["oneOf"].as_array() {
            Some(variants) if schema["properties"].is_null() => self.variants(title, path, schema, variants),
            _ => self.mapping(title, path, schema),
        }
    }

    fn begin(&mut self, title: &str, path: &[String], schema: &Value) {
        write!(self.page, "## {title}\n\n").unwrap();
        if !path.is_empty() {
            write!(self.page, "`{}:` ", path.join(".")).unwrap();
        }
        write!(self.page, "{}\n\n", text(schema)).unwrap();
    }

    /// A mapping: a row for each key.
    fn mapping(&mut self, title: &str, path: &[String], schema: &'a Value) {
        self.begin(title, path, schema);
        let required = schema["required"].as_array().into_iter().flatten().collect::<Vec<_>>();
        self.page
            .push_str("| key | value | left out | meaning | example |\n| --- | --- | --- | --- | --- |\n");
        for (key, property) in schema["properties"].as_object().unwrap() {
            let path = [path, from_ref(key)].concat();
            let is_required = required.iter().any(|name| *name == key);
            let (meaning, default) = meaning(key, property, is_required);
            let value = self.value(property, &path);
            let example = self.example(&path).map_or(String::new(), |example| format!("`{key}: {example}`"));
            writeln!(self.page, "| `{key}` | {value} | {default} | {meaning} | {example} |").unwrap();
        }
        self.page.push('\n');
    }

    /// One of several: a row for each.
    fn variants(&mut self, title: &str, path: &[String], schema: &'a Value, variants: &'a [Value]) {
        self.begin(title, path, schema);
        self.page.push_str("| written | meaning | example |\n| --- | --- | --- |\n");
        for variant in variants {
            let (written, example) = match variant["const"].as_str() {
                Some(word) => (format!("`{word}`"), format!("`{}: {word}`", path.last().unwrap())),
                None => self.one_key(variant, path),
            };
            writeln!(self.page, "| {written} | {} | {example} |", text(variant)).unwrap();
        }
        self.page.push('\n');
    }

    /// A variant that is a mapping with one key: how it is written, and an example.
    fn one_key(&mut self, variant: &'a Value, path: &[String]) -> (String, String) {
        let (key, property) = variant["properties"].as_object().unwrap().iter().next().unwrap();
        let path = [path, from_ref(key)].concat();
        let value = self.value(property, &path);
        if value == NOTHING {
            let whole = &path[path.len() - 2];
            return (format!("`{key}`"), format!("`{whole}: {key}`"));
        }
        let example = self.example(&path).map_or(String::new(), |example| format!("`{key}: {example}`"));
        (format!("`{key}:` {value}"), example)
    }

    /// What may stand behind a key.
    fn value(&mut self, property: &'a Value, path: &[String]) -> String {
        if let Some(definition) = property["$ref"].as_str() {
            return self.definition(definition.rsplit('/').next().unwrap(), path);
        }
        if let Some(several) = property["anyOf"].as_array() {
            let several = several.iter().map(|one| self.value(one, path)).collect::<Vec<_>>();
            return several.join(", or ");
        }
        if let Some(words) = property["enum"].as_array() {
            let words = words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>();
            return words.join(", ");
        }
        match property["type"].as_str() {
            Some("object") => self.mapping_of(property, path),
            Some("array") => "list of texts".to_owned(),
            Some("integer") => format!("{} to {}", property["minimum"], property["maximum"]),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("string") | None => match property["pattern"].as_str() {
                Some(NAME) => "name".to_owned(),
                Some(pattern) if pattern.starts_with("^ami-") => "`ami-…`".to_owned(),
                _ => "text".to_owned(),
            },
            other => panic!("{path:?} is of the type {other:?}"),
        }
    }

    fn mapping_of(&mut self, property: &'a Value, path: &[String]) -> String {
        let Some(named) = property["patternProperties"].get(NAME) else { return "texts by name".to_owned() };
        let place = if path.last().unwrap() == "groups" { "GROUP" } else { "MEMBER" };
        format!("{}, by name", self.value(named, &[path, &[place.to_owned()]].concat()))
    }

    /// A link to the section of a definition, which comes later if it was not there before.
    fn definition(&mut self, definition: &str, path: &[String]) -> String {
        match definition {
            "FleetName" => "name, of 40 characters at most".to_owned(),
            "ByteSize" => "size, such as `20 GiB`".to_owned(),
            "Pin" => "exact version".to_owned(),
            "LocalProvider" => NOTHING.to_owned(),
            _ => {
                if self.seen.insert(definition.to_owned()) {
                    self.met.push((definition.to_owned(), path.to_vec()));
                }
                let title = heading(definition);
                format!("[{}](#{})", title.to_lowercase(), anchor(title))
            }
        }
    }

    /// The first short value that stands at such a place in an example; else one whose last keys are the same, since
    /// what a reader may write in several places is described in one.
    fn example(&self, path: &[String]) -> Option<String> {
        let exact = self.examples.iter().flat_map(|example| at(example, path));
        let alike = |count: usize| {
            let last = &path[path.len().saturating_sub(count)..];
            self.examples.iter().flat_map(move |example| anywhere(example, last))
        };
        let mut found = exact.chain(alike(2)).chain(alike(1)).filter_map(flow);
        found.find(|example| example.len() <= EXAMPLE_MAX)
    }
}

/// Every value at a path, in which GROUP and MEMBER stand for any name.
fn at<'v>(value: &'v serde_yaml::Value, path: &[String]) -> Vec<&'v serde_yaml::Value> {
    let Some((key, rest)) = path.split_first() else { return vec![value] };
    let Some(mapping) = value.as_mapping() else { return Vec::new() };
    let named = |name: &serde_yaml::Value| {
        matches!(key.as_str(), "GROUP" | "MEMBER") || name.as_str() == Some(key.as_str())
    };
    mapping.iter().filter(|(name, _)| named(name)).flat_map(|(_, value)| at(value, rest)).collect()
}

/// Every value at a path that begins anywhere.
fn anywhere<'v>(value: &'v serde_yaml::Value, path: &[String]) -> Vec<&'v serde_yaml::Value> {
    let below = value.as_mapping().into_iter().flatten();
    let below = below.flat_map(|(_, value)| anywhere(value, path));
    at(value, path).into_iter().chain(below).collect()
}

/// A value on one line; none where it is too much for that.
fn flow(value: &serde_yaml::Value) -> Option<String> {
    use serde_yaml::Value::{Bool, Mapping, Number, Sequence, String};
    match value {
        Bool(value) => Some(value.to_string()),
        Number(value) => Some(value.to_string()),
        String(value) => Some(scalar(value)),
        Sequence(values) => {
            let values = values.iter().map(flow).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", values.join(", ")))
        }
        Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| Some(format!("{}: {}", key.as_str()?, flow(value)?)));
            Some(format!("{{ {} }}", pairs.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        _ => None,
    }
}

/// A text, in quotation marks where it would mean something else without.
fn scalar(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    let plain = |text: &str| {
        serde_yaml::from_str::<serde_yaml::Value>(&format!("[{text}]")).ok()
            == Some(serde_yaml::Value::Sequence(vec![serde_yaml::Value::String(text.to_owned())]))
    };
    // What contains a colon is read more easily in quotation marks, though YAML needs none.
    if plain(text) && !text.starts_with("5:") { text.to_owned() } else { quoted }
}

/// What a key means, and what holds where it is left out.
fn meaning(key: &str, property: &Value, is_required: bool) -> (String, String) {
    let text = text(property);
    let Some(end) = text.find(" if left out") else {
        let default = match property["type"].as_str() {
            _ if is_required => "**required**".to_owned(),
            Some("boolean") => "`false`".to_owned(),
            _ => panic!("the description of `{key}` does not say what holds `if left out`: {text}"),
        };
        return (text, default);
    };
    assert!(!is_required, "`{key}` can't be left out: {text}");
    let begin = text[..end].rfind("; ").max(text[..end].rfind(". ")).unwrap_or(0);
    let default = text[begin..end].trim_start_matches([';', '.', ' ']).trim_end_matches(',');
    let rest = text[end + " if left out".len()..].trim_start_matches('.');
    let was_sentence = text[begin..].starts_with('.');
    let default = if was_sentence { lower(default) } else { default.to_owned() };
    (format!("{}.{rest}", &text[..begin]), default)
}

/// The same text without a capital at its beginning.
fn lower(text: &str) -> String {
    text[..1].to_lowercase() + &text[1..]
}

/// The description, on one line and fit for a table.
fn text(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_else(|| panic!("no description: {schema}"));
    text.replace('\n', " ").replace('|', "\\|")
}

/// The keys of a schema and of all that is below it, to see that the page has them all.
pub(crate) fn keys(schema: &Value) -> Vec<String> {
    let definitions = schema["$defs"].as_object().into_iter().flat_map(Map::values);
    let objects = std::iter::once(schema).chain(definitions);
    let objects = objects
        .flat_map(|schema| std::iter::once(schema).chain(schema["oneOf"].as_array().into_iter().flatten()));
    let properties = objects.filter_map(|schema| schema["properties"].as_object());
    properties.flat_map(Map::keys).cloned().collect()
}
