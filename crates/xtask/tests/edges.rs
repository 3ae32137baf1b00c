//! The crates of the workspace may depend on each other only along these edges. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which crates of the workspace a crate may depend on.
const EDGES: [(&str, &[&str]); 16] = [
    (
        "bear",
        &[
            "bear-broker",
            "bear-core",
            "bear-engine",
            "bear-executor",
            "bear-hosts",
            "bear-provider",
            "bear-provider-aws",
            "bear-render",
            "bear-ui",
            "bear-verify",
        ],
    ),
    ("bear-broker", &[]),
    ("bear-core", &[]),
    ("bear-engine", &["bear-core", "bear-provider"]),
    ("bear-executor", &["bear-core"]),
    ("bear-fuzz", &["bear-broker", "bear-core", "bear-engine", "bear-executor", "bear-recipes"]),
    ("bear-hosts", &["bear-core", "bear-engine", "bear-executor", "bear-provider", "bear-recipes"]),
    ("bear-lab", &["bear-core", "bear-engine", "bear-provider"]),
    ("bear-provider", &["bear-core"]),
    ("bear-provider-aws", &["bear-core", "bear-provider"]),
    ("bear-recipes", &["bear-core"]),
    ("bear-render", &["bear-core"]),
    ("bear-standin", &["bear-broker"]),
    ("bear-ui", &["bear-core", "bear-render"]),
    ("bear-verify", &["bear-core"]),
    ("xtask", &["bear-lab"]),
];

/// What the pure crates must never depend on, directly.
const NEVER_IN_CORE: [&str; 6] = ["tokio", "rustix", "getrandom", "anstream", "owo-colors", "tempfile"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

/// The names of a package's dependencies, except those of its tests.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().expect("there is a list of dependencies");
    let shipped = all.iter().filter(|dependency| dependency["kind"] != "dev");
    shipped.map(|dependency| dependency["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn crates_depend_on_each_other_only_along_the_edges() {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        EDGES.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    let packages = packages();
    let names: BTreeSet<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, allowed.keys().copied().collect(), "every crate stands in EDGES, and no other");
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = dependencies(package);
        let ours: BTreeSet<_> =
            dependencies.iter().map(String::as_str).filter(|name| names.contains(name)).collect();
        let surplus: Vec<_> = ours.difference(&allowed[name]).collect();
        assert!(surplus.is_empty(), "{name} must not depend on {surplus:?}");
    }
}

#[test]
fn the_core_does_not_depend_on_anything_that_acts() {
    let packages = packages();
    let core = packages.iter().find(|package| package["name"] == "bear-core").expect("bear-core is there");
    let acting: Vec<_> =
        dependencies(core).into_iter().filter(|name| NEVER_IN_CORE.contains(&name.as_str())).collect();
    assert!(acting.is_empty(), "bear-core must not depend on {acting:?}");
}
