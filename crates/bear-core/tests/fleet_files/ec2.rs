//! Fleet files for Amazon EC2: what each says of ports, of logging in, and what the schema says to them.

use std::fs;
use std::path::Path;

use bear_core::fleet::{Foundation, parse, schema};

use crate::{fleet, known_to_the_schema, schema_errors};

/// A fleet of one machine, by the settings of `aws` and of its machine.
fn ec2(aws: &str, machine: &str) -> String {
    format!(
        "fleet: f\nprovider: {{ aws: {{ {aws} }} }}\nnetwork: {{ operators: [192.0.2.0/24], clients: [192.0.2.0/24] }}\n\
         groups: {{ g: {{ count: 1, machine: {{ type: t3.small, {machine} }}, broker: {{ mosquitto: {{ version: 2.0.11-1 }} }} }} }}"
    )
}

/// What the machines of a fleet on EC2 share: who may reach which ports.
#[test]
fn a_fleet_says_which_ports_are_open_to_whom() {
    #[track_caller]
    fn check(groups: &str, expected: &str) {
        let groups = format!("x-m: &m {{ type: t3.small, image: debian-12 }}\ngroups: {{ {groups} }}");
        let text = ec2("region: eu-west-3", "image: debian-12");
        let foundation = fleet(&text.replace(text.lines().last().unwrap(), &groups)).foundation().unwrap();
        let Foundation { listeners, dashboards, cluster, .. } = foundation;
        assert_eq!(format!("{listeners:?} {dashboards:?} {cluster}"), expected, "{groups}");
    }
    let mosquitto = "machine: *m, broker: { mosquitto: { version: 2.0.11-1 } }";
    let with_tls = "machine: *m, broker: { mosquitto: { version: 2.0.11-1, tls: { certificate: c, key: { file: k } } } }";
    let emqx = |more: &str| format!("machine: *m, broker: {{ emqx: {{ version: 5.8.9{more} }} }}");
    check(&format!("g: {{ count: 1, {mosquitto} }}"), "{1883} {} false");
    check(&format!("g: {{ count: 0, {mosquitto} }}"), "{1883} {} false");
    check(&format!("g: {{ count: 1, {mosquitto}, ports: {{ ws: 80 }} }}"), "{80, 1883} {} false");
    check(&format!("g: {{ count: 1, {with_tls}, ports: {{ mqtt: 1 }} }}"), "{1, 8883} {} false");
    check(
        &format!("g: {{ members: {{ a: , b: {{ ports: {{ mqtt: 1 }} }} }}, {mosquitto} }}"),
        "{1, 1883} {} false",
    );
    check(&format!("g: {{ members: {{ b: {{ ports: {{ mqtt: 1 }} }} }}, {mosquitto} }}"), "{1} {} false");
    check(&format!("g: {{ count: 1, {} }}", emqx("")), "{1883, 8083} {} true");
    check(&format!("g: {{ count: 1, {} }}", emqx(", dashboard_bind: 127.0.0.2")), "{1883, 8083} {} true");
    check(&format!("g: {{ count: 1, {} }}", emqx(", dashboard_bind: 0.0.0.0")), "{1883, 8083} {18083} true");
    check(
        &format!(
            "g: {{ count: 1, {} }}, h: {{ count: 1, {mosquitto}, ports: {{ mqtt: 9 }} }}",
            emqx(", dashboard_bind: 10.0.0.1")
        ),
        "{9, 1883, 8083} {18083} true",
    );
}

#[test]
fn only_a_fleet_on_ec2_has_something_that_its_machines_share() {
    let none = fleet("fleet: f\nprovider: local\ngroups: { g: { count: 1, broker: embedded } }");
    assert_eq!(none.foundation(), None);
    let text = ec2(
        "region: eu-west-3, vpc: vpc-01234567, subnets: [subnet-01234567], key_pair: k, tags: { b: '2', a: '1' }",
        "image: debian-12",
    );
    let foundation = serde_json::to_string_pretty(&fleet(&text).foundation().unwrap()).unwrap();
    insta::assert_snapshot!(foundation, @r#"
    {
      "region": "eu-west-3",
      "network": {
        "operators": [
          "192.0.2.0/24"
        ],
        "clients": [
          "192.0.2.0/24"
        ]
      },
      "listeners": [
        1883
      ],
      "dashboards": [],
      "cluster": false,
      "vpc": "vpc-01234567",
      "subnets": [
        "subnet-01234567"
      ],
      "key_pair": "k",
      "tags": {
        "a": "1",
        "b": "2"
      }
    }
    "#);
}

/// How to log in to a machine that bear makes: as its image has it, unless the fleet file says else.
#[test]
fn a_machine_on_ec2_is_logged_in_to() {
    #[track_caller]
    fn check(aws: &str, image: &str, expected: &str) {
        let text = ec2(&format!("region: eu-west-3{aws}"), &format!("image: {image}"));
        let login = fleet(&text).instances().unwrap()[0].spec.login.clone().unwrap();
        assert_eq!(serde_json::to_string(&login).unwrap(), expected);
    }
    check("", "ubuntu-20.04", r#"{"user":"ubuntu","connect":"public"}"#);
    check("", "ubuntu-22.04", r#"{"user":"ubuntu","connect":"public"}"#);
    check("", "ubuntu-24.04", r#"{"user":"ubuntu","connect":"public"}"#);
    check("", "debian-11", r#"{"user":"admin","connect":"public"}"#);
    check("", "debian-12", r#"{"user":"admin","connect":"public"}"#);
    check(", user: me, identity: k", "debian-12", r#"{"user":"me","identity":"k","connect":"public"}"#);
    check(", user: me, connect: private", "ami-01234567", r#"{"user":"me","connect":"private"}"#);
    check(", connect: { jump: 'a@b:22' }", "debian-12", r#"{"user":"admin","connect":{"jump":"a@b:22"}}"#);
}

#[test]
fn the_example_shows_every_key_that_there_is_for_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/aws.yaml");
    let text = fs::read_to_string(path).unwrap();
    let schema = serde_json::to_value(schema()).unwrap();
    for definition in ["AwsProvider", "Machine", "Network"] {
        for key in known_to_the_schema(&schema["$defs"][definition]) {
            assert!(text.contains(&format!(" {key}:")), "{key}");
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    #[track_caller]
    fn check(aws: &str, machine: &str) {
        let text = ec2(aws, machine);
        assert!(parse("file", text.as_bytes()).is_err(), "{text}");
        assert_ne!(schema_errors(&text), Vec::<String>::new(), "{text}");
    }
    let right = ec2("region: eu-west-3", "image: debian-12");
    assert_eq!((parse("file", right.as_bytes()).is_ok(), schema_errors(&right)), (true, Vec::new()));
    let aws = |aws: &str| check(&format!("region: eu-west-3, {aws}"), "image: debian-12");
    check("region: eu-west-3a", "image: debian-12");
    aws("connect: jump");
    aws("connect: { jump: 5 }");
    aws("connect: { hop: a.example }");
    aws("vpc: subnet-01234567");
    aws("subnets: []");
    aws("subnets: [subnet-01234567, subnet-01234567]");
    aws("subnets: [subnet-123]");
    aws("security_groups: [vpc-01234567]");
    aws("tags: [owner]");
    aws("tags: { owner: 4711 }");
    aws("tags: { Aws:owner: daily }");
    aws("tags: { bear:fleet: daily }");
    aws("tags: { Name: daily }");
    aws(&format!("tags: {{ owner: {} }}", "v".repeat(257)));
    let machine = |machine: &str| check("region: eu-west-3", machine);
    machine("image: debian");
    machine("image: ami-0123");
    machine("image: debian-12, disk: 20");
    machine("image: debian-12, spot: yes");
    machine("image: debian-12, elastic_ip: 1");
    machine("image: debian-12, iam_profile: arn:aws:iam::123456789012:instance-profile/broker");
}
