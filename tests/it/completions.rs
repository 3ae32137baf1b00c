//! `bear completions`

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
