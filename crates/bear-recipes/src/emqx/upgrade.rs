//! Which version can follow which on the same data.
//!
//! Source: EMQX's own table of rolling upgrades, and the reports of upgrades that got stuck. What the table calls limited
//! is let through: its limits are those of two versions in one cluster, and here one takes the place of the other.

use super::version::Version;
use crate::refusal::Refusal;

/// Whether a broker can go from one version to another and keep its data.
///
/// # Errors
///
/// EMQX does not support this step; the refusal names the way around.
pub fn upgrade(from: &Version, to: &Version) -> Result<(), Refusal> {
    let refuse = |why, way: &str| {
        Err(Refusal::Upgrade { from: from.to_string(), to: to.to_string(), why, way: way.to_owned() })
    };
    if to.is_older_than(from) {
        return refuse(
            "an older version can't read what a newer one wrote",
            "destroy the instance and apply again, which makes it new and empty",
        );
    }
    match (from.line(), to.line()) {
        (a, b) if a == b => Ok(()),
        ((5, 0..=3), (5, 10..) | (6.., _)) | ((5, 4..=6), (6.., _)) | ((5, 7), (6, 2..) | (7.., _)) => {
            refuse("the step is too long", "go to 5.8.9 first, prove it, then go on")
        }
        ((5, _), (6, 0)) if to.numbers() == (6, 0, 0) => {
            refuse("6.0.0 can't start on the data of a 5", "go to 6.0.1 or a later 6.0")
        }
        ((5, 8), (6, 1..) | (7.., _)) => {
            refuse("the step is too long", "go to 6.0.3 first, prove it, then go on")
        }
        ((6, 1), (6, 2)) | ((6, 2), (6, 3)) if to.numbers().2 == 0 => {
            refuse("upgrades to that first release got stuck", "go to a later release of the same line")
        }
        ((5, _), (7.., _)) => {
            refuse("the step is too long", "go to the newest 6 first, prove it, then go on")
        }
        _ => Ok(()),
    }
}
