//! `bear man`

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, check};

const README: &str = include_str!("../../README.md");

/// Whether groff understands all of a page; whatever, where there is no groff.
#[track_caller]
fn check_groff(page: &Path) {
    match Command::new("groff").args(["-man", "-ww", "-Tutf8"]).arg(page).output() {
        Ok(groff) => assert_eq!(String::from_utf8_lossy(&groff.stderr), "", "{}", page.display()),
        Err(_) => println!("skipped: no groff"),
    }
}

#[test]
fn a_page_for_each_command() {
    let project = Project::new();
    check!(project.bear("man manual"), @"
    exit status: 0
    ----- stderr -----
    wrote 29 pages to `manual`
    ");
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(project.path("manual")).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(page.contains(&format!(".SH NAME\n{}", name.replace('-', "\\-"))), "{page}");
        assert!(page.is_ascii(), "not every program that shows pages reads others: {page}");
        assert!(page.contains("no\\-color"), "what every command takes is on every page: {page}");
        check_groff(&path);
        pages.insert(name);
    }
    insta::assert_snapshot!(pages.into_iter().collect::<Vec<_>>().join(" "), @"bear bear-apply bear-completions bear-destroy bear-doctor bear-graph bear-import bear-init bear-inventory bear-logs bear-man bear-open bear-plan bear-report bear-schema bear-secret bear-secret-list bear-secret-show bear-ssh bear-state bear-state-history bear-state-list bear-state-restore bear-state-rm bear-state-show bear-status bear-ui bear-validate bear-verify");
}

#[test]
fn the_page_of_bear_tells_what_the_readme_tells() {
    let project = Project::new();
    let page = project.bear("man").ok().stdout;
    project.write("bear.1", &page);
    check_groff(&project.path("bear.1"));
    let (_, statuses) = README.split_once("## Exit statuses").unwrap();
    let rows =
        statuses.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows = rows.filter(|(status, _)| status.parse::<u8>().is_ok()).collect::<Vec<_>>();
    assert_eq!(rows.len(), 8);
    let plain = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\fB", "").replace("\\fR", "");
    for (status, meaning) in rows {
        let told = format!(".TP\n{status}\n{}\n", meaning.replace('`', ""));
        assert!(plain.contains(&told), "{told}\n{plain}");
    }
    let part = |from: &str, to: &str| page.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    insta::assert_snapshot!(part("'\n", ".SH OPTIONS"), @r#"
    .TH BEAR 1 "" "bear 0.1.0" "bear"
    .SH NAME
    bear \- A fleet of proven MQTT brokers from one file
    .SH SYNOPSIS
    \fBbear\fR [\fB\-\-json\fR] [\fB\-q\fR|\fB\-\-quiet\fR] [\fB\-v\fR|\fB\-\-verbose\fR] [\fB\-\-no\-color\fR] [\fB\-h\fR|\fB\-\-help\fR] [\fB\-V\fR|\fB\-\-version\fR] <\fIcommand\fR>
    .SH DESCRIPTION
    A fleet of proven MQTT brokers from one file
    "#);
    insta::assert_snapshot!(part(".SH ENVIRONMENT\n", ".TP\nXDG_RUNTIME"), @r#"
    .TP
    \fBBEAR_FLEET\fR
    The fleet file, where a command is given none.
    .TP
    \fBNO_COLOR\fR
    If set, print without colours. So does \fBTERM=dumb\fR.
    .TP
    \fBHOME\fR
    What \fB~\fR stands for in a fleet file.
    .TP
    \fBXDG_STATE_HOME\fR
    Where the ports of local brokers are claimed; \fB~/.local/state\fR by default.
    .TP
    \fBXDG_RUNTIME_DIR, TMPDIR\fR
    Where the control sockets of SSH connections lie.
    .TP
    \fBSSH_AUTH_SOCK\fR
    The agent whose keys log in to hosts.
    .TP
    \fBAWS_PROFILE, AWS_ACCESS_KEY_ID and others\fR
    Credentials and settings for Amazon EC2, as for the AWS CLI.
    .TP
    \fBBROWSER\fR
    The program that opens dashboards.
    .TP
    \fBRUST_LOG\fR
    How much the brokers of the provider \fBlocal\fR write into their logs, such as \fBdebug\fR.
    .TP
    \fBCI, SSH_CONNECTION\fR
    If either is set, \fBbear open\fR prints the address and opens no browser by itself.
    .SH FILES
    .TP
    \fBfleets/*.yaml\fR
    Fleet files. \fBbear schema\fR prints what may stand in them.
    .TP
    \fB.bear/FLEET/\fR
    In the project: all that is recorded about a fleet. It belongs to one machine and is not committed.
    .TP
    \fB.bear/FLEET/state.json, journal.ndjson\fR
    The state, and the record of the steps since it was written.
    .TP
    \fB.bear/FLEET/history/\fR
    Earlier states: \fBbear state history\fR lists them.
    .TP
    \fB.bear/FLEET/plan.json\fR
    The plan that \fBbear plan\fR recorded, for one apply.
    .TP
    \fB.bear/FLEET/secrets.json\fR
    The passwords that bear has made, readable for its owner alone.
    .TP
    \fB.bear/FLEET/known_hosts\fR
    The host keys that are trusted; no others are.
    .TP
    \fB.bear/FLEET/instances/\fR
    The machines of the provider \fBlocal\fR, with the data and the log of each broker.
    .TP
    \fB.bear/FLEET/runs/\fR
    The records of runs, which \fBbear report\fR reads.
    .TP
    \fB/etc/bear/owner\fR
    On a host: the fleet and the instance that it belongs to.
    .SH "SEE ALSO"
    ssh(1), ssh_config(5), mosquitto_sub(1)
    "#);
    insta::assert_snapshot!(part(".SH FILES\n", ".TP\n\\fB.bear/FLEET/history"), @r"
    .TP
    \fBfleets/*.yaml\fR
    Fleet files. \fBbear schema\fR prints what may stand in them.
    .TP
    \fB.bear/FLEET/\fR
    In the project: all that is recorded about a fleet. It belongs to one machine and is not committed.
    .TP
    \fB.bear/FLEET/state.json, journal.ndjson\fR
    The state, and the record of the steps since it was written.
    ");
}

#[test]
fn a_folder_that_can_not_be_made() {
    check!(Project::new().with("manual", "a file").bear("man manual"), @"
    exit status: 1
    ----- stderr -----
    bear::io

      × could not make the folder `manual`
      ╰─▶ File exists (os error 17)
      help: name a folder that you may write to
    ");
}
