//! What `bear init` writes: a fleet file to begin with, for each provider.

use super::model::ProviderKind;
use crate::name::FleetName;

/// The smallest fleet file that makes brokers.
pub(super) const SMALLEST: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 3
    broker: embedded
";

/// A fleet file to begin with.
pub fn template(name: &FleetName, provider: ProviderKind) -> String {
    let rest = match provider {
        ProviderKind::Local => LOCAL,
        ProviderKind::Hosts => HOSTS,
        ProviderKind::Aws => AWS,
    };
    format!(
        "# A fleet of MQTT brokers. `bear plan` shows what it makes, `bear apply` makes it.\nfleet: {name}\n{rest}"
    )
}

const LOCAL: &str = "\
provider: local                   # every broker is a process on this machine
groups:
  broker:
    count: 3                      # more or fewer: edit it and apply again
    broker: embedded
    # ports: { mqtt: 1883 }       # with `count: 1`; left out, each broker gets free ports that it keeps
";

const HOSTS: &str = "\
provider:
  hosts:                          # machines that exist already, reached over SSH
    user: ubuntu
    identity: ~/.ssh/id_ed25519
groups:
  broker:
    members:                      # a name for each host; removing one touches one
      one: { address: 192.0.2.10 }             # put the addresses of your hosts here
      two: { address: 192.0.2.11, port: 2222 } # where SSH is not on port 22
    broker:
      mosquitto:
        version: 2.0.11-1.2+deb12u2            # exact: what runs is what was reviewed
";

const AWS: &str = "\
provider:
  aws:
    region: eu-west-3
    # identity: ~/.ssh/id_ed25519 # the key to log in with; left out, what ssh itself would take
    # connect: private            # by their private addresses, or `{ jump: admin@bastion.example }`
    # tags: { owner: daily }      # put on everything that bear makes
network:                          # nothing is open to the world unless it says so here
  operators: [203.0.113.7/32]     # may reach SSH and the dashboard: put your own address here
  clients: [203.0.113.7/32]       # may reach the MQTT listeners
groups:
  broker:
    count: 3
    machine:
      type: t3.small
      image: ubuntu-22.04         # newest image of that release, resolved once and recorded
      disk: 20 GiB
    # protect: true               # no plan destroys or replaces its instances
    install:
      docker: \"5:20.10.13~3-0~ubuntu-jammy\"
    broker:
      emqx:
        version: 5.0.9            # exact: what runs is what was reviewed
        # Left out, the password of the dashboard is generated once and kept with the state.
        # admin_password: { env: EMQX_ADMIN_PASSWORD }
";
