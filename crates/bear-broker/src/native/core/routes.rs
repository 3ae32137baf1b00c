//! Which subscriptions a topic name reaches: a tree of levels, so that it does not take a look at every subscription.

use std::collections::{BTreeMap, BTreeSet};

use super::topic::Filter;

/// Every subscription of every session.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    root: Level,
}

/// One level of topic filters.
#[derive(Clone, Debug, Default)]
struct Level {
    below: BTreeMap<String, Level>,
    /// The clients and whole filters whose levels end here.
    ending: BTreeSet<(String, String)>,
}

impl Routes {
    /// Adds a filter of a client; nothing happens where it is not valid or there already.
    pub(super) fn add(&mut self, client: &str, text: &str) {
        let Some(filter) = Filter::parse(text) else { return };
        let level = filter
            .levels
            .split('/')
            .fold(&mut self.root, |level, name| level.below.entry(name.to_owned()).or_default());
        level.ending.insert((client.to_owned(), text.to_owned()));
    }

    pub(super) fn remove(&mut self, client: &str, text: &str) {
        if let Some(filter) = Filter::parse(text) {
            let levels = filter.levels.split('/').collect::<Vec<_>>();
            self.root.remove(&levels, &(client.to_owned(), text.to_owned()));
        }
    }

    /// The clients and filters that a message with this topic name is for, in an order that is always the same.
    pub(super) fn matching(&self, topic: &str) -> BTreeSet<(&str, &str)> {
        let names = topic.split('/').collect::<Vec<_>>();
        let mut found = BTreeSet::new();
        // Wildcards don't reach into what servers keep for themselves.
        let wild = !topic.starts_with('$');
        self.root.find(&names, wild, &mut found);
        found
    }
}

impl Level {
    fn find<'a>(&'a self, names: &[&str], wild: bool, found: &mut BTreeSet<(&'a str, &'a str)>) {
        if let Some(level) = self.below.get("#").filter(|_| wild) {
            level.found(found);
        }
        let Some((name, deeper)) = names.split_first() else { return self.found(found) };
        if let Some(level) = self.below.get("+").filter(|_| wild) {
            level.find(deeper, true, found);
        }
        if let Some(level) = self.below.get(*name) {
            level.find(deeper, true, found);
        }
    }

    fn found<'a>(&'a self, found: &mut BTreeSet<(&'a str, &'a str)>) {
        found.extend(self.ending.iter().map(|(client, filter)| (client.as_str(), filter.as_str())));
    }

    /// Takes out a filter, and the levels that were there for it alone.
    fn remove(&mut self, levels: &[&str], ending: &(String, String)) {
        let Some((name, deeper)) = levels.split_first() else {
            self.ending.remove(ending);
            return;
        };
        if let Some(level) = self.below.get_mut(*name) {
            level.remove(deeper, ending);
            if level.below.is_empty() && level.ending.is_empty() {
                self.below.remove(*name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tree_finds_what_looking_at_every_filter_finds(
            added in prop::collection::vec("(\\$share/g/)?([ab+]|[ab+$]/[ab+]|[ab]/)(/#)?|#", 0..20),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
            topic in "\\$?[ab]{0,2}(/[ab]?){0,2}",
        ) {
            let mut routes = Routes::default();
            let mut filters = added.iter().filter(|text| Filter::parse(text).is_some()).collect::<BTreeSet<_>>();
            for text in &added {
                routes.add("client", text);
            }
            for text in removed.iter().filter(|_| !added.is_empty()).map(|index| &added[index.index(added.len())]) {
                routes.remove("client", text);
                filters.remove(text);
            }
            let matches = |text: &&&String| Filter::parse(text).unwrap().matches(&topic);
            let expected = filters.iter().filter(matches).map(|text| ("client", text.as_str())).collect::<BTreeSet<_>>();

            prop_assert_eq!(routes.matching(&topic), expected);
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let mut routes = Routes::default();
        routes.add("one", "a/b/#");
        routes.add("two", "a/b/#");
        routes.remove("one", "a/b/#");
        assert_eq!(routes.matching("a/b/c"), BTreeSet::from([("two", "a/b/#")]));

        routes.remove("two", "a/b/#");
        assert!(routes.root.below.is_empty());
    }
}
