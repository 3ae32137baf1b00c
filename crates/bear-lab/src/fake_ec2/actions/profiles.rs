//! Which IAM instance profile an instance has.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, one};
use super::launch::read_profile;

const FILTERS: [&str; 2] = ["instance-id", "state"];

/// An instance has one profile at most, so that its association can be named after it.
fn association(instance: &str) -> String {
    instance.replacen("i-", "iip-assoc-", 1)
}

fn instance_of(association: &str) -> String {
    association.replacen("iip-assoc-", "i-", 1)
}

pub(super) fn associate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = query.required("InstanceId")?;
    let profile = read_profile(truth, query)?;
    if truth.find_instance(id)?.iam_profile.is_some() {
        let message = format!("There is an existing association for instance {id}");
        return Err(Failure::new(400, "IncorrectState", message));
    }
    change(truth, id, profile)
}

pub(super) fn replace(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = find(truth, query)?;
    let profile = read_profile(truth, query)?;
    change(truth, &id, profile)
}

pub(super) fn disassociate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = find(truth, query)?;
    change(truth, &id, None)
}

/// The instance whose association a request names.
fn find(truth: &mut Truth, query: &Query<'_>) -> Result<String, Failure> {
    let named = query.required("AssociationId")?;
    let id = instance_of(named);
    let has_profile = truth.find_instance(&id).is_ok_and(|instance| instance.iam_profile.is_some());
    if has_profile { Ok(id) } else { Err(Failure::missing("InvalidAssociationID", "association ID", named)) }
}

/// Gives an instance a profile, or takes it away, and tells of the association that there is or was.
fn change(truth: &mut Truth, id: &str, profile: Option<String>) -> Answer {
    let instance = truth.find_instance(id)?;
    let state = if profile.is_some() { "associating" } else { "disassociating" };
    let before = std::mem::replace(&mut instance.iam_profile, profile);
    let told = instance.iam_profile.clone().or(before).unwrap_or_default();
    let mut xml = Xml::default();
    xml.within("iamInstanceProfileAssociation", |xml| write(xml, id, &told, state));
    Ok(xml)
}

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &FILTERS)?;
    let named = query.list("AssociationId");
    let instances = truth.instances.values().filter(|instance| instance.visible_from <= truth.now);
    let found = instances.filter_map(|instance| Some((instance, instance.iam_profile.as_ref()?)));
    let found = found.filter(|(instance, _)| {
        let field = |name: &str| if name == "state" { one("associated") } else { one(&instance.id) };
        (named.is_empty() || named.contains(&association(&instance.id).as_str()))
            && filters.accept(truth, &association(&instance.id), field)
    });
    let mut xml = Xml::default();
    xml.set("iamInstanceProfileAssociationSet", found, |xml, (instance, profile)| {
        write(xml, &instance.id, profile, "associated");
    });
    Ok(xml)
}

fn write(xml: &mut Xml, instance: &str, profile: &str, state: &str) {
    xml.text("associationId", association(instance)).text("instanceId", instance).text("state", state);
    xml.within("iamInstanceProfile", |xml| {
        xml.text("arn", profile).text("id", "AIPAQ3EGFAKEEC2BEAR3Z");
    });
}
