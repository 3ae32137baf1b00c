//! What holds for every text, however broken: reading it ends, never panics, and points into it.
#![expect(clippy::disallowed_methods, reason = "tests read their cases; only the core itself does no I/O")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fs;
use std::path::Path;

use bear_core::fleet::model::{Broker, Connect};
use bear_core::fleet::parse;
use bear_core::problem::Problem;
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use serde_json::Value;

/// Reads the bytes, and holds every problem against the text that it points into.
fn check(bytes: &[u8]) {
    match parse("file.yaml", bytes) {
        Ok(parsed) => {
            parsed.warnings.iter().for_each(points_into_the_file);
            let instances = parsed.fleet.instances().unwrap();
            let names =
                instances.iter().map(|instance| &instance.name).collect::<std::collections::HashSet<_>>();
            assert_eq!(names.len(), instances.len(), "two instances with one name");
        }
        Err(problems) => {
            assert!(problems.len() > 0);
            problems.iter().for_each(points_into_the_file);
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
            let mut text = String::new();
            handler.render_report(&mut text, &problems).unwrap();
            assert!(!text.contains("Failed to read contents"), "{text}");
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}

fn points_into_the_file(problem: &Problem) {
    assert!(!problem.message.is_empty());
    let Some(span) = problem.span else { return };
    let text = problem.file.text();
    assert!(text.get(span.offset()..span.offset() + span.len()).is_some(), "{span:?} of {text:?}");
    let (line, column) = problem.position().unwrap();
    assert!(line >= 1 && line <= text.matches('\n').count() + 1 && column >= 1);
}

/// All the fleet files that there are, right and wrong.
fn corpus() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/fleet", "../../examples", "../../fleets"]
        .map(|folder| fs::read_dir(here.join(folder)).unwrap());
    let mut paths = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.retain(|path| path.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What a slip of the hand or a bad merge does to a file.
#[derive(Clone, Debug)]
enum Slip {
    Delete(usize, usize),
    Insert(usize, Vec<u8>),
    Copy(usize, usize, usize),
}

fn slips() -> impl Strategy<Value = Vec<Slip>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            &b": "[..],
            b"\n",
            b"\t",
            b"  ",
            b"- ",
            b"[",
            b"]",
            b"{",
            b"}",
            b"\"",
            b"'",
            b"#",
            b"&a ",
            b"*a",
            b"<<: ",
            b"|\n",
            b"? ",
            b"---\n",
            b"%",
            b"!!str ",
            b"\\",
            b"~",
            b"0x10",
            b"-1",
            b"1e99",
            b".inf",
            b"\xff",
            b"\0",
            "é".as_bytes(),
            b"password: ",
            b"latest",
            b"license: ",
            b"key: ",
            b"host_key: ",
            b"SHA256:",
            b"tls: ",
            b"docker: ",
            b"true",
            b"5:28.5.2-1",
            b"registry: ",
            b"security_groups: ",
            b"connect: ",
            b"jump",
            b"ami-01234567",
            b"a:b@c",
            b"count",
            b"members",
            b"\r\n",
            b",",
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    let slip = prop_oneof![
        (any::<usize>(), 1..40_usize).prop_map(|(at, len)| Slip::Delete(at, len)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Slip::Insert(at, piece)),
        (any::<usize>(), 1..60_usize, any::<usize>()).prop_map(|(from, len, to)| Slip::Copy(from, len, to)),
    ];
    prop::collection::vec(slip, 1..6)
}

fn apply(mut bytes: Vec<u8>, slips: Vec<Slip>) -> Vec<u8> {
    for slip in slips {
        let place = |at: usize| at % (bytes.len() + 1);
        match slip {
            Slip::Delete(at, len) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + len));
            }
            Slip::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece);
            }
            Slip::Copy(from, len, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..bytes.len().min(from + len)].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// A fleet file, and every key of it that takes text, with a value that is right.
#[derive(Clone, Copy, Debug)]
struct Form {
    template: &'static str,
    filled: &'static [(&'static str, &'static str)],
}

const FORMS: [Form; 2] = [HOSTS, EC2];

const HOSTS: Form = Form {
    template: r"
        fleet: f
        provider: { hosts: { user: USER, identity: IDENTITY } }
        groups:
          e:
            members: { m: { address: ADDRESS, host_key: HOST_KEY } }
            keep_data: true
            install:
              docker:
                version: DOCKER
                containerd: CONTAINERD
                repository: { url: MIRROR, suite: SUITE, key_url: SIGNER, fingerprint: FINGERPRINT }
            broker:
              emqx:
                version: EMQX
                dashboard_bind: BIND
                tls: { certificate: CERTIFICATE, key: { env: VARIABLE }, ca: AUTHORITY, server_name: NAME }
                license: { file: IDENTITY }
                registry: REGISTRY
          m:
            members: { m: { address: n.example, port: 2222 } }
            broker:
              mosquitto:
                version: TAG
                container: true
                image_file: IMAGE_FILE
                authentication: { username: USERNAME }
    ",
    filled: &[
        ("USER", "ubuntu"),
        ("IDENTITY", "~/.ssh/id_ed25519"),
        ("ADDRESS", "192.0.2.10"),
        ("HOST_KEY", "SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I"),
        ("DOCKER", "5:28.5.2-1~ubuntu.22.04~jammy"),
        ("CONTAINERD", "1.7.28-1"),
        ("MIRROR", "https://mirror.example/linux/ubuntu"),
        ("SUITE", "jammy"),
        ("SIGNER", "https://mirror.example/gpg"),
        ("FINGERPRINT", "9DC8 5822 9FC7 DD38 854A  E2D8 8D81 803C 0EBF CD88"),
        ("EMQX", "5.9.0"),
        ("BIND", "127.0.0.1"),
        ("CERTIFICATE", "tls/broker.pem"),
        ("VARIABLE", "BROKER_KEY"),
        ("AUTHORITY", "tls/ca.pem"),
        ("NAME", "broker.example"),
        ("REGISTRY", "registry.example:5000"),
        ("TAG", "2.0.18"),
        ("IMAGE_FILE", "mosquitto.tar"),
        ("USERNAME", "sensor"),
    ],
};

const EC2: Form = Form {
    template: r"
        fleet: f
        provider:
          aws:
            region: REGION
            profile: PROFILE
            endpoint_url: ENDPOINT
            identity: IDENTITY
            user: USER
            connect: { jump: JUMP }
            vpc: VPC
            subnets: [ SUBNET , subnet-89abcdef ]
            security_groups: [ SECURITY_GROUP ]
            key_pair: KEY_PAIR
            tags: { TAG_KEY : TAG_VALUE }
        groups:
          g:
            count: 1
            machine: { type: TYPE, image: IMAGE, disk: DISK, iam_profile: IAM_PROFILE }
            broker: { mosquitto: { version: VERSION } }
    ",
    filled: &[
        ("REGION", "eu-west-3"),
        ("PROFILE", "daily"),
        ("ENDPOINT", "http://127.0.0.1:4566"),
        ("IDENTITY", "~/.ssh/id_ed25519"),
        ("USER", "ubuntu"),
        ("JUMP", "admin@bastion.example:2222"),
        ("VPC", "vpc-01234567"),
        ("SUBNET", "subnet-0123456789abcdef0"),
        ("SECURITY_GROUP", "sg-01234567"),
        ("KEY_PAIR", "daily"),
        ("TAG_KEY", "cost centre"),
        ("TAG_VALUE", "4711"),
        ("TYPE", "t3.small"),
        ("IMAGE", "ami-01234567"),
        ("DISK", "20 GiB"),
        ("IAM_PROFILE", "broker"),
        ("VERSION", "2.0.11-1.2+deb12u2"),
    ],
};

/// The file in which the text of some keys is another.
fn filled(form: Form, others: &[(prop::sample::Index, String)]) -> String {
    let others = others.iter().map(|(place, text)| (place.index(form.filled.len()), text));
    let others = others.collect::<Vec<_>>();
    let words = form.template.split_inclusive([' ', ',', '\n']).map(|word| {
        let name = word.trim_end_matches([' ', ',', '\n']);
        let Some(place) = form.filled.iter().position(|(key, _)| *key == name) else {
            return word.to_owned();
        };
        let other = others.iter().find(|(other, _)| *other == place).map(|(_, text)| text.as_str());
        let value = serde_json::to_string(other.unwrap_or(form.filled[place].1)).unwrap();
        format!("{value}{}", &word[name.len()..])
    });
    words.collect()
}

/// Texts that would do harm in a command, a file or a terminal.
fn harmful() -> impl Strategy<Value = String> {
    let odd = [
        "$(reboot)",
        "`reboot`",
        "'; reboot; '",
        "\n",
        "\0",
        "\r",
        "\u{1b}[2J",
        " ",
        "-o",
        "*",
        "/",
        "@",
        ":",
        "..",
        "\"",
        "\\",
    ];
    let place = prop::sample::select([HOSTS.filled, EC2.filled].concat()).prop_map(|(_, right)| right);
    let piece = prop_oneof![prop::sample::select(odd.to_vec()), place];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// No text of a fleet that is accepted ends a line of a file, or passes for an option of a command.
fn check_harmless(text: &str) {
    let Ok(parsed) = parse("file.yaml", text.as_bytes()) else { return };
    for instance in parsed.fleet.instances().unwrap() {
        let spec = &instance.spec;
        let value = serde_json::to_value((&**spec, parsed.fleet.foundation())).unwrap();
        let mut open = vec![&value];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => assert!(!text.contains(char::is_control), "{text:?}"),
                Value::Array(items) => open.extend(items),
                Value::Object(map) => open.extend(map.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let host = spec.host.as_ref();
        let login = spec.login.as_ref();
        let version = match &spec.broker {
            Broker::Emqx(emqx) => &emqx.version,
            Broker::Mosquitto(mosquitto) => &mosquitto.version,
            Broker::Embedded(_) => unreachable!("the template has none"),
        };
        let docker = spec.install.as_ref().and_then(|install| install.docker.as_ref());
        let repository = docker.and_then(|docker| docker.repository.as_ref());
        let of_host = host.map(|host| [Some(&host.address), host.user.as_ref(), host.host_key.as_ref()]);
        let jump =
            login.and_then(|login| if let Connect::Jump(jump) = &login.connect { Some(jump) } else { None });
        let of_login = [login.map(|login| &login.user), jump, spec.region.as_ref()];
        let of_install = [Some(&version.0), docker.map(|it| &it.version.0), repository.map(|it| &it.url)];
        for word in of_host.into_iter().flatten().chain(of_login).chain(of_install).flatten() {
            assert!(!word.starts_with('-') && !word.contains(['`', '"', '\\']), "{word:?}");
        }
    }
}

#[test]
fn every_key_that_takes_text_takes_the_right_one() {
    for form in FORMS {
        let text = filled(form, &[]);
        let parsed = parse("file.yaml", text.as_bytes());
        assert!(parsed.is_ok(), "{parsed:?}");
        assert!(form.filled.iter().all(|(key, _)| form.template.contains(key) && !text.contains(key)));
        check_harmless(&text);
    }
}

#[test]
fn every_file_of_the_corpus_is_fit_for_the_laws() {
    for bytes in corpus() {
        check(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        check(text.as_bytes());
    }

    #[test]
    fn text_that_would_do_harm(
        form in prop::sample::select(&FORMS),
        others in prop::collection::vec((any::<prop::sample::Index>(), harmful()), 1..4),
    ) {
        let text = filled(form, &others);
        check(text.as_bytes());
        check_harmless(&text);
    }

    #[test]
    fn a_file_with_slips(file in prop::sample::select(corpus()), slips in slips()) {
        check(&apply(file, slips));
    }
}
