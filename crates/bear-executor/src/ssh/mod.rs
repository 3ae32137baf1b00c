//! The executor of hosts that are reached through SSH: one connection a host, shared by all who run something there.
//!
//! It is the user's own `ssh` that connects, so what their `~/.ssh/config` says of jump hosts, agents and identities
//! holds here too. Each script is then one session of that connection, without a process of its own.

mod by_hand;
mod connect;
mod connection;
mod control;
mod failure;
mod forward;
mod kept;
mod knock;
mod plain;
mod route;
mod starts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::StepError;
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

pub use self::failure::AUTH;
pub use self::forward::Forward;

use self::connection::{Connection, Opening};
use self::kept::{KEPT_MAX, Kept};
use self::route::Route;
use crate::conversation::{Ending, Hearing, Message, Pipes, Reader, converse, resume};
use crate::host_keys::{FirstContact, HostKey, HostKeys, Pin};
use crate::trouble::{Trouble, Way};
use crate::upload::{self, Parcel};
use crate::wrapper::{Then, Wrapper, command_line};
use crate::{Executor, Line, OnLine, Outcome, Privilege, Redactor, Script, Transcript, Upload, Uploaded};

/// How many sessions a host has at once. A default sshd refuses the 11th (`MaxSessions 10`, `sshd_config(5)`); two are
/// left for what the user forwards or copies through the same connection.
const SESSIONS_MAX: usize = 8;

/// How much longer than its deadline a script may run on a host that hears no more from bear.
const LIMIT_EXTRA: Duration = Duration::from_secs(30);

/// How often a script is tried on a new connection because the old one turned out to be gone before it was sent.
const RECONNECTS_MAX: u32 = 2;

/// How to log in to a host. What is left out is for the user's `~/.ssh/config` to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its address, its name, or what the user's configuration calls it.
    pub address: String,
    /// The port.
    pub port: Option<u16>,
    /// The user.
    pub user: Option<String>,
    /// The private key file; no other is then tried.
    pub identity: Option<PathBuf>,
    /// The only host key to accept.
    pub pin: Option<Pin>,
    /// What it is called in `known_hosts` in the place of its address, for addresses that go from one machine to the
    /// next. Its key must then be known before the first connection.
    pub alias: Option<String>,
    /// The hosts to go through, as `ssh -J` takes them. Their keys are the user's own business, as is how to log in.
    pub jump: Option<String>,
    /// Another file in the place of `~/.ssh/config`.
    pub config: Option<PathBuf>,
    /// The variables of this process that the client, and whatever it starts, is not given.
    pub withheld: Vec<String>,
}

/// Runs scripts on a host.
#[derive(Debug)]
pub struct Ssh {
    target: Target,
    host_keys: Arc<HostKeys>,
    route: OnceCell<Route>,
    /// Held while a connection is made, so that it is made once.
    connection: Mutex<Option<Arc<Connection>>>,
    sessions: Arc<Semaphore>,
    kept: Kept,
}

/// A session in which a wrapper runs. Dropping it closes its standard input, which ends what it runs.
struct Shell {
    connection: Arc<Connection>,
    child: Box<connection::Child>,
    pipes: Pipes,
    privilege: Privilege,
    /// When it is ended on the host, whatever it does.
    ends: Instant,
    /// One of the sessions that the host has at once.
    session: OwnedSemaphorePermit,
}

/// How a script is to run.
#[derive(Clone, Copy)]
struct How {
    privilege: Privilege,
    deadline: Duration,
    keep: Option<Duration>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The key of the host is not known: somebody must say whether to trust it.
    #[error(transparent)]
    FirstContact(#[from] FirstContact),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] StepError),
}

impl From<ConnectError> for StepError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::FirstContact(contact) => contact.into(),
            ConnectError::Failed(error) => error,
        }
    }
}

impl Ssh {
    /// A host, not connected to yet. Its host key is checked against `host_keys`.
    pub fn new(target: Target, host_keys: Arc<HostKeys>) -> Self {
        Self {
            target,
            host_keys,
            route: OnceCell::new(),
            connection: Mutex::new(None),
            sessions: Arc::new(Semaphore::new(SESSIONS_MAX)),
            kept: Kept::default(),
        }
    }

    /// Connects, unless there is a connection. Running something does so too, but can't tell of a first contact.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        self.connection().await.map(drop)
    }

    /// Where it is, as errors name it: `user@address:port`, and the jump hosts.
    pub async fn place(&self) -> Result<&str, StepError> {
        Ok(&self.route().await?.place)
    }

    /// Its address: what the user's ssh configuration makes of the one in the target.
    pub async fn address(&self) -> Result<&str, StepError> {
        Ok(&self.route().await?.address)
    }

    /// The keys by which it is known; connects first, so that there are some.
    pub async fn host_keys(&self) -> Result<Vec<HostKey>, StepError> {
        self.connect().await?;
        self.host_keys.known(&self.route().await?.name).await
    }

    async fn connection(&self) -> Result<Arc<Connection>, ConnectError> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = &*slot {
            return Ok(Arc::clone(connection));
        }
        let connection = connect::connect(&self.target, self.route().await?, &self.host_keys).await?;
        Ok(Arc::clone(slot.insert(Arc::new(connection))))
    }

    async fn route(&self) -> Result<&Route, StepError> {
        self.route.get_or_try_init(|| Route::resolve(&self.target)).await
    }

    /// Makes the next who needs a connection make a new one.
    async fn forget(&self, connection: &Arc<Connection>) {
        let mut slot = self.connection.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
            *slot = None;
            // It is of that connection, or would be the last thing that holds it.
            drop(self.kept.take());
        }
    }

    async fn open(
        &self,
        command: &str,
        trouble: Trouble<'_>,
    ) -> Result<(Arc<Connection>, Box<connection::Child>), StepError> {
        for _ in 0..=RECONNECTS_MAX {
            let connection = self.connection().await?;
            match connection.open(command).await {
                Opening::Open(child) => return Ok((connection, child)),
                Opening::Refused(why) => return Err(failure::session_refused(trouble.place, &why)),
                Opening::Lost => self.forget(&connection).await,
            }
        }
        Err(trouble.lost(&Transcript::default()))
    }

    async fn perform(
        &self,
        text: &str,
        input: Option<(Reader, u64)>,
        how: How,
        mut hearing: Hearing<'_>,
    ) -> Result<Outcome, StepError> {
        let How { privilege, deadline, keep } = how;
        let until = Instant::now() + deadline;
        let place = &self.route().await?.place;
        let trouble = Trouble { way: Way::Ssh, place, privilege, deadline };
        let wrapper = Wrapper::new().map_err(failure::no_randomness)?;
        let input_length = input.as_ref().map_or(0, |(_, length)| *length);

        let resumed = if input.is_none() { self.resume(&wrapper, how, until).await } else { None };
        let begun = resumed.is_some();
        let then = if keep.is_some() && !begun { Then::Keep } else { Then::End };
        let mut script = wrapper.script(text, input_length, then);
        let mut shell = if let Some(shell) = resumed {
            shell
        } else {
            script.insert_str(0, &wrapper.opening());
            self.start(&wrapper, how, until, trouble).await?
        };
        let message = Message { script, input, begun };
        let ending = converse(&wrapper, &mut shell.pipes, message, until, &mut hearing).await;
        let connected = match ending {
            Ending::Exited { in_step: true, .. } if then == Then::Keep => {
                self.kept.put(shell);
                return trouble.judge(ending, hearing, true);
            }
            _ => self.end(shell, ending).await,
        };
        trouble.judge(ending, hearing, connected)
    }

    /// Starts a shell in a session of its own.
    async fn start(
        &self,
        wrapper: &Wrapper,
        how: How,
        until: Instant,
        trouble: Trouble<'_>,
    ) -> Result<Shell, StepError> {
        let How { privilege, deadline, keep } = how;
        let limit = deadline + LIMIT_EXTRA + keep.map_or(Duration::ZERO, |next| KEPT_MAX + next);
        let not_begun = |_| trouble.never_begun();
        let user = &self.route().await?.user;
        let argv =
            wrapper.argv(privilege, Some(user).filter(|user| !user.is_empty()).map(String::as_str), limit);
        let waiting = Arc::clone(&self.sessions).acquire_owned();
        let session = timeout_at(until, waiting).await.map_err(not_begun)?;
        let session = session.map_err(|_| trouble.never_begun())?;
        let command = command_line(&argv);
        let opening = timeout_at(until, self.open(&command, trouble));
        let (connection, mut child) = opening.await.map_err(not_begun)??;
        let pipes = pipes(&mut child);
        let ends = Instant::now() + limit;
        Ok(Shell { connection, child, pipes, privilege, ends, session })
    }

    /// The shell that was kept, if it is still there, of this privilege, and lasts until after the script.
    async fn resume(&self, wrapper: &Wrapper, how: How, until: Instant) -> Option<Shell> {
        let fits = |shell: &Shell| shell.privilege == how.privilege && until + LIMIT_EXTRA <= shell.ends;
        let mut shell = self.kept.take().filter(fits)?;
        resume(wrapper, &mut shell.pipes).await.then_some(shell)
    }

    /// Ends a shell, and tells whether its connection is still there.
    async fn end(&self, shell: Shell, ending: Ending) -> bool {
        let Shell { connection, child, mut pipes, session, .. } = shell;
        pipes.stdin = None;
        let connected = match ending {
            Ending::Deadline { ended } => ended,
            Ending::Silence { .. } => connection.survives_silence(*child).await,
            Ending::Exited { .. } | Ending::NoSudo => {
                connection::release(*child).await;
                true
            }
        };
        drop(session);
        if !connected {
            self.forget(&connection).await;
        }
        connected
    }
}

fn pipes(child: &mut connection::Child) -> Pipes {
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin().take(), child.stdout().take(), child.stderr().take())
    else {
        unreachable!("all three were asked for");
    };
    Pipes { stdin: Some(Box::new(stdin)), stdout: Box::new(stdout), stderr: Box::new(stderr) }
}

#[async_trait]
impl Executor for Ssh {
    async fn run(&self, script: &Script<'_>, lines: &mut OnLine<'_>) -> Result<Outcome, StepError> {
        let hearing = Hearing::new(script.redactor, lines);
        let how = How { privilege: script.privilege, deadline: script.deadline, keep: script.keep };
        self.perform(script.text, None, how, hearing).await
    }

    async fn upload(&self, upload: &Upload<'_>) -> Result<Uploaded, StepError> {
        let Parcel { script, input, length } = Parcel::of(upload).await?;
        let (redactor, mut lines) = (Redactor::default(), |_: Line<'_>| {});
        let hearing = Hearing::new(&redactor, &mut lines);
        let how = How { privilege: upload.privilege, deadline: upload.deadline, keep: None };
        let outcome = self.perform(&script, Some((input, length)), how, hearing).await?;
        upload::read(upload, &self.route().await?.place, &outcome)
    }
}
