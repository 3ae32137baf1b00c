//! What differs between EMQX's versions, and which can follow which.

use bear_recipes::emqx::{Dialect, Version, license, upgrade};
use proptest::prelude::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn the_dialects_of_three_versions() {
    let dialects = ["5.0.9", "5.8.9", "6.2.2"].map(|text| Dialect::of(&version(text)));
    insta::assert_debug_snapshot!(dialects, @r#"
[
    Dialect {
        change_password: "PUT",
        log_console: "EMQX_LOG__CONSOLE_HANDLER",
        listener_switch: "ENABLED",
        api_status: false,
        basic_for_users: true,
        password_rule: false,
        api_key_file: false,
        login_locks: false,
        license: false,
        no_match: "allow",
    },
    Dialect {
        change_password: "POST",
        log_console: "EMQX_LOG__CONSOLE",
        listener_switch: "ENABLE",
        api_status: true,
        basic_for_users: false,
        password_rule: true,
        api_key_file: true,
        login_locks: false,
        license: false,
        no_match: "allow",
    },
    Dialect {
        change_password: "POST",
        log_console: "EMQX_LOG__CONSOLE",
        listener_switch: "ENABLE",
        api_status: true,
        basic_for_users: false,
        password_rule: true,
        api_key_file: true,
        login_locks: true,
        license: true,
        no_match: "deny",
    },
]
"#);
}

#[test]
fn what_is_no_version() {
    for text in [
        "",
        "5",
        "5.0",
        "4.4.19",
        "5.0.9.1",
        "v5.0.9",
        "5.0.x",
        "latest",
        "5.0.99999",
        "+5.0.9",
        "5.00.9",
        "5.0.9-",
    ] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
}

const VERSIONS: [&str; 15] = [
    "5.0.9",
    "5.3.2",
    "5.5.1",
    "5.7.2",
    "5.8.9",
    "5.9.1",
    "5.10.4",
    "6.0.0",
    "6.0.3",
    "6.1.4",
    "6.2.0",
    "6.2.2",
    "6.3.0-beta.2",
    "6.3.0-beta.10",
    "6.3.1",
];

/// From the version at the left to the one on top: `+` where data goes along, `.` where it does not.
#[test]
fn which_version_follows_which() {
    let row = |from: &&str| {
        let cells = VERSIONS.map(|to| if upgrade(&version(from), &version(to)).is_ok() { "+" } else { "." });
        format!("{from:14}{}\n", cells.join(" "))
    };
    insta::assert_snapshot!(VERSIONS.iter().map(row).collect::<String>(), @r"
5.0.9         + + + + + + . . . . . . . . .
5.3.2         . + + + + + . . . . . . . . .
5.5.1         . . + + + + + . . . . . . . .
5.7.2         . . . + + + + . + + . . . . .
5.8.9         . . . . + + + . + . . . . . .
5.9.1         . . . . . + + . + + + + + + +
5.10.4        . . . . . . + . + + + + + + +
6.0.0         . . . . . . . + + + + + + + +
6.0.3         . . . . . . . . + + + + + + +
6.1.4         . . . . . . . . . + . + + + +
6.2.0         . . . . . . . . . . + + . . +
6.2.2         . . . . . . . . . . . + . . +
6.3.0-beta.2  . . . . . . . . . . . . + + +
6.3.0-beta.10 . . . . . . . . . . . . . + +
6.3.1         . . . . . . . . . . . . . . +
");
}

#[test]
fn what_is_refused_names_the_way_around() {
    let said = |from: &str, to: &str| {
        let refusal = upgrade(&version(from), &version(to)).unwrap_err();
        format!("{refusal}; {}\n", refusal.help())
    };
    let steps = [
        ("5.8.9", "5.0.9"),
        ("5.0.9", "5.10.0"),
        ("5.5.0", "6.0.1"),
        ("5.8.9", "6.0.0"),
        ("5.8.9", "6.2.2"),
        ("6.1.4", "6.2.0"),
        ("6.3.0", "6.3.0-beta.2"),
    ];
    insta::assert_snapshot!(steps.map(|(from, to)| said(from, to)).concat(), @r"
EMQX can't go from 5.8.9 to 5.0.9: an older version can't read what a newer one wrote; destroy the instance and apply again, which makes it new and empty
EMQX can't go from 5.0.9 to 5.10.0: the step is too long; go to 5.8.9 first, prove it, then go on
EMQX can't go from 5.5.0 to 6.0.1: the step is too long; go to 5.8.9 first, prove it, then go on
EMQX can't go from 5.8.9 to 6.0.0: 6.0.0 can't start on the data of a 5; go to 6.0.1 or a later 6.0
EMQX can't go from 5.8.9 to 6.2.2: the step is too long; go to 6.0.3 first, prove it, then go on
EMQX can't go from 6.1.4 to 6.2.0: upgrades to that first release got stuck; go to a later release of the same line
EMQX can't go from 6.3.0 to 6.3.0-beta.2: an older version can't read what a newer one wrote; destroy the instance and apply again, which makes it new and empty
");
}

#[test]
fn a_cluster_above_5_8_needs_a_key() {
    assert!(license(&version("5.8.9"), 3, false).is_ok());
    assert!(license(&version("5.9.0"), 1, false).is_ok());
    assert!(license(&version("5.9.0"), 3, true).is_ok());
    assert!(license(&version("5.9.0"), 3, false).is_err());
}

proptest! {
    /// Wherever one version may follow another, the way back is refused.
    #[test]
    fn nothing_goes_back(a in (5..7u16, 0..12u16, 0..12u16), b in (5..7u16, 0..12u16, 0..12u16)) {
        let text = |(major, minor, patch): (u16, u16, u16)| format!("{major}.{minor}.{patch}");
        let (a, b) = (version(&text(a)), version(&text(b)));
        prop_assert!(a == b || upgrade(&a, &b).is_err() || upgrade(&b, &a).is_err());
    }

    /// What is read is written the same.
    #[test]
    fn versions_are_written_as_they_are_read(text in "[5-9]\\.[0-9]{1,2}\\.[0-9](-[a-z]{1,5}\\.[0-9])?") {
        prop_assume!(!text.contains(".0") || !text.split('.').any(|part| part.len() > 1 && part.starts_with('0')));
        prop_assert_eq!(version(&text).to_string(), text);
    }
}
