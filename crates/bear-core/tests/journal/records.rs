//! Any record that there can be, with every field of everything in it.

use std::net::Ipv4Addr;

use bear_core::fleet::model::{
    Authentication, Broker, Connect, Docker, Embedded, Emqx, Install, Machine as MachineSpec, Mosquitto,
    Network, Pin, Ports, ProviderKind, Repository, SecretRef, Tls,
};
use bear_core::fleet::{Foundation, Host, Login, Spec};
use bear_core::name::{GroupName, InstanceName};
use bear_core::plan::StepKind;
use bear_core::state::v1::{Installed, Machine, Process, Record, System};
use bear_core::unit::ByteSize;
use jiff::Timestamp;
use proptest::prelude::*;

fn instance() -> impl Strategy<Value = InstanceName> {
    (1..5).prop_map(|index| InstanceName::new(format!("demo-broker-{index}")).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "[a-z0-9./ \"\\\\é\n]{0,12}"
}

fn maybe<T: std::fmt::Debug>(it: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(it)
}

fn secret() -> impl Strategy<Value = SecretRef> {
    prop_oneof![
        text().prop_map(SecretRef::Env),
        text().prop_map(SecretRef::File),
        prop::collection::vec(text(), 1..3).prop_map(SecretRef::Command),
    ]
}

fn authentication() -> impl Strategy<Value = Authentication> {
    (text(), maybe(secret())).prop_map(|(username, password)| Authentication { username, password })
}

fn tls() -> impl Strategy<Value = Tls> {
    (text(), secret(), maybe(text()), maybe(text())).prop_map(|(certificate, key, ca, server_name)| Tls {
        certificate,
        key,
        ca,
        server_name,
    })
}

fn broker() -> impl Strategy<Value = Broker> {
    let pin = || text().prop_map(Pin);
    let embedded =
        maybe(authentication()).prop_map(|authentication| Broker::Embedded(Embedded { authentication }));
    let parts = (
        pin(),
        maybe(secret()),
        maybe(any::<Ipv4Addr>()),
        maybe(tls()),
        maybe(secret()),
        maybe(text()),
        maybe(text()),
    );
    let emqx =
        parts.prop_map(|(version, admin_password, dashboard_bind, tls, license, registry, image_file)| {
            Broker::Emqx(Emqx { version, admin_password, dashboard_bind, tls, license, registry, image_file })
        });
    let parts = (pin(), any::<bool>(), maybe(authentication()), maybe(tls()), maybe(text()), maybe(text()));
    let mosquitto = parts.prop_map(|(version, container, authentication, tls, registry, image_file)| {
        Broker::Mosquitto(Mosquitto { version, container, authentication, tls, registry, image_file })
    });
    prop_oneof![embedded, emqx, mosquitto]
}

fn docker() -> impl Strategy<Value = Docker> {
    let repository = (text(), maybe(text()), maybe(text()), maybe(text()))
        .prop_map(|(url, suite, key_url, fingerprint)| Repository { url, suite, key_url, fingerprint });
    (text().prop_map(Pin), maybe(text().prop_map(Pin)), maybe(repository))
        .prop_map(|(version, containerd, repository)| Docker { version, containerd, repository })
}

fn spec() -> impl Strategy<Value = Spec> {
    let machine = (text(), text(), maybe(any::<u64>()), any::<bool>(), any::<bool>(), maybe(text()))
        .prop_map(|(kind, image, disk, spot, elastic_ip, iam_profile)| MachineSpec {
            kind,
            image,
            disk: disk.map(ByteSize::bytes),
            spot,
            elastic_ip,
            iam_profile,
        });
    let host = (text(), maybe(any::<u16>()), maybe(text()), maybe(text()), maybe(text())).prop_map(
        |(address, port, user, identity, host_key)| Host { address, port, user, identity, host_key },
    );
    let connect = prop_oneof![Just(Connect::Public), Just(Connect::Private), text().prop_map(Connect::Jump)];
    let login = (text(), maybe(text()), connect).prop_map(|(user, identity, connect)| Login {
        user,
        identity,
        connect,
    });
    let provider = prop::sample::select(&[ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws]);
    let install = maybe(docker()).prop_map(|docker| Install { docker });
    let parts = (
        provider,
        maybe(text()),
        maybe(machine),
        maybe(host),
        maybe(login),
        maybe(install),
        broker(),
        maybe(any::<u16>()),
        any::<bool>(),
    );
    parts.prop_map(|(provider, region, machine, host, login, install, broker, mqtt, keep_data)| Spec {
        provider,
        region,
        machine,
        host,
        login,
        install,
        broker,
        ports: Ports { mqtt, ..Ports::default() },
        keep_data,
    })
}

fn machine() -> impl Strategy<Value = Machine> {
    let system = (text(), text(), any::<u64>(), any::<u64>()).prop_map(
        |(name, architecture, memory_mib, disk_free_mib)| System {
            name,
            architecture,
            memory_mib,
            disk_free_mib,
        },
    );
    (text(), text(), maybe(text()), maybe(system), maybe(text())).prop_map(
        |(id, address, private_address, system, image)| Machine {
            id,
            address,
            private_address,
            system,
            image,
        },
    )
}

fn installed() -> impl Strategy<Value = Installed> {
    let process = (any::<u32>(), any::<u64>()).prop_map(|(pid, started)| Process { pid, started });
    (any::<u16>(), maybe(process), maybe(text()), maybe(text()), maybe(text())).prop_map(
        |(port, process, configuration, image, docker)| Installed {
            process,
            configuration,
            image,
            docker,
            ..Installed::new(Ports { mqtt: Some(port), ..Ports::default() }, "0.1.0")
        },
    )
}

/// One of few regions, so that records of one foundation follow each other.
fn foundation() -> impl Strategy<Value = Foundation> {
    let region = prop::sample::select(&["eu-west-1", "eu-west-3"]).prop_map(str::to_owned);
    let ports = || prop::collection::btree_set(any::<u16>(), 0..3);
    let places = (maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    let lists = (prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..3));
    let tags = prop::collection::btree_map(text(), text(), 0..3);
    (region, ports(), ports(), any::<bool>(), places, lists, tags).prop_map(
        |(region, listeners, dashboards, cluster, places, (subnets, security_groups), tags)| {
            let (profile, endpoint_url, vpc, key_pair) = places;
            let network = security_groups.is_empty().then(|| Network {
                operators: vec!["203.0.113.7/32".parse().unwrap()],
                clients: vec!["0.0.0.0/0".parse().unwrap()],
            });
            Foundation {
                region,
                profile,
                endpoint_url,
                network,
                listeners,
                dashboards,
                cluster,
                vpc,
                subnets,
                security_groups,
                key_pair,
                tags,
            }
        },
    )
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let at = (0..4_000_000_000_i64, 0..1_000_000_000).prop_map(|(s, ns)| Timestamp::new(s, ns).unwrap());
    let step = prop::sample::select(&StepKind::ALL[..]);
    let plan = proptest::option::of("[a-z0-9]{8}");
    // On the heap: values of so many fields, and how to shrink them, are more than the stack of a test's thread holds.
    let (spec, foundation) = (spec().boxed(), foundation().boxed());
    let (machine, moved, installed) = (machine().boxed(), maybe(machine()).boxed(), installed().boxed());
    let of_instance = (instance(), spec, machine, moved, installed, step);
    let parts = (at, of_instance, foundation, plan, any::<String>(), any::<u32>());
    (0..16, parts).prop_map(|(which, (at, of_instance, foundation, plan, text, number))| {
        let (instance, spec, machine, moved, installed, step) = of_instance;
        let region = foundation.region.clone();
        match which {
            0 => Record::RunBegan { at, file: text, plan },
            1 => Record::CreateBegan {
                at,
                token: crate::new_state().token(&instance, number.into()),
                instance,
                group: GroupName::new("broker").unwrap(),
                spec,
                generation: number.into(),
                launch: plan,
            },
            2 => Record::Created { at, instance, machine },
            3 => Record::InstallBegan { at, instance, spec },
            4 => Record::Installed { at, instance, installed, machine: moved },
            5 => Record::VerifyBegan { at, instance },
            6 => Record::Verified { at, instance, checks: number },
            7 => Record::DestroyBegan { at, instance },
            8 => Record::Destroyed { at, instance },
            9 => Record::Failed { at, instance, step, error: text },
            10 => Record::Forgotten { at, instance },
            11 => Record::Moved { at, instance, machine },
            12 => Record::FoundationBegan { at, foundation },
            13 => Record::FoundationLaid { at, region },
            14 => Record::FoundationGoing { at, region },
            _ => Record::FoundationGone { at, region },
        }
    })
}
