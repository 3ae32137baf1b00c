//! How what bear makes is marked: with tags, so that it is found again whoever has lost what.
//!
//! Everything bears the fleet's name, its lineage, and the owner's own tags. A machine also says whose it is. Machines
//! that are launched together get the same tags, so those list all of them in the order of their launch index, and it
//! takes no call of its own to mark a machine. One that is alone in its launch, and one that was marked afterwards, says
//! it in two plain tags, which count before any list.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use bear_core::name::InstanceName;

use crate::settings::Settings;

pub(crate) const FLEET: &str = "bear:fleet";
pub(crate) const LINEAGE: &str = "bear:lineage";
pub(crate) const LAUNCH: &str = "bear:launch";
pub(crate) const INSTANCE: &str = "bear:instance";
pub(crate) const TOKEN: &str = "bear:token";
const MEMBERS: &str = "bear:members";

/// How much of a token a list tells: 64 bits tell the machines of a fleet apart.
const TOKEN_SHOWN: usize = 16;
/// EC2's limits: "Tag your Amazon EC2 resources".
const VALUE_MAX: usize = 256;
const TAGS_MAX: usize = 50;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// What is on everything that a fleet has.
pub(crate) fn common(settings: &Settings) -> Tags {
    let mut tags = settings.foundation.tags.clone();
    tags.insert(FLEET.to_owned(), settings.fleet.to_string());
    tags.insert(LINEAGE.to_owned(), settings.lineage.clone());
    tags
}

/// What is on one machine, or on what belongs to it.
pub(crate) fn of_one(settings: &Settings, instance: &InstanceName, token: &str) -> Tags {
    let mut tags = common(settings);
    tags.insert("Name".to_owned(), instance.to_string());
    tags.insert(INSTANCE.to_owned(), instance.to_string());
    tags.insert(TOKEN.to_owned(), token.to_owned());
    tags
}

/// What is on the machines of one launch, given in the order of their launch index.
pub(crate) fn of_launch(settings: &Settings, launch: &str, members: &[(&InstanceName, &str)]) -> Tags {
    let mut tags = match members {
        [(instance, token)] => of_one(settings, instance, token),
        _ => common(settings),
    };
    tags.insert(LAUNCH.to_owned(), launch.to_owned());
    if members.len() == 1 {
        return tags;
    }
    tags.insert("Name".to_owned(), settings.fleet.to_string());
    let named = list(members.iter().map(|(instance, token)| (Some(*instance), *token)));
    let room = TAGS_MAX.saturating_sub(tags.len());
    // Names are for people. Where the owner's tags and long names leave no room for all of them, tokens do.
    let values =
        if named.len() <= room { named } else { list(members.iter().map(|(_, token)| (None, *token))) };
    let keys =
        (1..).map(|number| if number == 1 { MEMBERS.to_owned() } else { format!("{MEMBERS}-{number}") });
    tags.extend(keys.zip(values));
    tags
}

/// How many machines the tags of a launch have room for beside so many of the owner's.
pub(crate) fn listed_max(owners: usize) -> usize {
    // The fleet, the lineage, the launch and the name are there as well.
    let room = TAGS_MAX.saturating_sub(owners + 4);
    // Without its name an entry is `=`, what is shown of the token, and a blank before the next.
    room * ((VALUE_MAX + 1) / (TOKEN_SHOWN + 2))
}

/// Machines as `daily-emqx-1=0123456789abcdef 2=…`: a name is cut to its last label where all before is as in the entry
/// before. Each text is as long as a tag may be at most, and begins anew with a whole name.
fn list<'a>(members: impl Iterator<Item = (Option<&'a InstanceName>, &'a str)>) -> Vec<String> {
    let mut values = Vec::<String>::new();
    let mut group_before = None;
    for (instance, token) in members {
        let token = shown(token);
        let (group, label) = instance.and_then(|name| name.as_str().rsplit_once('-')).unzip();
        let whole = instance.map_or(format!("={token}"), |name| format!("{name}={token}"));
        let entry = match label {
            Some(label) if group == group_before => format!("{label}={token}"),
            _ => whole.clone(),
        };
        match values.last_mut() {
            Some(value) if value.len() + 1 + entry.len() <= VALUE_MAX => {
                value.push(' ');
                value.push_str(&entry);
            }
            _ => values.push(whole),
        }
        group_before = group;
    }
    values
}

fn shown(token: &str) -> &str {
    token.get(..TOKEN_SHOWN).unwrap_or(token)
}

/// Whose a machine says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    /// The instance, where that is a name.
    pub(crate) instance: Option<InstanceName>,
    /// Its token, or how it begins.
    token: String,
}

impl Whose {
    /// Reads the tags of the machine that was launched as number `index` of its launch.
    pub(crate) fn read(tags: &Tags, index: usize) -> Option<Self> {
        if let Some(token) = tags.get(TOKEN).filter(|token| !token.is_empty()) {
            let instance = tags.get(INSTANCE).and_then(|name| InstanceName::new(name).ok());
            return Some(Self { instance, token: token.clone() });
        }
        let mut entries = members(tags).flat_map(|value| value.split(' ').map(move |entry| (value, entry)));
        let (value, entry) = entries.nth(index)?;
        let (name, token) = entry.split_once('=').filter(|(_, token)| token.len() == TOKEN_SHOWN)?;
        Some(Self { instance: full_name(value, entry, name), token: token.to_owned() })
    }

    /// Whether it is the machine of the instance with this token.
    pub(crate) fn is(&self, token: &str) -> bool {
        token == self.token || (self.token.len() == TOKEN_SHOWN && token.starts_with(&self.token))
    }
}

/// The lists among the tags of a machine, in order.
fn members(tags: &Tags) -> impl Iterator<Item = &str> {
    let further = (2..).map_while(|number: usize| tags.get(&format!("{MEMBERS}-{number}")));
    tags.get(MEMBERS).into_iter().chain(further).map(String::as_str)
}

/// The whole name of an entry that may be cut: the last whole one before it has the rest.
fn full_name(value: &str, entry: &str, name: &str) -> Option<InstanceName> {
    if name.contains('-') {
        return InstanceName::new(name).ok();
    }
    let until = value.split(' ').position(|other| other == entry)?;
    let names = value.split(' ').take(until).filter_map(|other| other.split_once('=').map(|(name, _)| name));
    let (group, _) = names.filter(|name| name.contains('-')).last()?.rsplit_once('-')?;
    InstanceName::new(format!("{group}-{name}")).ok()
}

/// Tags as the SDK takes them.
pub(crate) fn sdk(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags for what a request makes.
pub(crate) fn on(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(sdk(tags))).build()
}

/// Tags as the SDK gives them.
pub(crate) fn read(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    pairs.collect()
}

/// Whether a machine's tags tell of the instance with this token, be it this machine's or another's of its launch.
pub(crate) fn mentions(tags: &Tags, token: &str) -> bool {
    let listed = members(tags).flat_map(|value| value.split(' ')).filter_map(|entry| entry.split_once('='));
    tags.get(TOKEN).is_some_and(|own| own == token)
        || listed.map(|(_, begins)| begins).any(|begins| begins == shown(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{HostKeySecret, Notify};

    fn settings(owners_tags: usize) -> Settings {
        let text = "
fleet: daily
provider: { aws: { region: eu-west-3 } }
network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
groups: { emqx: { count: 1, machine: { type: t3.small, image: ubuntu-22.04 }, broker: { emqx: { version: 5.0.9 } } } }
";
        let fleet = bear_core::fleet::parse("fleet.yaml", text.as_bytes()).expect("it is right").fleet;
        let mut foundation = fleet.foundation().expect("it is of aws");
        foundation.tags =
            (0..owners_tags).map(|number| (format!("tag{number}"), "mine".to_owned())).collect();
        Settings {
            fleet: fleet.name,
            lineage: "0a1b2c3d".to_owned(),
            foundation,
            public_key: None,
            host_key_secret: HostKeySecret::new("secret"),
            notify: Notify::silent(),
        }
    }

    fn launch(settings: &Settings, names: &[String]) -> (Vec<(InstanceName, String)>, Tags) {
        let members = names.iter().enumerate().map(|(number, name)| {
            (InstanceName::new(name).expect("it is a name"), format!("{number:016x}{number:048x}"))
        });
        let members = members.collect::<Vec<_>>();
        let borrowed = members.iter().map(|(name, token)| (name, token.as_str())).collect::<Vec<_>>();
        let tags = of_launch(settings, "launch", &borrowed);
        (members, tags)
    }

    #[test]
    fn a_list_names_each_machine_of_a_launch() {
        let names = ["daily-emqx-1", "daily-emqx-2", "daily-edge-paris", "daily-edge-x-1"].map(str::to_owned);
        let (_, tags) = launch(&settings(0), &names);
        assert_eq!(
            tags[MEMBERS],
            "daily-emqx-1=0000000000000000 2=0000000000000001 daily-edge-paris=0000000000000002 \
             daily-edge-x-1=0000000000000003"
        );
        let (_, alone) = launch(&settings(0), &names[..1]);
        assert_eq!((alone[INSTANCE].as_str(), alone.contains_key(MEMBERS)), ("daily-emqx-1", false));
    }

    #[test]
    fn whatever_the_names_every_machine_finds_itself_and_tags_are_within_the_limits() {
        for (owners_tags, count) in [(0, 2), (0, 500), (10, 150), (35, 150)] {
            let settings = settings(owners_tags);
            assert!(count <= listed_max(owners_tags), "{count} with {owners_tags}");
            let short =
                |number: usize| format!("daily-{}-{number}", if number < 3 { "edge" } else { "emqx" });
            let long = |number: usize| format!("daily-group{number:028}-member{number:016}");
            for names in [(0..count).map(short).collect::<Vec<_>>(), (0..count).map(long).collect()] {
                let (members, tags) = launch(&settings, &names);
                assert!(tags.len() <= TAGS_MAX && tags.values().all(|value| value.len() <= VALUE_MAX));
                for (index, (name, token)) in members.iter().enumerate() {
                    let whose = Whose::read(&tags, index).expect("it is listed");
                    assert!(whose.is(token) && mentions(&tags, token), "{name}");
                    assert!(whose.instance.is_none_or(|told| told == *name), "{name}");
                }
                assert_eq!(Whose::read(&tags, count), None, "there are no more");
            }
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_nobodys() {
        for value in ["", "=", "daily-emqx-1", "daily-emqx-1=short", "a b c", "=0123456789abcdeg0"] {
            let tags = Tags::from([(MEMBERS.to_owned(), value.to_owned())]);
            assert_eq!(Whose::read(&tags, 0), None, "{value}");
        }
    }
}
