//! An inventory for Ansible, in YAML.

use std::collections::BTreeMap;
use std::fmt::Write;

use bear_core::name::{FleetName, GroupName};
use serde_json::Value;

use super::{Item, Login};
use crate::render::words::shell;

/// The inventory: every group of the fleet, and in it every instance with its variables.
pub(super) fn inventory(fleet: &FleetName, logins: &[Login<'_>]) -> String {
    let mut groups = BTreeMap::<&GroupName, Vec<&Login<'_>>>::new();
    for login in logins {
        groups.entry(&login.item.recorded.group).or_default().push(login);
    }
    let mut text = format!("# fleet {fleet}, by `bear inventory --format ansible`\n");
    if groups.is_empty() {
        text.push_str("all: {}");
        return text;
    }
    text.push_str("all:\n  children:\n");
    for (group, logins) in groups {
        let _ = writeln!(text, "    {}:\n      hosts:", group_name(group));
        for login in logins {
            let _ = writeln!(text, "        {}:", login.item.name);
            for (name, value) in variables(fleet, login) {
                let _ = writeln!(text, "          {name}: {value}");
            }
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// A group as Ansible can name it: letters, digits and underscores, the first no digit, and not a group that it has
/// of its own. Names of fleets have no underscores, so no two become one.
fn group_name(group: &GroupName) -> String {
    let name = group.as_str().replace('-', "_");
    let reserved = name.starts_with(|c: char| c.is_ascii_digit()) || ["all", "ungrouped"].contains(&&*name);
    if reserved { format!("_{name}") } else { name }
}

/// What Ansible knows about an instance, each value as YAML has it.
fn variables(fleet: &FleetName, login: &Login<'_>) -> Vec<(&'static str, String)> {
    let Item { recorded, machine, installed, .. } = &login.item;
    let ports = installed.ports.iter().map(|(listener, port)| format!("{listener}: {port}"));
    let ports = ports.collect::<Vec<_>>().join(", ");
    let mut variables = match &login.settings {
        Some(settings) => connection(settings),
        None => vec![("ansible_host", scalar(&machine.address)), ("ansible_connection", "local".to_owned())],
    };
    variables.extend([
        ("bear_fleet", scalar(fleet.as_str())),
        ("bear_broker", scalar(recorded.spec.broker.as_str())),
        ("bear_broker_version", scalar(&installed.version)),
        ("bear_ports", format!("{{{ports}}}")),
    ]);
    variables
}

/// How Ansible logs in: what it has a variable for, and the rest as options of ssh.
fn connection(settings: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    let mut variables = Vec::new();
    for (keyword, value) in settings {
        match *keyword {
            "HostName" => variables.push(("ansible_host", scalar(value))),
            "Port" => variables.push(("ansible_port", value.clone())),
            "User" => variables.push(("ansible_user", scalar(value))),
            // Ansible puts the quotes around it.
            "IdentityFile" => variables.push(("ansible_ssh_private_key_file", scalar(unquoted(value)))),
            _ => options.push(format!("-o {}", shell(&format!("{keyword}={value}")))),
        }
    }
    // Ansible would otherwise go by its own setting, and put it before these options.
    variables.push(("ansible_ssh_host_key_checking", "true".to_owned()));
    variables.push(("ansible_ssh_common_args", scalar(&options.join(" "))));
    variables
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A text as YAML has it in double quotes, marked where Ansible would take it for a template and run it.
fn scalar(text: &str) -> String {
    let mut scalar = String::new();
    if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        scalar.push_str("!unsafe ");
    }
    // Strings of JSON are strings of YAML, but for characters that YAML reads only where they are spelled out.
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(scalar, "\\u{:04x}", u32::from(c));
            }
            _ => scalar.push(c),
        }
    }
    scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_ansible_takes() {
        let name = |group: &str| group_name(&GroupName::new(group).unwrap());
        assert_eq!(name("broker"), "broker");
        assert_eq!(name("north-1-b"), "north_1_b");
        assert_eq!(name("3-north"), "_3_north");
        assert_eq!(name("all"), "_all");
        assert_eq!(name("ungrouped"), "_ungrouped");
    }

    #[test]
    fn texts() {
        insta::assert_snapshot!(scalar(r#"it's "a" # \ key: [x]"#), @r#""it's \"a\" # \\ key: [x]""#);
        insta::assert_snapshot!(scalar("{{ lookup('pipe', 'reboot') }}"), @r#"!unsafe "{{ lookup('pipe', 'reboot') }}""#);
        insta::assert_snapshot!(scalar("a\u{85}b\nü\u{7f}"), @r#""a\u0085b\nü\u007f""#);
    }
}
