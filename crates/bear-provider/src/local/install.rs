//! Install: the broker of an instance runs with the files that are wanted, and answers.

use std::path::Path;
use std::sync::Arc;

use bear_core::event::StepError;
use bear_core::fleet::model::Ports;
use bear_core::name::InstanceName;
use bear_core::state::v1::{Installed, Process};

use super::broker::{self, Started};
use super::error::{self, PORT_TAKEN, blocking};
use super::files::{Files, InstanceFile};
use super::machine::{self, Found};
use super::ready::{self, NotReady, READY_MAX};
use super::registry::{Owner, Wish};
use super::{LocalProvider, durable, listener, process};

/// How often a broker is brought up before the error is passed on, where another one came first each time.
const TRIES_MAX: u32 = 3;

/// A broker to install.
#[derive(Clone, Debug)]
pub struct InstallArgs {
    /// The instance.
    pub instance: InstanceName,
    /// The ports that the fleet file asks for.
    pub ports: Ports,
    /// The broker as it was installed before, if it was. Its ports are kept, even if another program sits on one now.
    pub previous: Option<Installed>,
    /// The version of the broker in the program. A broker of another version that runs is replaced.
    pub version: String,
}

impl LocalProvider {
    /// Makes the broker of an instance run with the files that `render` gives, and returns once it answers.
    ///
    /// `render` is called on a thread that may block, with the instance's folder, so that it can look at what it
    /// rendered before, and with the ports: `mqtt`, `ws`, `dashboard`, and whatever else the fleet file asks for. One
    /// of its files is [`super::SPEC_FILE`]. A broker that runs with the same files and version is left alone.
    ///
    /// Safe to repeat, and to drop: a broker that was started and not waited for is found by the next call.
    pub async fn install<F>(&self, args: InstallArgs, render: F) -> Result<Installed, StepError>
    where
        F: FnOnce(&Path, &Ports) -> Result<Vec<InstanceFile>, StepError> + Send + 'static,
    {
        let folder = self.folder(&args.instance);
        let ports = self.claim_ports(&args, &folder).await?;
        let (rendered_in, version) = (folder.clone(), args.version.clone());
        let files = blocking(move || {
            // Whoever else wrote here held the fleet's lock, so what another left unfinished stays so for ever.
            durable::sweep(&rendered_in).map_err(error::io("tidying", &rendered_in))?;
            Ok(Files::new(render(&rendered_in, &ports)?, &version))
        })
        .await?;
        match self.bring_up(&folder, &files, &ports).await {
            Ok(process) => Ok(Installed { process: Some(process), ..Installed::new(ports, args.version) }),
            // A port that was chosen just now, and taken by another program before the broker could: the next try
            // chooses another one.
            Err(error) if error.code == PORT_TAKEN && args.previous.is_none() => {
                let transient = listener::expect_free(&args.ports, None).is_ok();
                Err(StepError { transient, ..error })
            }
            Err(error) => Err(error),
        }
    }

    async fn claim_ports(&self, args: &InstallArgs, folder: &Path) -> Result<Ports, StepError> {
        let Found::Marked(marker) = machine::look(folder)? else {
            return Err(error::no_machine(&args.instance, folder));
        };
        let owner = Owner::new(folder, &marker.token)?;
        let wish = Wish {
            explicit: args.ports,
            installed: args.previous.as_ref().map(|previous| previous.ports).unwrap_or_default(),
            reserved: Arc::clone(&self.reserved),
        };
        let registry = self.registry.clone();
        blocking(move || registry.claim(&owner, &wish)).await
    }

    async fn bring_up(&self, folder: &Path, files: &Files, ports: &Ports) -> Result<Process, StepError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let running = broker::running(folder)?;
            let failed = match self.bring_up_after(running, folder, files, ports).await {
                Ok(process) => return Ok(process),
                Err(failed) => failed,
            };
            // Whatever failed, another broker came up meanwhile: one that a bear started which was then cut off.
            let overtaken = broker::running(folder)?.is_some_and(|other| Some(other) != running);
            if !overtaken || tries == TRIES_MAX {
                return Err(failed);
            }
        }
    }

    async fn bring_up_after(
        &self,
        running: Option<Process>,
        folder: &Path,
        files: &Files,
        ports: &Ports,
    ) -> Result<Process, StepError> {
        if let Some(process) = running
            && is_wanted(process, folder, files)?
        {
            match ready::wait(folder, process, mqtt(ports), READY_MAX).await {
                Ok(()) => return Ok(process),
                Err(NotReady::Unknown(error)) => return Err(error),
                Err(NotReady::Ended | NotReady::Silent) => {}
            }
        }
        if running.is_none() {
            end_hidden(folder).await?;
        }
        // Before a broker is stopped that does its work: one that could not start would take its place.
        listener::expect_free(ports, running)?;
        if let Some(process) = running {
            process::end(process, process::GRACE).await?;
        }
        files.write_to(folder)?;
        self.start(folder, files, ports).await
    }

    async fn start(&self, folder: &Path, files: &Files, ports: &Ports) -> Result<Process, StepError> {
        let mut started = broker::start(&self.program, folder, files.digest())?;
        let not_ready = match started.child.id().map(process::find) {
            Some(Ok(Some(process))) => match ready::wait(folder, process, mqtt(ports), READY_MAX).await {
                Ok(()) => return Ok(process),
                Err(NotReady::Silent) => {
                    process::end(process, process::GRACE).await?;
                    NotReady::Silent
                }
                Err(not_ready) => not_ready,
            },
            _ => NotReady::Ended,
        };
        Err(why_not_ready(not_ready, &mut started, folder, ports).await)
    }
}

/// Ends a broker that nobody knows to run here, before another one works on the same data.
async fn end_hidden(folder: &Path) -> Result<(), StepError> {
    let searched = folder.to_owned();
    for process in blocking(move || broker::hidden(&searched)).await? {
        process::end(process, process::GRACE).await?;
    }
    Ok(())
}

fn mqtt(ports: &Ports) -> u16 {
    ports.mqtt.expect("every claim has a port for MQTT")
}

/// Whether a broker was started with these files. Those on disk are compared as well: a start that was cut off may have
/// replaced them under a broker that was just about to read them.
fn is_wanted(process: Process, folder: &Path, files: &Files) -> Result<bool, StepError> {
    Ok(broker::digest_of(process)?.as_deref() == Some(files.digest()) && files.are_in(folder)?)
}

async fn why_not_ready(why: NotReady, started: &mut Started, folder: &Path, ports: &Ports) -> StepError {
    let error = match why {
        NotReady::Unknown(error) => return error,
        NotReady::Silent => error::not_ready(READY_MAX),
        NotReady::Ended => {
            // A port that was taken since it was looked at explains the end better than the broker can.
            if let Err(taken) = listener::expect_free(ports, None) {
                return taken.with_last_lines(&broker::log_since(folder, started.log_begin));
            }
            error::broker_ended(started.child.wait().await)
        }
    };
    let log = folder.join(broker::LOG_FILE);
    error
        .with_help(format!("its log is {}", log.display()))
        .with_last_lines(&broker::log_since(folder, started.log_begin))
}
