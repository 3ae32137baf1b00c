//! From the start of the process to its end.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::broker::Broker;
use crate::faults::Faults;
use crate::listeners::{self, Listener};
use crate::log::{log, say};
use crate::node::Node;
use crate::settings::Settings;
use crate::users::Users;
use crate::version::{Dialect, Version};
use crate::{api, ctl, http};

/// From the start to the first listener, unless the environment says otherwise: about what was observed.
const BOOT: Duration = Duration::from_millis(1500);
/// From the first CONNACK to the dashboard: EMQX takes up to 0.4 s.
const DASHBOARD: Duration = Duration::from_millis(100);
/// How long the broker may take to bid its clients farewell.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a boot starts from.
pub(crate) struct Boot {
    version: Version,
    dialect: Dialect,
    faults: Faults,
    settings: Settings,
    data: PathBuf,
    duration: Duration,
}

impl Boot {
    /// Reads what the environment says; the error is what EMQX, or the stand-in itself, says to it.
    pub(crate) fn read(root: &Path, environment: &BTreeMap<String, String>) -> Result<Self, String> {
        let version = environment.get("EMQX_STANDIN_VERSION").ok_or("EMQX_STANDIN_VERSION is not set")?;
        let version: Version = version.parse()?;
        let dialect = Dialect::of(&version);
        let data = root.join("data");
        let faults = Faults::read(environment, &data)?;
        let duration = match environment.get("EMQX_STANDIN_BOOT_MS").map(|text| text.parse()) {
            None => BOOT,
            Some(Ok(milliseconds)) => Duration::from_millis(milliseconds),
            Some(Err(error)) => return Err(format!("EMQX_STANDIN_BOOT_MS is no number: {error}")),
        };
        let settings = Settings::read(environment, dialect).map_err(|refused| {
            log("error", "failed_to_check_schema: emqx_conf_schema");
            log("error", refused);
            let (etc, now) = (root.join("etc"), jiff::Timestamp::now().strftime("%Y.%m.%d.%H.%M.%S"));
            format!(
                "ERROR: call_hocon_failed: -v -t {now} -s emqx_conf_schema -c {}/emqx.conf -d {}/configs generate",
                etc.display(),
                data.display()
            )
        })?;
        Ok(Self { version, dialect, faults, settings, data, duration })
    }

    /// Boots, and runs until it is told to stop; an error ends the process.
    pub(crate) async fn run(self) -> Result<(), String> {
        let mut signals = Signals::handle().map_err(|error| error.to_string())?;
        tokio::select! {
            () = signals.stop() => Ok(()),
            booted = self.boot() => booted?.serve(&mut signals).await,
        }
    }

    async fn boot(self) -> Result<Running, String> {
        self.announce();
        sleep(self.duration).await;
        if self.faults.crash {
            log(
                "error",
                "crasher: initial call: application_master:init/4, exception exit: {bad_return,standin}",
            );
            return Err(String::from("Runtime terminating during boot (terminating)"));
        }
        let folder = self.data.join("mnesia").join(&self.settings.node);
        let failed = |what: &str, error: io::Error| format!("could not {what}: {error}");
        let users = self.users(&folder).map_err(|error| failed("open the users", error))?;
        let memory = folder.join("ram");
        let broker = Broker::start(&memory);
        let broker = broker.await.map_err(|error| failed("start the broker", error))?;
        let behind = (!self.faults.drop_mqtt).then_some(&broker);
        let certificates = self.data.join("certs");
        let listeners = self.settings.listeners.iter().map(|settings| {
            let listener = Listener::new(settings.clone(), behind, &certificates);
            listener
                .map_err(|error| failed(&format!("start listener {}:default", settings.kind.name()), error))
        });
        let listeners = listeners.collect::<Result<_, _>>()?;
        let said = self.faults.version.clone().unwrap_or_else(|| self.version.to_string());
        let node = Node::new(said, self.dialect, self.faults, self.settings, listeners, users);
        Ok(Running { node: Arc::new(node), broker, data: self.data })
    }

    fn announce(&self) {
        if self.settings.cookie == "emqxsecretcookie" {
            say("WARNING: Default (insecure) Erlang cookie is in use.");
        }
        self.settings.overrides.iter().for_each(say);
        if !self.settings.unknown.is_empty() {
            log("warning", format_args!("unknown_env_vars: {:?}", self.settings.unknown));
        }
    }

    fn users(&self, folder: &Path) -> io::Result<Users> {
        std::fs::create_dir_all(folder)?;
        let mut users = Users::open(folder)?;
        users.add_default(&self.settings.username, &self.settings.password, self.dialect)?;
        Ok(users)
    }
}

/// A node that is up.
struct Running {
    node: Arc<Node>,
    broker: Broker,
    data: PathBuf,
}

impl Running {
    async fn serve(self, signals: &mut Signals) -> Result<(), String> {
        let node = &self.node;
        let commands = self.commands().map_err(|error| format!("could not listen for commands: {error}"))?;
        let commands = tokio::spawn(ctl::serve(commands, Arc::clone(node)));
        if !node.faults.never_ready {
            start_listeners(node)?;
            node.set_running(true);
            sleep(DASHBOARD).await;
        }
        let address = node.settings.dashboard;
        let dashboard = listeners::bind(address)
            .map_err(|error| format!("Failed to start listener http:dashboard on {address}: {error}"))?;
        let answering = Arc::clone(node);
        let dashboard = tokio::spawn(http::serve(dashboard, move |request| api::answer(&answering, request)));
        say(format_args!("Listener http:dashboard on :{} started.", address.port()));
        if node.is_running() {
            say(format_args!("EMQX {} is running now!", node.version));
        }
        let asked = tokio::select! {
            () = signals.stop() => true,
            () = node.stop.notified() => false,
            failed = rejoin(node) => return failed,
        };
        dashboard.abort();
        if asked {
            self.broker.ended(FAREWELL).await;
        }
        tokio::task::block_in_place(|| node.listeners.iter().for_each(Listener::stop));
        commands.abort();
        say(format_args!("EMQX {} is stopped now!", node.version));
        Ok(())
    }

    fn commands(&self) -> io::Result<UnixListener> {
        let socket = ctl::socket(&self.data);
        if socket.exists() {
            std::fs::remove_file(&socket)?;
        }
        UnixListener::bind(socket)
    }
}

fn start_listeners(node: &Node) -> Result<(), String> {
    for listener in node.listeners.iter().filter(|listener| listener.settings.enabled) {
        let (id, bind) = (listener.id(), listener.settings.bind);
        listener.start().map_err(|error| format!("Failed to start listener {id} on {bind}: {error}"))?;
        say(format_args!("Listener {id} on {bind} started."));
    }
    Ok(())
}

/// What a node does that joins a cluster, if this one is to; it ends only where that fails.
async fn rejoin(node: &Node) -> Result<(), String> {
    if node.faults.rejoins {
        sleep(Duration::from_secs(1)).await;
        log("warning", "Stopping mria, reason: join");
        node.set_running(false);
        tokio::task::block_in_place(|| node.listeners.iter().for_each(Listener::stop));
        sleep(Duration::from_secs(2)).await;
        start_listeners(node)?;
        node.set_running(true);
    }
    std::future::pending().await
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn handle() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
