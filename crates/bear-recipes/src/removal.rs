//! Giving a host back as it was found.

use crate::host::{self, Owner};
use crate::recipe::Recipe;
use crate::refusal::Refusal;
use crate::{apt, docker, image, ports};

pub(crate) const CODE: &str = include_str!("sh/removal.sh");
const ALL: &[&str] = &[apt::CODE, image::CODE, ports::CODE, docker::CODE, CODE];

/// What takes everything of bear's off a host, in order: brokers, then Docker unless it was there before or holds
/// somebody else's containers, then the packages that came along, then the mark of the owner. What that is, is marked
/// on the host itself. `keep_data` leaves the brokers' data where it is.
///
/// # Errors
///
/// A word of the owner's that is none.
pub fn removal(owner: &Owner, keep_data: bool) -> Result<Vec<Recipe>, Refusal> {
    let gone = Recipe::new("removal", ALL)
        .set("keep_data", if keep_data { "yes" } else { "no" })?
        .block("brokers.gone", "brokers_gone")
        .block("docker.gone", "docker_gone");
    Ok(vec![owner.ours()?, gone, host::release()])
}

/// Begins a broker's recipe: bear's other brokers leave the host before it comes, and their data stays.
pub(crate) fn instead_of(others: &str, recipe: Recipe) -> Result<Recipe, Refusal> {
    Ok(recipe.set("keep_data", "yes")?.set("other_brokers", others)?.block_of(
        &["other_brokers"],
        "broker.others",
        "other_brokers",
    ))
}
