//! The desk: where effects are done, each in a thread of its own, and what came of them is told.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bear_core::fleet::model::ProviderKind;
use bear_core::name::{FleetName, InstanceName};
use bear_engine::Stop;
use bear_ui::{Effect, Message, Snapshot, Survey};
use tokio::sync::watch;

use super::{history, jobs, snapshot};
use crate::args::FleetOption;
use crate::commands::{init, logs, on_runtime, open, reach, ssh};
use crate::context::{Context, Environment};
use crate::deployed::Deployed;
use crate::fault::Fault;
use crate::health;
use crate::render::words::printable;
use crate::screen::Screen;

/// How many lines a log begins with.
const LINES: u32 = 500;

/// How long what was asked for may take to end when bear does.
const CLOSING_MAX: Duration = Duration::from_secs(10);
const CLOSING_POLL: Duration = Duration::from_millis(10);

/// Where effects are done.
pub(super) struct Desk {
    messages: SyncSender<Message>,
    environment: Environment,
    warned: Arc<Mutex<HashSet<String>>>,
    job: Option<Job>,
    /// The log that is followed, until this is dropped.
    log: Option<watch::Sender<Stop>>,
    /// The command that opens the shell that was reached last.
    shell: Arc<Mutex<Option<Command>>>,
    /// The ways to dashboards, until they are dropped.
    ways: Vec<watch::Sender<Stop>>,
}

/// What was asked for and takes its time. There is one at a time.
struct Job {
    answers: mpsc::Sender<String>,
    stop: watch::Sender<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    pub(super) fn new(messages: SyncSender<Message>, environment: Environment) -> Self {
        let (warned, shell) = (Arc::default(), Arc::default());
        Self { messages, environment, warned, job: None, log: None, shell, ways: Vec::new() }
    }

    /// Does one effect, or begins to.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Load { file } => self.in_background(move |context, tell| {
                tell(Message::Loaded(Box::new(snapshot::take(file.as_deref(), context))));
                Ok(())
            }),
            Effect::LookAtHealth { file } => self.in_background(move |context, tell| {
                let felt = feel(&file, context);
                tell(Message::Felt(felt.as_ref().cloned().unwrap_or_default()));
                felt.map(drop)
            }),
            Effect::LookUp { file, instance } => self.in_background(move |context, tell| {
                let history = history::of(file.as_ref(), &instance, context)?;
                tell(Message::LookedUp(instance, Box::new(history)));
                Ok(())
            }),
            Effect::CreateFleet { name, provider } => self.create(name, provider),
            Effect::Survey { files } => self.in_background(move |context, tell| {
                for file in files {
                    tell(Message::Surveyed(Box::new(survey(file, context))));
                }
                tell(Message::SurveyEnded);
                Ok(())
            }),
            Effect::Follow { file, instance, reading } => self.follow(file, instance, reading),
            Effect::Unfollow => self.log = None,
            Effect::OpenBrowser { file, instance } => self.open(file, &instance),
            Effect::Reach { file, instance } => self.reach(file, instance),
            Effect::Answer(answer) => {
                if let Some(job) = &self.job {
                    // What does not wait for an answer any more needs none.
                    let _ = job.answers.send(answer);
                }
            }
            Effect::Interrupt => self.interrupt(),
            Effect::Edit { .. }
            | Effect::Plan { .. }
            | Effect::Apply { .. }
            | Effect::Destroy { .. }
            | Effect::Verify { .. } => self.begin(effect),
            // Those are for whoever holds the terminal.
            Effect::Shell(_) | Effect::Quit => {}
        }
    }

    /// What was asked for is over.
    pub(super) fn forget_job(&mut self) {
        self.job = None;
    }

    /// Whether nothing was asked for that is not over yet.
    pub(super) fn is_idle(&self) -> bool {
        self.job.is_none()
    }

    /// Ends whatever is still going on, within bounds.
    pub(super) fn close(&mut self) {
        self.log = None;
        self.ways.clear();
        let Some(Job { answers, stop, thread }) = self.job.take() else { return };
        // A question that nobody answers any more is answered with no.
        drop(answers);
        stop.send_replace(Stop::Now);
        let begun = Instant::now();
        while thread.as_ref().is_some_and(|thread| !thread.is_finished()) && begun.elapsed() < CLOSING_MAX {
            thread::sleep(CLOSING_POLL);
        }
    }

    fn interrupt(&self) {
        if let Some(job) = &self.job {
            job.stop.send_modify(|stop| *stop = if *stop == Stop::No { Stop::Drain } else { Stop::Now });
        }
    }

    fn begin(&mut self, effect: Effect) {
        let (answers, answered) = mpsc::channel();
        let (stop, stopping) = watch::channel(Stop::No);
        let screen = Arc::new(Screen::new(self.messages.clone(), answered, stopping));
        let context = Context::on(Arc::clone(&screen), self.environment.clone());
        let finished = Finished(self.messages.clone());
        let thread = self.spawn(move || {
            // Told when this is dropped, so also where what it does panics.
            let _finished = finished;
            if let Err(fault) = jobs::run(effect, &context, &screen) {
                screen.tell(Message::Failed(fault.failure()));
            }
        });
        self.job = Some(Job { answers, stop, thread });
    }

    fn in_background(
        &self,
        work: impl FnOnce(&Context, &dyn Fn(Message)) -> Result<(), Fault> + Send + 'static,
    ) {
        let screen = Arc::new(Screen::in_background(self.messages.clone(), Arc::clone(&self.warned)));
        let context = Context::on(Arc::clone(&screen), self.environment.clone());
        self.spawn(move || {
            if let Err(fault) = work(&context, &|message| screen.tell(message)) {
                screen.tell(Message::Warning(fault.to_string()));
            }
        });
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
        match thread::Builder::new().name("effect".to_owned()).spawn(work) {
            Ok(thread) => Some(thread),
            Err(error) => {
                let fault = Fault::no_thread(&error);
                let _ = self.messages.try_send(Message::Failed(fault.failure()));
                None
            }
        }
    }

    fn create(&self, name: FleetName, provider: ProviderKind) {
        self.in_background(move |context, tell| {
            match init::write(&name, provider, context) {
                Ok(file) => tell(Message::Created { file: file.shown, provider }),
                Err(fault) => tell(Message::Failed(fault.failure())),
            }
            Ok(())
        });
    }

    fn follow(&mut self, file: String, instance: InstanceName, reading: u64) {
        let (stop, stopping) = watch::channel(Stop::No);
        self.log = Some(stop);
        let messages = self.messages.clone();
        self.in_background(move |context, tell| {
            let mut on_line = |line: &str| {
                let line = printable(line).into_owned();
                // Where nobody looks any more there is nobody to tell.
                let _ = messages.send(Message::Line { reading, line });
            };
            let ended = read_log(&file, &instance, &mut on_line, stopping, context);
            let failure = ended.err().map(|fault| fault.failure());
            tell(Message::LogEnded { reading, failure });
            Ok(())
        });
    }

    fn open(&mut self, file: String, instance: &InstanceName) {
        let (_, answered) = mpsc::channel();
        let (stop, stopping) = watch::channel(Stop::No);
        self.ways.retain(|way| !way.is_closed());
        self.ways.push(stop);
        let screen = Arc::new(Screen::new(self.messages.clone(), answered, stopping));
        let context = Context::on(Arc::clone(&screen), self.environment.clone());
        let fleet = FleetOption { fleet: Some(PathBuf::from(file)) };
        let args = open::OpenArgs { instance: instance.to_string(), fleet };
        self.spawn(move || {
            if let Err(fault) = on_runtime(open::run(args, &context)) {
                screen.tell(Message::Failed(fault.failure()));
            }
        });
    }

    /// The command that opens the shell that was reached.
    pub(super) fn shell(&self) -> Option<Command> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn reach(&self, file: String, instance: InstanceName) {
        let shell = Arc::clone(&self.shell);
        self.in_background(move |context, tell| {
            match way_to(&file, &instance, context) {
                Ok(command) => {
                    *shell.lock().unwrap_or_else(PoisonError::into_inner) = Some(command);
                    tell(Message::Reached(instance));
                }
                Err(fault) => tell(Message::Failed(fault.failure())),
            }
            Ok(())
        });
    }
}

/// Says that what was asked for is over, when it is dropped.
struct Finished(SyncSender<Message>);

impl Drop for Finished {
    fn drop(&mut self) {
        // Where nobody looks any more there is nobody to tell.
        let _ = self.0.send(Message::Finished);
    }
}

/// The command that logs in to an instance.
fn way_to(file: &str, instance: &InstanceName, context: &Context) -> Result<Command, Fault> {
    let deployed = Deployed::of_file(Some(file.as_ref()), context)?;
    let recorded = deployed.instance(instance).ok_or_else(|| reach::nothing(&deployed))?;
    ssh::command(&deployed, instance, recorded, context)
}

/// Hands on the log of an instance until it ends, or nobody follows it any more.
fn read_log(
    file: &str,
    instance: &InstanceName,
    on_line: &mut (dyn FnMut(&str) + Send),
    mut stopping: watch::Receiver<Stop>,
    context: &Context,
) -> Result<(), Fault> {
    let deployed = Deployed::of_file(Some(file.as_ref()), context)?;
    let Some(recorded) = deployed.instance(instance) else { return Ok(()) };
    let wanted = logs::Wanted { lines: LINES, follow: true };
    on_runtime(async {
        tokio::select! {
            ended = logs::read(&wanted, &deployed, (instance, recorded), on_line, context) => ended,
            _ = stopping.changed() => Ok(()),
        }
    })
}

/// What a look at one of the fleets of the project finds.
fn survey(file: String, context: &Context) -> Survey {
    let Snapshot { fleet, failure, .. } = snapshot::take(Some(&file), context);
    let is_deployed = fleet.iter().flat_map(|fleet| &fleet.instances).any(|it| it.recorded.is_some());
    // Why the brokers can't be looked at is told when the fleet is chosen.
    let pulses = if is_deployed { feel(&file, context).unwrap_or_default() } else { Vec::new() };
    Survey { file, fleet, pulses, failure }
}

/// How the brokers of a fleet are doing.
fn feel(file: &str, context: &Context) -> Result<Vec<(InstanceName, bear_core::health::Pulse)>, Fault> {
    let deployed = Deployed::of_file(Some(file.as_ref()), context)?;
    let instances = deployed.instances().collect::<Vec<_>>();
    let pulses = on_runtime(async { Ok(health::of(&deployed, &instances, context).await) })?;
    Ok(instances.into_iter().map(|(name, _)| name.clone()).zip(pulses).collect())
}
