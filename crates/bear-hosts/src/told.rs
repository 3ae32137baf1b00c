//! Errors of this crate as people read them, where no host is needed to see one.

use std::net::Ipv4Addr;

use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::name::{FleetName, InstanceName};
use bear_core::state::v1::Machine;
use bear_executor::Exit;

use crate::broker::{Broker, Order, node_address};
use crate::{Hosts, Place, Secrets, Settings, image, prepare, provider, script};

const DOING: &str = "installing emqx on plant-edge-1";
const HOST: &str = "ubuntu@192.0.2.10:22";

fn settings() -> Settings {
    let fleet = FleetName::new("plant").unwrap();
    let project = "/home/ann/project";
    Settings::new(fleet, "lineage".into(), format!("{project}/known_hosts").into(), project.into())
}

fn spec(text: &str) -> Spec {
    serde_json::from_str(&format!(r#"{{"provider": "hosts", {text}}}"#)).unwrap()
}

fn machine(address: &str) -> Machine {
    let (id, address) = ("i-0123456789abcdef0".to_owned(), address.to_owned());
    Machine { id, address, private_address: None, system: None, image: None }
}

/// Why a broker can't be put onto a machine.
fn refused(broker: &str) -> StepError {
    let spec = spec(&format!(r#""broker": {broker}"#));
    let secrets = Secrets::default();
    let order = Order {
        spec: &spec,
        address: Ipv4Addr::new(192, 0, 2, 10),
        secrets: &secrets,
        image_file: "image.tar",
        doing: DOING,
    };
    Broker::of(&order, &settings()).err().unwrap()
}

/// Why a machine can't be reached.
fn unreached(text: &str) -> StepError {
    let spec = spec(&format!(r#""broker": {{"embedded": {{}}}}{text}"#));
    let instance = InstanceName::new("plant-edge-1").unwrap();
    let place = Place { instance: &instance, spec: &spec, machine: None };
    Hosts::new(settings()).ssh(place).err().unwrap()
}

#[test]
fn what_is_found_out_before_anything_is_done() {
    let tls =
        r#"{"emqx": {"version": "5.0.9", "tls": {"certificate": "tls/broker.pem", "key": {"env": "KEY"}}}}"#;
    let errors = [
        refused(r#"{"embedded": {}}"#),
        refused(r#"{"emqx": {"version": "4.4.19"}}"#),
        refused(tls),
        refused(r#"{"emqx": {"version": "5.0.9"}}"#),
        node_address(&machine("broker.example"), DOING).unwrap_err(),
        unreached(r#", "login": {"user": "ubuntu", "connect": "public"}"#),
        prepare::parse(&machine("192.0.2.10"), "ssh-ed25519 AAAA").unwrap_err(),
    ];
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @r#"
    bear::hosts::embedded: installing emqx on plant-edge-1: the embedded broker runs with `provider: local` only
      help: write `emqx` or `mosquitto` as the `broker` of this group
    bear::recipe::refused: installing emqx on plant-edge-1: "4.4.19" is no version of EMQX that bear knows
      help: write an exact version from 5.0.0 on, such as `5.8.9`
    bear::hosts::file: installing emqx on plant-edge-1: reading /home/ann/project/tls/broker.pem: No such file or directory (os error 2)
      help: the fleet file names it under `tls`: see that it is there, and that you may read it
    bear::hosts::secret: installing emqx on plant-edge-1: the password of `admin` is not known
      help: `bear plan` says where the fleet file has it from; `bear doctor` tries to get it
    bear::hosts::address: installing emqx on plant-edge-1: an EMQX node needs an IPv4 address, and broker.example is none
      help: write the host's IPv4 address as `address`
    bear::hosts::target: reaching the machine of `plant-edge-1`: its address is not known
      help: `bear apply` looks it up, or makes the machine
    bear::hosts::host_key: reading the host key of i-0123456789abcdef0: the base64 after `ssh-ed25519` is not that of a key of this type; it may have been cut off
      help: `bear import --host-key` takes another one; `bear apply --replace` makes the machine anew
    "#);
}

#[test]
fn what_fails_on_the_way() {
    let errors = [
        script::cut("docker.packages", HOST, Exit::Status(255)),
        script::no_randomness(DOING, &"the device is not ready"),
        image::failed(DOING, "install -d -m 755 -- '/var/lib/bear'", Exit::Status(1))
            .with_last_lines("install: cannot create directory '/var/lib/bear': Read-only file system"),
        provider::no_key(HOST),
    ];
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
    bear::recipe::cut: docker.packages: the script on ubuntu@192.0.2.10:22 ended too soon: exit status 255
      help: applying again goes on from where the host is
    bear::hosts::random: installing emqx on plant-edge-1: the device is not ready
      help: the random numbers come from the system of this machine: look at /dev/urandom
    bear::hosts::image: installing emqx on plant-edge-1: `install -d -m 755 -- '/var/lib/bear'` failed: exit status 1
      | install: cannot create directory '/var/lib/bear': Read-only file system
      help: look on the host at who may write there, and at what room is left
    bear::hosts::no_key: reading the host key of ubuntu@192.0.2.10:22: it is not known any more
      help: somebody changed the fleet's known_hosts meanwhile; do the same again
    ");
}
