//! A recipe: what is put on an instance, as a value.

use std::fmt;

use crate::shell::{NulByte, Quoted};

/// Blocks that belong together, the shell functions that they are made of, and the values that these read.
#[derive(Clone)]
pub struct Recipe {
    /// What it puts on an instance, such as `docker`.
    pub name: &'static str,
    /// The shell code of its blocks: for each one `check_FUNCTION` and `apply_FUNCTION`.
    pub(crate) code: &'static [&'static str],
    /// The variables that the code reads.
    pub(crate) variables: Vec<Variable>,
    /// The secrets that are in the variables, as people know them.
    pub(crate) secrets: Vec<String>,
    /// Its blocks, in order.
    pub(crate) blocks: Vec<Block>,
    /// Whether it changes nothing on a host, so that it may run beside another bear's recipes.
    pub(crate) only_looks: bool,
    /// The settings that it renders, as the plan shows them.
    pub(crate) configuration: Option<Configuration>,
}

/// One thing that must be so on a host: a check whether it is, and what makes it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name, such as `docker.packages`.
    pub name: &'static str,
    /// What its two functions are called after `check_` and `apply_`.
    pub(crate) function: &'static str,
    /// The variables that it makes true, where they tell all of it: while they stay the same, a host that was just seen
    /// to be as it was left has no need of the block. Without any, it always runs.
    pub(crate) concerns: &'static [&'static str],
}

/// A shell variable of a script.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) value: Quoted,
}

/// Settings that a recipe writes onto the host, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The file on the host.
    pub path: &'static str,
    /// What it holds.
    pub text: String,
}

/// Shows no value: it may be a secret.
impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe")
            .field("name", &self.name)
            .field("blocks", &self.blocks)
            .finish_non_exhaustive()
    }
}

impl Configuration {
    /// The SHA-256 of the text in hexadecimal digits, to be compared with what [`crate::observe()`] finds on a host.
    pub fn digest(&self) -> String {
        digest(&self.text)
    }
}

/// The SHA-256 of a text in hexadecimal digits, as `sha256sum` prints it.
pub(crate) fn digest(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Recipe {
    pub(crate) fn new(name: &'static str, code: &'static [&'static str]) -> Self {
        Self {
            name,
            code,
            variables: Vec::new(),
            secrets: Vec::new(),
            blocks: Vec::new(),
            only_looks: false,
            configuration: None,
        }
    }

    /// One that changes nothing on a host: no block has anything to apply.
    pub(crate) fn look(name: &'static str, code: &'static [&'static str]) -> Self {
        Self { only_looks: true, ..Self::new(name, code) }
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The settings that it writes onto the host, for the plan's diff.
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// What is left to do on a host that was just seen to be as `before` left it: the blocks that always run, and those
    /// of which a variable has another value now, or had none.
    #[must_use]
    pub fn since(self, before: &[Recipe]) -> Self {
        let before = before.iter().find(|recipe| recipe.name == self.name);
        let same = |name: &&str| {
            let then = before.and_then(|recipe| recipe.value(name));
            then.is_some() && then == self.value(name)
        };
        let concerned = |block: &&Block| block.concerns.is_empty() || !block.concerns.iter().all(same);
        let blocks = self.blocks.iter().filter(concerned).copied().collect();
        Self { blocks, ..self }
    }

    fn value(&self, name: &str) -> Option<&Quoted> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| &variable.value)
    }

    /// A block that always runs.
    pub(crate) fn block(self, name: &'static str, function: &'static str) -> Self {
        self.block_of(&[], name, function)
    }

    /// A block that has nothing to do while these variables stay the same. None of them may be a secret that can change
    /// behind its name: a plan knows the old ones by their names only.
    pub(crate) fn block_of(
        mut self,
        concerns: &'static [&'static str],
        name: &'static str,
        function: &'static str,
    ) -> Self {
        self.blocks.push(Block { name, function, concerns });
        self
    }

    pub(crate) fn set(mut self, name: &'static str, value: &str) -> Result<Self, NulByte> {
        self.variables.push(Variable { name, value: Quoted::new(value)? });
        Ok(self)
    }

    /// Notes a secret that some of the variables carry, so that what comes back can be searched for it.
    pub(crate) fn carrying(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }
}
