//! What a boot makes of the variables and of what an earlier one left behind, as observed on 5.0.9.

use std::path::Path;

use crate::http::ask;
use crate::world::{Setup, StandIn, folder};

const PASSWORD: &str = "EMQX_DASHBOARD__DEFAULT_PASSWORD";

/// Boots once with this password in the environment; which of these passwords let `admin` in then?
#[track_caller]
fn check(given: &str, admitted: &[&str], refused: &[&str]) {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).with(PASSWORD, given).start();
    for (passwords, status) in [(admitted, 200), (refused, 401)] {
        for password in passwords {
            assert_eq!(standin.login("admin", password).status, status, "{given}: {password}");
        }
    }
}

#[test]
fn default_passwords_are_read_as_hocon() {
    check("Bear_first1", &["Bear_first1"], &["public"]);
    check("1e5", &["1e5"], &["100000.0", "public"]);
    check(r#""12345678""#, &["12345678"], &[r#""12345678""#]);
    check("abc#def1", &["abc"], &["abc#def1", "public"]);
    check(r#"a b#c"d"#, &[], &[r#"a b#c"d"#, "a b", "public"]);
    check(r#""a b#c=d:e$f{g}""#, &["a b#c=d:e$f{g}"], &["public"]);
    check(r#""q\"uo\\te""#, &[r#"q"uo\te"#], &["public"]);
    check("two words", &[], &["two words", "public"]);
    check("", &[], &["", "public"]);
    check(r#""x""#, &["x"], &[]);
    check(r#""pa${HOME}ss""#, &["pa${HOME}ss"], &["public"]);
    check(r#""pässwörd1""#, &["pässwörd1"], &["public"]);
}

#[test]
fn a_password_that_is_no_text_ends_the_boot() {
    for given in ["12345678", "00123", "true", "a=b", "a:b"] {
        let folder = folder();
        let mut standin = Setup::new("5.0.9", folder.path()).with(PASSWORD, given).spawn();
        assert_eq!(standin.ended().code(), Some(1), "{given}");
        let log = standin.log();
        assert!(log.contains("[error] failed_to_check_schema: emqx_conf_schema\n"), "{log}");
        let problem = "[error] #{kind => validation_error,path => \"dashboard.default_password\",reason => \
                       #{expected_type => <<\"binary()\">>},value => <<\"******\">>}\n";
        assert!(log.contains(problem) && log.contains("ERROR: call_hocon_failed: "), "{log}");
        assert_eq!(standin.said(&["check_config"]).lines().last(), Some("[rc=1]"));
    }
}

#[test]
fn values_are_masked_and_unknown_fields_warned_of() {
    let folder = folder();
    let setup = Setup::new("5.0.9", folder.path()).with(PASSWORD, "Bear_first1");
    let standin = setup.with("EMQX_DASHBOARD__NOPE", "1").with("EMQX_NOPE__X", "2").start();
    let log = standin.log();
    assert!(
        log.contains("dashboard.default_password = EMQX_DASHBOARD__DEFAULT_PASSWORD = ******\n"),
        "{log}"
    );
    assert!(log.contains("[warning] unknown_env_vars: [\"EMQX_DASHBOARD__NOPE\"]\n"), "{log}");
    assert!(!log.contains("Bear_first1"), "{log}");
}

fn boot(root: &Path, variables: &[(&str, &str)]) -> StandIn {
    let setup = Setup::new("5.0.9", root);
    variables.iter().fold(setup, |setup, (name, value)| setup.with(name, value)).start()
}

#[test]
fn users_outlive_a_restart_and_belong_to_the_node_s_name() {
    let folder = folder();
    let root = folder.path();
    assert_eq!(boot(root, &[(PASSWORD, "Bear_first1")]).login("admin", "Bear_first1").status, 200);
    let other = boot(root, &[(PASSWORD, "Other_2")]);
    assert_eq!(other.login("admin", "Bear_first1").status, 200);
    assert_eq!(other.login("admin", "Other_2").status, 401);
    drop(other);
    let boss = boot(root, &[("EMQX_DASHBOARD__DEFAULT_USERNAME", "boss"), (PASSWORD, "Boss_1x")]);
    assert_eq!(boss.login("boss", "Boss_1x").status, 200);
    assert_eq!(boss.login("admin", "Bear_first1").status, 200);
    drop(boss);
    let elsewhere = boot(root, &[("EMQX_NODE_NAME", "emqx@127.0.0.2")]);
    assert_eq!(elsewhere.login("admin", "Bear_first1").status, 401);
    assert_eq!(elsewhere.login("admin", "public").status, 200);
}

#[test]
fn versions_between_and_beyond_the_recorded_ones_follow_the_table() {
    let change = |version: &str| {
        let folder = folder();
        let standin = Setup::new(version, folder.path()).start();
        let path = "/api/v5/users/admin/change_pwd";
        let allowed = standin.get(path).headers["allow"].clone();
        let status = standin.get("/api/v5/status").status;
        let json = standin.get("/status?format=json").body;
        format!("{allowed} {status} {json}")
    };
    insta::assert_snapshot!(change("5.0.12"), @r"
    PUT 404 Node emqx@127.0.0.1 is started
    emqx is running
    ");
    insta::assert_snapshot!(change("5.0.26"), @r"
    POST 200 Node emqx@127.0.0.1 is started
    emqx is running
    ");
    insta::assert_snapshot!(change("6.2.2"), @r#"POST 200 {"cluster":"emqxcl","node_name":"emqx@127.0.0.1","broker_status":"started","app_status":"running"}"#);
}

#[test]
fn what_is_only_in_some_versions() {
    let answers = |version: &str| {
        let folder = folder();
        let standin = Setup::new(version, folder.path()).start();
        let bearer = format!("authorization: Bearer {}", standin.token("admin", "public"));
        let page = standin.get("/");
        assert!(page.status == 200 && page.headers["content-type"] == "text/html", "{page:?}");
        let license = ask(standin.dashboard(), "GET", "/api/v5/license", &[bearer], "").status;
        let login: serde_json::Value = serde_json::from_str(&standin.login("admin", "public").body).unwrap();
        format!("{license} {} {}", login["license"]["edition"], login["role"])
    };
    assert_eq!(answers("5.8.9"), r#"404 "ce" null"#);
    assert_eq!(answers("5.10.0"), r#"200 "ee" null"#);
    assert_eq!(answers("6.2.2"), r#"200 "ee" "administrator""#);
}

#[test]
fn since_5_9_failed_logins_lock_a_user_and_a_good_one_forgives() {
    let folder = folder();
    let standin = Setup::new("6.2.2", folder.path()).start();
    for _ in 0..4 {
        assert_eq!(standin.login("admin", "wrong").status, 401);
    }
    standin.token("admin", "public");
    for _ in 0..5 {
        assert!(standin.login("admin", "wrong").body.contains("BAD_USERNAME_OR_PWD"));
    }
    let locked = standin.login("admin", "public");
    assert!(locked.status == 401 && locked.body.contains("LOGIN_LOCKED"), "{locked:?}");
}
