//! What is to be proven of a broker: where each of its listeners is from here, and what has to be true of it.

use std::net::Ipv4Addr;
use std::path::Path;

use bear_core::check::CheckName;
use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::fleet::model::{Broker, Connect, Ports};
use bear_core::state::v1::{Installed, Machine};
use bear_hosts::{Forward, Place};
use bear_verify::{Credentials, Dashboard, ExpectedVersion, Target, Tls};

use super::Proving;
use crate::credentials::{at_home, tls};

/// What is to be proven.
pub(super) struct Aim {
    pub(super) target: Target,
    /// The checks that can't be made, and why: they have failed, and all others are made.
    pub(super) unmet: Vec<(CheckName, StepError)>,
    /// What goes through SSH does so for as long as these live.
    pub(super) forwards: Vec<Forward>,
}

/// Where a broker's ports are from here.
struct Way {
    host: String,
    ports: Ports,
    forwards: Vec<Forward>,
}

impl Proving {
    /// Where the broker is, and how to be let in; none for a broker without an MQTT port. A dashboard that listens on
    /// its host alone is reached through SSH, and so is all of a broker behind a jump host.
    pub(super) async fn aim(
        &self,
        place: Place<'_>,
        machine: &Machine,
        installed: &Installed,
    ) -> Result<Option<Aim>, StepError> {
        let spec = place.spec;
        let Way { host, ports, mut forwards } = self.way(place, machine, installed.ports).await?;
        let Some(mut target) = target(&host, &ports, self.wallet.for_spec(spec)) else { return Ok(None) };
        let mut unmet = Vec::new();
        if let Some(tls) = tls(spec) {
            match tls.ca.as_ref().map(|ca| roots(&self.project, ca)).transpose() {
                Ok(roots) => {
                    target.mqtts = ports.mqtts;
                    target.wss = ports.wss;
                    // Through a forward the name is not that of where the connection goes.
                    let named = (!forwards.is_empty()).then(|| machine.address.clone());
                    target.tls = Tls { roots, server_name: tls.server_name.clone().or(named) };
                }
                Err(error) => unmet.push((CheckName::TlsConnect, error)),
            }
        }
        target.version = expected_version(spec);
        if let (Some(port), Some(credentials)) = (installed.ports.dashboard, self.wallet.for_dashboard(spec))
        {
            match self.way_to_dashboard(place, machine, port).await {
                Ok((host, port, way)) => {
                    target.dashboard = Some(Dashboard { host, port, credentials });
                    forwards.extend(way);
                }
                Err(error) => unmet.push((CheckName::DashboardHttp, error)),
            }
        }
        Ok(Some(Aim { target, unmet, forwards }))
    }

    /// How clients' ports are reached from here.
    async fn way(&self, place: Place<'_>, machine: &Machine, ports: Ports) -> Result<Way, StepError> {
        if !is_behind_jump(place.spec) {
            return Ok(Way { host: machine.address.clone(), ports, forwards: Vec::new() });
        }
        let mut way = Way { host: Ipv4Addr::LOCALHOST.to_string(), ports, forwards: Vec::new() };
        let Ports { mqtt, mqtts, ws, wss, .. } = &mut way.ports;
        for port in [mqtt, mqtts, ws, wss].into_iter().flatten() {
            let forward = self.hosts.forward(place, *port).await?;
            *port = forward.local().port();
            way.host = forward.local().ip().to_string();
            way.forwards.push(forward);
        }
        Ok(way)
    }

    async fn way_to_dashboard(
        &self,
        place: Place<'_>,
        machine: &Machine,
        port: u16,
    ) -> Result<(String, u16, Option<Forward>), StepError> {
        if is_open(place.spec) && !is_behind_jump(place.spec) {
            return Ok((machine.address.clone(), port, None));
        }
        let forward = self.hosts.forward(place, port).await?;
        Ok((forward.local().ip().to_string(), forward.local().port(), Some(forward)))
    }
}

/// Whether nothing but SSH leads to a machine.
fn is_behind_jump(spec: &Spec) -> bool {
    spec.login.as_ref().is_some_and(|login| matches!(login.connect, Connect::Jump(_)))
}

/// Whether the dashboard listens where others than its own host can reach it.
fn is_open(spec: &Spec) -> bool {
    match &spec.broker {
        Broker::Emqx(emqx) => emqx.dashboard_bind.is_some_and(|address| !address.is_loopback()),
        Broker::Embedded(_) | Broker::Mosquitto(_) => true,
    }
}

/// The authorities that clients trust.
fn roots(project: &Path, file: &str) -> Result<Vec<u8>, StepError> {
    let path = project.join(at_home(Path::new(file)));
    std::fs::read(&path).map_err(|error| {
        StepError::permanent("bear::verify::ca", format!("reading {}: {error}", path.display()))
            .with_help("it is the `ca` of the broker's `tls` in the fleet file")
    })
}

/// The version that has to run, where the broker can be asked for it.
fn expected_version(spec: &Spec) -> Option<ExpectedVersion> {
    match &spec.broker {
        Broker::Embedded(_) => None,
        Broker::Emqx(emqx) => Some(ExpectedVersion::Emqx(emqx.version.0.clone())),
        Broker::Mosquitto(mosquitto) => {
            Some(ExpectedVersion::Mosquitto(upstream(&mosquitto.version.0).to_owned()))
        }
    }
}

/// What a package's version says of the program in it: `2.0.11-1.2+deb12u2` is Mosquitto 2.0.11. As in deb-version(7),
/// an epoch goes before a colon and the package's own revision after the last hyphen.
fn upstream(version: &str) -> &str {
    let without_epoch = version.split_once(':').map_or(version, |(_, rest)| rest);
    without_epoch.rsplit_once('-').map_or(without_epoch, |(upstream, _)| upstream)
}

/// Where a broker is, and how to be let in, as far as any of them goes; none for a broker without an MQTT port.
pub(crate) fn target(address: &str, ports: &Ports, credentials: Option<Credentials>) -> Option<Target> {
    let mut target = Target::new(address, ports.mqtt?);
    target.ws = ports.ws;
    target.credentials = credentials;
    Some(target)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bear_core::name::FleetName;
    use bear_hosts::Hosts;

    use super::*;

    /// All that does not need the file is proven nonetheless, and what needs it has failed.
    #[tokio::test]
    async fn authorities_that_cannot_be_read_fail_the_check_that_they_are_for() {
        let fleet = "
fleet: plant
provider: { hosts: {} }
groups:
  edge:
    members: { paris: { address: 127.0.0.1 } }
    broker:
      mosquitto:
        version: 2.0.11-1
        tls: { certificate: c.pem, key: { file: k.pem }, ca: missing.pem }
    ports: { mqtt: 1883, mqtts: 8883 }
";
        let parsed = bear_core::fleet::parse("plant.yaml", fleet.as_bytes()).unwrap();
        let instance = &parsed.fleet.instances().unwrap()[0];
        let hosts = Hosts::new(bear_hosts::Settings::new(
            FleetName::new("plant").unwrap(),
            "lineage".into(),
            "known_hosts".into(),
            "/nowhere".into(),
        ));
        let proving = Proving { wallet: Arc::default(), hosts, project: "/nowhere".into() };
        let place = Place { instance: &instance.name, spec: &instance.spec, machine: None };
        let machine = Machine::new("paris", "127.0.0.1");
        let installed =
            Installed::new(Ports { mqtt: Some(1883), mqtts: Some(8883), ..Ports::default() }, "2.0.11");
        let aim = proving.aim(place, &machine, &installed).await.unwrap().unwrap();
        let unmet = aim.unmet.iter().map(|(check, error)| format!("{check}: {}", error.message));
        assert_eq!(
            unmet.collect::<Vec<_>>(),
            ["tls.connect: reading /nowhere/missing.pem: No such file or directory (os error 2)"]
        );
        insta::assert_snapshot!(aim.unmet[0].1.told(), @"
        bear::verify::ca: reading /nowhere/missing.pem: No such file or directory (os error 2)
          help: it is the `ca` of the broker's `tls` in the fleet file
        ");
        assert_eq!((aim.target.mqtt, aim.target.mqtts), (1883, None));
    }

    #[test]
    fn the_version_of_a_package_names_the_program_in_it() {
        for (package, program) in [
            ("2.0.11-1.2+deb12u2", "2.0.11"),
            ("1:2.0.11-1ubuntu1", "2.0.11"),
            ("2.0.18", "2.0.18"),
            ("2.1.0~rc1-1", "2.1.0~rc1"),
        ] {
            assert_eq!(upstream(package), program);
        }
    }
}
