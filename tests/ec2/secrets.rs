//! What may be known to nobody is nowhere but where it has to be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::cloud::Cloud;
use crate::support::Outcome;

/// What the first host keys are derived from.
const SECRET: &str = "ssh.first-host-keys";

#[test]
fn host_keys_and_what_they_are_made_of_are_kept_and_handed_over_and_nowhere_else() {
    let cloud = Cloud::new();
    let mut said = String::new();
    let mut seen = Vec::new();
    for command in [
        "plan",
        "apply --yes --verbose",
        "plan --json",
        "apply fleets/daily.yaml --yes --json",
        "status",
        "state show daily-emqx-1",
        "inventory",
        "doctor",
    ] {
        let (outcome, arguments) = watched(&cloud, command);
        said += &outcome.to_string();
        seen.extend(arguments);
    }
    let secret = cloud.bear(&format!("secret show {SECRET}")).ok().stdout.trim().to_owned();
    assert!(secret.len() >= 32, "{secret}");
    let private = private_keys(&cloud);
    let canaries = private.iter().chain([&secret]).map(String::as_bytes).collect::<Vec<_>>();

    let kept = Path::new(".bear/daily/secrets.json");
    for (path, content) in cloud.project.files() {
        let found = canaries.iter().any(|canary| content.windows(canary.len()).any(|part| part == *canary));
        assert_eq!(found, path == kept, "{}", path.display());
    }
    assert!(!cloud.project.read(".bear/daily/secrets.json").contains(&private[0]), "derived, and not kept");
    let mode = fs::metadata(cloud.project.path(".bear/daily/secrets.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for text in seen.iter().chain([&said]) {
        assert!(
            !canaries.iter().any(|canary| text.as_bytes().windows(canary.len()).any(|part| part == *canary)),
            "{text}"
        );
    }
    assert!(
        seen.iter().any(|words| words.contains("bear") && words.contains("apply")),
        "somebody looked: {seen:?}"
    );
    // To EC2 goes what the machines need, as user data, and never what it was made of.
    for call in cloud.fake.log() {
        let sent = format!("{:?}", call.parameters);
        assert!(!sent.contains(&secret), "{sent}");
        assert_eq!(
            call.parameters.contains_key("UserData"),
            call.action == "RunInstances" && !call.parameters.contains_key("DryRun")
        );
    }
}

/// The lines of the private keys that machines were launched with.
#[track_caller]
fn private_keys(cloud: &Cloud) -> Vec<String> {
    let user_data =
        cloud.fake.instances().into_iter().map(|instance| String::from_utf8(instance.user_data()).unwrap());
    let keys = user_data.flat_map(|text| {
        let (_, key) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
        let (key, _) = key.split_once("-----END").unwrap();
        // The first line of every key is the same.
        key.lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
    });
    let keys = keys.collect::<Vec<_>>();
    assert!(keys.len() >= 3);
    keys
}

/// Runs a command, and looks at what stands on the command lines of it and of all that it starts.
fn watched(cloud: &Cloud, command: &str) -> (Outcome, Vec<String>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.extend(command_lines());
                seen.sort();
                seen.dedup();
                thread::sleep(Duration::from_millis(10));
            }
            seen
        });
        let outcome = cloud.bear(command);
        over.store(true, Ordering::Relaxed);
        (outcome, watching.join().unwrap())
    })
}

/// The command lines of all processes.
fn command_lines() -> impl Iterator<Item = String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
}
