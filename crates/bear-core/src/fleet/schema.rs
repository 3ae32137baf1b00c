//! The JSON Schema of fleet files, which editors use; generated from the types of [`super::model`].

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::model::{Broker, Docker, Fleet, Pin, Provider};

/// The JSON Schema of fleet files. It holds what each key may be; what only the fleet as a whole can get wrong is
/// found by [`super::parse`] alone.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(absent_rather_than_null);
    settings.into_generator().into_root_schema_for::<Fleet>()
}

/// A provider is written in full, or by its name alone where it needs no settings.
pub(super) fn provider(generator: &mut SchemaGenerator) -> Schema {
    named_or_full::<Provider>(generator, &["local", "hosts"])
}

/// A broker is written in full, or by its name alone where it needs no settings.
pub(super) fn broker(generator: &mut SchemaGenerator) -> Schema {
    named_or_full::<Broker>(generator, &["embedded"])
}

/// Docker is written in full, or as the exact version alone.
pub(super) fn docker(generator: &mut SchemaGenerator) -> Schema {
    let (version, full) = (generator.subschema_for::<Pin>(), generator.subschema_for::<Docker>());
    json_schema!({ "anyOf": [version, full] })
}

/// An image is of a release that bear knows, or exact.
pub(super) fn image(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "anyOf": [{ "enum": super::image::RELEASES }, { "pattern": "^ami-([0-9a-f]{8}|[0-9a-f]{17})$" }],
    })
}

/// Tags are free, but for those that bear and AWS keep for themselves.
pub(super) fn tags(_: &mut SchemaGenerator) -> Schema {
    let reserved = "^([Aa][Ww][Ss]:|[Bb][Ee][Aa][Rr]:|Name$)";
    json_schema!({
        "type": "object",
        "maxProperties": super::aws::TAGS_MAX,
        "propertyNames": {
            "minLength": 1,
            "maxLength": super::aws::TAG_KEY_MAX,
            "not": { "pattern": reserved },
        },
        "additionalProperties": { "type": "string", "maxLength": super::aws::TAG_VALUE_MAX },
    })
}

fn named_or_full<T: JsonSchema>(generator: &mut SchemaGenerator, names: &[&str]) -> Schema {
    let full = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [{ "type": "string", "enum": names }, full] })
}

/// Keys that begin with `x-` are a place for anchors.
pub(super) fn with_extensions(schema: &mut Schema) {
    schema.insert("patternProperties".into(), json!({ "^x-": true }));
}

/// A mapping of which no key is required can be left empty: `paris:` is a member that nothing sets apart.
pub(super) fn or_nothing(schema: &mut Schema) {
    schema.insert("type".into(), json!(["object", "null"]));
}

/// A group has a count or members, not both.
pub(super) fn count_or_members(schema: &mut Schema) {
    schema.insert("oneOf".into(), json!([{ "required": ["count"] }, { "required": ["members"] }]));
}

/// A version that can only mean one; editors need not know every way to write another.
pub(super) fn exact(schema: &mut Schema) {
    schema.insert("pattern".into(), json!("^[A-Za-z0-9][^\\s*]*$"));
    schema.insert("not".into(), json!({ "enum": super::version::MOVING }));
}

/// In a fleet file a key is left out rather than null, which schemars does not know.
fn absent_rather_than_null(schema: &mut Schema) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(without_null);
    }
    transform_subschemas(&mut absent_rather_than_null, schema);
}

fn without_null(property: &mut Value) {
    let Value::Object(property) = property else { return };
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [one] = kinds.as_slice() {
            property["type"] = one.clone();
        }
    }
    if let Some(Value::Array(branches)) = property.get_mut("anyOf") {
        branches.retain(|branch| *branch != json!({ "type": "null" }));
        if let [Value::Object(one)] = branches.as_slice() {
            let one = one.clone();
            property.remove("anyOf");
            property.extend(one);
        }
    }
}
