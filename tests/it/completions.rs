//! `bear completions`

use std::process::Command;

use crate::support::{Project, check};

#[test]
fn every_shell() {
    #[track_caller]
    fn check(shell: &str, marker: &str) {
        let outcome = Project::new().bear_with(["completions", shell]).ok();
        assert!(outcome.stdout.contains(marker), "{outcome}");
        assert!(outcome.stdout.contains("validate"), "{outcome}");
        assert!(!outcome.stdout.contains("__broker"), "people don't run it: {outcome}");
    }
    check("bash", "complete -F _bear");
    check("zsh", "#compdef bear");
    check("fish", "complete -c bear");
    check("elvish", "edit:completion:arg-completer[bear]");
    check("powershell", "Register-ArgumentCompleter");
}

#[test]
fn a_shell_that_is_none() {
    check!(Project::new().bear("completions fsh"), @"
    exit status: 3
    ----- stderr -----
    error: invalid value 'fsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'fish'

    For more information, try '--help'.
    ");
}

/// What a shell prints that has read the completions and then does this; nothing without that shell.
fn within(shell: &str, run: &[&str], script: &str) -> Option<String> {
    let project = Project::new();
    let completions = project.bear_with(["completions", shell]).ok().stdout;
    project.write("completions", completions);
    let output = Command::new(shell).args(run).arg(script).current_dir(project.path("")).output();
    let Ok(output) = output else {
        println!("skipped: no {shell}");
        return None;
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bash_completes() {
    let complete = r#"
        source completions
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _bear bear "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[@]}"; }
        ask bear va
        ask bear state h
        ask bear init demo --provider h
    "#;
    let Some(shown) = within("bash", &["--norc", "-c"], complete) else { return };
    insta::assert_snapshot!(shown, @"
    validate
    history
    hosts
    ");
}

#[test]
fn zsh_completes() {
    let complete = "fpath=($PWD $fpath); cp completions _bear; autoload -U compinit; compinit -D; echo $_comps[bear]; \
                    autoload +X _bear && echo loaded";
    let Some(shown) = within("zsh", &["-f", "-c"], complete) else { return };
    insta::assert_snapshot!(shown, @"
    _bear
    loaded
    ");
}

#[test]
fn fish_completes() {
    let complete = "source completions; complete -C 'bear va'; complete -C 'bear state h'; \
                    complete -C 'bear init demo --provider h'";
    let Some(shown) = within("fish", &["--no-config", "-c"], complete) else { return };
    insta::assert_snapshot!(shown, @"
    validate	Check a fleet file, and touch nothing else
    history	List the states that are kept
    hosts	Machines that exist already, over SSH
    ");
}
