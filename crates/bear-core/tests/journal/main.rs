//! What bear wrote it can read again, wherever a crash cut it off; what no crash leaves behind it refuses.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod records;

use bear_core::fleet::Spec;
use bear_core::fleet::model::{Broker, Embedded, Ports, ProviderKind};
use bear_core::name::{FleetName, GroupName, InstanceName};
use bear_core::state::journal::{self, JournalError, Recovered};
use bear_core::state::v1::Record;
use bear_core::state::{self, SnapshotError, State};
use jiff::Timestamp;
use proptest::prelude::*;

use records::record;

/// A journal, and the state after each of its entries.
#[derive(Debug)]
struct Written {
    text: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    /// The number of entries before each batch.
    batches: Vec<usize>,
    /// One more than there are entries: the first is the state before any.
    states: Vec<State>,
}

fn new_state() -> State {
    State::new(FleetName::new("demo").unwrap(), "0123456789abcdef".into())
}

fn written(batches: &[Vec<Record>]) -> Written {
    let mut state = new_state();
    let mut journal =
        Written { text: Vec::new(), ends: Vec::new(), batches: Vec::new(), states: vec![state.clone()] };
    for batch in batches {
        journal.batches.push(journal.ends.len());
        let first = state.serial + 1;
        for record in batch {
            journal::write(&mut journal.text, first, state.serial + 1, record);
            state.apply(record);
            journal.ends.push(journal.text.len());
            journal.states.push(state.clone());
        }
    }
    journal
}

impl Written {
    /// How many entries are whole in the first `length` bytes.
    fn whole(&self, length: usize) -> usize {
        self.ends.iter().filter(|&&end| end <= length).count()
    }

    fn start_of_batch(&self, batch: usize) -> usize {
        self.batches[batch].checked_sub(1).map_or(0, |last| self.ends[last])
    }

    #[track_caller]
    fn check_cut(&self, cut: usize) {
        let mut state = new_state();
        let recovered = journal::replay(&mut state, &self.text[..cut]).unwrap();
        let applied = self.whole(cut);
        let good_bytes = self.ends[..applied].last().copied().unwrap_or(0);
        assert_eq!(recovered, Recovered { applied, good_bytes, torn_bytes: cut - good_bytes });
        assert_eq!(state, self.states[applied]);
    }

    /// Replays `text`, a damaged form of this journal; none if it is refused.
    #[track_caller]
    fn check_damaged(&self, text: &[u8]) -> Option<usize> {
        let mut state = new_state();
        let recovered = journal::replay(&mut state, text).ok()?;
        assert_eq!(state, self.states[recovered.applied], "a state that never was");
        assert_eq!(recovered.good_bytes + recovered.torn_bytes, text.len());
        Some(recovered.applied)
    }
}

fn any_journal() -> impl Strategy<Value = Written> {
    let batch = proptest::collection::vec(record(), 1..5);
    proptest::collection::vec(batch, 1..6).prop_map(|batches| written(&batches))
}

/// Three batches of two entries each, short enough for every byte to be tried.
fn short_journal() -> Written {
    let at = Timestamp::UNIX_EPOCH;
    let batch = |index: u32| {
        let instance = InstanceName::new(format!("demo-broker-{index}")).unwrap();
        let group = GroupName::new("broker").unwrap();
        let spec = Spec {
            provider: ProviderKind::Local,
            region: None,
            machine: None,
            host: None,
            login: None,
            install: None,
            broker: Broker::Embedded(Embedded::default()),
            ports: Ports::default(),
            keep_data: false,
        };
        let token = "5eed".to_owned();
        vec![
            Record::CreateBegan {
                at,
                instance: instance.clone(),
                group,
                spec,
                generation: 1,
                token,
                launch: None,
            },
            Record::Verified { at, instance, checks: 12 },
        ]
    };
    written(&[batch(1), batch(2), batch(3)])
}

proptest! {
    #[test]
    fn every_prefix_replays(journal in any_journal(), cut in any::<prop::sample::Index>()) {
        journal.check_cut(cut.index(journal.text.len() + 1));
        journal.check_cut(journal.text.len());
    }

    #[test]
    fn a_snapshot_may_be_taken_anywhere(journal in any_journal(), point in any::<prop::sample::Index>()) {
        let entries = journal.ends.len();
        let point = point.index(entries + 1);
        let mut state = state::read(state::write(&journal.states[point]).as_bytes()).unwrap();
        prop_assert_eq!(&state, &journal.states[point]);
        let recovered = journal::replay(&mut state, &journal.text).unwrap();
        prop_assert_eq!(recovered.applied, entries - point);
        prop_assert_eq!(&state, &journal.states[entries]);
    }

    #[test]
    fn a_flipped_bit_makes_no_new_state(
        journal in any_journal(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut text = journal.text.clone();
        text[byte.index(journal.text.len())] ^= 1_u8 << bit;
        journal.check_damaged(&text);
    }

    #[test]
    fn holes_in_the_last_batch_are_cut_off(
        journal in any_journal(),
        from in any::<prop::sample::Index>(),
        length in 1..600_usize,
    ) {
        let last = journal.batches.len() - 1;
        let start = journal.start_of_batch(last);
        let from = start + from.index(journal.text.len() - start);
        let mut text = journal.text.clone();
        text[from..].iter_mut().take(length).for_each(|byte| *byte = 0);
        let applied = journal.check_damaged(&text);
        prop_assert_eq!(applied, Some(journal.whole(from)));
    }

    #[test]
    fn a_hole_before_the_last_batch_is_refused(journal in any_journal(), at in any::<prop::sample::Index>()) {
        let before_last = journal.start_of_batch(journal.batches.len() - 1);
        prop_assume!(before_last > 0);
        let at = at.index(before_last);
        // Without its newline a line takes the next one along, which may be all of the last batch.
        prop_assume!(journal.text[at] != b'\n');
        let mut text = journal.text.clone();
        text[at] = 0;
        let line = journal.whole(at) + 1;
        prop_assert_eq!(journal::replay(&mut new_state(), &text), Err(JournalError::Damaged { line }));
    }

    #[test]
    fn a_lost_entry_is_refused(journal in any_journal(), lost in any::<prop::sample::Index>()) {
        let lost = lost.index(journal.ends.len());
        prop_assume!(lost + 1 < journal.ends.len());
        let start = lost.checked_sub(1).map_or(0, |before| journal.ends[before]);
        let text = [&journal.text[..start], &journal.text[journal.ends[lost]..]].concat();
        let gap = JournalError::Gap { line: lost + 1, found: lost as u64 + 2, expected: lost as u64 + 1 };
        prop_assert_eq!(journal::replay(&mut new_state(), &text), Err(gap));
    }

    #[test]
    fn half_a_snapshot_is_refused(journal in any_journal(), cut in any::<prop::sample::Index>()) {
        let text = state::write(&journal.states[journal.ends.len()]);
        let whole = text.trim_end().len();
        let got = state::read(&text.as_bytes()[..cut.index(whole)]);
        prop_assert!(matches!(got, Err(SnapshotError::Damaged(_))));
    }
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_short_journal() {
    let journal = short_journal();
    for at in 0..journal.text.len() {
        journal.check_cut(at);
        for bit in 0..8 {
            let mut text = journal.text.clone();
            text[at] ^= 1_u8 << bit;
            journal.check_damaged(&text);
        }
    }
}

#[test]
fn the_text_is_a_promise() {
    let journal = short_journal();
    insta::assert_snapshot!(String::from_utf8_lossy(&journal.text[..journal.ends[1]]), @r#"
    {"v":1,"len":205,"crc":"08fac934","entry":{"serial":1,"batch":1,"record":{"create_began":{"at":"1970-01-01T00:00:00Z","instance":"demo-broker-1","group":"broker","spec":{"provider":"local","broker":{"embedded":{}}},"generation":1,"token":"5eed"}}}}
    {"v":1,"len":113,"crc":"08226f7b","entry":{"serial":2,"batch":1,"record":{"verified":{"at":"1970-01-01T00:00:00Z","instance":"demo-broker-1","checks":12}}}}
    "#);
    insta::assert_snapshot!(state::write(&journal.states[2]), @r#"{"version":1,"fleet":"demo","lineage":"0123456789abcdef","serial":2,"file":"","generation":1,"instances":{"demo-broker-1":{"group":"broker","spec":{"provider":"local","broker":{"embedded":{}}},"generation":1,"token":"5eed","phase":"verified","since":"1970-01-01T00:00:00Z","checks":12}}}"#);
}

#[test]
fn a_state_that_knows_nothing_of_hosts_is_read() {
    let text = r#"{"version":1,"fleet":"demo","lineage":"0123","serial":4,"file":"f.yaml","generation":1,"instances":{"demo-a-1":{"group":"a","spec":{"provider":"local","broker":{"embedded":{"authentication":{"username":"joe"}}},"ports":{"mqtt":1883}},"generation":1,"token":"5eed","phase":"verified","since":"1970-01-01T00:00:00Z","machine":{"id":"m","address":"127.0.0.1"},"installed":{"ports":{"mqtt":1883},"version":"0.1.0","process":{"pid":1,"started":2}},"checks":12}}}"#;
    assert_eq!(state::write(&state::read(text.as_bytes()).unwrap()).trim_end(), text);
}

/// Every field that there is.
#[test]
fn a_host_is_recorded_with_all_that_is_known_of_it() {
    let spec = r#"{"provider":"hosts","host":{"address":"192.0.2.10","port":2222,"user":"ubuntu","identity":"~/.ssh/id","host_key":"SHA256:key"},"install":{"docker":{"version":"5:28","containerd":"1.7","repository":{"url":"https://mirror.example","suite":"jammy","key_url":"https://mirror.example/key","fingerprint":"9DC8"}}},"broker":{"emqx":{"version":"5.9.1","admin_password":{"env":"A"},"dashboard_bind":"127.0.0.1","tls":{"certificate":"c","key":{"file":"k"},"ca":"a","server_name":"b.example"},"license":{"env":"L"},"registry":"registry.example","image_file":"emqx.tar"}},"keep_data":true}"#;
    let recorded = format!(
        r#"{{"group":"edge","spec":{spec},"generation":1,"token":"5eed","phase":"verified","since":"1970-01-01T00:00:00Z","machine":{{"id":"m","address":"192.0.2.10","private_address":"10.0.0.1","system":{{"name":"ubuntu 22.04","architecture":"amd64","memory_mib":1024,"disk_free_mib":2048}}}},"installed":{{"ports":{{"mqtt":1883,"dashboard":18083}},"version":"5.9.1","configuration":"c0ffee","image":"sha256:1","docker":"28.5.2"}},"checks":12}}"#
    );
    let text = format!(
        r#"{{"version":1,"fleet":"demo","lineage":"0123","serial":4,"file":"f.yaml","generation":1,"instances":{{"demo-edge-paris":{recorded}}}}}"#
    );
    assert_eq!(state::write(&state::read(text.as_bytes()).unwrap()).trim_end(), text);
    // A field of a newer bear could be one that keeps data, so it is not passed over.
    for place in [r#""address":"192.0.2.10","port""#, r#""keep_data""#, r#""certificate""#, r#""suite""#] {
        let newer = text.replacen(place, &format!(r#""brand_new":1,{place}"#), 1);
        let error = state::read(newer.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("unknown field `brand_new`"), "{place}: {error}");
    }
}

#[test]
fn what_no_crash_leaves_behind() {
    #[track_caller]
    fn check(change: impl FnOnce(String) -> String, expected: Result<usize, &str>) {
        let text = change(String::from_utf8(short_journal().text).unwrap());
        let got = journal::replay(&mut new_state(), text.as_bytes());
        let got = got.map(|recovered| recovered.applied).map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_owned));
    }
    let line = |text: &str, index: usize| text.split_inclusive('\n').nth(index).unwrap().to_owned();
    let entry = |entry: &str| {
        let crc = crc32fast::hash(entry.as_bytes());
        format!("{{\"v\":1,\"len\":{},\"crc\":\"{crc:08x}\",\"entry\":{entry}}}\n", entry.len())
    };

    check(|text| text, Ok(6));
    check(|_| String::new(), Ok(0));
    check(|_| "\n".into(), Ok(0));
    check(
        |text| text.replace("\"v\":1", "\"v\":2"),
        Err("line 1 was written by a newer bear (format 2, this one reads up to 1)"),
    );
    check(
        |text| text + "{\"v\":2,\"checksum\":77,\"records\":[]}\n",
        Err("line 7 was written by a newer bear (format 2, this one reads up to 1)"),
    );
    check(|text| text + "{\"v\":2,\"checksum\":77,\"rec", Ok(6));
    check(
        |text| line(&text, 0) + "\n" + &line(&text, 2),
        Err("line 2 is damaged, and later entries follow it"),
    );
    check(|text| line(&text, 0) + &line(&text, 0), Err("line 2 has serial 1 where 2 was expected"));
    check(|text| line(&text, 4) + &line(&text, 5), Err("line 1 has serial 5 where 1 was expected"));
    check(
        |text| text + &entry(r#"{"serial":7,"batch":7}"#),
        Err("line 7 is whole, but holds no entry: missing field `record` at line 1 column 22"),
    );
}

#[test]
fn a_stale_journal_adds_nothing() {
    let journal = short_journal();
    let mut state = journal.states[6].clone();
    state.serial = 40;
    let recovered = journal::replay(&mut state, &journal.text).unwrap();
    assert_eq!((recovered.applied, recovered.torn_bytes, state.serial), (0, 0, 40));
}

#[test]
fn salvage_takes_what_is_left() {
    let journal = short_journal();
    let mut text = journal.text.clone();
    text[journal.ends[0] + 30] = b'#';
    text.truncate(journal.ends[5] - 1);
    let mut state = new_state();
    journal::salvage(&mut state, &text);

    let left = state.instances.iter().map(|(name, recorded)| format!("{name} {} ", recorded.phase));
    insta::assert_snapshot!(left.collect::<String>(), @"demo-broker-1 creating demo-broker-2 verified demo-broker-3 creating");
    assert_eq!(state.serial, 5);
}

#[test]
fn snapshots_of_other_versions() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(state::read(text.as_bytes()).unwrap_err().to_string(), expected);
    }
    let text = state::write(&new_state());
    check(
        &text.replace("\"version\":1", "\"version\":2"),
        "it was written by a newer bear (format 2, this one reads up to 1)",
    );
    check(
        "{\"version\":7,\"worlds\":[]}",
        "it was written by a newer bear (format 7, this one reads up to 1)",
    );
    check(&text.replace("\"version\":1", "\"version\":0"), "it is damaged: there is no format 0");
    check("", "it is damaged: EOF while parsing a value at line 1 column 0");
}
