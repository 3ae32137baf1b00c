//! The recorded plan: the last one, whole or not at all.

use std::fs;

use bear_core::diff::Changes;
use bear_core::plan::{self, Origin, RecordedPlan};
use jiff::Timestamp;

use crate::support::{fleet, project, shown};

fn plan(id: &str) -> RecordedPlan {
    let origin = Origin {
        bear: "0.1.0".into(),
        id: id.into(),
        at: Timestamp::UNIX_EPOCH,
        file: "fleet.yaml".into(),
        digest: "d1".into(),
    };
    RecordedPlan::new(&plan::build(fleet(), Changes::default(), 0), 0, origin)
}

#[test]
fn the_last_plan_counts() {
    let (_project, folder) = project();
    assert_eq!(folder.read_plan("0.1.0").unwrap(), None);
    folder.write_plan(&plan("first")).unwrap();
    folder.write_plan(&plan("second")).unwrap();
    assert_eq!(folder.read_plan("0.1.0").unwrap(), Some(plan("second")));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    folder.remove_plan().unwrap();
    folder.remove_plan().unwrap();
    assert_eq!(folder.read_plan("0.1.0").unwrap(), None);
}

#[test]
fn plans_that_cant_be_run() {
    let (project, folder) = project();
    folder.write_plan(&plan("first")).unwrap();
    insta::assert_snapshot!(shown(&folder.read_plan("0.2.0").unwrap_err(), project.path()), @"
    could not read PROJECT/.bear/demo/plan.json: the recorded plan was made by bear 0.1.0
    run `bear plan` to record a new plan
    ");
    fs::write(folder.plan(), "{\"bear\":\"0.1.0\",").unwrap();
    insta::assert_snapshot!(shown(&folder.read_plan("0.1.0").unwrap_err(), project.path()), @"
    could not read PROJECT/.bear/demo/plan.json: the recorded plan is damaged: EOF while parsing a value at line 1 column 16
    run `bear plan` to record a new plan
    ");
}

#[test]
fn what_a_killed_planner_left_is_tidied_away() {
    let (_project, folder) = project();
    folder.create().unwrap();
    // No process has the one id; that of the other runs, and may be about to use its file.
    let (left, used) = ("plan.json.4000000000.tmp", "plan.json.1.tmp");
    for name in [left, used] {
        fs::write(folder.path().join(name), "{").unwrap();
    }
    folder.write_plan(&plan("first")).unwrap();
    assert!(!folder.path().join(left).exists());
    assert!(folder.path().join(used).exists());
}
