//! What commands refuse, where nothing else is tried by it: one after the other, as people meet it

use crate::support::{Project, check};

/// What each of these says on its way to fail.
fn said(project: &Project, commands: &[&str]) -> String {
    let said = commands.iter().map(|command| {
        let outcome = project.bear(command);
        assert_ne!(outcome.code(), 0, "{outcome}");
        format!("$ bear {command}\n{outcome}\n")
    });
    said.collect()
}

#[test]
fn files_that_are_no_fleet_files() {
    let project = Project::demo();
    check!(said(&project, &["plan fleets", "plan /dev/null", "plan fleets/demp.yaml", "plan fleets/demo.yaml/x"]), @"
    $ bear plan fleets
    exit status: 3
    ----- stderr -----
    bear::fleet::folder

      × `fleets` is a folder, not a fleet file
      help: fleet files in it: `fleets/demo.yaml`
    $ bear plan /dev/null
    exit status: 3
    ----- stderr -----
    bear::fleet::no_file

      × `/dev/null` is no regular file
      help: give the path of a fleet file
    $ bear plan fleets/demp.yaml
    exit status: 3
    ----- stderr -----
    bear::fleet::not_found

      × there is no file `fleets/demp.yaml`
      help: did you mean `fleets/demo.yaml`?
    $ bear plan fleets/demo.yaml/x
    exit status: 3
    ----- stderr -----
    bear::fleet::unreadable

      × could not read the fleet file `fleets/demo.yaml/x`
      ╰─▶ Not a directory (os error 20)
      help: bear must be allowed to read it
    ");
}

#[test]
fn names_and_arguments() {
    let project = Project::deployed();
    check!(said(&project, &["init Team.Nord", "ssh demo-broker-1 --json"]), @r#"
    $ bear init Team.Nord
    exit status: 3
    ----- stderr -----
    bear::init::name

      × `Team.Nord` can't be the name of a fleet
      ╰─▶ a name is made of a-z, 0-9 and single hyphens, and begins and ends with a letter or digit
      help: choose another name, such as `team-a`
    $ bear ssh demo-broker-1 --json
    exit status: 3
    ----- stderr -----
    {"version":1,"error":{"code":"bear::arguments","message":"a shell can't be printed as JSON","help":"give a command after `--`","causes":[]}}
    "#);
}

#[test]
fn records_that_can_not_be_used() {
    let project = Project::deployed().with(".bear/demo/runs", "no folder");
    check!(said(&project, &["report", "verify --report verified.html"]), @"
    $ bear report
    exit status: 1
    ----- stderr -----
    bear::report::list

      × could not list the runs of fleet `demo`
      ╰─▶ Not a directory (os error 20)
      help: they lie in `.bear` in the project, which bear must be able to read
    $ bear verify --report verified.html
    exit status: 1
    ----- stderr -----
    bear::report::record

      × could not keep the record of the run that its report is made from
      ╰─▶ Not a directory (os error 20)
      help: bear must be able to write to `.bear` in the project; without `--report` a run needs no record
    ");
    let project = Project::deployed().with(".bear/demo/secrets.json", "{");
    check!(said(&project, &["secret list"]), @"
    $ bear secret list
    exit status: 6
    ----- stderr -----
    bear::secret::unreadable

      × could not read [PROJECT]/.bear/demo/secrets.json: it is damaged at line 1, column 1
      help: nothing was changed; put a backup of [PROJECT]/.bear/demo/secrets.json in its place, because running brokers know its secrets
    ");
    let project = Project::deployed();
    project.write(
        ".bear/demo/state.json",
        project.read(".bear/demo/state.json").replace("\"demo\"", "\"other\""),
    );
    check!(said(&project, &["apply --yes"]), @"
    $ bear apply --yes
    exit status: 6
    ----- stderr -----
    bear::state::foreign

      × [PROJECT]/.bear/demo is the state of fleet `other`, not of `demo`
      help: nothing was changed; move the folder to where fleet `other` keeps its state
    ");
}
