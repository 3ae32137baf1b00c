//! How often EC2 is asked: no more than the fleet's pages and batches need.

use std::fmt::Write as _;

use bear_core::state::v1::Machine;
use bear_lab::fake_ec2::{Quotas, Settings, Zone};
use bear_provider::Provider;
use futures_util::future::join_all;

use crate::world::World;

/// A world that has room for a thousand machines.
fn large(count: usize) -> World {
    let zone = |(letter, third): (char, u8)| Zone {
        name: format!("{}{letter}", crate::world::REGION),
        cidr: format!("10.77.{third}.0/22").parse().unwrap(),
    };
    let zones = [('a', 0), ('b', 4), ('c', 8)].map(zone).into();
    let settings = Settings {
        zones,
        throttled: true,
        quotas: Quotas { vcpus: 5_000, ..Quotas::default() },
        ..Settings::default()
    };
    World::with(count, "", "", settings)
}

struct Counts {
    create: usize,
    ready: usize,
    observe: usize,
    destroy: usize,
}

async fn count(count: usize) -> Counts {
    let world = large(count);
    let aws = world.laid().await;
    // As the engine asks: in launches of at most as many as the provider takes, all at once.
    let mut requests = world.requests(false);
    for launch in requests.chunks_mut(aws.batch_max()) {
        let name = launch[0].token.clone();
        for request in launch {
            request.launch.clone_from(&name);
        }
    }
    let made = join_all(requests.chunks(aws.batch_max()).map(|launch| aws.create(launch))).await;
    let machines = made.into_iter().flatten().map(|made| made.unwrap()).collect::<Vec<Machine>>();
    let create = world.fake.calls().total();
    world.fake.forget_calls();
    let waiting = requests
        .iter()
        .zip(&machines)
        .map(|(request, machine)| aws.ready(&request.instance, &request.token, machine, &request.spec));
    let machines = join_all(waiting).await.into_iter().map(|ready| Some(ready.unwrap())).collect::<Vec<_>>();
    let ready = world.fake.calls().total();
    world.fake.forget_calls();
    let recorded = world.recorded(&machines);
    let observed = world.aws().observe(&world.known(&recorded), &[&world.foundation]).await.unwrap();
    assert_eq!((observed.instances.len(), observed.strays.len()), (count, 0));
    let observe = world.fake.calls().total();
    world.fake.forget_calls();
    let aws = world.aws();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    aws.remove_foundation(&world.foundation).await.unwrap();
    assert!(world.fake.tagged("bear:lineage", &world.lineage).is_empty());
    Counts { create, ready, observe, destroy: world.fake.calls().total() }
}

#[tokio::test(start_paused = true)]
async fn calls_grow_with_pages_and_batches_and_not_with_machines() {
    let mut table = String::from("machines  create  ready  observe  destroy\n");
    for machines in [10, 100, 1000] {
        let Counts { create, ready, observe, destroy } = count(machines).await;
        writeln!(table, "{machines:>8}  {create:>6}  {ready:>5}  {observe:>7}  {destroy:>7}").unwrap();
        assert!(create <= 10 + machines / 50, "{table}");
        assert!(observe <= machines / 500 + 2, "{table}");
        assert!(destroy <= 14 + machines / 50, "{table}");
    }
    insta::assert_snapshot!(table, @r"
    machines  create  ready  observe  destroy
          10      10      1        2       14
         100      10      1        2       14
        1000      14      1        2       15
    ");
}
