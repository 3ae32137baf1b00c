//! From recipes to one script that runs in one round trip.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::code;
use crate::recipe::{Block, Recipe, Variable};
use crate::shell::{NulByte, Quoted};

const PRELUDE: &str = include_str!("sh/prelude.sh");

/// A word that only this run knows, so that nothing a host prints can pass for a report of its script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

/// A text that is no nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 8 to 64 ASCII letters and digits")]
pub struct NonceError;

impl Nonce {
    /// Takes a random word that the caller drew.
    ///
    /// # Errors
    ///
    /// It isn't made of 8 to 64 ASCII letters and digits.
    pub fn new(text: impl Into<String>) -> Result<Self, NonceError> {
        let text = text.into();
        let fits = (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text)) } else { Err(NonceError) }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What holds for a whole script, whatever its recipes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The word that marks the reports of this run.
    pub nonce: Nonce,
    /// The folder that stands for `/` on the host: empty, except where hosts share one machine in a lab.
    pub root: String,
    /// How long to wait, in seconds, for another bear that is at work on the host.
    pub lock_wait_seconds: u32,
}

/// A script, to be read by `sh -s` from its standard input.
#[derive(Clone)]
pub struct Script {
    text: String,
    blocks: Vec<&'static str>,
    secrets: Vec<String>,
}

impl Script {
    /// The text for the shell's standard input. It may hold secrets: never an argument, never a log.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of its blocks, in order.
    pub fn blocks(&self) -> &[&'static str] {
        &self.blocks
    }

    /// The secrets in it, to be struck out of whatever the host says. None is empty.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

/// Shows no text: it may hold secrets.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("blocks", &self.blocks).finish_non_exhaustive()
    }
}

/// Renders recipes into one script that runs their blocks in order, and ends at the first that fails.
///
/// # Errors
///
/// The root holds a NUL byte.
pub fn render(recipes: &[Recipe], setting: &Setting) -> Result<Script, NulByte> {
    let blocks = recipes.iter().flat_map(|recipe| &recipe.blocks);
    let variables = recipes.iter().flat_map(|recipe| &recipe.variables);
    let mut text = values(setting, variables)?;
    let mut main = String::from("main() {\n    exec 3>&1 </dev/null\n");
    let kind = if recipes.iter().all(|recipe| recipe.only_looks) { "look" } else { "work" };
    // Whatever was printed before did not end its line.
    let _ = write!(main, "    printf '\\nbear:%s begin 1 %s\\n' \"$nonce\" $$ >&3\n    begin_{kind}\n");
    for Block { name, function, .. } in blocks.clone() {
        let _ = writeln!(main, "    block {name} check_{function} apply_{function}");
    }
    let _ = write!(main, "    end_{kind}\n    say end ok\n}}\n\nmain; exit\n");
    let _ = write!(text, "\n{}\n{main}", code(recipes, &main));
    Ok(Script {
        text,
        blocks: blocks.map(|block| block.name).collect(),
        secrets: recipes.iter().flat_map(|recipe| recipe.secrets.clone()).collect(),
    })
}

/// The assignments. A variable that the host exports under the same name would be exported with the new value too,
/// into the environment of every command; so each name is unset first.
fn values<'r>(
    setting: &Setting,
    variables: impl Iterator<Item = &'r Variable> + Clone,
) -> Result<String, NulByte> {
    let mut text = String::from("set +aex -f\nunset nonce root lock_wait_seconds");
    for variable in variables.clone() {
        let _ = write!(text, " {}", variable.name);
    }
    let root = Quoted::new(&setting.root)?;
    let _ = write!(
        text,
        "\nnonce={}\nroot={root}\nlock_wait_seconds={}\n",
        setting.nonce.as_str(),
        setting.lock_wait_seconds
    );
    for Variable { name, value } in variables {
        let _ = writeln!(text, "{name}={value}");
    }
    Ok(text)
}

/// The shell code that these recipes need. Hosts by the thousand get the same, so it is found out once.
fn code(recipes: &[Recipe], main: &str) -> Arc<str> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<str>>>> = LazyLock::new(Mutex::default);
    let names = recipes.iter().map(|recipe| recipe.name).collect::<Vec<_>>();
    let key = format!("{}\n{main}", names.join(" "));
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(key).or_insert_with(|| code::reached(&pieces(recipes), main).into()))
}

/// The files of shell code of all recipes that have something to do, what they share only once.
fn pieces(recipes: &[Recipe]) -> Vec<&'static str> {
    let mut pieces = vec![PRELUDE];
    let busy = recipes.iter().filter(|recipe| !recipe.blocks.is_empty());
    for piece in busy.flat_map(|recipe| recipe.code) {
        if !pieces.contains(piece) {
            pieces.push(piece);
        }
    }
    pieces
}
