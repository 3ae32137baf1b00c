//! One fleet name in two files of a project.

use crate::support::{DEMO, Project, check};

#[test]
fn the_second_file_is_refused() {
    let project = Project::deployed().with("fleets/copy.yaml", DEMO);
    let before = project.files();
    check!(project.bear("plan fleets/copy.yaml"), @"
    exit status: 3
    ----- stderr -----
    bear::fleet::two_files

      × fleet `demo` is deployed from `fleets/demo.yaml`, and `fleets/copy.yaml` is called the same
      help: give one of the two fleets another name, or delete the file that is out of use
    ");
    assert_eq!(project.files(), before);
    assert_eq!(project.bear("apply fleets/copy.yaml --yes").code(), 3);
    assert_eq!(project.bear("destroy fleets/copy.yaml --yes").code(), 3);
    assert_eq!(project.bear("plan --offline fleets/demo.yaml").code(), 0);
}

#[test]
fn a_file_that_was_moved_is_the_same_fleet() {
    let project = Project::deployed().with("fleets/new.yaml", DEMO);
    std::fs::remove_file(project.path("fleets/demo.yaml")).unwrap();
    assert_eq!(project.bear("plan --offline fleets/new.yaml").code(), 0);
}

#[test]
fn a_file_that_is_about_another_fleet_now_has_no_say() {
    let project = Project::deployed().with("fleets/copy.yaml", DEMO);
    project.write("fleets/demo.yaml", DEMO.replace("demo", "other"));
    assert_eq!(project.bear("plan --offline fleets/copy.yaml").code(), 0);
}
