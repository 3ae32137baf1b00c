//! The host key of a machine that bear made: what came with the user data is replaced by one that only the host has.
//!
//! User data can be read for as long as a machine lives, by whoever may ask EC2 for it and by every process on the
//! machine. So the private key in it serves for the first connection, and for no other. It takes two scripts, so that
//! the new key is known here before the host presents it: [`next`] makes it and says its public half, [`moved`] puts it
//! into its place. Whatever is cut off in between, both keys are known and the host has one of them.
//!
//! Keys of other types are left alone: bear never hands one over, and trusts none.

use crate::recipe::Recipe;
use crate::refusal::Refusal;

const CODE: &[&str] = &[include_str!("sh/host-key.sh")];

/// Makes the key that is to come, beside the one that was given to the host, and says it in
/// [`crate::HostFacts::next_host_key`]. The given one is its public half, as `ssh-keygen -y` prints it, without a comment.
/// A host that was given the same key, and is another machine than the one of this id (`i-…`), is refused.
///
/// # Errors
///
/// The key or the id holds a NUL byte.
pub fn next(given: &str, machine: &str) -> Result<Recipe, Refusal> {
    let recipe = Recipe::new("host-key", CODE).set("host_key_given", given)?.set("host_machine", machine)?;
    Ok(recipe.block("host-key.next", "host_key_next"))
}

/// Puts the key with this public half into its place, and lets sshd know.
///
/// # Errors
///
/// The key holds a NUL byte.
pub fn moved(made: &str) -> Result<Recipe, Refusal> {
    let recipe = Recipe::new("host-key", CODE).set("host_key_made", made)?;
    Ok(recipe.block("host-key.moved", "host_key_moved"))
}
