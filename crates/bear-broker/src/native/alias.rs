//! Topic aliases of one connection (MQTT 5, section 3.3.2.3.4): a number in the place of a topic name.

use std::collections::HashMap;

use crate::limits;

/// What the client's numbers stand for.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    topics: HashMap<u16, String>,
}

impl Incoming {
    /// The topic of a PUBLISH; none where its alias is not valid or stands for nothing.
    pub(super) fn resolve(&mut self, topic: String, alias: Option<u16>) -> Option<String> {
        let Some(alias) = alias else { return Some(topic).filter(|topic| !topic.is_empty()) };
        if alias == 0 || alias > limits::TOPIC_ALIASES {
            return None;
        }
        if topic.is_empty() {
            return self.topics.get(&alias).cloned();
        }
        self.topics.insert(alias, topic.clone());
        Some(topic)
    }
}

/// The numbers towards the client: the first topics that it gets have one for as long as the connection lasts.
#[derive(Debug)]
pub(super) struct Outgoing {
    most: usize,
    aliases: HashMap<String, u16>,
}

/// How a topic is named in a PUBLISH.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Name,
    NameAndAlias(u16),
    Alias(u16),
}

impl Outgoing {
    /// For a client that takes this many aliases.
    pub(super) fn new(most: u16) -> Self {
        Self { most: usize::from(most.min(limits::TOPIC_ALIASES)), aliases: HashMap::new() }
    }

    pub(super) fn name(&self, topic: &str) -> Naming {
        match self.aliases.get(topic) {
            Some(alias) => Naming::Alias(*alias),
            None if self.aliases.len() < self.most => {
                Naming::NameAndAlias(u16::try_from(self.aliases.len() + 1).unwrap_or(u16::MAX))
            }
            None => Naming::Name,
        }
    }

    /// Notes that the client was told what this alias stands for.
    pub(super) fn told(&mut self, topic: &str, alias: u16) {
        self.aliases.insert(topic.to_owned(), alias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_the_topic_that_it_was_last_set_to() {
        let mut incoming = Incoming::default();
        let mut resolve = |topic: &str, alias| incoming.resolve(topic.to_owned(), alias);

        assert_eq!(resolve("", Some(1)), None);
        assert_eq!(resolve("a", Some(1)).as_deref(), Some("a"));
        assert_eq!(resolve("", Some(1)).as_deref(), Some("a"));
        assert_eq!(resolve("b", Some(1)).as_deref(), Some("b"));
        assert_eq!(resolve("", Some(1)).as_deref(), Some("b"));
        assert_eq!([resolve("a", Some(0)), resolve("a", Some(17)), resolve("", None)], [None, None, None]);
    }

    #[test]
    fn a_client_gets_no_more_aliases_than_it_takes() {
        let mut outgoing = Outgoing::new(1);

        assert_eq!(outgoing.name("a"), Naming::NameAndAlias(1));
        outgoing.told("a", 1);
        assert_eq!([outgoing.name("a"), outgoing.name("b")], [Naming::Alias(1), Naming::Name]);
        assert_eq!(Outgoing::new(0).name("a"), Naming::Name);
    }
}
