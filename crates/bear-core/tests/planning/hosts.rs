//! Hosts that exist already: what is changed on them in place, and who waits for whom.

use std::collections::BTreeSet;

use bear_core::diff::{Action, Change, Ground};
use bear_core::observed::{BrokerSeen, Drift};
use bear_core::plan::{Plan, StepKind};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::recorded;
use crate::scene::{HOSTS, Scene, name, wanted};

/// A host with EMQX, and everything that can be said about it.
const EMQX: &str = "
fleet: demo
provider: { hosts: { user: ubuntu } }
groups:
  a:
    members: { paris: { address: 192.0.2.10 } }
    install: { docker: '5:28.5.2-1~ubuntu.22.04~jammy' }
    broker: { emqx: { version: 5.8.9, admin_password: { env: ADMIN } } }
";

/// What leads from a fleet to one that differs in one place, without its diff.
#[track_caller]
fn edit(yaml: &str, from: &str, to: &str) -> String {
    assert!(yaml.contains(from), "{from}");
    let text = Scene::applied(yaml).towards(&yaml.replace(from, to));
    let lines = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn another_way_to_log_in_is_tried_and_nothing_is_replaced() {
    let paris = |what: &str| edit(EMQX, "192.0.2.10", &format!("192.0.2.10, {what}"));
    assert_snapshot!(paris("user: root"), @r#"Update demo-a-paris because host.user "ubuntu" -> "root": install, verify"#);
    assert_snapshot!(paris("identity: ~/.ssh/other"), @r#"Update demo-a-paris because host.identity null -> "~/.ssh/other": install, verify"#);
    assert_snapshot!(paris("port: 2222"), @"Update demo-a-paris because host.port null -> 2222: install, verify");
    assert_snapshot!(paris("host_key: SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I"), @r#"Update demo-a-paris because host.host_key null -> "SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I": install, verify"#);
    assert_snapshot!(edit(EMQX, "install:", "keep_data: true\n    install:"), @"Update demo-a-paris because keep_data null -> true: install, verify");
}

#[test]
fn every_setting_of_a_broker_is_changed_in_place() {
    let broker = |what: &str| edit(EMQX, "version: 5.8.9", &format!("version: 5.8.9, {what}"));
    assert_snapshot!(broker("dashboard_bind: 10.0.0.1"), @r#"Update demo-a-paris because broker.emqx.dashboard_bind null -> "10.0.0.1": install, verify"#);
    assert_snapshot!(broker("registry: registry.example"), @r#"Update demo-a-paris because broker.emqx.registry null -> "registry.example": install, verify"#);
    assert_snapshot!(broker("image_file: emqx.tar"), @r#"Update demo-a-paris because broker.emqx.image_file null -> "emqx.tar": install, verify"#);
    assert_snapshot!(broker("tls: { certificate: c.pem, key: { file: c.key } }"), @r#"Update demo-a-paris because broker.emqx.tls null -> {"certificate":"c.pem","key":{"file":"c.key"}}: install, verify"#);
    assert_snapshot!(edit(EMQX, "env: ADMIN", "env: OTHER"), @r#"Update demo-a-paris because broker.emqx.admin_password.env "ADMIN" -> "OTHER": install, verify"#);
    let full = "{ version: '5:28.5.2-1~ubuntu.22.04~jammy', containerd: 1.7.28-1 }";
    assert_snapshot!(edit(EMQX, "'5:28.5.2-1~ubuntu.22.04~jammy'", full), @r#"Update demo-a-paris because install.docker.containerd null -> "1.7.28-1": install, verify"#);
    // The version alone and the version in full are one thing.
    let alone = "{ version: '5:28.5.2-1~ubuntu.22.04~jammy' }";
    assert_eq!(edit(EMQX, "'5:28.5.2-1~ubuntu.22.04~jammy'", alone), "");
}

#[test]
fn people_read_where_a_secret_comes_from_and_nothing_else_of_it() {
    let tls = "version: 5.9.0, license: { command: [pass, emqx] }, tls: { certificate: c.pem, key: { file: c.key } }";
    let text = Scene::applied(EMQX).towards(&EMQX.replace("version: 5.8.9", tls));
    assert_snapshot!(text, @r#"
    Update demo-a-paris because broker.emqx.version "5.8.9" -> "5.9.0", broker.emqx.tls null -> {"certificate":"c.pem","key":{"file":"c.key"}}, broker.emqx.license null -> {"command":["pass","emqx"]}: install, verify
    @@ -7,6 +7,14 @@
         version: 5:28.5.2-1~ubuntu.22.04~jammy
     broker:
       emqx:
    -    version: 5.8.9
    +    version: 5.9.0
         admin_password:
           env: ADMIN
    +    tls:
    +      certificate: c.pem
    +      key:
    +        file: c.key
    +    license:
    +      command:
    +      - pass
    +      - emqx
    0 unchanged
    "#);
}

#[test]
fn what_somebody_changed_by_hand_is_mended() {
    let what = vec![
        Drift { what: "image".into(), is: "sha256:2".into(), was: "sha256:1".into() },
        Drift { what: "configuration".into(), is: "another".into(), was: "as written".into() },
    ];
    let scene = Scene::applied(HOSTS).sees_broker(&name("demo-a-paris"), BrokerSeen::Changed { what });
    assert_snapshot!(scene.towards(HOSTS), @r#"
    Update demo-a-paris because broker.image "sha256:2" -> "sha256:1", broker.configuration "another" -> "as written": install, verify
    1 unchanged
    "#);
}

/// The address of the host that an instance leaves.
fn left(change: &Change) -> Option<&str> {
    match &change.leaves {
        Some(Ground::Host(host)) => Some(&host.address),
        Some(Ground::Region(_)) | None => None,
    }
}

/// Which steps wait for a step of another instance.
fn waits(plan: &Plan) -> String {
    let lines =
        plan.steps.raw_edges().iter().map(|edge| (&plan.steps[edge.source()], &plan.steps[edge.target()]));
    let across = lines.filter(|(before, after)| before.resource != after.resource);
    across.map(|(before, after)| format!("{} waits for {}\n", after.id(), before.id())).collect()
}

#[track_caller]
fn moved(yaml: &str, edits: &[(&str, &str)]) -> String {
    let mut after = yaml.to_owned();
    for (from, to) in edits {
        assert!(after.contains(from), "{from}");
        after = after.replace(from, to);
    }
    let scene = Scene::applied(yaml);
    let plan = scene.plan(&wanted(&after));
    recorded::check(&plan, scene.state.generation);
    waits(&plan)
}

#[test]
fn who_comes_to_a_host_waits_for_who_leaves_it() {
    assert_snapshot!(moved(HOSTS, &[("paris:", "paris-2:")]), @"create/demo-a-paris-2 waits for destroy/demo-a-paris");
    // However the host is written.
    assert_snapshot!(moved(&HOSTS.replace("192.0.2.10", "paris.example"), &[("paris: { address: paris", "p: { port: 22, address: Paris")]), @"create/demo-a-p waits for destroy/demo-a-paris");
    assert_snapshot!(moved(HOSTS, &[("192.0.2.11", "192.0.2.9"), ("192.0.2.10", "192.0.2.11")]), @"create/demo-a-paris waits for destroy/demo-a-lyon");
    // Two that change places don't wait for each other.
    assert_snapshot!(moved(HOSTS, &[("192.0.2.11", "HERE"), ("192.0.2.10", "192.0.2.11"), ("HERE", "192.0.2.10")]), @"
    create/demo-a-lyon waits for destroy/demo-a-paris
    create/demo-a-paris waits for destroy/demo-a-lyon
    ");
    // Behind another port there is another host, as far as anyone knows.
    assert_eq!(moved(HOSTS, &[("paris: {", "paris-2: { port: 2222,")]), "");
    assert_eq!(moved(HOSTS, &[("192.0.2.10", "192.0.2.12")]), "");
    assert_eq!(moved(HOSTS, &[("user: ubuntu", "user: root")]), "");
}

#[test]
fn from_one_provider_to_another_the_old_machine_is_left_as_it_was_recorded() {
    let local = "
        fleet: demo
        provider: local
        groups: { a: { members: { lyon: , paris: }, broker: embedded } }
    ";
    let plan = Scene::applied(HOSTS).plan(&wanted(local));
    let left = plan.changes.iter().map(|change| left(change).unwrap());
    assert_eq!(left.collect::<Vec<_>>(), ["192.0.2.11", "192.0.2.10"]);
    let back = Scene::applied(local).plan(&wanted(HOSTS));
    assert!(back.changes.iter().all(|change| change.action == Action::Replace && change.leaves.is_none()));
}

/// Any fleet of members on a few hosts, each host once.
fn any_file() -> impl Strategy<Value = String> {
    let hosts = Just((1..=6).collect::<Vec<u32>>()).prop_shuffle();
    (hosts, prop::collection::btree_set("[a-f]", 0..6)).prop_map(|(hosts, names)| {
        let members = names.iter().zip(hosts).map(|(name, host)| format!("{name}: {{ address: 192.0.2.{host} }}"));
        format!(
            "fleet: demo\nprovider: hosts\ngroups:\n  a:\n    members: {{ {} }}\n    broker: {{ mosquitto: {{ version: 2.0.11-1 }} }}\n",
            members.collect::<Vec<_>>().join(", ")
        )
    })
}

proptest! {
    #[test]
    fn no_host_ever_carries_two(before in any_file(), after in any_file()) {
        let scene = Scene::applied(&before);
        let plan = scene.plan(&wanted(&after));
        recorded::check(&plan, scene.state.generation);
        let on = |address: &str| {
            let change = plan.changes.iter().find(|it| left(it) == Some(address));
            change.map(|change| format!("destroy/{}", change.instance))
        };
        for step in plan.steps.node_indices().filter(|&step| plan.steps[step].kind == StepKind::Create) {
            let address = &plan.steps[step].spec.as_ref().unwrap().host.as_ref().unwrap().address;
            let before = plan.steps.neighbors_directed(step, petgraph::Direction::Incoming);
            let before = before.map(|step| plan.steps[step].id()).collect::<BTreeSet<_>>();
            prop_assert!(on(address).is_none_or(|destroy| before.contains(&destroy)), "{address} {before:?}");
        }
    }
}
