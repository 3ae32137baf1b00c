//! Fleet files that are right: the examples, the templates, and what the schema says to them.
#![expect(clippy::disallowed_methods, reason = "tests read their cases; only the core itself does no I/O")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod ec2;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bear_core::fleet::model::ProviderKind;
use bear_core::fleet::{Fleet, parse, schema, template};
use bear_core::name::FleetName;
use serde_json::Value;

#[track_caller]
fn fleet(text: &str) -> Fleet {
    match parse("fleet.yaml", text.as_bytes()) {
        Ok(parsed) => parsed.fleet,
        Err(problems) => panic!("{:?}", problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

fn names(text: &str) -> String {
    let names = fleet(text).instances().unwrap().into_iter().map(|instance| instance.name.to_string());
    names.collect::<Vec<_>>().join(" ")
}

/// Every fleet file of the repository.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["examples", "fleets"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut files = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.retain(|path| path.extension().is_some_and(|it| it == "yaml"));
    files.sort();
    files
}

/// What the schema has against a text, by another YAML reader than ours.
fn schema_errors(text: &str) -> Vec<String> {
    let mut value = serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
    value.apply_merge().unwrap();
    let validator = jsonschema::validator_for(&serde_json::to_value(schema()).unwrap()).unwrap();
    validator.iter_errors(&serde_json::to_value(value).unwrap()).map(|error| error.to_string()).collect()
}

#[test]
fn every_fleet_file_is_read_without_a_warning_and_fits_the_schema() {
    let files = files();
    assert!(files.len() >= 5, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let parsed = parse("file", text.as_bytes())
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display()));
        assert!(parsed.warnings.is_empty(), "{}", path.display());
        assert_eq!(schema_errors(&text), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn every_template_is_a_fleet() {
    for provider in [ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws] {
        let text = template(&FleetName::new("demo").unwrap(), provider);
        let fleet = fleet(&text);
        assert_eq!((fleet.name.as_str(), fleet.provider.kind()), ("demo", provider));
        assert_eq!(schema_errors(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_fleet_file_says_which_instances_there_are() {
    let example = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../");
        names(&fs::read_to_string(root.join(name)).unwrap())
    };
    insta::assert_snapshot!(example("examples/local.yaml"), @"demo-broker-1 demo-broker-2 demo-broker-3");
    insta::assert_snapshot!(example("examples/members.yaml"), @"plant-lab-line-press plant-lab-line-oven plant-lab-line-packing plant-lab-office-1");
    insta::assert_snapshot!(example("examples/hosts.yaml"), @"plant-edge-paris plant-edge-lyon plant-edge-nice");
    insta::assert_snapshot!(example("examples/emqx.yaml"), @"depot-hub-north");
    insta::assert_snapshot!(example("examples/mosquitto.yaml"), @"barn-gate-east barn-gate-west");
    insta::assert_snapshot!(example("examples/aws.yaml"), @"harbour-hub-1 harbour-hub-2 harbour-hub-3 harbour-quay-north harbour-quay-south");
    insta::assert_snapshot!(example("fleets/team.yaml"), @"daily-emqx-1 daily-emqx-2 daily-emqx-3");
}

#[test]
fn what_can_be_written_in_two_ways_means_the_same() {
    #[track_caller]
    fn check(one: &str, other: &str) {
        assert_eq!(fleet(one), fleet(other), "{one}\n{other}");
    }
    let local = "groups: { g: { count: 1, broker: embedded } }";
    check(
        &format!("fleet: f\nprovider: local\n{local}"),
        &format!("fleet: f\nprovider: {{ local: {{}} }}\n{local}"),
    );
    check(&format!("fleet: f\nprovider: local\n{local}"), &format!("fleet: f\nprovider:\n  local:\n{local}"));
    check(
        &format!("fleet: f\nprovider: local\n{local}"),
        &format!("---\nx-note: [1]\nfleet: 'f'\nprovider: !!str local\n{local}"),
    );
    let group = |group: &str| {
        format!(
            "fleet: f\nprovider: local\nx-a: &a {{ count: 2, ports: {{}} }}\nx-b: &b {{ count: 3, broker: embedded }}\ngroups: {{ g: {{ {group} }} }}"
        )
    };
    check(&group("count: 1, broker: embedded"), &group("count: 1, broker: { embedded: }"));
    check(&group("count: 1, broker: embedded"), &group("count: 1, <<: *b"));
    check(&group("count: 2, broker: embedded"), &group("<<: [*a, *b]"));
    check(&group("count: 3, broker: embedded"), &group("<<: [*b, *a]"));
    check(&group("count: 3, broker: embedded"), &group("<<: *b"));
    check(
        &group("members: { m: }, broker: embedded"),
        &group("members: { m: {} }, broker: { embedded: {} }"),
    );
}

#[test]
fn what_people_write_for_themselves_is_recorded_the_same() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQR9aXrF0ajMArO1cBwGQZ881OVcIztF2stDe6faZnj";
    let file = |key: &str, print: &str| {
        format!(
            "fleet: f\nprovider: hosts\ngroups:\n  g:\n    members: {{ m: {{ address: a.example, host_key: {key} }} }}\n    \
             install: {{ docker: {{ version: '5:28.5.2', repository: {{ url: 'https://a.example', fingerprint: {print} }} }} }}\n    \
             broker: {{ mosquitto: {{ version: 2.0.11-1 }} }}"
        )
    };
    let plain = fleet(&file(key, "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"));
    let spaced = "9dc8 5822 9fc7 dd38 854a  e2d8 8d81 803c 0ebf cd88";
    assert_eq!(fleet(&file(&format!("'{key} root@paris'"), spaced)), plain);
    let host = plain.instances().unwrap()[0].spec.host.clone().unwrap();
    assert_eq!(host.host_key.as_deref(), Some(key));
}

#[test]
fn one_group_without_instances_is_a_fleet() {
    assert_eq!(names("fleet: f\nprovider: local\ngroups: { g: { count: 0, broker: embedded } }"), "");
}

#[test]
fn a_file_with_windows_lines_and_a_byte_order_mark_is_read() {
    let text =
        "\u{feff}fleet: f\r\nprovider: local\r\ngroups:\r\n  g:\r\n    count: 2\r\n    broker: embedded\r\n";
    assert_eq!(names(text), "f-g-1 f-g-2");
}

#[test]
fn a_value_is_found_by_its_path() {
    let text = "# é\nfleet: f\nprovider: local\nx-a: &a { ports: { mqtt: 1883 } }\ngroups:\n  g: { <<: *a, count: 1, broker: embedded }\n";
    let parsed = parse("file", text.as_bytes()).unwrap();
    let found =
        |path: &str| parsed.span_of(path).map(|span| &text[span.offset()..span.offset() + span.len()]);
    assert_eq!(found("fleet"), Some("f"));
    assert_eq!(found("groups.g"), Some("g"));
    assert_eq!(found("groups.g.count"), Some("1"));
    assert_eq!(found("groups.g.ports.mqtt"), Some("1883"));
    assert_eq!(found("groups.h"), None);
    assert_eq!(found("fleet.x"), None);
    assert_eq!(found(""), None);
}

#[test]
fn a_secret_in_a_corner_that_bear_ignores_is_masked_in_what_may_be_shown_later() {
    let text =
        "fleet: f\nprovider: local\nx-password: hunter2\ngroups: { g: { count: 1, broker: embedded } }\n";
    let parsed = parse("file", text.as_bytes()).unwrap();
    assert!(!format!("{parsed:?}").contains("hunter2"));
    assert_eq!(parsed.source.text(), text.replace("hunter2", "*******"));
    assert!(parsed.span_of("groups.g.count").is_some());
}

/// The keys that the reader knows: it lists them to whoever writes one that is like none of them.
fn known_to_the_reader(before: &str, place: &str, after: &str) -> BTreeSet<String> {
    let text = format!("{before}{{ qqqqqqqqqqqq: 1 }}{after}");
    let problems = parse("file", text.as_bytes()).unwrap_err();
    let unknown = problems.iter().find(|problem| problem.message.contains("qqqq"));
    let help = unknown.unwrap_or_else(|| panic!("{place}: {problems:?}")).help.as_ref().unwrap();
    help.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn known_to_the_schema(definition: &Value) -> BTreeSet<String> {
    definition["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    let places = BTreeMap::from([
        ("AwsProvider", ("provider: { aws: ", " }")),
        ("HostsProvider", ("provider: { hosts: ", " }")),
        ("Network", ("network: ", "")),
        ("Group", ("groups: { g: ", " }")),
        ("Member", ("groups: { g: { members: { m: ", " } } }")),
        ("Machine", ("groups: { g: { machine: ", " } }")),
        ("Install", ("groups: { g: { install: ", " } }")),
        ("Ports", ("groups: { g: { ports: ", " } }")),
        ("Docker", ("groups: { g: { install: { docker: ", " } } }")),
        ("Repository", ("groups: { g: { install: { docker: { repository: ", " } } } }")),
        ("Tls", ("groups: { g: { broker: { mosquitto: { tls: ", " } } } }")),
        ("Embedded", ("groups: { g: { broker: { embedded: ", " } } }")),
        ("Authentication", ("groups: { g: { broker: { embedded: { authentication: ", " } } } }")),
        ("Emqx", ("groups: { g: { broker: { emqx: ", " } } }")),
        ("Mosquitto", ("groups: { g: { broker: { mosquitto: ", " } } }")),
    ]);
    let schema = serde_json::to_value(schema()).unwrap();
    assert_eq!(known_to_the_schema(&schema), known_to_the_reader("", "Fleet", ""));
    let mut seen = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let keys = known_to_the_schema(definition);
        if keys.is_empty() {
            continue;
        }
        let (before, after) = places.get(&**name).unwrap_or_else(|| panic!("no place for {name}"));
        assert_eq!(keys, known_to_the_reader(before, name, after), "{name}");
        seen.insert(name.as_str());
    }
    assert_eq!(seen, places.into_keys().collect());
}

#[test]
fn the_schema_refuses_what_the_reader_refuses_in_single_values() {
    #[track_caller]
    fn check(group: &str) {
        let text = format!("fleet: f\nprovider: local\ngroups: {{ g: {{ {group} }} }}");
        assert!(parse("file", text.as_bytes()).is_err(), "{text}");
        assert_ne!(schema_errors(&text), Vec::<String>::new(), "{text}");
    }
    check("broker: embedded");
    check("count: 1, members: {}, broker: embedded");
    check("count: -1, broker: embedded");
    check("count: lots, broker: embedded");
    check("count: , broker: embedded");
    check("count: 100001, broker: embedded");
    check("count: 1, broker: embedded, ports: { mqtt: 70000 }");
    check("count: 1, broker: embedded, ports: { mqtt: 0 }");
    check("count: 1, broker: embedded, x: 1");
    check("count: 1, broker: emqx");
    check("count: 1, broker: { emqx: { version: latest } }");
    check("count: 1, broker: { emqx: { version: 5.0 } }");
    check("count: 1, broker: { emqx: { version: 5.0.9, admin_password: literal } }");
    check("members: { a b: }, broker: embedded");
    check("count: 1, broker: embedded, keep_data: yes");
    check("count: 1, broker: embedded, install: { docker: latest }");
    check("count: 1, broker: embedded, install: { docker: {} }");
    check("count: 1, broker: embedded, install: { docker: { version: 5:28, repository: {} } }");
    check("count: 1, broker: { emqx: { version: 5.0.9, license: literal } }");
    check("count: 1, broker: { emqx: { version: 5.0.9, tls: { certificate: c.pem } } }");
    check("count: 1, broker: { mosquitto: { version: 2.0.18, container: 1 } }");
    check("count: 1, broker: embedded, protect: 1");
}
