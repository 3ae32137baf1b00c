//! Names of fleets, groups, members and instances: what a name may look like, and how names sort.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest name of a fleet, a group or a member.
pub const NAME_MAX: usize = 40;

/// The longest name of an instance: a DNS label (RFC 1035), because instances become host names.
pub const INSTANCE_NAME_MAX: usize = 63;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("a name can't be empty")]
    Empty,
    /// More than [`NAME_MAX`] characters, or [`INSTANCE_NAME_MAX`] for an instance.
    #[error("a name has at most {max} characters, this one has {len}")]
    TooLong {
        /// Its length in characters.
        len: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// A character that names don't have, or one in a place where it can't stand.
    #[error("a name is made of a-z, 0-9 and single hyphens, and begins and ends with a letter or digit")]
    Character,
}

fn check(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let len = text.chars().count();
    if len > max {
        return Err(NameError::TooLong { len, max });
    }
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let hyphens = text.starts_with('-') || text.ends_with('-') || text.contains("--");
    if plain && !hyphens { Ok(()) } else { Err(NameError::Character) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// Takes `text` as a name, if it is one.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                check(text, $max)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into()
            }
        }

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                natural(&self.0, &other.0)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$",
                    "maxLength": $max,
                })
            }
        }
    };
}

name!(
    /// The name of a fleet.
    FleetName,
    NAME_MAX
);
name!(
    /// The name of a group within its fleet.
    GroupName,
    NAME_MAX
);
name!(
    /// The name of a member within its group.
    MemberName,
    NAME_MAX
);
name!(
    /// The name of an instance: `<fleet>-<group>-<index or member>`.
    InstanceName,
    INSTANCE_NAME_MAX
);

impl InstanceName {
    /// The name of one instance of a group; `last` is its index, from 1, or its member's name.
    pub fn of(fleet: &FleetName, group: &GroupName, last: impl fmt::Display) -> Result<Self, NameError> {
        Self::new(format!("{fleet}-{group}-{last}"))
    }
}

/// Sorts as people do: `broker-2` before `broker-10`. Equal only for equal texts, so that it is a total order.
fn natural(one: &str, other: &str) -> Ordering {
    // The names of a fleet begin alike. What is alike can be passed over, up to the number that may go on after it.
    let alike = one.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
    let last = one.as_bytes()[..alike].iter().rposition(|byte| !byte.is_ascii_digit());
    let start = last.map_or(0, |last| last + 1);
    let (mut left, mut right) = (&one.as_bytes()[start..], &other.as_bytes()[start..]);
    while let (Some(&first), Some(&second)) = (left.first(), right.first()) {
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((number, after), (other_number, after_other)) = (take_number(left), take_number(right));
            match number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number)) {
                Ordering::Equal => (left, right) = (after, after_other),
                unequal => return unequal,
            }
        } else if first == second {
            (left, right) = (&left[1..], &right[1..]);
        } else {
            return first.cmp(&second);
        }
    }
    left.len().cmp(&right.len()).then_with(|| one.cmp(other))
}

/// Splits the leading digits off, without their leading zeros.
fn take_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().position(|&b| b != b'0').unwrap_or(digits.len());
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        #[track_caller]
        fn check(text: &str, expected: Result<(), NameError>) {
            assert_eq!(FleetName::new(text).map(|_| ()), expected, "{text}");
        }
        check("demo", Ok(()));
        check("7", Ok(()));
        check("team-paris-2", Ok(()));
        check("", Err(NameError::Empty));
        check("../x", Err(NameError::Character));
        check("a b", Err(NameError::Character));
        check("Demo", Err(NameError::Character));
        check("-a", Err(NameError::Character));
        check("a-", Err(NameError::Character));
        check("a--b", Err(NameError::Character));
        check("dé", Err(NameError::Character));
        check(&"a".repeat(40), Ok(()));
        check(&"a".repeat(300), Err(NameError::TooLong { len: 300, max: 40 }));
    }

    #[test]
    fn names_sort_as_people_do() {
        let mut names =
            ["a-10", "a-2", "a-1", "b-1", "a", "a-2-x", "a-02"].map(|n| InstanceName::new(n).unwrap());
        names.sort();
        let sorted = names.iter().map(InstanceName::as_str).collect::<Vec<_>>();
        assert_eq!(sorted, ["a", "a-1", "a-02", "a-2", "a-2-x", "a-10", "b-1"]);
    }

    proptest! {
        #[test]
        fn names_have_one_order(names in prop::collection::vec("[ab]?(0|00|1|10|2|x)(-(0|01|1|2|12|x)){0,2}", 3)) {
            let [one, two, three] = [0, 1, 2].map(|index| InstanceName::new(&names[index]).unwrap());
            prop_assert_eq!(one.cmp(&two), two.cmp(&one).reverse());
            prop_assert_eq!(one == two, one.cmp(&two).is_eq());
            if one <= two && two <= three {
                prop_assert!(one <= three);
            }
        }
    }
}
