//! How deployed brokers are doing right now: what their provider says, and whether they let a client in.

use std::time::Duration;

use bear_core::health::{Health, Pulse};
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::state::v1::{Phase, Recorded};
use bear_engine::store::Secrets;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::context::Context;
use crate::credentials::{Source, Wallet, asked_for};
use crate::deployed::Deployed;
use crate::fault::Fault;
use crate::planning;
use crate::world::target;

/// How long a broker may take to let a client in before it counts as unhealthy.
const DEADLINE: Duration = Duration::from_secs(2);

/// How many brokers are asked at once; each takes up to two sockets.
const AT_ONCE: usize = 100;

/// How instances of a fleet are doing, in their order.
pub(crate) async fn of(
    deployed: &Deployed,
    instances: &[(&InstanceName, &Recorded)],
    context: &Context,
) -> Vec<Pulse> {
    // Without what the provider says, and without passwords, the brokers themselves still tell something.
    let observed = observe(deployed, context).await.unwrap_or_else(|fault| {
        context.printer.warn(format_args!("{fault}; what follows is what the brokers say themselves"));
        Observed::new()
    });
    let wallet = wallet(deployed, instances).unwrap_or_else(|fault| {
        context.printer.warn(&fault);
        Wallet::default()
    });
    let asked =
        instances.iter().map(|&(name, recorded)| ask(recorded, observed.instances.get(name), &wallet));
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn observe(deployed: &Deployed, context: &Context) -> Result<Observed, Fault> {
    let Some(state) = &deployed.state else { return Ok(Observed::new()) };
    let Some(world) = deployed.world(&context.environment)? else { return Ok(Observed::new()) };
    planning::observe(&world, state, context).await
}

fn wallet(deployed: &Deployed, instances: &[(&InstanceName, &Recorded)]) -> Result<Wallet, Fault> {
    let specs = instances.iter().map(|(_, recorded)| &recorded.spec);
    let source = Source { project: deployed.project.root(), withheld: deployed.withheld() };
    Wallet::open(specs, &source, &Secrets::of(&deployed.folder), false)
}

async fn ask(recorded: &Recorded, observation: Option<&Observation>, wallet: &Wallet) -> Pulse {
    let unreachable = |why: &str| Pulse::from(Health::Unreachable { why: why.to_owned() });
    match observation {
        Some(Observation::Absent) => return unreachable("its machine is gone"),
        Some(
            Observation::Unreachable { why }
            | Observation::Present { broker: BrokerSeen::Stopped { why }, .. },
        ) => return unreachable(why),
        _ => {}
    }
    let (Some(machine), Some(installed)) = (&recorded.machine, &recorded.installed) else {
        return unreachable("its broker is not installed yet");
    };
    let Some(target) = target(&machine.address, &installed.ports, wallet.for_spec(&recorded.spec)) else {
        return unreachable("it has no MQTT port");
    };
    match timeout(DEADLINE, TcpStream::connect((target.host.as_str(), target.mqtt))).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return unreachable(&format!("port {} can't be reached: {error}", target.mqtt)),
        Err(_) => return unreachable(&format!("port {} does not answer", target.mqtt)),
    }
    if target.credentials.is_none() && asked_for(&recorded.spec).is_some() {
        return Health::Unverified { why: None }.into();
    }
    match bear_verify::probe(&target, DEADLINE).await {
        Ok(took) => {
            let health = match changed(observation) {
                None if recorded.phase == Phase::Verified => Health::Healthy,
                why => Health::Unverified { why },
            };
            Pulse { health, took: Some(took) }
        }
        Err(why) => Health::Unhealthy { why }.into(),
    }
}

/// What somebody changed by hand, if anything.
fn changed(observation: Option<&Observation>) -> Option<String> {
    let Some(Observation::Present { broker: BrokerSeen::Changed { what }, .. }) = observation else {
        return None;
    };
    let changes = what.iter().map(|drift| format!("{} is {} and was {}", drift.what, drift.is, drift.was));
    Some(format!("changed by hand: {}", changes.collect::<Vec<_>>().join(", ")))
}
