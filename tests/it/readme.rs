//! README.md: every command in it does what it is there for

use crate::book::page::Page;
use crate::book::run::perform;
use crate::support::Project;

const README: &str = include_str!("../../README.md");
const CI: &str = include_str!("../../.ci/run");

#[test]
fn every_command_works() {
    let readme = Page::read("README.md");
    let (tally, should_be, project) = perform(&readme);
    assert!(tally.run >= 15, "{tally:?}");
    assert_eq!(should_be, readme.text);
    project.expect_gone("demo");
    assert!(project.path("fleets/mine.yaml").is_file());
}

#[test]
fn the_two_commands_that_a_fresh_machine_needs() {
    let readme = Page::read("README.md");
    let blocks = readme.blocks().into_iter().filter(|block| block.info == "sh");
    let blocks = blocks.map(|block| block.lines).collect::<Vec<_>>();
    assert_eq!(blocks[0], ["cargo run --no-default-features -- apply examples/local.yaml --yes"]);
    let test = "cargo test --workspace --exclude bear-provider-aws --no-default-features --locked";
    assert_eq!(blocks[1], [test]);
    // `.ci/run` takes the second from the README, in the way that it says here.
    assert!(CI.contains(r"command=$(sed -n 's/^\(cargo test .*\)$/\1/p' README.md | head -n 1)"));
    let named = README.lines().filter(|line| line.starts_with("cargo test "));
    assert_eq!(named.collect::<Vec<_>>(), blocks[1]);
}

#[test]
fn every_command_of_the_table_exists() {
    let table = README.split("| command | what it does |").nth(1).unwrap().lines().skip(2);
    let rows = table.map_while(|line| line.strip_prefix("| ")).collect::<Vec<_>>();
    let shown = rows.iter().flat_map(|row| row.split('`')).filter_map(|text| text.strip_prefix("bear "));
    let mut shown = shown.map(|text| text.split(' ').next().unwrap()).collect::<Vec<_>>();
    let help = Project::new().bear("--help").ok().stdout;
    let commands = help.split("Commands:").nth(1).unwrap().lines().skip(1);
    let commands = commands.map_while(|line| line.split_whitespace().next());
    let mut commands = commands.collect::<Vec<_>>();
    shown.sort_unstable();
    commands.sort_unstable();
    assert_eq!(shown, commands);
}
