//! The broker's rules as a client sees them, and what a restart finds.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::broker::Broker;
use super::link::{End, Fault, Hello, LinkId, Outgoing};
use super::message::{Message, Properties, Qos, RetainHandling, Subscription, Will};
use crate::limits;

const NOW: u64 = 1_700_000_000_000;
pub(super) const LATER: u32 = 1_000;
pub(super) const LEFT: End = End::Left { expiry_seconds: None };
const LOST: End = End::Lost { expiry_seconds: None };

/// A broker in a folder of its own.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) broker: Broker,
    pub(super) now: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::open(folder.path(), NOW).unwrap();
        Self { folder, broker, now: NOW }
    }

    /// What `kill -9` and a new start do.
    fn restart(&mut self) {
        self.broker = Broker::open(self.folder.path(), self.now).unwrap();
    }

    fn connect(&mut self, client: &str, expiry_seconds: u32) -> LinkId {
        self.connect_with(hello(client, expiry_seconds)).0
    }

    fn connect_with(&mut self, hello: Hello) -> (LinkId, bool) {
        self.broker.connect(hello, self.now).unwrap()
    }

    fn subscribe(&mut self, link: &LinkId, filter: &str) {
        self.broker
            .subscribe(link, filter, subscription(Qos::ExactlyOnce), RetainHandling::Always, self.now)
            .unwrap();
    }

    fn publish(&mut self, link: &LinkId, packet_id: u16, message: Message) {
        self.broker.publish(link, packet_id, message, self.now).unwrap();
    }

    /// Everything that a client gets now, as it would see it.
    fn gets(&mut self, link: &LinkId) -> String {
        let mut seen = Vec::new();
        while let Some(outgoing) = self.broker.next(link, self.now).unwrap() {
            seen.push(match outgoing {
                Outgoing::Release { packet_id } => format!("release {packet_id}"),
                Outgoing::Publish { packet_id, again, message, delivery } => {
                    let payload = String::from_utf8_lossy(&message.payload);
                    let id = packet_id.map(|id| format!(" #{id}")).unwrap_or_default();
                    let flags = [(delivery.retain, " retained"), (again, " again")];
                    let flags =
                        flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect::<String>();
                    let ids =
                        delivery.subscription_ids.iter().map(|id| format!(" for {id}")).collect::<String>();
                    format!("{payload} at {}{id}{flags}{ids}", delivery.qos as u8)
                }
            });
        }
        seen.join(", ")
    }
}

pub(super) fn hello(client: &str, expiry_seconds: u32) -> Hello {
    Hello {
        client: client.to_owned(),
        clean_start: false,
        expiry_seconds,
        will: None,
        window: 10,
        incoming: 10,
        wake: Arc::new(Notify::new()),
    }
}

pub(super) fn message(topic: &str, payload: &str, qos: Qos) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos,
        retain: false,
        expires_at: None,
        properties: Properties::default(),
    }
}

fn retained(topic: &str, payload: &str) -> Message {
    Message { retain: true, ..message(topic, payload, Qos::AtLeastOnce) }
}

pub(super) fn subscription(qos: Qos) -> Subscription {
    Subscription { qos, no_local: false, retain_as_published: false, id: None }
}

#[test]
fn a_session_gets_at_qos_1_and_2_what_was_sent_while_it_was_away() {
    let mut world = World::new();
    let (sub, publisher) = (world.connect("sub", LATER), world.connect("pub", 0));
    world.subscribe(&sub, "a/+");
    world.broker.end(&sub, LEFT, NOW).unwrap();
    world.publish(&publisher, 0, message("a/b", "zero", Qos::AtMostOnce));
    world.publish(&publisher, 1, message("a/b", "one", Qos::AtLeastOnce));
    world.publish(&publisher, 2, message("a/b", "two", Qos::ExactlyOnce));
    world.restart();

    let (sub, resumed) = world.connect_with(hello("sub", LATER));

    assert!(resumed);
    insta::assert_snapshot!(world.gets(&sub), @"one at 1 #1, two at 2 #2");
}

#[test]
fn what_was_in_flight_is_sent_again_and_what_was_received_only_released() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    for (packet_id, payload) in [(1, "one"), (2, "two"), (3, "three")] {
        world.publish(&sub, packet_id, message("a", payload, Qos::ExactlyOnce));
    }
    world.gets(&sub);
    assert!(world.broker.received(&sub, 2).unwrap());
    world.broker.received(&sub, 3).unwrap();
    world.broker.done(&sub, 3).unwrap();
    world.restart();
    world.restart();

    let sub = world.connect("sub", LATER);

    insta::assert_snapshot!(world.gets(&sub), @"one at 2 #1 again, release 2");
}

#[test]
fn a_message_at_qos_2_that_comes_again_is_taken_once() {
    let mut world = World::new();
    let (sub, publisher) = (world.connect("sub", LATER), world.connect("pub", LATER));
    world.subscribe(&sub, "#");
    world.publish(&publisher, 7, message("a", "once", Qos::ExactlyOnce));
    world.publish(&publisher, 7, message("a", "once", Qos::ExactlyOnce));
    world.restart();
    let (sub, publisher) = (world.connect("sub", LATER), world.connect("pub", LATER));
    world.publish(&publisher, 7, message("a", "once", Qos::ExactlyOnce));
    insta::assert_snapshot!(world.gets(&sub), @"once at 2 #1");

    assert!(world.broker.released(&publisher, 7).unwrap());
    assert!(!world.broker.released(&publisher, 7).unwrap());
    world.publish(&publisher, 7, message("a", "another", Qos::ExactlyOnce));
    insta::assert_snapshot!(world.gets(&sub), @"another at 2 #2");
}

#[test]
fn no_more_is_on_its_way_than_the_client_takes() {
    let mut world = World::new();
    let (sub, _) = world.connect_with(Hello { window: 2, ..hello("sub", 0) });
    world.subscribe(&sub, "#");
    for (packet_id, payload) in [(1, "one"), (2, "two"), (3, "three")] {
        world.publish(&sub, packet_id, message("a", payload, Qos::AtLeastOnce));
    }

    insta::assert_snapshot!(world.gets(&sub), @"one at 1 #1, two at 1 #2");
    world.broker.done(&sub, 1).unwrap();
    insta::assert_snapshot!(world.gets(&sub), @"three at 1 #3");
}

#[test]
fn a_client_can_have_only_so_much_on_its_way_at_qos_2() {
    let mut world = World::new();
    let (publisher, _) = world.connect_with(Hello { incoming: 1, ..hello("pub", 0) });
    world.publish(&publisher, 1, message("a", "one", Qos::ExactlyOnce));

    let refused = world.broker.publish(&publisher, 2, message("a", "two", Qos::ExactlyOnce), NOW);

    assert!(matches!(refused, Err(Fault::TooManyIncoming)));
}

#[test]
fn a_retained_message_is_there_for_who_comes_later_until_it_is_cleared() {
    let mut world = World::new();
    let publisher = world.connect("pub", 0);
    world.publish(&publisher, 1, retained("a/b", "old"));
    world.publish(&publisher, 2, retained("a/b", "new"));
    world.restart();
    let sub = world.connect("sub", 0);
    world.subscribe(&sub, "a/#");
    insta::assert_snapshot!(world.gets(&sub), @"new at 1 #1 retained");

    world.publish(&sub, 3, retained("a/b", ""));
    insta::assert_snapshot!(world.gets(&sub), @" at 1 #2");
    world.restart();
    let sub = world.connect("sub", 0);
    world.subscribe(&sub, "a/#");
    insta::assert_snapshot!(world.gets(&sub), @"");
}

#[test]
fn subscriptions_of_one_session_make_one_copy() {
    let mut world = World::new();
    let sub = world.connect("sub", 0);
    let mut subscribe = |filter, qos, id| {
        let subscription = Subscription { id: Some(id), ..subscription(qos) };
        world.broker.subscribe(&sub, filter, subscription, RetainHandling::Always, NOW).unwrap();
    };
    subscribe("a/#", Qos::AtMostOnce, 1);
    subscribe("a/+", Qos::AtLeastOnce, 2);

    world.publish(&sub, 1, message("a/b", "both", Qos::ExactlyOnce));

    insta::assert_snapshot!(world.gets(&sub), @"both at 1 #1 for 1 for 2");
}

#[test]
fn one_member_of_a_group_gets_each_message_and_who_is_away_is_left_out() {
    let mut world = World::new();
    let members = ["one", "two", "three"].map(|name| world.connect(name, LATER));
    for member in &members {
        world.subscribe(member, "$share/group/a");
    }
    world.broker.end(&members[2], LEFT, NOW).unwrap();

    for payload in ["a", "b", "c", "d"] {
        world.publish(&members[0], 0, message("a", payload, Qos::AtMostOnce));
    }

    let counts = [&members[0], &members[1]].map(|member| world.gets(member).split(", ").count());
    assert_eq!(counts, [2, 2]);
}

#[test]
fn a_publisher_that_does_not_want_its_own_messages_does_not_get_them() {
    let mut world = World::new();
    let client = world.connect("client", 0);
    let subscription = Subscription { no_local: true, ..subscription(Qos::AtMostOnce) };
    world.broker.subscribe(&client, "#", subscription, RetainHandling::Never, NOW).unwrap();

    world.publish(&client, 0, message("a", "own", Qos::AtMostOnce));

    insta::assert_snapshot!(world.gets(&client), @"");
}

#[test]
fn a_will_is_published_when_its_client_is_lost_and_not_when_it_left() {
    let check = |end, delay_seconds, wait: u64| {
        let mut world = World::new();
        let watcher = world.connect("watcher", 0);
        world.subscribe(&watcher, "#");
        let message = message("will", "gone", Qos::AtMostOnce);
        // It expires one second after it is published, not after it was deposited.
        let will = Some(Will { message, delay_seconds, expiry_seconds: Some(1) });
        let (client, _) = world.connect_with(Hello { will, ..hello("client", 10) });
        world.broker.end(&client, end, world.now).unwrap();
        world.now += wait * 1000;
        world.broker.tick(world.now).unwrap();
        world.gets(&watcher)
    };
    assert_eq!(check(LEFT, 0, 0), "");
    assert_eq!(check(LOST, 0, 0), "gone at 0");
    assert_eq!(check(LOST, 5, 4), "");
    assert_eq!(check(LOST, 5, 5), "gone at 0");
    // The session ends first, and the will with it.
    assert_eq!(check(LOST, 50, 10), "gone at 0");
}

#[test]
fn a_second_connection_takes_the_session_over() {
    let mut world = World::new();
    let first = world.connect("client", LATER);
    world.subscribe(&first, "a");
    let (second, resumed) = world.connect_with(hello("client", LATER));

    assert!(resumed);
    assert!(matches!(world.broker.next(&first, NOW), Err(Fault::TakenOver)));
    assert!(matches!(world.broker.end(&first, LOST, NOW), Err(Fault::TakenOver)));
    world.publish(&second, 0, message("a", "here", Qos::AtMostOnce));
    insta::assert_snapshot!(world.gets(&second), @"here at 0");
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let mut world = World::new();
    let connect = |world: &mut World, expiry| world.connect_with(hello("client", expiry));
    let (link, _) = connect(&mut world, 10);
    world.broker.end(&link, LEFT, world.now).unwrap();
    world.now += 9_999;
    world.broker.tick(world.now).unwrap();
    let (link, resumed) = connect(&mut world, 10);
    assert!(resumed);
    world.broker.end(&link, LEFT, world.now).unwrap();
    world.restart();
    world.now += 10_000;
    let (link, resumed) = connect(&mut world, 10);
    assert!(!resumed, "it expired, though nothing ticked since");
    world.broker.end(&link, End::Left { expiry_seconds: Some(0) }, world.now).unwrap();
    assert!(!connect(&mut world, 0).1, "it was ended by its client");
}

#[test]
fn an_expired_message_is_not_delivered() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    for (packet_id, seconds) in [(1, 1), (2, 3)] {
        let expires_at = Some(NOW + seconds * 1000);
        let payload = format!("within {seconds} s");
        world.publish(&sub, packet_id, Message { expires_at, ..retained(&payload, &payload) });
    }
    world.now += 2_000;
    insta::assert_snapshot!(world.gets(&sub), @"within 3 s at 1 #1");

    world.broker.tick(world.now).unwrap();
    world.subscribe(&sub, "#");
    insta::assert_snapshot!(world.gets(&sub), @"within 3 s at 1 #2 retained");
}

#[test]
fn what_can_not_be_kept_is_not_taken() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    world.broker.break_journal();

    let refused = world.broker.publish(&sub, 1, message("a", "lost", Qos::AtLeastOnce), NOW);

    assert!(matches!(refused, Err(Fault::Journal(_))));
    insta::assert_snapshot!(world.gets(&sub), @"");
    world.restart();
    let sub = world.connect("sub", LATER);
    world.publish(&sub, 1, message("a", "kept", Qos::AtLeastOnce));
    insta::assert_snapshot!(world.gets(&sub), @"kept at 1 #1");
}

#[test]
fn what_could_not_be_kept_for_a_while_is_taken_again() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    world.broker.break_journal();
    world.broker.publish(&sub, 1, message("a", "lost", Qos::AtLeastOnce), NOW).unwrap_err();
    world.broker.mend_journal();
    world.publish(&sub, 2, message("a", "kept", Qos::AtLeastOnce));
    insta::assert_snapshot!(world.gets(&sub), @"kept at 1 #1");
}

#[test]
fn zeros_that_a_loss_of_power_left_are_cut_off() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    world.publish(&sub, 1, message("a", "kept", Qos::AtLeastOnce));
    let journal = world.folder.path().join("journal");
    let length = fs::metadata(&journal).unwrap().len();
    fs::File::options().write(true).open(&journal).unwrap().set_len(length + 64).unwrap();
    world.restart();
    let sub = world.connect("sub", LATER);
    assert!(world.gets(&sub).contains("kept"));
}

#[test]
fn a_journal_that_became_long_is_made_short() {
    let mut world = World::new();
    let sub = world.connect("sub", LATER);
    world.subscribe(&sub, "#");
    let payload = "x".repeat(limits::PACKET_BYTES / 2);
    let written = 4 * limits::COMPACT_BYTES;
    let mut sent = 0;
    while sent < written {
        world.publish(&sub, 1, message("a", &payload, Qos::AtLeastOnce));
        world.gets(&sub);
        let packet_id = u16::try_from(sent / payload.len() as u64 + 1).unwrap();
        world.broker.done(&sub, packet_id).unwrap();
        sent += payload.len() as u64;
    }

    let length = fs::metadata(world.folder.path().join("journal")).unwrap().len();

    assert!(length <= limits::COMPACT_BYTES, "{length} of {sent} bytes");
}

#[test]
fn a_journal_of_a_newer_bear_or_of_something_else_is_refused() {
    let check = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal"), bytes).unwrap();
        let error = Broker::open(folder.path(), NOW).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(check(b"bearmqtt\x02\0\0\0"), @"`DIR/journal` is of version 2, and this bear reads up to version 1; use the newer bear");
    insta::assert_snapshot!(check(b"something else"), @"could not read `DIR/journal`");
}
