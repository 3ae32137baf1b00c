//! Numbers with units, written as people write them: `20 GiB`, `30s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Why a text is no size or no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a size.
    #[error("expected a size such as `20 GiB` or `512 MiB`")]
    Size,
    /// Not a length of time.
    #[error("expected a length of time such as `30s`, `5m` or `1m 30s`")]
    Time,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// A size of so many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text.trim()).ok_or(UnitError::Size)?;
        let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit).ok_or(UnitError::Size)?;
        number.checked_mul(*factor).map(Self).ok_or(UnitError::Size)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = SIZES.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.copied().unwrap_or(("B", 1));
        write!(f, "{} {unit}", self.0 / factor)
    }
}

/// A length of time, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seconds(u64);

const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl Seconds {
    /// So many seconds.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let mut rest = text.trim();
        let mut total = 0_u64;
        if rest.is_empty() {
            return Err(UnitError::Time);
        }
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| c.is_ascii_alphabetic())
                .and_then(|unit| rest[unit..].find(|c: char| !c.is_ascii_alphabetic()).map(|len| unit + len));
            let (part, later) = rest.split_at(end.unwrap_or(rest.len()));
            let (number, unit) = split(part).ok_or(UnitError::Time)?;
            let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit).ok_or(UnitError::Time)?;
            let seconds = number.checked_mul(*factor).ok_or(UnitError::Time)?;
            total = total.checked_add(seconds).ok_or(UnitError::Time)?;
            rest = later.trim_start();
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        let mut gap = "";
        for (unit, factor) in TIMES {
            if left >= factor {
                write!(f, "{gap}{}{unit}", left / factor)?;
                left %= factor;
                gap = " ";
            }
        }
        Ok(())
    }
}

/// Splits `20 GiB` into its whole number and its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

macro_rules! as_text {
    ($type:ident, $pattern:literal) => {
        impl TryFrom<String> for $type {
            type Error = UnitError;
            fn try_from(text: String) -> Result<Self, UnitError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

as_text!(ByteSize, "^ *[0-9]+ *(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B) *$");
as_text!(Seconds, "^ *([0-9]+ *[dhms] *)+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let got = text.parse::<ByteSize>().map_or_else(|e| e.to_string(), |size| size.to_string());
            assert_eq!(got, expected, "{text}");
        }
        check("20 GiB", "20 GiB");
        check("20GiB", "20 GiB");
        check("1024 MiB", "1 GiB");
        check("1500 MB", "1500 MB");
        check("0 B", "0 B");
        check("20", "expected a size such as `20 GiB` or `512 MiB`");
        check("20 gigs", "expected a size such as `20 GiB` or `512 MiB`");
        check("-1 GiB", "expected a size such as `20 GiB` or `512 MiB`");
        check("99999999999999 TiB", "expected a size such as `20 GiB` or `512 MiB`");
    }

    #[test]
    fn times() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let got = text.parse::<Seconds>().map_or_else(|e| e.to_string(), |time| time.to_string());
            assert_eq!(got, expected, "{text}");
        }
        check("30s", "30s");
        check("90s", "1m 30s");
        check("1m 30s", "1m 30s");
        check("1h30m", "1h 30m");
        check("0s", "0s");
        check("", "expected a length of time such as `30s`, `5m` or `1m 30s`");
        check("30", "expected a length of time such as `30s`, `5m` or `1m 30s`");
        check("5 bears", "expected a length of time such as `30s`, `5m` or `1m 30s`");
        check("99999999999999999d", "expected a length of time such as `30s`, `5m` or `1m 30s`");
    }
}
