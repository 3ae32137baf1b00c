//! boto3 as a client that none of us wrote: it parses every answer, and its model knows every element.
//!
//! Runs only where `BEAR_TEST_BOTO3=required`, since it needs `python3` with boto3.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::fake_ec2::{ACCESS_KEY, Failure, FakeEc2, Fault, Rule, SECRET_KEY, Settings};

const SCRIPT: &str = include_str!("boto.py");

fn required() -> bool {
    let required = std::env::var("BEAR_TEST_BOTO3").is_ok_and(|value| value == "required");
    if !required {
        println!("SKIPPED: BEAR_TEST_BOTO3=required runs this with python3 and its boto3");
    }
    required
}

async fn run(fake: &FakeEc2, scenario: &str) {
    let endpoint = fake.listen().await.unwrap();
    let script = Command::new("python3")
        .args(["-c", SCRIPT, scenario])
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_mins(2), script).await.expect("two minutes are plenty").unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn boto3_makes_a_fleet_and_ends_it() {
    if !required() {
        return;
    }
    let fake = FakeEc2::new(Settings::default());
    run(&fake, "life").await;
    assert!(fake.alive().is_empty() && fake.tagged("bear:fleet", "team").is_empty());
}

#[tokio::test]
async fn boto3_gets_over_faults() {
    if !required() {
        return;
    }
    let fake = FakeEc2::new(Settings::default());
    for fault in [
        Fault::Fails(Failure::throttled()),
        Fault::Reset,
        Fault::AnswerLost,
        Fault::AnswerTruncated,
        Fault::Fails(Failure::internal()),
        Fault::Fails(Failure::unavailable()),
    ] {
        fake.rule(Rule::on("RunInstances").times(1).then(fault));
    }
    run(&fake, "faults").await;
}
