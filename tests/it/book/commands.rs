//! The page of all commands, made from their own help.

use std::fmt::Write;

use crate::support::Project;

const HEAD: &str = "\
# Commands

What `bear COMMAND --help` prints, for every command. Which fleet is meant may be left out where it is plain: the fleet
file that `BEAR_FLEET` names, else that of the plan recorded last, else the only file in `fleets/`. `bear plan FILE`,
then `bear apply`, runs exactly the plan that was shown, once.

Every command also takes `--json`, `--quiet`, `--verbose` and `--no-color`, which are shown once. `bear man` has the
same as manual pages. [Exit statuses](exit-statuses.md) and [JSON](json.md) have pages of their own.

";

/// Makes the page: a section for each command, with those within it.
pub(crate) fn page() -> String {
    let project = Project::new();
    let mut page = HEAD.to_owned();
    section(&project, "bear", &mut page);
    page.trim_end().to_owned() + "\n"
}

fn section(project: &Project, command: &str, page: &mut String) {
    let within = command.strip_prefix("bear").unwrap();
    let help = project.bear(&format!("{within} --help")).ok().stdout;
    let shown = if within.is_empty() { help.clone() } else { without_what_all_take(&help) };
    write!(page, "## {command}\n\n```text\n{}\n```\n\n", shown.trim_end()).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for name in listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()) {
        section(project, &format!("{command} {name}"), page);
    }
}

/// A help without the options that every command takes, which the help of `bear` itself shows.
fn without_what_all_take(help: &str) -> String {
    let mut within = false;
    let kept = help.lines().map(str::trim_end).filter(|line| {
        within = *line == "Output:" || (within && (line.is_empty() || line.starts_with(' ')));
        !within
    });
    kept.collect::<Vec<_>>().join("\n")
}
