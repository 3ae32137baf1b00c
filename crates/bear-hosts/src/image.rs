//! Images from a file of this machine, for sites without a registry in reach.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::model;
use bear_executor::ssh::Ssh;
use bear_executor::{Content, Executor, Exit, Privilege, Redactor, Script, Upload};
use bear_recipes::image::{self, Image};
use bear_recipes::shell::Quoted;

use crate::script::{Job, Then, refused};
use crate::{Hosts, Place};

/// How long making or emptying a folder may take.
const TIDYING_MAX: Duration = Duration::from_mins(1);

/// A command on the host failed.
const FAILED: &str = "bear::hosts::image";

impl Hosts {
    /// Where an image file lies on a host while it is loaded.
    pub(crate) fn image_path(&self, place: Place<'_>) -> String {
        format!("{}/image.tar", self.image_folder(place))
    }

    fn image_folder(&self, place: Place<'_>) -> String {
        format!("{}/var/lib/bear", self.root(place))
    }

    /// Sends the image file, if there is one and Docker has no such image yet. Returns whether it did.
    pub(crate) async fn send_image(
        &self,
        place: Place<'_>,
        image: Option<&Image>,
        doing: &str,
    ) -> Result<bool, StepError> {
        let (Some(file), Some(image)) = (image_file(&place.spec.broker), image) else { return Ok(false) };
        let settings = self.settings();
        let recipes = [image::look(image).map_err(|refusal| refused(doing, &refusal))?];
        let job = Job { place, doing, recipes: &recipes, deadline: settings.deadline, then: Then::End };
        let transcript = self.run(&job, &mut |_| {}).await?;
        if transcript.facts().get("image.present").is_some_and(|present| present == "yes") {
            return Ok(false);
        }
        let ssh = self.ssh(place)?;
        tidy(&ssh, "install -d -m 755 --", &self.image_folder(place), doing).await?;
        let (source, path) = (settings.path(file), self.image_path(place));
        let upload = Upload {
            content: Content::File(&source),
            path: &path,
            mode: 0o600,
            privilege: Privilege::Root,
            deadline: settings.deadline,
        };
        ssh.upload(&upload).await?;
        Ok(true)
    }

    /// Removes the image file from the host: what it held is Docker's now.
    pub(crate) async fn remove_image(&self, place: Place<'_>, doing: &str) -> Result<(), StepError> {
        tidy(&*self.ssh(place)?, "rm -f --", &self.image_path(place), doing).await
    }
}

fn image_file(broker: &model::Broker) -> Option<&str> {
    match broker {
        model::Broker::Emqx(emqx) => emqx.image_file.as_deref(),
        model::Broker::Mosquitto(mosquitto) if mosquitto.container => mosquitto.image_file.as_deref(),
        model::Broker::Mosquitto(_) | model::Broker::Embedded(_) => None,
    }
}

/// Runs one command with a path at its end.
async fn tidy(ssh: &Ssh, command: &str, path: &str, doing: &str) -> Result<(), StepError> {
    let redactor = Redactor::default();
    let path = Quoted::new(path).map_err(|error| refused(doing, &error.into()))?;
    let text = format!("{command} {path}");
    let script = Script {
        text: &text,
        privilege: Privilege::Root,
        deadline: TIDYING_MAX,
        redactor: &redactor,
        keep: None,
    };
    let outcome = ssh.run(&script, &mut |_| {}).await?;
    if outcome.exit.ok() {
        return Ok(());
    }
    let said = outcome.transcript.to_string();
    Err(failed(doing, &text, outcome.exit).with_last_lines(&said))
}

/// The error for a command around the image file that failed on the host.
pub(crate) fn failed(doing: &str, command: &str, exit: Exit) -> StepError {
    StepError::permanent(FAILED, format!("{doing}: `{command}` failed: {exit}"))
        .with_help("look on the host at who may write there, and at what room is left")
}
