//! What somebody did by hand is seen, told and mended.

use bear_core::observed::{Drift, Observation};
use bear_core::state::v1::Machine;
use bear_lab::fake_ec2::{InstanceState, Settings};
use bear_provider::Provider;

use crate::world::World;

/// What is told of each instance, as one line.
async fn told(world: &World, machines: &[Option<Machine>]) -> Vec<String> {
    let recorded = world.recorded(machines);
    let observed = world.aws().observe(&world.known(&recorded), &[&world.foundation]).await.unwrap();
    let line = |observation: &Observation| match observation {
        Observation::Present { changed, .. } if changed.is_empty() => "as recorded".to_owned(),
        Observation::Present { changed, .. } => {
            let drift = |drift: &Drift| format!("{}: {} (was {})", drift.what, drift.is, drift.was);
            changed.iter().map(drift).collect::<Vec<_>>().join("; ")
        }
        other => format!("{other:?}"),
    };
    let strays = observed.strays.iter().map(|stray| {
        let instance = stray.instance.as_ref().map_or("?", |instance| instance.as_str());
        format!("stray of {instance}")
    });
    observed.instances.values().map(line).chain(strays).collect()
}

async fn made(world: &World) -> Vec<Option<Machine>> {
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    let mut ready = Vec::new();
    for (request, machine) in world.requests(false).iter().zip(&machines) {
        ready.push(Some(aws.ready(&request.instance, &request.token, machine, &request.spec).await.unwrap()));
    }
    ready
}

/// Mends one machine as the installer does.
async fn mend(world: &World, machines: &[Option<Machine>], index: usize) -> Machine {
    let request = &world.requests(false)[index];
    let machine = machines[index].as_ref().unwrap();
    world.aws().ready(&request.instance, &request.token, machine, &request.spec).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_as_it_was_left_is_as_recorded() {
    let world =
        World::with(2, "tags: { owner: me }", "iam_profile: bear, elastic_ip: true", Settings::default());
    let machines = made(&world).await;
    assert_eq!(told(&world, &machines).await, ["as recorded", "as recorded"]);
    assert_eq!(told(&world, &[None, None]).await, ["as recorded", "as recorded"], "found by their tokens");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_machine_is_started_and_has_another_address() {
    let world = World::with(2, "", "", Settings::realistic(4));
    let machines = made(&world).await;
    let before = machines[0].clone().unwrap();
    world.fake.by_hand("StopInstances", &[("InstanceId.1", &before.id)]).unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    assert_eq!(told(&world, &machines).await, ["state: stopped (was running)", "as recorded"]);
    let after = mend(&world, &machines, 0).await;
    assert_eq!((&after.id, &after.private_address), (&before.id, &before.private_address));
    assert_eq!(world.fake.instance(&after.id).unwrap().state, InstanceState::Running);
    assert_eq!(after.address, world.fake.instance(&after.id).unwrap().public_ip.unwrap().to_string());
    assert_eq!(told(&world, &[Some(after), machines[1].clone()]).await, ["as recorded", "as recorded"]);
}

#[tokio::test(start_paused = true)]
async fn another_type_is_changed_back() {
    let world = World::with(2, "", "", Settings::realistic(4));
    let machines = made(&world).await;
    let id = machines[1].as_ref().unwrap().id.clone();
    world.fake.by_hand("StopInstances", &[("InstanceId.1", &id)]).unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    world
        .fake
        .by_hand("ModifyInstanceAttribute", &[("InstanceId", &id), ("InstanceType.Value", "t3.large")])
        .unwrap();
    world.fake.by_hand("StartInstances", &[("InstanceId.1", &id)]).unwrap();
    assert_eq!(told(&world, &machines).await, ["as recorded", "type: t3.large (was t3.small)"]);
    mend(&world, &machines, 1).await;
    assert_eq!(world.fake.instance(&id).unwrap().instance_type, "t3.small");
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_its_tags_is_known_by_its_id_and_marked_again() {
    let world = World::of(2);
    let machines = made(&world).await;
    let id = machines[0].as_ref().unwrap().id.clone();
    world.fake.by_hand("DeleteTags", &[("ResourceId.1", &id)]).unwrap();
    assert_eq!(
        told(&world, &machines).await,
        ["tags: not those that bear gave it (was the fleet's)", "as recorded"]
    );
    mend(&world, &machines, 0).await;
    assert_eq!(told(&world, &machines).await, ["as recorded", "as recorded"]);
    assert_eq!(world.fake.tags(&id)["bear:instance"], "daily-emqx-1");
    assert_eq!(told(&world, &[None, None]).await, ["as recorded", "as recorded"]);
}

#[tokio::test(start_paused = true)]
async fn other_security_groups_are_changed_back() {
    let world = World::of(1);
    let machines = made(&world).await;
    let (id, default) =
        (machines[0].as_ref().unwrap().id.clone(), world.fake.security_groups()[0].id.clone());
    let own = world.fake.instance(&id).unwrap().groups;
    world.fake.by_hand("ModifyInstanceAttribute", &[("InstanceId", &id), ("GroupId.1", &default)]).unwrap();
    assert_eq!(told(&world, &machines).await, [format!("security_groups: {default} (was {})", own[0])]);
    mend(&world, &machines, 0).await;
    assert_eq!(world.fake.instance(&id).unwrap().groups, own);
}

#[tokio::test(start_paused = true)]
async fn another_iam_profile_is_changed_in_place() {
    let mut world = World::with(
        1,
        "",
        "iam_profile: bear",
        Settings { iam_profiles: vec!["bear".to_owned(), "wolf".to_owned()], ..Settings::default() },
    );
    let machines = made(&world).await;
    let id = machines[0].as_ref().unwrap().id.clone();
    let mut has = Vec::new();
    for wanted in [Some("wolf"), None, Some("bear")] {
        let mut spec = (*world.instances[0].spec).clone();
        spec.machine.as_mut().unwrap().iam_profile = wanted.map(str::to_owned);
        world.instances[0].spec = spec.into();
        assert_eq!(told(&world, &machines).await.len(), 1);
        mend(&world, &machines, 0).await;
        has.push(world.fake.instance(&id).unwrap().iam_profile);
        assert_eq!(told(&world, &machines).await, ["as recorded"]);
    }
    assert!(has[0].as_ref().unwrap().ends_with("/wolf") && has[1].is_none());
    assert!(has[2].as_ref().unwrap().ends_with("/bear"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_elastic_address_is_associated_again() {
    let world = World::with(1, "", "elastic_ip: true", Settings::default());
    let machines = made(&world).await;
    let before = machines[0].as_ref().unwrap().address.clone();
    let association = world.fake.addresses()[0].association.clone().unwrap().0;
    world.fake.by_hand("DisassociateAddress", &[("AssociationId", &association)]).unwrap();
    assert_eq!(told(&world, &machines).await, ["elastic_ip: none (was one of its own)"]);
    assert_eq!(mend(&world, &machines, 0).await.address, before);
    assert_eq!(world.fake.addresses().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_terminated_machine_is_absent_and_strays_are_named() {
    let world = World::of(3);
    let machines = made(&world).await;
    world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &machines[0].as_ref().unwrap().id)]).unwrap();
    assert_eq!(told(&world, &machines).await, ["Absent", "as recorded", "as recorded"]);
    let mut forgetful = World::of(3);
    forgetful.fake = world.fake.clone();
    forgetful.instances.truncate(2);
    assert_eq!(told(&forgetful, &machines[..2]).await, ["Absent", "as recorded", "stray of daily-emqx-3"]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_terminated_while_it_is_waited_for_is_an_error_that_says_so() {
    let world = World::with(2, "", "", Settings::realistic(9));
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    let request = &world.requests(false)[0];
    let (ready, ()) =
        tokio::join!(aws.ready(&request.instance, &request.token, &machines[0], &request.spec), async {
            tokio::time::sleep(std::time::Duration::from_millis(4500)).await;
            world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &machines[0].id)]).unwrap();
        });
    let error = ready.unwrap_err();
    let id = &machines[0].id;
    let reason = "Client.UserInitiatedShutdown: User initiated shutdown";
    assert_eq!(
        error.message,
        format!("the machine of daily-emqx-1 ({id} in eu-central-1) was terminated: {reason}")
    );
    assert_eq!(error.help.as_deref(), Some("somebody terminated it; `bear apply` makes a new one"));
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_ends_before_it_runs_is_an_error_and_the_next_makes_a_new_machine() {
    let world = World::with(1, "", "", Settings::realistic(9));
    let aws = world.laid().await;
    world.fake.doom(1);
    let machines = world.create(&aws, false).await;
    let request = &world.requests(false)[0];
    let error = aws.ready(&request.instance, &request.token, &machines[0], &request.spec).await.unwrap_err();
    assert!(
        error.message.ends_with("was terminated: Server.InternalError: Internal error on launch"),
        "{error}"
    );
    let machines = world.create(&world.aws(), true).await;
    aws.ready(&request.instance, &request.token, &machines[0], &request.spec).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_machine_made_by_hand_is_imported_and_one_of_another_fleet_is_not() {
    let world = World::of(1);
    let aws = world.laid().await;
    let other = world.neighbour("99887766-the-other");
    let theirs = other.create(&other.laid().await, false).await;
    let image = theirs[0].image.clone().unwrap();
    let launch =
        [("ImageId", image.as_str()), ("InstanceType", "t3.small"), ("MinCount", "1"), ("MaxCount", "1")];
    world.fake.by_hand("RunInstances", &launch).unwrap();
    let id =
        world.fake.alive().into_iter().map(|instance| instance.id).find(|id| *id != theirs[0].id).unwrap();
    let request = &world.requests(false)[0];
    let error =
        aws.import(&request.instance, &request.token, &theirs[0].id, &request.spec).await.unwrap_err();
    assert!(error.message.ends_with("it belongs to the fleet daily (lineage 99887766-the-other)"), "{error}");
    let machine = aws.import(&request.instance, &request.token, &id, &request.spec).await.unwrap();
    assert_eq!(machine.id, id);
    let group = world.fake.instance(&id).unwrap().groups[0].clone();
    let mended = mend(&world, &[Some(machine)], 0).await;
    assert_ne!(world.fake.instance(&id).unwrap().groups[0], group, "it gets the fleet's rules");
    assert_eq!(told(&world, &[Some(mended)]).await, ["as recorded"]);
    assert_eq!(world.fake.tags(&id)["bear:token"], request.token);
}

#[tokio::test(start_paused = true)]
async fn the_console_of_a_machine_can_be_read() {
    let world = World::of(1);
    let machines = made(&world).await;
    let id = &machines[0].as_ref().unwrap().id;
    world.fake.set_console_output(id, "one\r\ntwo\r\n");
    assert_eq!(world.aws().console(id).await.unwrap().as_deref(), Some("one\ntwo\n"));
}
