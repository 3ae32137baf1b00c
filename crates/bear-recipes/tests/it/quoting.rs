//! No value means anything to a shell.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bear_recipes::shell::{NulByte, Quoted};
use proptest::prelude::*;

/// What a shell makes of a script that it reads from its standard input.
fn through(shell: &str, script: &str) -> Vec<u8> {
    let mut child =
        Command::new(shell).arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[track_caller]
fn check(values: &[String]) {
    for shell in ["dash", "bash"] {
        let mut script = String::new();
        for value in values {
            let quoted = Quoted::new(value).unwrap();
            writeln!(script, "value={quoted}\nprintf '%s\\0' \"$value\"").unwrap();
        }
        let expected: Vec<u8> = values.iter().flat_map(|value| [value.as_bytes(), b"\0"].concat()).collect();
        assert_eq!(through(shell, &script), expected, "{shell}");
    }
}

#[test]
fn hostile_values_come_through_unchanged() {
    check(
        &[
            "",
            "'",
            "''",
            "\\",
            "\\'",
            "$(reboot)",
            "`reboot`",
            "${HOME}",
            "\n",
            "a\nb\n\n",
            "; reboot",
            "\"",
            "#",
            "!!",
            "\r\n",
            "\t",
            "-n",
            "%s%n",
            "é‰\u{1f43b}",
            "\u{1}\u{7f}\u{1b}[31m",
            "' ; reboot ; '",
            "EOF\n",
            "*",
            "~",
            "a=b",
        ]
        .map(String::from),
    );
}

#[test]
fn a_nul_byte_is_refused() {
    assert_eq!(Quoted::new("a\0b").unwrap_err(), NulByte);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_value_comes_through_unchanged(
        values in prop::collection::vec("[^\\x00]*|['\"\\\\$`!\n\r #;&|<>()\\[\\]{}*?~-]{0,20}", 1..40),
    ) {
        check(&values);
    }
}
