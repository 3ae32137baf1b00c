//! What holds whatever happens: a restart finds everything that lasts, and a journal may end anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::journal::Journal;
use super::link::{Fault, Hello, LinkId};
use super::message::{Message, Qos, RetainHandling};
use super::record::Record;
use super::state::State;
use super::tests::{LATER, LEFT, World, hello, message, subscription};

const TOPICS: [&str; 3] = ["a", "a/b", "c"];
const FILTERS: [&str; 3] = ["#", "a/+", "c"];
const HEAD_BYTES: usize = 12;

/// One thing that a client does. Clients, topics and packet identifiers are few, so that things meet.
#[derive(Clone, Copy, Debug)]
struct Deed {
    client: usize,
    act: Act,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Connect {
        clean_start: bool,
        expiry_seconds: u32,
    },
    Leave,
    Subscribe {
        filter: &'static str,
    },
    Unsubscribe {
        filter: &'static str,
    },
    Publish {
        topic: &'static str,
        packet_id: u16,
        qos: Qos,
        retain: bool,
    },
    GetNext,
    Received {
        packet_id: u16,
    },
    Done {
        packet_id: u16,
    },
    Released {
        packet_id: u16,
    },
    /// Not the client's: time passes.
    Tick,
    /// Not the client's: the journal became long.
    Rewrite,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let packet_id = || 1..4u16;
    let filter = || prop::sample::select(FILTERS.to_vec());
    let topic = prop::sample::select(TOPICS.to_vec());
    let qos = prop::sample::select(vec![Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
    let expiry = prop::sample::select(vec![0, 1, LATER]);
    let act = prop_oneof![
        3 => (any::<bool>(), expiry)
            .prop_map(|(clean_start, expiry_seconds)| Act::Connect { clean_start, expiry_seconds }),
        1 => Just(Act::Leave),
        3 => filter().prop_map(|filter| Act::Subscribe { filter }),
        1 => filter().prop_map(|filter| Act::Unsubscribe { filter }),
        6 => (topic, packet_id(), qos, any::<bool>())
            .prop_map(|(topic, packet_id, qos, retain)| Act::Publish { topic, packet_id, qos, retain }),
        6 => Just(Act::GetNext),
        2 => packet_id().prop_map(|packet_id| Act::Received { packet_id }),
        2 => packet_id().prop_map(|packet_id| Act::Done { packet_id }),
        2 => packet_id().prop_map(|packet_id| Act::Released { packet_id }),
        1 => Just(Act::Tick),
        1 => Just(Act::Rewrite),
    ];
    prop::collection::vec((0..3usize, act).prop_map(|(client, act)| Deed { client, act }), 1..60)
}

/// A broker to which all of this happened.
fn world_after(deeds: Vec<Deed>) -> World {
    let mut world = World::new();
    let mut links = [None, None, None];
    for Deed { client, act } in deeds {
        world.now += 100;
        perform(&mut world, client, &mut links[client], act).unwrap();
    }
    world
}

/// Does what the client can do: next to nothing while it is not connected.
fn perform(world: &mut World, client: usize, link: &mut Option<LinkId>, act: Act) -> Result<(), Fault> {
    let World { broker, now, .. } = world;
    let now = *now;
    match (act, link.clone()) {
        (Act::Connect { clean_start, expiry_seconds }, _) => {
            let hello = Hello { clean_start, ..hello(&client.to_string(), expiry_seconds) };
            *link = Some(broker.connect(hello, now)?.0);
        }
        (Act::Tick, _) => broker.tick(now)?,
        (Act::Rewrite, _) => broker.rewrite(),
        (_, None) => {}
        (Act::Leave, Some(id)) => {
            *link = None;
            broker.end(&id, LEFT, now)?;
        }
        (Act::Subscribe { filter }, Some(id)) => {
            broker.subscribe(&id, filter, subscription(Qos::ExactlyOnce), RetainHandling::Always, now)?;
        }
        (Act::Unsubscribe { filter }, Some(id)) => _ = broker.unsubscribe(&id, filter)?,
        (Act::Publish { topic, packet_id, qos, retain }, Some(id)) => {
            let message = Message { retain, ..message(topic, &now.to_string(), qos) };
            broker.publish(&id, packet_id, message, now)?;
        }
        (Act::GetNext, Some(id)) => _ = broker.next(&id, now)?,
        (Act::Received { packet_id }, Some(id)) => _ = broker.received(&id, packet_id)?,
        (Act::Done { packet_id }, Some(id)) => broker.done(&id, packet_id)?,
        (Act::Released { packet_id }, Some(id)) => _ = broker.released(&id, packet_id)?,
    }
    Ok(())
}

/// A state as the records that make it.
fn records(state: &State) -> Vec<Record> {
    let mut records = Vec::new();
    let write = |record| {
        records.push(record);
        Ok(())
    };
    state.write(write).unwrap();
    records
}

fn open(folder: &Path, now: u64) -> Vec<Record> {
    records(&Journal::open(folder, now).unwrap().1)
}

fn journal(world: &World) -> PathBuf {
    world.folder.path().join("journal")
}

/// Where the frames of a journal end, its head first.
fn frame_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(HEAD_BYTES), |end| {
        let length = bytes.get(*end..*end + 4)?;
        Some(end + 8 + u32::from_le_bytes(length.try_into().unwrap()) as usize)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_finds_everything_that_lasts(deeds in deeds()) {
        let world = world_after(deeds);
        let expected = records(&world.broker.state_after_restart(world.now));

        prop_assert_eq!(&open(world.folder.path(), world.now), &expected);
        prop_assert_eq!(open(world.folder.path(), world.now), expected, "after the rewriting at the start");
    }

    #[test]
    fn a_journal_that_ends_anywhere_holds_what_was_whole(deeds in deeds(), cut in any::<prop::sample::Index>()) {
        let world = world_after(deeds);
        let bytes = fs::read(journal(&world)).unwrap();
        let cut = HEAD_BYTES + cut.index(bytes.len() - HEAD_BYTES + 1);
        let whole = frame_ends(&bytes).take_while(|end| *end <= cut).last().unwrap();
        let load = |end| {
            fs::write(journal(&world), &bytes[..end]).unwrap();
            open(world.folder.path(), world.now)
        };

        prop_assert_eq!(load(cut), load(whole));
    }
}
