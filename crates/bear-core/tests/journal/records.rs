//! Any record that there can be, with every field of everything in it.

use std::net::Ipv4Addr;

use bear_core::fleet::model::{
    Authentication, Broker, Docker, Embedded, Emqx, Install, Machine as MachineSpec, Mosquitto, Pin, Ports,
    ProviderKind, Repository, SecretRef, Tls,
};
use bear_core::fleet::{Host, Spec};
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
    let machine = (text(), text(), maybe(any::<u64>())).prop_map(|(kind, image, disk)| MachineSpec {
        kind,
        image,
        disk: disk.map(ByteSize::bytes),
    });
    let host = (text(), maybe(any::<u16>()), maybe(text()), maybe(text()), maybe(text())).prop_map(
        |(address, port, user, identity, host_key)| Host { address, port, user, identity, host_key },
    );
    let provider = prop::sample::select(&[ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws]);
    let install = maybe(docker()).prop_map(|docker| Install { docker });
    let parts = (
        provider,
        maybe(text()),
        maybe(machine),
        maybe(host),
        maybe(install),
        broker(),
        maybe(any::<u16>()),
        any::<bool>(),
    );
    parts.prop_map(|(provider, region, machine, host, install, broker, mqtt, keep_data)| Spec {
        provider,
        region,
        machine,
        host,
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
    (text(), text(), maybe(text()), maybe(system))
        .prop_map(|(id, address, private_address, system)| Machine { id, address, private_address, system })
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

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let at = (0..4_000_000_000_i64, 0..1_000_000_000).prop_map(|(s, ns)| Timestamp::new(s, ns).unwrap());
    let step = prop::sample::select(&StepKind::ALL[..]);
    let plan = proptest::option::of("[a-z0-9]{8}");
    let parts = (at, instance(), spec(), machine(), installed(), step, plan, any::<String>(), any::<u32>());
    (0..11, parts).prop_map(|(which, (at, instance, spec, machine, installed, step, plan, text, number))| {
        match which {
            0 => Record::RunBegan { at, file: text, plan },
            1 => Record::CreateBegan {
                at,
                token: crate::new_state().token(&instance, number.into()),
                instance,
                group: GroupName::new("broker").unwrap(),
                spec,
                generation: number.into(),
            },
            2 => Record::Created { at, instance, machine },
            3 => Record::InstallBegan { at, instance, spec },
            4 => Record::Installed { at, instance, installed },
            5 => Record::VerifyBegan { at, instance },
            6 => Record::Verified { at, instance, checks: number },
            7 => Record::DestroyBegan { at, instance },
            8 => Record::Destroyed { at, instance },
            9 => Record::Failed { at, instance, step, error: text },
            _ => Record::Forgotten { at, instance },
        }
    })
}
