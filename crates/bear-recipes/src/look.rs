//! Looking from the host itself, when a check from elsewhere failed.

use bear_core::fleet::model::Ports;

use crate::recipe::Recipe;
use crate::refusal::Refusal;
use crate::{apt, image};

const CODE: &[&str] = &[apt::CODE, image::CODE, include_str!("sh/look.sh")];

/// What came of knocking at a port of the host from the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Somebody there speaks MQTT.
    Broker,
    /// Somebody took the connection. Only the `mqtt` listener is asked for more than that.
    Open,
    /// Nobody took the connection.
    Closed,
}

impl Answer {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "answers" => Self::Broker,
            "open" => Self::Open,
            "closed" => Self::Closed,
            _ => return None,
        })
    }
}

/// What knocks at these ports on the host, and shows the newest lines of the broker's log.
///
/// # Errors
///
/// None that can happen: ports hold no NUL byte.
pub fn look(listens: Ports) -> Result<Recipe, Refusal> {
    let words = |plain: bool| -> String {
        let chosen = listens.iter().filter(|&(name, _)| (name == "mqtt") == plain);
        chosen.map(|(_, port)| format!("{port} ")).collect()
    };
    let recipe = Recipe::look("look", CODE);
    Ok(recipe.set("look_mqtt", &words(true))?.set("look_other", &words(false))?.block("look", "look"))
}
