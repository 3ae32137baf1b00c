//! The plan as Markdown, for a comment on a pull request: a headline, and the plan as people read it, in the colours of a diff.

use std::fmt::Write;

use bear_core::plan::Plan;

use super::look::Look;
use super::plan;

/// The columns that a comment shows without scrolling.
const WIDTH: usize = 110;

/// A little below what GitHub takes as one comment: 65,536 characters.
const CHARACTERS_MAX: usize = 60_000;

/// The plan as Markdown. Many like changes are one line, as on a terminal.
pub(crate) fn markdown(plan: &Plan) -> String {
    let look = Look { colour: false, width: Some(WIDTH), unicode: true };
    let text = plan::plan(plan, look, false);
    let summary = text.lines().last().unwrap_or_default();
    let headline = summary.trim_start_matches("Plan: ").trim_end_matches('.');
    let mut out =
        format!("### Fleet `{}`: {}\n", plan.fleet, if plan.is_empty() { "no changes" } else { headline });
    if plan.is_empty() {
        let _ = write!(out, "\n{}", text.trim_end());
        return out;
    }
    // The first line names the fleet, and the last is the headline.
    let lines = text.lines().skip(1).map(marked).collect::<Vec<_>>();
    let lines = lines[..lines.len().saturating_sub(1)].join("\n");
    let body = lines.trim_matches('\n');
    let fence = "`".repeat(longest_run_of_backticks(body).max(2) + 1);
    let (shown, hidden) = cut(body);
    let _ = write!(out, "\n{fence}diff\n{shown}\n{fence}");
    if hidden > 0 {
        let _ = write!(out, "\n\n{hidden} more lines; `bear plan` shows them all.");
    }
    out
}

/// A line of the plan, with the mark in its first column that gives it its colour in a diff.
fn marked(line: &str) -> String {
    for (sign, mark) in [("    + ", "+ "), ("    ~ ", "! "), ("  -/+ ", "- "), ("    - ", "- ")] {
        if let Some(rest) = line.strip_prefix(sign) {
            return format!("{mark}{rest}");
        }
    }
    // Details stand four columns further to the left, as do the lines that they belong to.
    let detail = line.strip_prefix("      ").unwrap_or(line);
    let indent = detail.len() - detail.trim_start().len();
    match detail.as_bytes().get(indent) {
        Some(&mark @ (b'+' | b'-')) => {
            format!("{}{:indent$}{}", char::from(mark), "", &detail[indent + 1..])
        }
        _ => detail.to_owned(),
    }
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// As many whole lines as a comment takes, and how many are left over.
fn cut(body: &str) -> (&str, usize) {
    if body.len() <= CHARACTERS_MAX {
        return (body, 0);
    }
    let end = body[..body.floor_char_boundary(CHARACTERS_MAX)].rfind('\n').unwrap_or(0);
    (&body[..end], body[end..].lines().count())
}

#[cfg(test)]
mod tests {
    use bear_core::diff::{Goal, diff};
    use bear_core::observed::Observed;
    use bear_core::plan::build;
    use bear_core::state::v1::State;
    use insta::assert_snapshot;

    use super::*;
    use crate::render::example::{LOCAL, TEAM, deployed, fleet, local_with};

    fn of(file: &str, state: Option<&State>) -> String {
        let fleet = fleet(file);
        let (instances, foundation) = (fleet.instances().unwrap(), fleet.foundation());
        let goal = Goal { instances: &instances, foundation: foundation.as_ref(), replace: &[] };
        markdown(&build(fleet.name.clone(), diff(&goal, state, &Observed::new()), 0))
    }

    #[test]
    fn of_a_new_fleet() {
        assert_snapshot!(of(TEAM, None), @"
        ### Fleet `daily`: 2 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged

        ```diff
        + foundation eu-west-3  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
        + daily-emqx-2  create → install → verify
          provider        aws, region eu-west-3
          machine         t3.small, ubuntu-22.04, disk of 20 GiB
          login           as ubuntu
          docker          5:20.10.13~3-0~ubuntu-jammy
          broker          emqx 5.0.9
          admin password  from the variable EMQX_ADMIN_PASSWORD
          authentication  off (default)
          ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)
        ```
        ");
    }

    #[test]
    fn of_a_changed_one() {
        let changed =
            local_with("{ username: app, password: { env: APP_PASSWORD } }").replace("count: 3", "count: 2");
        assert_snapshot!(of(&changed, Some(&deployed(LOCAL))), @r#"
        ### Fleet `demo`: 0 to create, 2 to change, 0 to replace, 1 to destroy, 0 unchanged

        ```diff
        ! demo-broker-1  install → verify
        ! demo-broker-2  install → verify
          broker.embedded.authentication: none → {"username":"app","password":{"env":"APP_PASSWORD"}}
          @@ -1,3 +1,7 @@
           provider: local
           broker:
        -    embedded: {}
        +    embedded:
        +      authentication:
        +        username: app
        +        password:
        +          env: APP_PASSWORD
        - demo-broker-3  destroy
          instance: verified → gone
        ```
        "#);
    }

    #[test]
    fn of_nothing_to_do() {
        assert_snapshot!(of(LOCAL, Some(&deployed(LOCAL))), @"
        ### Fleet `demo`: no changes

        No changes. 3 instances are as fleet demo wants them.
        ");
    }

    #[test]
    fn what_would_end_the_block_does_not() {
        assert_eq!(longest_run_of_backticks("a ``` b ` c"), 3);
        assert_eq!(longest_run_of_backticks(""), 0);
    }

    #[test]
    fn a_comment_takes_only_so_much() {
        let body = "+ line\n".repeat(20_000);
        let (shown, hidden) = cut(body.trim_end());
        assert!(shown.len() <= CHARACTERS_MAX && shown.ends_with("+ line"));
        assert_eq!(shown.lines().count() + hidden - 1, 20_000);
    }
}
