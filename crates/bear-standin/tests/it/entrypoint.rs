//! The image's entrypoint: how a node comes by its name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::world::folder;

/// The name that the start script gets, in a container with these addresses.
fn name(version: &str, addresses: &str, variables: &[(&str, &str)]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lab/standin/docker-entrypoint.sh");
    let folder = folder();
    let hostname = folder.path().join("hostname");
    fs::write(&hostname, format!("#!/bin/sh\necho '{addresses}'\n")).unwrap();
    fs::set_permissions(&hostname, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let output = Command::new("sh")
        .arg(script)
        .args(["sh", "-c", "echo \"${EMQX_NODE_NAME:-}\""])
        .env_clear()
        .envs(variables.iter().copied())
        .env("PATH", path)
        .env("EMQX_STANDIN_VERSION", version)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_node_is_named_after_the_variable_or_the_first_address() {
    let given = [("EMQX_NODE_NAME", "emqx@10.0.0.1")];
    assert_eq!(name("5.0.9", "172.17.0.2", &given), "emqx@10.0.0.1");
    assert_eq!(name("5.0.9", "127.0.1.1 fe80::1 172.17.0.2 10.0.0.3", &[]), "emqx@172.17.0.2");
    assert_eq!(name("5.0.9", "172.17.0.2", &[("EMQX_NAME", "a"), ("EMQX_HOST", "b.c")]), "a@b.c");
}

#[test]
fn in_5_0_the_name_of_the_field_is_passed_over() {
    let field = [("EMQX_NODE__NAME", "emqx@10.0.0.1")];
    assert_eq!(name("5.0.9", "172.17.0.2", &field), "emqx@172.17.0.2");
    assert_eq!(name("5.8.9", "172.17.0.2", &field), "");
}
