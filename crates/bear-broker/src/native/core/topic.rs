//! Topic names and filters: which are valid, and which filter matches which name (MQTT 5, section 4.7).

use crate::limits;

/// A filter, and the group that shares it where it begins with `$share/GROUP/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter<'a> {
    pub(crate) group: Option<&'a str>,
    pub(crate) levels: &'a str,
}

impl<'a> Filter<'a> {
    /// Reads a filter; none for one that is not valid.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let filter = match text.strip_prefix("$share/") {
            None => Self { group: None, levels: text },
            Some(shared) => {
                let (group, levels) = shared.split_once('/')?;
                let valid = !group.is_empty() && !group.contains(['+', '#']);
                valid.then_some(Self { group: Some(group), levels })?
            }
        };
        (!filter.levels.is_empty() && is_valid(filter.levels)).then_some(filter)
    }

    /// Whether a message with this topic name is for this filter.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        // Wildcards don't reach into what servers keep for themselves.
        if topic.starts_with('$') && self.levels.starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.split('/');
        for level in self.levels.split('/') {
            match (level, names.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (level, Some(name)) if level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

fn is_valid(levels: &str) -> bool {
    let deepest = levels.split('/').count() - 1;
    deepest < limits::FILTER_LEVELS
        && levels.split('/').enumerate().all(|(depth, level)| match level {
            "+" => true,
            "#" => depth == deepest,
            name => !name.contains(['+', '#']),
        })
}

/// Whether a message can be published under this name.
pub(crate) fn is_topic_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['+', '#'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(filter: &str, topics: &str) -> String {
        let Some(parsed) = Filter::parse(filter) else { return "not valid".to_owned() };
        topics.split_whitespace().filter(|topic| parsed.matches(topic)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn filters_match_what_the_standard_says() {
        let topics = "a a/b a/b/c /a a/ $SYS/a $SYS";
        insta::assert_snapshot!(check("#", topics), @"a a/b a/b/c /a a/");
        insta::assert_snapshot!(check("a/#", topics), @"a a/b a/b/c a/");
        insta::assert_snapshot!(check("a/+", topics), @"a/b a/");
        insta::assert_snapshot!(check("+", topics), @"a");
        insta::assert_snapshot!(check("/+", topics), @"/a");
        insta::assert_snapshot!(check("+/+", topics), @"a/b /a a/");
        insta::assert_snapshot!(check("$SYS/#", topics), @"$SYS/a $SYS");
        insta::assert_snapshot!(check("$share/group/a/+", topics), @"a/b a/");
    }

    #[test]
    fn a_filter_that_makes_no_sense_or_is_too_deep_is_not_valid() {
        assert_eq!(Filter::parse(&"/".repeat(limits::FILTER_LEVELS)), None);
        assert!(Filter::parse(&"/".repeat(limits::FILTER_LEVELS - 1)).is_some());
        for filter in ["", "a/#/b", "a#", "a/b+", "$share/group", "$share//a", "$share/+/a", "$share/group/"]
        {
            assert_eq!(Filter::parse(filter), None, "{filter}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_the_name_with_any_level_made_a_wildcard(
            levels in prop::collection::vec("[a-z]{0,3}", 1..5).prop_filter("a name", |levels| levels.concat() != ""),
            at in any::<prop::sample::Index>(),
        ) {
            let topic = levels.join("/");
            let mut wild = levels.clone();
            wild[at.index(levels.len())] = "+".to_owned();
            let deep = [&levels[..at.index(levels.len())], &["#".to_owned()]].concat();

            for filter in [&topic, &wild.join("/"), &deep.join("/")] {
                prop_assert!(Filter::parse(filter).unwrap().matches(&topic), "{} for {}", filter, topic);
            }
        }
    }
}
