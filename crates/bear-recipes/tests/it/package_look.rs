//! The look at a host where a package is all that bear put there: it sees what the look at everything sees.

use bear_core::fleet::model::Ports;
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::{HostFacts, observe, observe_package};

use crate::running::host;
use crate::world::{World, certificate};

const SETTINGS: &str = "root/etc/mosquitto/conf.d/bear.conf";

/// A change by hand.
type ByHand = fn(&World);

/// The files that were changed on a host with this broker, after a change by hand, and whether the host told its settings
/// rather than their digest. Both looks must find the same.
fn check(broker: &Mosquitto, by_hand: ByHand) -> (Vec<String>, bool) {
    let found = ["dash", "bash"].map(|shell| {
        let world = World::new(shell);
        let recipes = [host(), broker.install().unwrap()];
        assert!(world.run(&recipes).transcript.is_finished());
        by_hand(&world);
        let look = world.run(&[observe_package()]);
        assert!(look.transcript.is_finished() && look.stderr.is_empty(), "{}{}", look.summary(), look.stderr);
        let facts = HostFacts::read(&look.transcript);
        let whole = HostFacts::read(&world.run(&[observe()]).transcript);
        assert_eq!(facts.changed_files, whole.changed_files, "{}", look.summary());
        assert_eq!(facts.mosquitto_package, whole.mosquitto_package, "{}", look.summary());
        assert_eq!(facts.owner, whole.owner);
        (facts.changed_files, look.transcript.facts().contains_key("mosquitto.text"))
    });
    let [dash, bash] = found;
    assert_eq!(dash, bash);
    dash
}

fn open() -> Mosquitto {
    let form = Form::Package(String::from("2.0.11-1"));
    Mosquitto { form, ports: Ports { ws: Some(8083), ..Ports::default() }, user: None, tls: None }
}

fn changed() -> Vec<String> {
    vec![String::from("/etc/mosquitto/conf.d/bear.conf")]
}

/// The settings, edited by hand.
fn edited(world: &World, edit: impl Fn(String) -> String) {
    let text = edit(world.read(SETTINGS));
    world.change(SETTINGS, &text);
}

#[test]
fn settings_are_told_where_they_are_all_there_is() {
    assert_eq!(check(&open(), |_| {}), (vec![], true));
    let edits: [ByHand; 6] = [
        |world| edited(world, |text| text + "log_type all\n"),
        |world| edited(world, |text| text.trim_end().to_owned()),
        |world| edited(world, |text| text + "\n"),
        |world| edited(world, |text| text.replace('\n', "\r\n")),
        |world| edited(world, |text| text + "unfinished"),
        |world| edited(world, |_| String::new()),
    ];
    for edit in edits {
        assert_eq!(check(&open(), edit), (changed(), true));
    }
}

/// A tab stands for a line break on the way.
#[test]
fn what_can_not_be_told_is_summed_up_on_the_host() {
    let edits: [ByHand; 4] = [
        |world| edited(world, |text| text.replace('\n', "\t")),
        |world| edited(world, |text| text.trim_end().to_owned() + "\t"),
        |world| edited(world, |text| text + &"# long\n".repeat(1000)),
        |world| std::fs::remove_file(world.path(SETTINGS)).unwrap(),
    ];
    for edit in edits {
        assert_eq!(check(&open(), edit), (changed(), false));
    }
}

#[test]
fn where_there_is_more_all_of_it_is_looked_at() {
    let user = User { name: String::from("ann"), password: String::from("Bear_first1") };
    let with_user = Mosquitto { user: Some(user), ..open() };
    let with_tls = Mosquitto { tls: Some(certificate("one")), ..open() };
    for broker in [&with_user, &with_tls] {
        assert_eq!(check(broker, |_| {}), (vec![], false));
        assert_eq!(check(broker, |world| edited(world, |text| text + "\n")), (changed(), false));
    }
    let key = vec![String::from("/etc/mosquitto/bear.key.pem")];
    assert_eq!(check(&with_tls, |world| world.change("root/etc/mosquitto/bear.key.pem", "x")), (key, false));
}
