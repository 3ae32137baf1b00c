//! Machines are made as they were asked for, each exactly once.

use std::collections::BTreeSet;
use std::time::Duration;

use bear_lab::fake_ec2::{Between, Fault, InstanceState, NewImage, Rule, Settings};
use bear_provider::Provider;
use tokio::time::timeout;

use crate::world::{World, ids, only};

#[tokio::test(start_paused = true)]
async fn machines_are_what_was_asked_for() {
    let world = World::with(3, "tags: { owner: me }", "iam_profile: bear", Settings::default());
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    let alive = world.fake.alive();
    assert_eq!(alive.len(), 3);
    let zones = alive.iter().map(|instance| &instance.zone).collect::<BTreeSet<_>>();
    assert_eq!(zones.len(), 3, "spread over the zones");
    for (instance, machine) in world.instances.iter().zip(&machines) {
        let made = world.fake.instance(&machine.id).unwrap();
        assert_eq!(made.instance_type, "t3.small");
        assert_eq!(machine.image.as_ref(), Some(&made.image));
        assert_eq!(machine.private_address.as_deref(), Some(made.private_ip.to_string().as_str()));
        assert_eq!((made.metadata.tokens.as_str(), made.metadata.hop_limit), ("required", 1));
        assert!(made.iam_profile.unwrap().ends_with("/bear"));
        let user_data = String::from_utf8(world.fake.instance(&machine.id).unwrap().user_data()).unwrap();
        assert!(user_data.contains(&aws.host_key(&world.requests(false)[0].launch)));
        let tags = world.fake.tags(&machine.id);
        assert_eq!(tags["Name"], instance.name.as_str());
        assert_eq!((tags["bear:fleet"].as_str(), tags["owner"].as_str()), ("daily", "me"));
    }
    let disks = world.fake.volumes();
    assert!(disks.iter().all(|disk| disk.encrypted && disk.kind == "gp3" && disk.size == 20));
    assert_eq!(
        world.fake.tagged("bear:lineage", &world.lineage).len(),
        3 * 3 + 2,
        "machines, disks, interfaces, group, key"
    );
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_ready_once_it_runs_and_then_has_its_public_address() {
    let world = World::with(2, "", "", Settings::realistic(7));
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    for (request, machine) in world.requests(false).iter().zip(&machines) {
        assert_eq!(Some(&machine.address), machine.private_address.as_ref(), "not told at first");
        let ready = aws.ready(&request.instance, &request.token, machine, &request.spec).await.unwrap();
        let made = world.fake.instance(&machine.id).unwrap();
        assert_eq!(made.state, InstanceState::Running);
        assert_eq!(ready.address, made.public_ip.unwrap().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_image_of_the_right_owner_is_taken_and_kept_for_who_asks_again() {
    let world = World::of(1);
    let aws = world.laid().await;
    let first = world.create(&aws, false).await;
    world.fake.add_image(NewImage::ubuntu("jammy-22.04", "amd64", "20250601"));
    let again = world.create(&world.aws(), true).await;
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(first[0].image, again[0].image);
    let other = world.neighbour("ffffffff-another");
    other.aws().lay_foundation(&other.foundation).await.unwrap();
    let newer = other.create(&other.aws(), false).await;
    assert_ne!(first[0].image, newer[0].image, "a new launch takes the newer one");
}

#[tokio::test(start_paused = true)]
async fn a_newer_image_between_two_requests_makes_no_second_machine() {
    // The launch had its effect, is not shown for a minute, and the next request would be another.
    let mut settings = Settings::default();
    settings.delays.visible = Between::secs(60, 60);
    let world = World::with(3, "", "", settings);
    let aws = world.laid().await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let before = world.create(&aws, false).await;
    world.fake.add_image(NewImage::ubuntu("jammy-22.04", "amd64", "20250601"));
    let after = world.create(&world.aws(), true).await;
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(world.fake.alive().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_with_fewer_gets_the_same_machines() {
    let mut settings = Settings::default();
    settings.delays.visible = Between::secs(0, 60);
    let world = World::with(9, "", "", settings);
    let aws = world.laid().await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let all = world.create(&aws, false).await;
    let some = world.requests(true).into_iter().skip(4).step_by(2).collect::<Vec<_>>();
    let found = world.aws().create(&some).await;
    let found = found.into_iter().map(|found| found.unwrap().id).collect::<Vec<_>>();
    assert_eq!(found, [&all[4].id, &all[6].id, &all[8].id].map(Clone::clone));
    assert_eq!(world.fake.alive().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_terminated_is_made_anew_by_who_asks_again() {
    let world = World::of(4);
    let aws = world.laid().await;
    let first = world.create(&aws, false).await;
    world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &first[1].id)]).unwrap();
    let second = world.create(&world.aws(), true).await;
    let (one, two) = (ids(&first), ids(&second));
    assert_eq!([two[0], two[2], two[3]], [one[0], one[2], one[3]]);
    assert_ne!(second[1].id, first[1].id);
    for machine in &second {
        world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &machine.id)]).unwrap();
    }
    let third = world.create(&world.aws(), true).await;
    let fourth = world.create(&world.aws(), true).await;
    assert_eq!(ids(&third), ids(&fourth));
    assert_eq!(world.fake.alive().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_full_zone_leads_to_the_next() {
    let world = World::of(3);
    let aws = world.laid().await;
    world.fake.set_capacity("eu-central-1b", Some(0));
    world.create(&aws, false).await;
    let zones = world.fake.alive().into_iter().map(|instance| instance.zone).collect::<BTreeSet<_>>();
    assert_eq!(zones, ["eu-central-1a", "eu-central-1c"].map(str::to_owned).into());
    assert_eq!(world.notices(), "eu-central-1b has no room for t3.small: trying the next zone");
    let again = world.create(&world.aws(), true).await;
    assert_eq!((again.len(), world.fake.alive().len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn with_no_room_anywhere_nothing_was_changed() {
    let world = World::of(2);
    let aws = world.laid().await;
    for zone in ["a", "b", "c"] {
        world.fake.set_capacity(&format!("{}{zone}", crate::world::REGION), Some(0));
    }
    let error = only(aws.create(&world.requests(false)).await);
    assert_eq!(error.code, "bear::aws::no_capacity");
    assert!(error.untouched);
    let error = only(world.aws().create(&world.requests(true)).await);
    assert!(!error.untouched, "an earlier request may have had its effect");
}

#[tokio::test(start_paused = true)]
async fn spot_machines_and_large_fleets_fit_into_tags() {
    let world = World::with(150, "", "spot: true", Settings::default());
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    assert_eq!(world.fake.calls().of("RunInstances"), 3);
    assert!(world.fake.alive().iter().all(|instance| instance.spot.is_some()));
    let recorded = world.recorded(&vec![None; 150]);
    let observed = world.aws().observe(&world.known(&recorded), &[]).await.unwrap();
    for (instance, machine) in world.instances.iter().zip(machines) {
        let bear_core::observed::Observation::Present { machine: seen, .. } =
            &observed.instances[&instance.name]
        else {
            panic!("{} is not found by its token", instance.name);
        };
        assert_eq!(seen.id, machine.id);
    }
}

/// A run that is killed while it waits for the answer to its request number `request`, which had its effect or not.
async fn killed(world: &World, again: bool, request: usize, effect: bool) {
    let fault = if effect { Fault::AnswerHangs } else { Fault::Hangs };
    world.fake.rule(Rule::any().skip(request).times(1).then(fault));
    // No request hangs for so long before it is given up, and whatever needs longer is killed while it waits.
    let _ = timeout(Duration::from_secs(19), world.aws().create(&world.requests(again))).await;
    world.fake.calm();
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_and_asked_again_there_is_one_machine_for_each() {
    for round in 0_usize..200 {
        let (request, effect, realistic) = (round % 10, round % 20 < 10, round % 40 < 20);
        let mut settings = if realistic { Settings::realistic(round as u64) } else { Settings::default() };
        if round % 3 == 0 {
            // Then tags show too late what there is, and only tokens keep from making it twice.
            settings.delays.visible = Between::secs(0, 45);
        }
        let world = World::with(4, "", "", Settings { seed: round as u64, ..settings });
        world.laid().await;
        killed(&world, false, request, effect).await;
        // Every other time the next run is killed as well.
        if round % 80 < 40 {
            killed(&world, true, round * 7 % 9, round % 3 == 0).await;
        }
        let machines = world.create(&world.aws(), true).await;
        let made = machines.iter().map(|machine| machine.id.clone()).collect::<BTreeSet<_>>();
        let alive = world.fake.alive().into_iter().map(|instance| instance.id).collect::<BTreeSet<_>>();
        assert_eq!((made.len(), &alive), (4, &made), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_fleets_at_once_never_share_a_machine() {
    let one = World::with(6, "", "", Settings::realistic(3));
    let other = one.neighbour("99887766-the-other");
    let (aws, other_aws) = tokio::join!(one.laid(), other.laid());
    let (mine, theirs) = tokio::join!(one.create(&aws, false), other.create(&other_aws, false));
    let mine = mine.iter().map(|machine| &machine.id).collect::<BTreeSet<_>>();
    let theirs = theirs.iter().map(|machine| &machine.id).collect::<BTreeSet<_>>();
    assert_eq!((mine.len(), theirs.len()), (6, 6));
    assert!(mine.is_disjoint(&theirs));
}
