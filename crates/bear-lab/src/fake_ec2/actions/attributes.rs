//! What a single instance is asked, and what is changed about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::truth::catalogue::instance_type;
use super::super::truth::instance::{InstanceState, Metadata};
use super::super::xml::Xml;
use super::{Answer, done, groups, instance_xml, launch};

pub(super) fn modify(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = query.required("InstanceId")?;
    let wanted = query.within("InstanceType").get("Value").or_else(|| attribute(query, "instanceType"));
    let protected = query.within("DisableApiTermination").flag("Value")?;
    let user_data = query.within("UserData").get("Value").or_else(|| attribute(query, "userData"));
    let behaviour = query.within("InstanceInitiatedShutdownBehavior").get("Value");
    let groups = query.list("GroupId").into_iter().map(|id| groups::by_id(truth, id));
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    let user_data = user_data.map(launch::check_user_data).transpose()?;
    let instance = truth.find_instance(id)?;
    if !instance.lives() {
        let message = format!("The instance '{id}' is not in a state from which it can be modified.");
        return Err(Failure::wrong_state(message));
    }
    if (wanted.is_some() || user_data.is_some()) && instance.state != InstanceState::Stopped {
        return Err(Failure::wrong_state(format!("The instance '{id}' is not in the 'stopped' state.")));
    }
    if let Some(wanted) = wanted {
        let Some(kind) = instance_type(wanted) else {
            return Err(Failure::invalid_value(format!("Invalid value '{wanted}' for InstanceType.")));
        };
        if kind.architecture != instance.architecture {
            let message =
                format!("The instance type '{wanted}' does not support the architecture of the instance");
            return Err(Failure::combination(message));
        }
        wanted.clone_into(&mut instance.instance_type);
    }
    if let Some(user_data) = user_data {
        instance.user_data = Some(user_data);
    }
    if !groups.is_empty() {
        instance.groups = groups;
    }
    instance.protected = protected.unwrap_or(instance.protected);
    instance.shutdown_terminates = behaviour.map_or(instance.shutdown_terminates, |it| it == "terminate");
    Ok(done())
}

/// The other way to name what is to be changed: `Attribute` and `Value`.
fn attribute<'a>(query: &Query<'a>, name: &str) -> Option<&'a str> {
    query.get("Value").filter(|_| query.get("Attribute") == Some(name))
}

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let attribute = query.required("Attribute")?;
    let instance = truth.find_instance(query.required("InstanceId")?)?.clone();
    let mut xml = Xml::default();
    xml.text("instanceId", &instance.id);
    let value = |xml: &mut Xml, value: Option<String>| {
        xml.within(attribute, |xml| {
            xml.maybe("value", value);
        });
    };
    match attribute {
        "userData" => value(&mut xml, instance.encoded_user_data().map(str::to_owned)),
        "instanceType" => value(&mut xml, Some(instance.instance_type)),
        "disableApiTermination" => value(&mut xml, Some(instance.protected.to_string())),
        "ebsOptimized" => value(&mut xml, Some(instance.ebs_optimized.to_string())),
        "instanceInitiatedShutdownBehavior" => {
            let behaviour = if instance.shutdown_terminates { "terminate" } else { "stop" };
            value(&mut xml, Some(behaviour.to_owned()));
        }
        "groupSet" => instance_xml::write_groups(&mut xml, truth, &instance.groups),
        other => {
            return Err(Failure::invalid_value(format!(
                "Value ({other}) for parameter attribute is invalid"
            )));
        }
    }
    Ok(xml)
}

pub(super) fn modify_metadata(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = query.required("InstanceId")?;
    let metadata = truth.find_instance(id)?.metadata.clone();
    let metadata = read_metadata(query, metadata)?;
    truth.find_instance(id)?.metadata = metadata.clone();
    let mut xml = Xml::default();
    xml.text("instanceId", id);
    xml.within("instanceMetadataOptions", |xml| write_metadata(xml, &metadata, "pending"));
    Ok(xml)
}

/// What a request says about metadata; the rest stays as it was.
pub(super) fn read_metadata(query: &Query<'_>, was: Metadata) -> Result<Metadata, Failure> {
    let word = |name: &str, words: [&str; 2], was: String| match query.get(name) {
        None => Ok(was),
        Some(word) if words.contains(&word) => Ok(word.to_owned()),
        Some(word) => Err(Failure::invalid_value(format!("Value ({word}) for parameter {name} is invalid"))),
    };
    query.get("HttpProtocolIpv6");
    Ok(Metadata {
        tokens: word("HttpTokens", ["optional", "required"], was.tokens)?,
        endpoint: word("HttpEndpoint", ["enabled", "disabled"], was.endpoint)?,
        hop_limit: query.parse("HttpPutResponseHopLimit")?.unwrap_or(was.hop_limit),
        tags: word("InstanceMetadataTags", ["enabled", "disabled"], was.tags)?,
    })
}

pub(super) fn write_metadata(xml: &mut Xml, metadata: &Metadata, state: &str) {
    xml.text("state", state).text("httpTokens", &metadata.tokens);
    xml.text("httpPutResponseHopLimit", metadata.hop_limit).text("httpEndpoint", &metadata.endpoint);
    xml.text("httpProtocolIpv6", "disabled").text("instanceMetadataTags", &metadata.tags);
}

pub(super) fn console_output(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.flag("Latest")?;
    let id = query.required("InstanceId")?;
    let date = truth.date(truth.now);
    let instance = truth.find_instance(id)?;
    // EC2 has nothing to show before the machine runs.
    let booted = || format!("[    0.000000] Linux version 6.8.0-1021-aws\r\n{id} login: ");
    let runs = instance.state == InstanceState::Running;
    let output = instance.console.clone().or_else(|| runs.then(booted)).map(|text| STANDARD.encode(text));
    let mut xml = Xml::default();
    xml.text("instanceId", id).text("timestamp", date).maybe("output", output);
    Ok(xml)
}
