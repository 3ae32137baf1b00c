//! What only the fleet as a whole can get wrong on Amazon EC2: images whose user nobody knows, and ports that would be
//! open to more people than they are for.

use std::collections::HashMap;

use super::{File, Groups, Slot};
use crate::fleet::findings::Findings;
use crate::fleet::words::quoted;
use crate::fleet::{foundation, image};

/// The ports by which the nodes of EMQX find each other and talk.
const CLUSTER: [u16; 2] = [4370, 5369];

/// Holds what is only true of EC2 against the groups.
pub(super) fn check(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    if file.slot(["provider", "aws"]).is_none() {
        return;
    }
    if file.slot(["provider", "aws", "user"]).is_none() {
        users(groups, file, findings);
    }
    if file.slot(["network"]).is_some() {
        audiences(groups, file, findings);
    }
}

fn users(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    for (name, group) in groups {
        let Some(machine) = group.machine.as_ref().filter(|machine| image::is_exact(&machine.image)) else {
            continue;
        };
        let slot = file.slot(["groups", name.as_str(), "machine", "image"]);
        findings
            .error(
                "bear::fleet::missing_key",
                slot.map(Slot::span),
                format!("nothing says whom {} lets in", quoted(&machine.image)),
            )
            .label("an exact image, of which bear knows nothing")
            .help("write the user to log in as below `aws:`, such as `user: ubuntu`");
    }
}

/// All machines of a fleet share one security group. So a port that one of them has open to clients is open to clients
/// on all of them, whatever listens on it there.
fn audiences(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let reserved = reserved(groups);
    for (name, group) in groups {
        for (member, ports) in foundation::ports(group) {
            for (listener, port) in foundation::listeners(ports) {
                // Two listeners of one machine on one port are a mistake with every provider, and reported as that.
                let elsewhere = ports.dashboard != Some(port);
                let Some(owner) = reserved.get(&port).filter(|_| elsewhere) else { continue };
                let span = file.port(name, member, listener).or_else(|| file.name_of_group(name));
                let message = format!("port {port} would be open to clients, and belongs to {owner}");
                findings
                    .error("bear::fleet::same_port", span, message)
                    .label(format!("`{listener}` of `{name}`"))
                    .help(
                        "all machines of a fleet share one security group; give one of the two another port",
                    );
            }
        }
    }
}

/// The ports that are not for clients, and what they are for.
fn reserved(groups: &Groups) -> HashMap<u16, String> {
    let mut reserved = HashMap::from([(22, String::from("SSH"))]);
    for (name, group) in groups {
        let dashboard =
            foundation::dashboards(group).map(|port| (port, format!("the dashboard of `{name}`")));
        reserved.extend(dashboard);
        if foundation::clusters(group) {
            reserved.extend(CLUSTER.map(|port| (port, String::from("the cluster of EMQX"))));
        }
    }
    reserved
}
