//! For every release that is imitated, and every way in which a dashboard can be broken: what people are told.

use bear_lab::broken_broker::dashboard::{
    BrokenDashboard, DASHBOARD_PASSWORD, DASHBOARD_USERNAME, DashboardFault, Release, TOKEN,
};
use bear_verify::{Credentials, Dashboard, ExpectedVersion, Limits, Target, verify};
use futures_util::future::join_all;
use insta::assert_snapshot;

use crate::port_of_nobody;

/// A target of which only the dashboard answers.
async fn target(port: u16, version: &str) -> Target {
    let credentials =
        Credentials { username: DASHBOARD_USERNAME.to_owned(), password: DASHBOARD_PASSWORD.to_owned() };
    Target {
        dashboard: Some(Dashboard { host: "127.0.0.1".to_owned(), port, credentials }),
        version: Some(ExpectedVersion::Emqx(version.to_owned())),
        ..Target::new("127.0.0.1", port_of_nobody().await)
    }
}

/// What the checks of `target` that need no client say.
async fn told(target: &Target) -> String {
    let findings = verify(target, &Limits::default(), "01J00000000000000000000000", |_| {}).await;
    let about = findings.iter().filter(|finding| {
        let name = finding.result.name.as_str();
        name.starts_with("dashboard") || name.starts_with("broker")
    });
    let lines = about.map(|finding| match (&finding.result.detail, finding.cause) {
        (Some(detail), Some(cause)) => format!("    {}: {detail} [{cause:?}]\n", finding.result.name),
        _ => format!("    {}: ok\n", finding.result.name),
    });
    let told = lines.collect::<String>();
    match &target.dashboard {
        Some(dashboard) => told.replace(&dashboard.port.to_string(), "PORT"),
        None => told,
    }
}

async fn check(release: Release, fault: Option<DashboardFault>) -> String {
    let dashboard = BrokenDashboard::start(release, fault).await.expect("a free port on loopback");
    let told = told(&target(dashboard.port(), release.version()).await).await;
    assert!(!told.contains(TOKEN) && !told.contains(DASHBOARD_PASSWORD), "{told}");
    assert!(dashboard.wrong_logins() <= 1, "{} wrong logins", dashboard.wrong_logins());
    told
}

#[tokio::test]
async fn every_release_passes_after_one_wrong_login() {
    let mut reports = Vec::new();
    for release in Release::ALL {
        let dashboard = BrokenDashboard::start(release, None).await.unwrap();
        let target = target(dashboard.port(), release.version()).await;
        reports.push(format!("{release:?}\n{}", told(&target).await));
        assert_eq!(dashboard.wrong_logins(), 1);
    }
    assert_snapshot!(reports.concat(), @"
    V509
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: ok
    V589
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: ok
    V622
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: ok
    ");
}

// Time is tokio's own and jumps ahead whenever nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn every_fault_of_a_dashboard_is_told() {
    let reports = join_all(DashboardFault::ALL.map(async |fault| {
        let told = check(Release::V509, Some(fault)).await;
        format!("{fault:?}\n{told}")
    }));
    assert_snapshot!(reports.await.concat(), @r#"
    Silent
        dashboard.http: 127.0.0.1:PORT accepted the connection, but nothing came within 5 s [Unanswered]
        dashboard.default_password_refused: 127.0.0.1:PORT accepted the connection, but nothing came within 5 s [Unanswered]
        broker.version: 127.0.0.1:PORT accepted the connection, but nothing came within 5 s [Unanswered]
    ClosesAtOnce
        dashboard.http: 127.0.0.1:PORT accepted the connection and closed it without a word [Unanswered]
        dashboard.default_password_refused: 127.0.0.1:PORT accepted the connection and closed it without a word [Unanswered]
        broker.version: 127.0.0.1:PORT accepted the connection and closed it without a word [Unanswered]
    Garbage
        dashboard.http: 127.0.0.1:PORT answered with bytes that are no HTTP [Wrong]
        dashboard.default_password_refused: 127.0.0.1:PORT answered with bytes that are no HTTP [Wrong]
        broker.version: 127.0.0.1:PORT answered with bytes that are no HTTP [Wrong]
    Html
        dashboard.http: GET /status was answered with "<html>" and no status [Wrong]
        dashboard.default_password_refused: the default password was not refused for being wrong: the dashboard answered 200 OK [Wrong]
        broker.version: the dashboard gave admin no token for the password of its own [Wrong]
    Redirects
        dashboard.http: GET /status was answered with 302 Found [Wrong]
        dashboard.default_password_refused: the default password was not refused for being wrong: the dashboard answered 302 Found [Wrong]
        broker.version: the dashboard does not let admin in with the password of its own: it answered 302 Found [Wrong]
    EndlessBody
        dashboard.http: 127.0.0.1:PORT sent more than 64 KiB for an answer [Wrong]
        dashboard.default_password_refused: 127.0.0.1:PORT sent more than 64 KiB for an answer [Wrong]
        broker.version: 127.0.0.1:PORT sent more than 64 KiB for an answer [Wrong]
    CutsAnswers
        dashboard.http: 127.0.0.1:PORT closed the connection in the middle of its answer [Wrong]
        dashboard.default_password_refused: 127.0.0.1:PORT closed the connection in the middle of its answer [Wrong]
        broker.version: 127.0.0.1:PORT closed the connection in the middle of its answer [Wrong]
    Stopped
        dashboard.http: the dashboard says that the node is stopped and EMQX is not_running [Wrong]
        dashboard.default_password_refused: ok
        broker.version: ok
    NotReady
        dashboard.http: GET /status was answered with 503 Service Unavailable [Wrong]
        dashboard.default_password_refused: the default password was not refused for being wrong: the dashboard answered 503 Service Unavailable [Wrong]
        broker.version: the dashboard does not let admin in with the password of its own: it answered 503 Service Unavailable [Wrong]
    RefusesEverybody
        dashboard.http: GET /status was answered with 401 Unauthorized (WRONG_USERNAME_OR_PWD) [Wrong]
        dashboard.default_password_refused: the dashboard does not let admin in with the password of its own: it answered 401 Unauthorized (WRONG_USERNAME_OR_PWD) [Wrong]
        broker.version: the dashboard does not let admin in with the password of its own: it answered 401 Unauthorized (WRONG_USERNAME_OR_PWD) [Wrong]
    AcceptsDefaultPassword
        dashboard.http: ok
        dashboard.default_password_refused: admin is let in with the default password [Wrong]
        broker.version: ok
    LocksLogins
        dashboard.http: ok
        dashboard.default_password_refused: whether the default password is refused can't be told: after too many wrong passwords the dashboard refuses every one of admin for a while (LOGIN_LOCKED) [Wrong]
        broker.version: the dashboard does not let admin in with the password of its own: after too many wrong passwords it refuses every one for a while (LOGIN_LOCKED) [Wrong]
    EchoesLogins
        dashboard.http: ok
        dashboard.default_password_refused: the default password was not refused for being wrong: the dashboard answered 500 Internal Server Error [Wrong]
        broker.version: the dashboard does not let admin in with the password of its own: it answered 500 Internal Server Error [Wrong]
    EchoesRequests
        dashboard.http: GET /status was answered with 500 Internal Server Error [Wrong]
        dashboard.default_password_refused: ok
        broker.version: GET /api/v5/nodes was answered with 500 Internal Server Error and no nodes [Wrong]
    GivesNoToken
        dashboard.http: ok
        dashboard.default_password_refused: the dashboard gave admin no token for the password of its own [Wrong]
        broker.version: the dashboard gave admin no token for the password of its own [Wrong]
    OtherVersion
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: emqx@127.0.0.1 runs version 5.0.8, expected 5.0.9 [Wrong]
    MixedVersions
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: emqx@127.0.0.2 runs version 5.0.8, expected 5.0.9 [Wrong]
    TellsNoVersion
        dashboard.http: ok
        dashboard.default_password_refused: ok
        broker.version: emqx@127.0.0.1 tells no version [Wrong]
    "#);
}

#[tokio::test]
async fn a_release_that_says_503_for_a_broker_that_is_stopped_is_told_too() {
    assert_snapshot!(check(Release::V589, Some(DashboardFault::Stopped)).await, @"
    dashboard.http: GET /status was answered with 503 Service Unavailable [Wrong]
    dashboard.default_password_refused: ok
    broker.version: ok
    ");
}

#[tokio::test]
async fn a_port_of_nobody_is_told() {
    assert_snapshot!(told(&target(port_of_nobody().await, "5.0.9").await).await, @"
    dashboard.http: 127.0.0.1:PORT can't be reached: connection refused [Unreachable]
    dashboard.default_password_refused: 127.0.0.1:PORT can't be reached: connection refused [Unreachable]
    broker.version: 127.0.0.1:PORT can't be reached: connection refused [Unreachable]
    ");
}

#[tokio::test]
async fn a_wrong_password_of_the_dashboard_is_told_and_never_shown() {
    let dashboard = BrokenDashboard::start(Release::V622, None).await.unwrap();
    let mut target = target(dashboard.port(), "6.2.2").await;
    let credentials = Credentials { username: "admin".to_owned(), password: "hunter2".to_owned() };
    target.dashboard = Some(Dashboard { host: "127.0.0.1".to_owned(), port: dashboard.port(), credentials });
    let told = told(&target).await;
    assert!(!told.contains("hunter2") && !format!("{target:?}").contains("hunter2"));
    assert_snapshot!(told, @"
    dashboard.http: ok
    dashboard.default_password_refused: the dashboard does not let admin in with the password of its own: it answered 401 Unauthorized (BAD_USERNAME_OR_PWD) [Wrong]
    broker.version: the dashboard does not let admin in with the password of its own: it answered 401 Unauthorized (BAD_USERNAME_OR_PWD) [Wrong]
    ");
}

#[tokio::test]
async fn a_version_without_a_dashboard_to_ask_is_not_taken_for_granted() {
    let target = Target { dashboard: None, ..target(0, "5.0.9").await };
    assert_snapshot!(told(&target).await, @"    broker.version: the broker has no dashboard to ask for its version [Wrong]");
}
