//! Tags, alone and within the requests that make something.

use std::collections::BTreeSet;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::xml::Xml;
use super::filter::{Filters, one};
use super::page::{self, Pages};
use super::{Answer, done};

pub(super) fn create(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.required("ResourceId.1")?;
    let tags = read(query)?;
    let resources = query.list("ResourceId");
    for resource in &resources {
        truth.kind_of(resource)?;
        truth.check_tag_count(resource, tags.len())?;
    }
    for resource in resources {
        let visible_from = truth.visible_from();
        for (key, value) in &tags {
            truth.tag(resource, key, value, visible_from);
        }
    }
    Ok(done())
}

pub(super) fn delete(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.required("ResourceId.1")?;
    let doomed = query.members("Tag").into_iter().map(|tag| Ok((tag.required("Key")?, tag.given("Value"))));
    let doomed = doomed.collect::<Result<Vec<_>, Failure>>()?;
    for resource in query.list("ResourceId") {
        truth.kind_of(resource)?;
        let values = truth.true_tags(resource);
        let Some(tags) = truth.tags.get_mut(resource) else { continue };
        // Without any tag all go; with a value only a tag that has it.
        tags.retain(|key, _| {
            let meant = |(name, value): &(&str, Option<&str>)| {
                key == name && value.is_none_or(|value| values.get(key).is_some_and(|has| has == value))
            };
            !doomed.is_empty() && !doomed.iter().any(meant)
        });
    }
    Ok(done())
}

const FILTERS: [&str; 4] = ["key", "resource-id", "resource-type", "value"];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &FILTERS)?;
    let mut found = Vec::new();
    for id in truth.tags.keys() {
        let Ok(kind) = truth.kind_of(id) else { continue };
        for (key, value) in truth.seen_tags(id) {
            let field = |name: &str| match name {
                "key" => one(key),
                "resource-id" => one(id),
                "resource-type" => one(kind),
                _ => one(value),
            };
            if filters.accept(truth, id, field) {
                found.push(format!("{id} {key}"));
            }
        }
    }
    let (found, next) = Pages::THOUSAND.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("tagSet", found.iter().filter_map(|found| found.split_once(' ')), |xml, (id, key)| {
        xml.text("resourceId", id).maybe("resourceType", truth.kind_of(id).ok());
        xml.text("key", key).maybe("value", truth.seen_tags(id).get(key));
    });
    page::next(&mut xml, next);
    Ok(xml)
}

/// Writes the tags of a resource that can be seen.
pub(super) fn write(xml: &mut Xml, truth: &Truth, resource: &str) {
    xml.set("tagSet", truth.seen_tags(resource), |xml, (key, value)| {
        xml.text("key", key).text("value", value);
    });
}

/// Tags for what is being made, by the kind of resource.
pub(super) struct NewTags(Vec<(String, Vec<(String, String)>)>);

impl NewTags {
    /// Reads a request's tags, for what it makes.
    pub(super) fn read(query: &Query<'_>, kinds: &[&str]) -> Result<Self, Failure> {
        let specifications = query.members("TagSpecification").into_iter().map(|specification| {
            let kind = specification.required("ResourceType")?.to_owned();
            if !kinds.contains(&kind.as_str()) {
                return Err(Failure::invalid_value(format!(
                    "'{kind}' is not a valid taggable resource type"
                )));
            }
            Ok((kind, read(&specification)?))
        });
        specifications.collect::<Result<_, _>>().map(Self)
    }

    /// Tags a new resource. Its tags can be seen as soon as it can.
    pub(super) fn put_on(&self, truth: &mut Truth, kind: &str, resource: &str) {
        let now = truth.now;
        for (key, value) in self.0.iter().filter(|(of, _)| of == kind).flat_map(|(_, tags)| tags) {
            truth.tag(resource, key, value, now);
        }
    }

    /// Writes them as the answer to the request that brought them.
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.set("tagSet", self.0.iter().flat_map(|(_, tags)| tags), |xml, (key, value)| {
            xml.text("key", key).text("value", value);
        });
    }
}

fn read(query: &Query<'_>) -> Result<Vec<(String, String)>, Failure> {
    let mut keys = BTreeSet::new();
    let tags = query.members("Tag").into_iter().map(|tag| {
        let (key, value) = (tag.required("Key")?, tag.get("Value").unwrap_or_default());
        if !keys.insert(key) {
            return Err(Failure::invalid_value(format!("Duplicate tag key '{key}' specified.")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(Failure::invalid_value(message));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            let message = "Tag key exceeds the maximum length of 128 characters, or its value that of 256";
            return Err(Failure::invalid_value(message));
        }
        Ok((key.to_owned(), value.to_owned()))
    });
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    if tags.len() > 50 {
        let message = "The maximum number of Tags for a resource has been reached.";
        return Err(Failure::new(400, "TagLimitExceeded", message));
    }
    Ok(tags)
}
