//! Facts: what an instance shall be, spelled out for people, with the defaults that the fleet file left unsaid.

use bear_core::fleet::Spec;
use bear_core::fleet::model::{Authentication, Broker, Connect, Machine, ProviderKind, SecretRef, Tls};

/// One line of what an instance shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// What the fleet file says.
    pub given: Option<String>,
    /// What applies because the fleet file says nothing.
    pub default: Option<String>,
}

impl Fact {
    fn given(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, given: Some(text.into()), default: None }
    }

    fn default(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, given: None, default: Some(text.into()) }
    }
}

/// What an instance shall be.
pub fn facts(spec: &Spec) -> Vec<Fact> {
    let mut facts = vec![provider(spec)];
    facts.extend(spec.machine.as_ref().map(machine));
    facts.extend(host(spec));
    facts.extend(login(spec));
    facts.extend(docker(spec));
    facts.extend(broker(&spec.broker));
    facts.push(ports(spec));
    facts.extend(spec.keep_data.then(|| Fact::given("data", "kept when the instance is destroyed")));
    facts
}

fn provider(spec: &Spec) -> Fact {
    let name = spec.provider.as_str();
    match &spec.region {
        Some(region) => Fact::given("provider", format!("{name}, region {region}")),
        None => Fact::given("provider", name),
    }
}

fn machine(machine: &Machine) -> Fact {
    let mut given = format!("{}, {}", machine.kind, machine.image);
    for (is_wanted, extra) in [(machine.spot, "spare capacity"), (machine.elastic_ip, "elastic address")] {
        if is_wanted {
            given = format!("{given}, {extra}");
        }
    }
    if let Some(profile) = &machine.iam_profile {
        given = format!("{given}, profile {profile}");
    }
    match machine.disk {
        Some(disk) => Fact::given("machine", format!("{given}, disk of {disk}")),
        None => {
            Fact { default: Some("disk as large as the image".to_owned()), ..Fact::given("machine", given) }
        }
    }
}

/// How a machine is logged in to that the provider makes.
fn login(spec: &Spec) -> Option<Fact> {
    let login = spec.login.as_ref()?;
    let key = login.identity.as_ref().map(|identity| format!("key {identity}"));
    let way = match &login.connect {
        Connect::Public => None,
        Connect::Private => Some("by its private address".to_owned()),
        Connect::Jump(host) => Some(format!("by way of {host}")),
    };
    let given = std::iter::once(format!("as {}", login.user)).chain(key).chain(way);
    Some(Fact::given("login", given.collect::<Vec<_>>().join(", ")))
}

fn host(spec: &Spec) -> Option<Fact> {
    let host = spec.host.as_ref()?;
    let user = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
    let mut given = format!("{user}{}{port}", host.address);
    for (what, setting) in [("key", &host.identity), ("host key", &host.host_key)] {
        if let Some(setting) = setting {
            given = format!("{given}, {what} {setting}");
        }
    }
    Some(Fact::given("host", given))
}

/// What is installed below a broker that needs it.
fn docker(spec: &Spec) -> Option<Fact> {
    let docker = spec.install.as_ref().and_then(|install| install.docker.as_ref());
    let in_container = match &spec.broker {
        Broker::Embedded(_) => false,
        Broker::Emqx(_) => true,
        Broker::Mosquitto(mosquitto) => mosquitto.container,
    };
    let Some(docker) = docker else {
        return in_container.then(|| Fact::default("docker", "what the machine has"));
    };
    let mut given = docker.version.0.clone();
    if let Some(containerd) = &docker.containerd {
        given = format!("{given}, containerd {}", containerd.0);
    }
    if let Some(repository) = &docker.repository {
        given = format!("{given}, from {}", repository.url);
    }
    Some(Fact::given("docker", given))
}

fn broker(broker: &Broker) -> Vec<Fact> {
    let name = broker.as_str();
    match broker {
        Broker::Embedded(embedded) => {
            vec![Fact::given("broker", name), authentication(embedded.authentication.as_ref())]
        }
        Broker::Emqx(emqx) => {
            let mut facts = vec![
                Fact::given("broker", format!("{name} {}", emqx.version.0)),
                password("admin password", "", emqx.admin_password.as_ref()),
                authentication(None),
            ];
            facts.extend(emqx.license.as_ref().map(|key| password("licence key", "", Some(key))));
            facts.extend(tls(emqx.tls.as_ref()));
            facts.extend(image(emqx.registry.as_ref(), emqx.image_file.as_ref()));
            facts
        }
        Broker::Mosquitto(mosquitto) => {
            let form = if mosquitto.container { " in a container" } else { "" };
            let mut facts = vec![Fact::given("broker", format!("{name} {}{form}", mosquitto.version.0))];
            facts.push(authentication(mosquitto.authentication.as_ref()));
            facts.extend(tls(mosquitto.tls.as_ref()));
            facts.extend(image(mosquitto.registry.as_ref(), mosquitto.image_file.as_ref()));
            facts
        }
    }
}

fn authentication(login: Option<&Authentication>) -> Fact {
    match login {
        None => Fact::default("authentication", "off"),
        Some(login) => {
            let user = format!("user {}, password ", login.username);
            password("authentication", &user, login.password.as_ref())
        }
    }
}

fn tls(tls: Option<&Tls>) -> Option<Fact> {
    let tls = tls?;
    let trusted = tls.ca.as_ref().map(|ca| format!("trusted through {ca}"));
    let given = std::iter::once(format!("certificate {}", tls.certificate)).chain(trusted);
    Some(Fact::given("tls", given.collect::<Vec<_>>().join(", ")))
}

fn image(registry: Option<&String>, file: Option<&String>) -> Option<Fact> {
    let from = registry.map(|registry| format!("from {registry}"));
    from.or_else(|| file.map(|file| format!("from the file {file}"))).map(|text| Fact::given("image", text))
}

/// Where a password comes from, after what there is to say `before` it. The password itself is never known here.
fn password(label: &'static str, before: &str, source: Option<&SecretRef>) -> Fact {
    let (source, default) = match source {
        None => ("generated once for the fleet".to_owned(), true),
        Some(SecretRef::Env(name)) => (format!("from the variable {name}"), false),
        Some(SecretRef::File(path)) => (format!("from the file {path}"), false),
        Some(SecretRef::Command(words)) => (format!("from the command {}", words.join(" ")), false),
    };
    let text = format!("{before}{source}");
    if default { Fact::default(label, text) } else { Fact::given(label, text) }
}

/// The ports that a broker on a host opens where the fleet file leaves them out.
fn own_ports(spec: &Spec) -> String {
    let loopback = match (&spec.broker, spec.provider) {
        (Broker::Emqx(emqx), ProviderKind::Hosts | ProviderKind::Aws) => {
            emqx.dashboard_bind.is_none_or(|address| address.is_loopback())
        }
        _ => false,
    };
    let left_out = |(name, _): &(&str, u16)| !spec.ports.iter().any(|(given, _)| given == *name);
    let named = spec.broker.default_ports().iter().filter(left_out).map(|(name, port)| match name {
        "dashboard" if loopback => format!("{name} {port} on the host alone"),
        _ => format!("{name} {port}"),
    });
    named.collect::<Vec<_>>().join(", ")
}

fn ports(spec: &Spec) -> Fact {
    let given = spec.ports.iter().map(|(name, port)| format!("{name} {port}")).collect::<Vec<_>>();
    let own = match spec.provider {
        ProviderKind::Local if given.is_empty() => "free ones of this machine".to_owned(),
        ProviderKind::Local => "others free ones of this machine".to_owned(),
        ProviderKind::Hosts | ProviderKind::Aws => own_ports(spec),
    };
    Fact {
        label: "ports",
        given: (!given.is_empty()).then(|| given.join(", ")),
        default: (!own.is_empty()).then_some(own),
    }
}

#[cfg(test)]
mod tests {
    use bear_core::fleet::parse;

    use super::*;

    const LOCAL: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 3
    broker: embedded
";

    const TEAM: &str = "\
fleet: daily
provider:
  aws: { region: eu-west-3 }
network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
groups:
  emqx:
    count: 2
    machine: { type: t3.small, image: ubuntu-22.04, disk: 20 GiB }
    install: { docker: \"5:20.10.13~3-0~ubuntu-jammy\" }
    broker:
      emqx: { version: 5.0.9, admin_password: { env: EMQX_ADMIN_PASSWORD } }
    ports: { mqtt: 1883 }
";

    /// [`LOCAL`] with a login.
    fn local_with(authentication: &str) -> String {
        let broker = format!("broker: {{ embedded: {{ authentication: {authentication} }} }}");
        LOCAL.replace("broker: embedded", &broker)
    }

    fn told(file: &str) -> String {
        let fleet = parse("fleet.yaml", file.as_bytes()).unwrap().fleet;
        let instances = fleet.instances().unwrap();
        let line = |fact: Fact| {
            let default = fact.default.map(|text| format!("{text} (default)"));
            format!(
                "{}: {}\n",
                fact.label,
                fact.given.into_iter().chain(default).collect::<Vec<_>>().join(", ")
            )
        };
        facts(&instances[0].spec).into_iter().map(line).collect()
    }

    #[test]
    fn what_a_fleet_file_leaves_unsaid_is_told() {
        insta::assert_snapshot!(told(LOCAL), @"
        provider: local
        broker: embedded
        authentication: off (default)
        ports: free ones of this machine (default)
        ");
        insta::assert_snapshot!(told(&LOCAL.replace("count: 3", "count: 1\n    ports: { ws: 8083 }")), @"
        provider: local
        broker: embedded
        authentication: off (default)
        ports: ws 8083, others free ones of this machine (default)
        ");
        let password = ", admin_password: { env: EMQX_ADMIN_PASSWORD }";
        insta::assert_snapshot!(told(&TEAM.replace(", disk: 20 GiB", "").replace(password, "")), @"
        provider: aws, region eu-west-3
        machine: t3.small, ubuntu-22.04, disk as large as the image (default)
        login: as ubuntu
        docker: 5:20.10.13~3-0~ubuntu-jammy
        broker: emqx 5.0.9
        admin password: generated once for the fleet (default)
        authentication: off (default)
        ports: mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)
        ");
    }

    #[test]
    fn what_a_host_gets_is_told() {
        let file = "
fleet: plant
provider: { hosts: { user: ubuntu } }
groups:
  edge:
    members: { paris: { address: 192.0.2.10, port: 2222, host_key: 'SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I' } }
    keep_data: true
    broker:
      mosquitto:
        version: 2.0.18
        container: true
        registry: registry.example:5000
        tls: { certificate: cert.pem, key: { file: key.pem }, ca: ca.pem }
";
        let emqx = told(
            &file.replace("mosquitto:", "emqx:").replace("container: true", "").replace("2.0.18", "5.8.9"),
        );
        let ports = emqx.lines().find(|line| line.starts_with("ports"));
        insta::assert_snapshot!(ports.unwrap(), @"ports: mqtt 1883, mqtts 8883, ws 8083, wss 8084, dashboard 18083 on the host alone (default)");
        insta::assert_snapshot!(told(file), @"
        provider: hosts
        host: ubuntu@192.0.2.10:2222, host key SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I
        docker: what the machine has (default)
        broker: mosquitto 2.0.18 in a container
        authentication: off (default)
        tls: certificate cert.pem, trusted through ca.pem
        image: from registry.example:5000
        ports: mqtt 1883, mqtts 8883 (default)
        data: kept when the instance is destroyed
        ");
    }

    #[test]
    fn where_passwords_come_from() {
        #[track_caller]
        fn check(authentication: &str, expected: &str) {
            let text = told(&local_with(authentication));
            let line = text.lines().find_map(|line| line.strip_prefix("authentication: "));
            assert_eq!(line.unwrap(), expected);
        }
        check("{ username: alice }", "user alice, password generated once for the fleet (default)");
        check(
            "{ username: alice, password: { env: SECRET } }",
            "user alice, password from the variable SECRET",
        );
        check(
            "{ username: alice, password: { file: secret.txt } }",
            "user alice, password from the file secret.txt",
        );
        check(
            "{ username: alice, password: { command: [pass, show, mqtt] } }",
            "user alice, password from the command pass show mqtt",
        );
    }
}
