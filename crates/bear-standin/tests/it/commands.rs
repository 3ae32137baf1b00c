//! `emqx` on the command line: texts and exit statuses.

use crate::world::{Setup, folder};

#[test]
fn commands_say_what_they_said_in_5_0_9() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).start();
    let said = |words: &str| standin.said(&words.split(' ').collect::<Vec<_>>());
    insta::assert_snapshot!(said("ping"), @r"
    pong
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl status"), @r"
    Node 'emqx@127.0.0.1' 5.0.9 is started
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl cluster status"), @r"
    Cluster status: #{running_nodes => ['emqx@127.0.0.1'],stopped_nodes => []}
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl cluster status --json"), @r#"
    {
        "running_nodes": [
            "emqx@127.0.0.1"
        ],
        "stopped_nodes": [
            91,
            93
        ]
    }
    [rc=0]
    "#);
    insta::assert_snapshot!(said("ctl cluster join bad"), @r"
    Failed to join the cluster: {node_down,'bad@127.0.0.1'}
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl cluster leave"), @r"
    Failed to leave the cluster: node_not_in_cluster
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl admins add ops2 pw1 desc"), @r"
    ok
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl admins add ops2 pw1"), @r"
    Error: username_already_exist
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl admins add op-s pw1"), @r"
    Error: Bad Username. Only upper and lower case letters, numbers and underscores are supported
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl admins passwd nope x"), @r"
    Error: username_not_found
    [rc=0]
    ");
    insta::assert_snapshot!(said("ctl admins list"), @r"
    admins add <Username> <Password> <Description> # Add dashboard user
    admins passwd <Username> <Password>            # Reset dashboard user password
    admins del <Username>                          # Delete dashboard user
    [rc=0]
    ");
    let listeners = said("ctl listeners");
    assert!(listeners.contains("tcp:default\n  listen_on       : 127."), "{listeners}");
    assert_eq!(listeners.matches("  running         : true\n").count(), 4, "{listeners}");
    assert!(said("ctl nope").starts_with("Usage: emqx_ctl\n") && said("ctl nope").ends_with("[rc=1]"));
    insta::assert_snapshot!(said("start"), @r"
    ERROR: node_is_already_running!
    [rc=1]
    ");
}

#[test]
fn commands_say_what_they_said_in_5_8_9() {
    let folder = folder();
    let standin = Setup::new("5.8.9", folder.path()).start();
    insta::assert_snapshot!(standin.said(&["ctl", "cluster", "status", "--json"]), @r#"
    {
      "stopped_nodes" : [
        
      ],
      "running_nodes" : [
        "emqx@127.0.0.1"
      ]
    }
    [rc=0]
    "#);
    insta::assert_snapshot!(standin.said(&["ctl", "admins", "add", "ops2", "x", "d"]), @r"
    Error: The range of password length is 8~64
    [rc=0]
    ");
}

#[test]
fn it_stops_by_command_and_by_signal() {
    let folder = folder();
    let mut standin = Setup::new("5.0.9", folder.path()).start();
    insta::assert_snapshot!(standin.said(&["stop"]), @r"
    ok
    [rc=0]
    ");
    assert_eq!(standin.ended().code(), Some(0));
    insta::assert_snapshot!(standin.said(&["ping"]), @r"
    ERROR: node_is_not_running!
    [rc=1]
    ");
    assert!(standin.said(&["stop"]).ends_with("[rc=1]"));

    let mut again = Setup::new("5.0.9", folder.path()).start();
    again.terminate();
    assert_eq!(again.ended().code(), Some(0));
    assert!(again.log().ends_with("EMQX 5.0.9 is stopped now!\n"), "{}", again.log());
}

#[test]
fn a_command_with_another_cookie_is_not_heard() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).with("EMQX_NODE__COOKIE", "right").start();
    let other = Setup::new("5.0.9", folder.path()).with("EMQX_NODE__COOKIE", "wrong");
    let said = other.command(&["ping"]).output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(said.stdout, b"Node 'emqx@127.0.0.1' not responding to pings.\n");
    assert!(standin.said(&["ping"]).starts_with("pong"));
}
