//! What takes its time, in tokio's paused time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::{all, call, launch, refusal, states};
use crate::fake_ec2::{Between, Delays, FakeEc2, Happening, Settings};

fn slow(delays: Delays) -> FakeEc2 {
    FakeEc2::new(Settings { delays, ..Settings::default() })
}

#[tokio::test(start_paused = true)]
async fn states_take_their_time() {
    let fake = slow(Delays {
        pending: Between::secs(20, 20),
        stopping: Between::secs(15, 15),
        shutting_down: Between::secs(40, 40),
        ..Delays::default()
    });
    let [id] = launch(&fake, 1, &[]).await.unwrap().try_into().unwrap();
    let steps = [
        ("", 19, "pending"),
        ("", 1, "running"),
        ("StopInstances", 14, "stopping"),
        ("", 1, "stopped"),
        ("StartInstances", 19, "pending"),
        ("", 1, "running"),
        ("TerminateInstances", 39, "shutting-down"),
        ("", 1, "terminated"),
        ("", 3599, "terminated"),
    ];
    for (action, seconds, expected) in steps {
        if !action.is_empty() {
            call(&fake, action, &[("InstanceId.1", &id)]).await.unwrap();
        }
        sleep(Duration::from_secs(seconds)).await;
        assert_eq!(states(&fake).await, [expected], "{seconds} s after {action}");
    }
    sleep(Duration::from_secs(1)).await;
    assert!(states(&fake).await.is_empty(), "an hour after its end it is forgotten");
    assert_eq!(
        refusal(&fake, "DescribeInstances", &[("InstanceId.1", &id)]).await,
        "InvalidInstanceID.NotFound"
    );
}

#[tokio::test(start_paused = true)]
async fn new_things_are_not_found_at_first() {
    let fake = slow(Delays { visible: Between::secs(3, 3), ..Delays::default() });
    let group = [("GroupName", "bear"), ("GroupDescription", "bear")];
    let group = super::client::one(&call(&fake, "CreateSecurityGroup", &group).await.unwrap(), "groupId");
    let inside = [
        ("GroupId", group.as_str()),
        ("IpProtocol", "tcp"),
        ("FromPort", "22"),
        ("ToPort", "22"),
        ("CidrIp", "10.0.0.0/8"),
    ];
    assert_eq!(refusal(&fake, "AuthorizeSecurityGroupIngress", &inside).await, "InvalidGroup.NotFound");
    let refused = launch(&fake, 1, &[("SecurityGroupId.1", &group)]).await.unwrap_err();
    assert_eq!(refused.code, "InvalidGroup.NotFound");

    let [id] = launch(&fake, 1, &[]).await.unwrap().try_into().unwrap();
    for action in ["DescribeInstances", "TerminateInstances", "DescribeInstanceStatus"] {
        assert_eq!(
            refusal(&fake, action, &[("InstanceId.1", &id)]).await,
            "InvalidInstanceID.NotFound",
            "{action}"
        );
    }
    assert!(states(&fake).await.is_empty(), "a list just leaves it out");
    assert_eq!(fake.alive().len(), 1, "though it is there");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(states(&fake).await, ["running"]);
    call(&fake, "AuthorizeSecurityGroupIngress", &inside).await.unwrap();

    let tag = [("ResourceId.1", id.as_str()), ("Tag.1.Key", "Name"), ("Tag.1.Value", "one")];
    call(&fake, "CreateTags", &tag).await.unwrap();
    let values = async || all(&call(&fake, "DescribeTags", &[]).await.unwrap(), "value");
    assert!(values().await.is_empty());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(values().await, ["one"]);
    call(&fake, "CreateTags", &[tag[0], tag[1], ("Tag.1.Value", "two")]).await.unwrap();
    assert_eq!(values().await, ["one"], "the old value is told for a while");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(values().await, ["two"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_the_machines_learns_of_everything() {
    let fake = slow(Delays { pending: Between::secs(5, 25), ..Delays::default() });
    let mut machines = fake.machines();
    let began = Instant::now();
    let ids = launch(&fake, 20, &[("UserData", "I2Nsb3VkLWNvbmZpZw==")]).await.unwrap();
    let (mut launched, mut running) = (Vec::new(), Vec::new());
    while running.len() < ids.len() {
        let event = machines.next().await;
        assert_eq!(event.instance.user_data(), b"#cloud-config");
        match event.happening {
            Happening::Launched => launched.push(event.instance.id),
            Happening::Running => running.push((began.elapsed(), event.instance.id)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(launched, ids);
    assert!(running.is_sorted_by_key(|(at, _)| *at));
    assert!(running[0].0 >= Duration::from_secs(5) && running[19].0 <= Duration::from_secs(26));
    let waiting = tokio::spawn(async move { machines.next().await });
    tokio::task::yield_now().await;
    fake.by_hand("TerminateInstances", &[("InstanceId.1", &ids[7])]).unwrap();
    let event = waiting.await.unwrap();
    assert_eq!((event.happening, &event.instance.id), (Happening::ShuttingDown, &ids[7]));
}

#[tokio::test(start_paused = true)]
async fn buckets_fill_up_again_as_documented() {
    let fake = FakeEc2::new(Settings { throttled: true, ..Settings::default() });
    let code = async || launch(&fake, 1, &[]).await.map_err(|failure| (failure.status, failure.code));
    for _ in 0..5 {
        code().await.unwrap();
    }
    let throttled = (503, "RequestLimitExceeded".to_owned());
    assert_eq!(code().await.as_ref(), Err(&throttled));
    sleep(Duration::from_secs(1)).await;
    code().await.unwrap();
    code().await.unwrap();
    assert_eq!(code().await, Err(throttled));
    // A thousand instances at once, of which seven are used up; then two in a second.
    sleep(Duration::from_mins(1)).await;
    assert_eq!(launch(&fake, 900, &[("SubnetId", "x")]).await.unwrap_err().code, "InvalidSubnetID.NotFound");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(launch(&fake, 200, &[]).await.unwrap_err().code, "RequestLimitExceeded");

    let listed = async || call(&fake, "DescribeInstances", &[]).await.is_ok();
    let mut unfiltered = 0;
    while listed().await {
        unfiltered += 1;
    }
    assert_eq!(unfiltered, 50);
    let page = [("MaxResults", "1000")];
    let mut narrow = 0;
    while call(&fake, "DescribeInstances", &page).await.is_ok() {
        narrow += 1;
    }
    assert_eq!(narrow, 100, "whoever asks for pages has another bucket");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_machines_run_within_the_longest_boot() {
    let mut settings = Settings::realistic(3);
    settings.zones[0].cidr = "10.96.0.0/16".parse().unwrap();
    let fake = FakeEc2::new(settings);
    let began = Instant::now();
    launch(&fake, 1000, &[("Placement.AvailabilityZone", "eu-central-1a")]).await.unwrap();
    let page =
        [("MaxResults", "1000"), ("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "running")];
    let mut running = Vec::new();
    while running.len() < 1000 {
        sleep(Duration::from_secs(5)).await;
        running = all(&call(&fake, "DescribeInstances", &page).await.unwrap(), "instanceId");
    }
    assert_eq!(began.elapsed(), Duration::from_secs(25));
    assert_eq!(fake.calls().to_string(), "1 DescribeImages, 5 DescribeInstances, 1 RunInstances");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_world() {
    let world = async |seed| {
        let fake = FakeEc2::new(Settings { seed, ..Settings::realistic(seed) });
        let mut machines = fake.machines();
        let began = Instant::now();
        launch(&fake, 3, &[]).await.unwrap();
        let mut story = Vec::new();
        for _ in 0..6 {
            let event = machines.next().await;
            story.push((event.happening, event.instance.id, began.elapsed()));
        }
        story
    };
    assert_eq!(world(7).await, world(7).await);
    assert_ne!(world(7).await, world(8).await);
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_has_comes_and_goes_with_its_states() {
    let fake = slow(Delays {
        pending: Between::secs(20, 20),
        shutting_down: Between::secs(40, 40),
        ..Delays::default()
    });
    let group = [("GroupName", "bear"), ("GroupDescription", "bear")];
    let group = super::client::one(&call(&fake, "CreateSecurityGroup", &group).await.unwrap(), "groupId");
    let [id] = launch(&fake, 1, &[("SecurityGroupId.1", &group)]).await.unwrap().try_into().unwrap();
    let told = async |name| all(&call(&fake, "DescribeInstances", &[]).await.unwrap(), name).len();
    assert_eq!((told("ipAddress").await, told("privateIpAddress").await), (0, 3), "while pending");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(told("ipAddress").await, 1);
    call(&fake, "TerminateInstances", &[("InstanceId.1", &id)]).await.unwrap();
    sleep(Duration::from_secs(39)).await;
    let delete = [("GroupId", group.as_str())];
    assert_eq!(refusal(&fake, "DeleteSecurityGroup", &delete).await, "DependencyViolation");
    sleep(Duration::from_secs(1)).await;
    call(&fake, "DeleteSecurityGroup", &delete).await.unwrap();
    assert_eq!((told("ipAddress").await, told("privateIpAddress").await), (0, 0));
}
