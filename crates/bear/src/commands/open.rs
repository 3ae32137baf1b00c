//! `bear open`: the dashboard of an instance in the browser, through SSH where it can't be reached otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use bear_engine::Stop;
use bear_hosts::Forward;
use clap::Args;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::inventory::authority;
use super::{browser, reach};
use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// How long a dashboard may take to answer from here before it is reached through SSH.
const DIRECT_MAX: Duration = Duration::from_secs(3);

/// How long it may take to answer through SSH.
const FORWARDED_MAX: Duration = Duration::from_secs(10);

/// How long the way through SSH may take to be closed.
const CLOSED_MAX: Duration = Duration::from_secs(3);
const CLOSED_POLL: Duration = Duration::from_millis(10);

/// The arguments of `bear open`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A dashboard that does not answer from here is reached through SSH: then bear stays until Ctrl-C ends the way there.")]
pub(crate) struct OpenArgs {
    /// The instance
    pub(crate) instance: String,
    #[command(flatten)]
    pub(crate) fleet: FleetOption,
}

pub(crate) async fn run(args: OpenArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (deployed, name) = Deployed::of_instance(&args.instance, args.fleet.fleet.as_deref(), context)?;
    let recorded = deployed.instance(&name).ok_or_else(|| no_dashboard(&name, None))?;
    let dashboard = recorded.machine.as_ref().zip(recorded.installed.as_ref());
    let (address, port) = dashboard
        .and_then(|(machine, installed)| Some((&machine.address, installed.ports.dashboard?)))
        .ok_or_else(|| no_dashboard(&name, Some(recorded)))?;
    // What runs on this machine needs no other way, whether it answers or not.
    if reach::is_here(recorded) || answers(address, port).await {
        open(&deployed, &name, &authority(address, port), context);
        return Ok(ExitStatus::Done);
    }
    forwarded(&deployed, (&name, recorded), port, context).await
}

/// Whether something takes connections there.
async fn answers(address: &str, port: u16) -> bool {
    matches!(timeout(DIRECT_MAX, TcpStream::connect((address, port))).await, Ok(Ok(_)))
}

/// Opens the dashboard through SSH, and keeps the way open until Ctrl-C.
async fn forwarded(
    deployed: &Deployed,
    (name, recorded): (&InstanceName, &Recorded),
    port: u16,
    context: &Context,
) -> Result<ExitStatus, Fault> {
    // From here on a Ctrl-C waits to be seen, so that the way is closed behind it.
    let interrupted = interrupted(context)?;
    tokio::pin!(interrupted);
    let hosts = reach::hosts(deployed, context)?;
    let forward = tokio::select! {
        forward = hosts.forward(reach::place(name, recorded), port) => forward?,
        () = &mut interrupted => return Ok(ExitStatus::Interrupted),
    };
    if !speaks(forward.local()).await {
        let message = format!("nothing answers on port {port} of `{name}`, not even on the host itself");
        return Err(Fault::failed("bear::open::no_answer", message)
            .with_help(format!("`bear logs {name}` shows what its broker says")));
    }
    open(deployed, name, &forward.local().to_string(), context);
    let ends = if context.printer.screen().is_some() { "the end of bear" } else { "Ctrl-C" };
    context.printer.note(format_args!("forwarding http://{}/ to {name}, {ends} ends it", forward.local()));
    interrupted.await;
    close(forward).await;
    Ok(ExitStatus::Interrupted)
}

/// Waits for a Ctrl-C, or for the end of the screen that the dashboard was opened from.
fn interrupted(context: &Context) -> Result<impl Future<Output = ()> + use<>, Fault> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Fault::no_signals(&error))?;
    let stop = context.printer.screen().map(|screen| screen.stop());
    Ok(async move {
        match stop {
            // It fails when there is nobody left to ask for a stop.
            Some(mut stop) => drop(stop.wait_for(|stop| *stop != Stop::No).await),
            None => drop(interrupt.recv().await),
        }
    })
}

/// Closes the way, and waits until nobody can go it any more: others on this machine could.
async fn close(forward: Forward) {
    let local = forward.local();
    drop(forward);
    let closed = async {
        while TcpStream::connect(local).await.is_ok() {
            sleep(CLOSED_POLL).await;
        }
    };
    // It ends with the connection at the latest.
    let _ = timeout(CLOSED_MAX, closed).await;
}

/// Whether a web server answers there. Through SSH every connection is taken, and closed where it leads nowhere.
async fn speaks(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        stream.read_u8().await
    };
    matches!(timeout(FORWARDED_MAX, asked).await, Ok(Ok(_)))
}

/// Prints the address of the dashboard, and opens it where somebody sees it.
fn open(deployed: &Deployed, name: &InstanceName, authority: &str, context: &Context) {
    let url = format!("http://{authority}/");
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "instance": name, "url": url }));
    } else {
        context.printer.data(&url);
    }
    if context.environment.desktop && !browser::open(&url, &deployed.withheld()) {
        context.printer.warn("no browser could be started; open the address yourself");
    }
}

fn no_dashboard(name: &InstanceName, recorded: Option<&Recorded>) -> Fault {
    let code = "bear::open::no_dashboard";
    match recorded.filter(|recorded| recorded.installed.is_some()) {
        Some(recorded) => {
            let broker = recorded.spec.broker.as_str();
            Fault::input(code, format!("`{name}` has no dashboard: it runs {broker}"))
                .with_help(format!("`bear status` shows how it is doing, `bear logs {name}` what it says"))
        }
        None => Fault::input(code, format!("`{name}` has no dashboard yet"))
            .with_help("`bear apply` finishes what is not installed"),
    }
}
