//! Container images: from a registry, from a mirror, or from a file.

use crate::emqx::Version;
use crate::recipe::Recipe;
use crate::refusal::Refusal;

pub(crate) const CODE: &str = include_str!("sh/container.sh");

/// An image by its exact tag, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The name without a registry, such as `emqx/emqx`.
    pub name: String,
    /// The exact tag.
    pub tag: String,
    /// Where it comes from.
    pub source: ImageSource,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// The registry that Docker asks by itself.
    Default,
    /// Another registry, such as `registry.example:5000`.
    Registry(String),
    /// A file on the host, made by `docker save`; whoever runs the script puts it there.
    File(String),
}

impl Image {
    /// EMQX's own image of this version.
    pub fn emqx(version: &Version, source: ImageSource) -> Self {
        Self { name: String::from("emqx/emqx"), tag: version.to_string(), source }
    }

    /// Eclipse's image of Mosquitto.
    pub fn mosquitto(tag: &str, source: ImageSource) -> Self {
        Self { name: String::from("eclipse-mosquitto"), tag: tag.to_owned(), source }
    }

    /// The reference under which Docker knows it.
    pub fn reference(&self) -> String {
        let Self { name, tag, source } = self;
        match source {
            ImageSource::Registry(registry) => format!("{registry}/{name}:{tag}"),
            ImageSource::Default | ImageSource::File(_) => format!("{name}:{tag}"),
        }
    }

    /// The reference, if it is one: it must not pass for an option of a command, nor end a line of settings.
    fn checked(&self) -> Result<String, Refusal> {
        let reference = self.reference();
        let fits = reference.starts_with(|c: char| c.is_ascii_alphanumeric())
            && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte));
        if fits {
            return Ok(reference);
        }
        Err(Refusal::Text { what: "the image", text: reference, why: "is no reference of an image" })
    }

    /// The variables that the container code reads.
    pub(crate) fn describe(&self, recipe: Recipe) -> Result<Recipe, Refusal> {
        let file = match &self.source {
            ImageSource::File(path) => path.as_str(),
            ImageSource::Default | ImageSource::Registry(_) => "",
        };
        let reference = self.checked()?;
        Ok(recipe.set("image_reference", &reference)?.set("image_file", file)?)
    }
}

/// Asks whether the host has the image already, so that a file need not be sent: the fact `image.present` is `yes` or
/// `no`.
///
/// # Errors
///
/// An image whose name is none.
pub fn look(image: &Image) -> Result<Recipe, Refusal> {
    Ok(image.describe(Recipe::look("image", &[CODE]))?.block("image.look", "image_look"))
}
