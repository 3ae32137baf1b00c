//! Every action, and every reason for it.

use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Drift, Observation};
use bear_core::plan::{Step, StepKind};
use insta::assert_snapshot;

use crate::scene::{AWS, DEMO, HOSTS, Scene, Wanted, name, wanted};

#[test]
fn what_is_new_is_created() {
    assert_snapshot!(Scene::empty().towards(DEMO), @r#"
    Create demo-a-1 because instance null -> "new": create 1, install, verify
    Create demo-a-2 because instance null -> "new": create 2, install, verify
    Create demo-a-3 because instance null -> "new": create 3, install, verify
    0 unchanged
    "#);
}

#[test]
fn what_is_as_wanted_is_left_alone() {
    for yaml in [DEMO, AWS, HOSTS] {
        let count = wanted(yaml).len();
        assert_eq!(Scene::applied(yaml).towards(yaml), format!("{count} unchanged\n"));
        // Nobody has looked, so it is taken to be as recorded.
        assert_eq!(Scene::applied(yaml).unobserved().towards(yaml), format!("{count} unchanged\n"));
    }
}

/// What leads from one fleet file to another that differs in one place.
#[track_caller]
fn edit(yaml: &str, from: &str, to: &str) -> String {
    assert!(yaml.contains(from), "{from}");
    Scene::applied(yaml).towards(&yaml.replace(from, to))
}

#[test]
fn only_what_the_machine_is_needs_another_machine() {
    assert_snapshot!(edit(AWS, "t3.small", "t3.large"), @r#"
    Replace demo-a-1 because machine.type "t3.small" -> "t3.large": destroy, create 2, install, verify
    @@ -1,7 +1,7 @@
     provider: aws
     region: eu-west-3
     machine:
    -  type: t3.small
    +  type: t3.large
       image: ubuntu-22.04
       disk: 20 GiB
     login:
    0 unchanged
    "#);
    assert_snapshot!(edit(AWS, "ubuntu-22.04", "ubuntu-24.04"), @r#"
    Replace demo-a-1 because machine.image "ubuntu-22.04" -> "ubuntu-24.04": destroy, create 2, install, verify
    @@ -2,7 +2,7 @@
     region: eu-west-3
     machine:
       type: t3.small
    -  image: ubuntu-22.04
    +  image: ubuntu-24.04
       disk: 20 GiB
     login:
       user: ubuntu
    0 unchanged
    "#);
    assert_snapshot!(edit(AWS, ", disk: 20 GiB", ""), @r#"
    Replace demo-a-1 because machine.disk "20 GiB" -> null: destroy, create 2, install, verify
    @@ -3,7 +3,6 @@
     machine:
       type: t3.small
       image: ubuntu-22.04
    -  disk: 20 GiB
     login:
       user: ubuntu
       connect: public
    0 unchanged
    "#);
    assert_snapshot!(edit(AWS, "eu-west-3", "eu-central-1"), @r#"
    Create foundation of eu-central-1 because foundation null -> "new"
    Destroy foundation of eu-west-3 because foundation "laid" -> null
    Replace demo-a-1 because region "eu-west-3" -> "eu-central-1": destroy, create 2, install, verify
    @@ -1,5 +1,5 @@
     provider: aws
    -region: eu-west-3
    +region: eu-central-1
     machine:
       type: t3.small
       image: ubuntu-22.04
    0 unchanged
    "#);
    assert_snapshot!(edit(HOSTS, "192.0.2.10", "192.0.2.12"), @r#"
    Replace demo-a-paris because host.address "192.0.2.10" -> "192.0.2.12": destroy, create 3, install, verify
    @@ -1,6 +1,6 @@
     provider: hosts
     host:
    -  address: 192.0.2.10
    +  address: 192.0.2.12
       user: ubuntu
     broker:
       mosquitto:
    1 unchanged
    "#);
}

#[test]
fn another_provider_needs_other_machines() {
    let local = DEMO.replace("count: 3", "count: 1");
    let hosts = "
        fleet: demo
        provider: { hosts: {} }
        groups: { a: { members: { '1': { address: 192.0.2.10 } }, broker: { mosquitto: { version: 2.0.11-1 } } } }
    ";
    assert_snapshot!(Scene::applied(&local).towards(hosts), @r#"
    Replace demo-a-1 because provider "local" -> "hosts", broker.embedded {} -> null, broker.mosquitto null -> {"version":"2.0.11-1"}, host null -> {"address":"192.0.2.10"}: destroy, create 2, install, verify
    @@ -1,3 +1,6 @@
    -provider: local
    +provider: hosts
    +host:
    +  address: 192.0.2.10
     broker:
    -  embedded: {}
    +  mosquitto:
    +    version: 2.0.11-1
    0 unchanged
    "#);
}

#[test]
fn everything_else_is_updated_in_place() {
    assert_snapshot!(edit(AWS, "5.0.9", "5.8.9"), @r#"
    Update demo-a-1 because broker.emqx.version "5.0.9" -> "5.8.9": install, verify
    @@ -12,4 +12,4 @@
         version: 5:20.10.13~3-0~ubuntu-jammy
     broker:
       emqx:
    -    version: 5.0.9
    +    version: 5.8.9
    0 unchanged
    "#);
    assert_snapshot!(edit(AWS, "5:20.10.13~3-0~ubuntu-jammy", "5:24.0.9-1~ubuntu.22.04~jammy"), @r#"
    Update demo-a-1 because install.docker.version "5:20.10.13~3-0~ubuntu-jammy" -> "5:24.0.9-1~ubuntu.22.04~jammy": install, verify
    @@ -9,7 +9,7 @@
       connect: public
     install:
       docker:
    -    version: 5:20.10.13~3-0~ubuntu-jammy
    +    version: 5:24.0.9-1~ubuntu.22.04~jammy
     broker:
       emqx:
         version: 5.0.9
    0 unchanged
    "#);
    assert_snapshot!(edit(AWS, "version: 5.0.9", "version: 5.0.9, admin_password: { env: ADMIN }"), @r#"
    Update demo-a-1 because broker.emqx.admin_password null -> {"env":"ADMIN"}: install, verify
    @@ -13,3 +13,5 @@
     broker:
       emqx:
         version: 5.0.9
    +    admin_password:
    +      env: ADMIN
    0 unchanged
    "#);
    assert_snapshot!(edit(HOSTS, "user: ubuntu", "user: root"), @r#"
    Update demo-a-lyon because host.user "ubuntu" -> "root": install, verify
    @@ -1,7 +1,7 @@
     provider: hosts
     host:
       address: 192.0.2.11
    -  user: ubuntu
    +  user: root
     broker:
       mosquitto:
         version: 2.0.11-1.2+deb12u2
    Update demo-a-paris because host.user "ubuntu" -> "root": install, verify
    @@ -1,7 +1,7 @@
     provider: hosts
     host:
       address: 192.0.2.10
    -  user: ubuntu
    +  user: root
     broker:
       mosquitto:
         version: 2.0.11-1.2+deb12u2
    0 unchanged
    "#);
    assert_snapshot!(edit(HOSTS, "lyon: {", "lyon: { port: 2222,"), @"
    Update demo-a-lyon because host.port null -> 2222: install, verify
    @@ -1,6 +1,7 @@
     provider: hosts
     host:
       address: 192.0.2.11
    +  port: 2222
       user: ubuntu
     broker:
       mosquitto:
    1 unchanged
    ");
    assert_snapshot!(edit(DEMO, "broker: embedded", "broker: { embedded: { authentication: { username: joe } } }"), @r#"
    Update demo-a-1 because broker.embedded.authentication null -> {"username":"joe"}: install, verify
    @@ -1,3 +1,5 @@
     provider: local
     broker:
    -  embedded: {}
    +  embedded:
    +    authentication:
    +      username: joe
    Update demo-a-2 because broker.embedded.authentication null -> {"username":"joe"}: install, verify
    @@ -1,3 +1,5 @@
     provider: local
     broker:
    -  embedded: {}
    +  embedded:
    +    authentication:
    +      username: joe
    Update demo-a-3 because broker.embedded.authentication null -> {"username":"joe"}: install, verify
    @@ -1,3 +1,5 @@
     provider: local
     broker:
    -  embedded: {}
    +  embedded:
    +    authentication:
    +      username: joe
    0 unchanged
    "#);
}

#[test]
fn a_group_that_grows_or_shrinks_does_so_at_its_end() {
    let counts = |from: &str, to: &str| {
        Scene::applied(&DEMO.replace("count: 3", from)).towards(&DEMO.replace("count: 3", to))
    };
    assert_snapshot!(counts("count: 3", "count: 5"), @r#"
    Create demo-a-4 because instance null -> "new": create 4, install, verify
    Create demo-a-5 because instance null -> "new": create 5, install, verify
    3 unchanged
    "#);
    assert_snapshot!(counts("count: 5", "count: 2"), @r#"
    Destroy demo-a-3 because instance "verified" -> null: destroy
    Destroy demo-a-4 because instance "verified" -> null: destroy
    Destroy demo-a-5 because instance "verified" -> null: destroy
    2 unchanged
    "#);
    assert_snapshot!(counts("count: 2", "count: 0"), @r#"
    Destroy demo-a-1 because instance "verified" -> null: destroy
    Destroy demo-a-2 because instance "verified" -> null: destroy
    0 unchanged
    "#);
    // Names are sorted as people do: 9, 10, 11.
    assert_snapshot!(counts("count: 11", "count: 8"), @r#"
    Destroy demo-a-9 because instance "verified" -> null: destroy
    Destroy demo-a-10 because instance "verified" -> null: destroy
    Destroy demo-a-11 because instance "verified" -> null: destroy
    8 unchanged
    "#);
}

#[test]
fn a_member_that_comes_or_goes_touches_no_other() {
    let line = "      lyon: { address: 192.0.2.11 }\n";
    assert_snapshot!(edit(HOSTS, line, ""), @r#"
    Destroy demo-a-lyon because instance "verified" -> null: destroy
    1 unchanged
    "#);
    assert_snapshot!(edit(HOSTS, line, &format!("{line}      nice: {{ address: 192.0.2.12 }}\n")), @r#"
    Create demo-a-nice because instance null -> "new": create 3, install, verify
    2 unchanged
    "#);
    // In another order they are the same members.
    let reversed = HOSTS.replace(line, "").replace("192.0.2.10 }\n", &format!("192.0.2.10 }}\n{line}"));
    assert_eq!(Scene::applied(HOSTS).towards(&reversed), "2 unchanged\n");
}

#[test]
fn a_group_that_is_renamed_is_another_group() {
    assert_snapshot!(edit(&DEMO.replace("count: 3", "count: 1"), " a:", " b:"), @r#"
    Create demo-b-1 because instance null -> "new": create 2, install, verify
    Destroy demo-a-1 because instance "verified" -> null: destroy
    0 unchanged
    "#);
}

/// What is to be done about the second of three brokers, of which the provider says this.
#[track_caller]
fn drift(observation: impl FnOnce(Scene, &InstanceName) -> Scene) -> String {
    observation(Scene::applied(DEMO), &name("demo-a-2")).towards(DEMO)
}

#[test]
fn drift_is_put_right() {
    let stopped = BrokerSeen::Stopped { why: "process 4711 is gone".into() };
    assert_snapshot!(drift(|scene, name| scene.sees_broker(name, stopped)), @r#"
    Update demo-a-2 because broker "stopped: process 4711 is gone" -> "running": install, verify
    2 unchanged
    "#);
    assert_snapshot!(drift(|scene, name| scene.sees(name, Observation::Absent)), @r#"
    Create demo-a-2 because machine "m-demo-a-2" -> "gone": create 4, install, verify
    2 unchanged
    "#);
    let changed = BrokerSeen::Changed {
        what: vec![Drift { what: "image".into(), is: "sha256:1".into(), was: "sha256:2".into() }],
    };
    assert_snapshot!(drift(|scene, name| scene.sees_broker(name, changed)), @r#"
    Update demo-a-2 because broker.image "sha256:1" -> "sha256:2": install, verify
    2 unchanged
    "#);
    // One that can't be looked at keeps nobody from the others, and is not taken for proven.
    let unreachable = Observation::Unreachable { why: "no route".into() };
    assert_snapshot!(drift(|scene, name| scene.sees(name, unreachable)), @r#"
    Update demo-a-2 because machine "can't be looked at: no route" -> "proven": verify
    2 unchanged
    "#);
    // What the provider can't tell is no drift.
    assert_eq!(drift(|scene, name| scene.sees_broker(name, BrokerSeen::Unknown)), "3 unchanged\n");
}

#[test]
fn drift_and_edit_come_together() {
    let stopped = BrokerSeen::Stopped { why: "process 4711 is gone".into() };
    let scene = Scene::applied(&DEMO.replace("count: 3", "count: 1")).sees_broker(&name("demo-a-1"), stopped);
    let instance = &wanted(DEMO)[0];
    let scene = scene.begun(StepKind::Verify, instance).failed(StepKind::Verify, instance, "no answer");
    let edited = DEMO.replace("count: 3", "count: 1, ports: { mqtt: 1884 }");
    assert_snapshot!(scene.towards(&edited), @r#"
    Update demo-a-1 because ports null -> {"mqtt":1884}, broker "stopped: process 4711 is gone" -> "running", verified "verify failed: no answer" -> "proven": install, verify
    @@ -1,3 +1,5 @@
     provider: local
     broker:
       embedded: {}
    +ports:
    +  mqtt: 1884
    0 unchanged
    "#);
}

#[test]
fn to_want_nothing_is_to_destroy_everything() {
    let plan = Scene::applied(DEMO).plan(&Wanted::default());
    let steps = plan.steps.node_weights().map(Step::id).collect::<Vec<_>>();
    assert_eq!(steps, ["destroy/demo-a-1", "destroy/demo-a-2", "destroy/demo-a-3"]);
    assert_eq!(plan.steps.edge_count(), 0);
}

#[test]
fn changes_stand_in_the_order_of_the_file_and_removals_after_them() {
    let before = "
        fleet: demo
        provider: local
        groups: { b: { count: 1, broker: embedded }, a: { count: 2, broker: embedded }, c: { count: 1, broker: embedded } }
    ";
    let after = "
        fleet: demo
        provider: local
        groups: { d: { count: 1, broker: embedded }, a: { count: 1, broker: embedded, ports: { mqtt: 1884 } } }
    ";
    let changes = Scene::applied(before).changes(&wanted(after));
    let list = changes.list.iter().map(|change| format!("{:?} {}", change.action, change.instance));
    assert_eq!(
        list.collect::<Vec<_>>(),
        ["Create demo-d-1", "Update demo-a-1", "Destroy demo-a-2", "Destroy demo-b-1", "Destroy demo-c-1"]
    );
}
