//! Next: the commands to type once a command is done, so that nobody has to look them up.

use bear_core::event::{Operation, Outcome, Summary};
use bear_core::fleet::model::Broker;
use bear_core::state::v1::{Recorded, State};

use super::look::{Look, Tone};
use super::words::shell;

/// A command to type, and what it is good for.
pub(crate) type Command = (String, String);

/// Lists commands under `Next:`.
pub(crate) fn next(commands: &[Command], look: Look) -> String {
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines = commands.iter().map(|(command, purpose)| {
        let padding = width - command.chars().count();
        let command = look.paint(Tone::Hint, command);
        format!("\n  {command}{:padding$}  {}", "", look.paint(Tone::Dim, purpose))
    });
    format!("{}{}", look.paint(Tone::Strong, "Next:"), lines.collect::<String>())
}

/// What to type once a run has ended; nothing where there is nothing left to do. `fleet` is the path of the fleet
/// file, and `state` the state after the run.
pub(crate) fn after(operation: Operation, summary: &Summary, state: &State, fleet: &str) -> Vec<Command> {
    let fleet = shell(fleet);
    let again = |verb: &str, purpose: &str| vec![(format!("bear {verb} {fleet}"), purpose.to_owned())];
    match (operation, summary.ok) {
        (Operation::Apply, true) => after_apply(summary, state, &fleet),
        (Operation::Apply, false) => again("apply", "go on from here: what succeeded is kept"),
        (Operation::Destroy, false) => again("destroy", "go on with what is left"),
        (Operation::Verify, false) => after_failed_verify(summary, &fleet),
        (Operation::Destroy | Operation::Verify, true) => Vec::new(),
    }
}

fn after_apply(summary: &Summary, state: &State, fleet: &str) -> Vec<Command> {
    let recorded =
        summary.instances.iter().find_map(|instance| state.instances.get_key_value(&instance.name));
    let Some((name, recorded)) = recorded else {
        return Vec::new();
    };
    let mut commands = Vec::new();
    commands.extend(subscribe(recorded).map(|command| (command, format!("hear the messages of {name}"))));
    if recorded.installed.as_ref().is_some_and(|installed| installed.ports.dashboard.is_some()) {
        commands.push((format!("bear open {name}"), "see its dashboard".to_owned()));
    }
    commands.push((format!("bear destroy {fleet}"), "take it all down".to_owned()));
    commands
}

/// How Mosquitto's client, the one that most people have, listens to a broker.
fn subscribe(recorded: &Recorded) -> Option<String> {
    let address = &recorded.machine.as_ref()?.address;
    let port = recorded.installed.as_ref()?.ports.mqtt?;
    let login = match &recorded.spec.broker {
        Broker::Embedded(embedded) => embedded.authentication.as_ref(),
        Broker::Mosquitto(mosquitto) => mosquitto.authentication.as_ref(),
        Broker::Emqx(_) => None,
    };
    // EMQX denies the filter of every topic.
    let filter = if matches!(recorded.spec.broker, Broker::Emqx(_)) { "hello/#" } else { "#" };
    let login = login.map(|login| format!(" -u {} -P PASSWORD", shell(&login.username))).unwrap_or_default();
    Some(format!("mosquitto_sub -h {address} -p {port}{login} -t '{filter}'"))
}

fn after_failed_verify(summary: &Summary, fleet: &str) -> Vec<Command> {
    let failed = summary.instances.iter().find(|instance| instance.outcome == Outcome::Failed);
    let logs =
        failed.map(|failed| (format!("bear logs {}", failed.name), "see what its broker says".to_owned()));
    let plan = (format!("bear plan {fleet}"), "see what bear would do about it".to_owned());
    logs.into_iter().chain([plan]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{example, style_guide};
    use super::*;

    const LOOK: Look = Look { colour: false, width: Some(80), unicode: true };

    #[track_caller]
    fn after_a(operation: Operation, summary: &Summary) -> String {
        next(&after(operation, summary, &example::deployed(example::LOCAL), "examples/local.yaml"), LOOK)
    }

    #[test]
    fn an_apply_leads_to_the_broker_and_to_the_end() {
        let text = after_a(Operation::Apply, &example::all_well());
        style_guide::shows(&text);
        insta::assert_snapshot!(text, @"
        Next:
          mosquitto_sub -h 127.0.0.1 -p 20000 -t '#'  hear the messages of demo-broker-1
          bear open demo-broker-1                     see its dashboard
          bear destroy examples/local.yaml            take it all down
        ");
    }

    #[test]
    fn a_broker_that_asks_for_a_password_is_reached_with_one() {
        let commands = after(
            Operation::Apply,
            &example::all_well(),
            &example::deployed(&example::local_with("{ username: alice }")),
            "my fleet.yaml",
        );
        insta::assert_snapshot!(next(&commands, LOOK), @"
        Next:
          mosquitto_sub -h 127.0.0.1 -p 20000 -u alice -P PASSWORD -t '#'  hear the messages of demo-broker-1
          bear open demo-broker-1                                          see its dashboard
          bear destroy 'my fleet.yaml'                                     take it all down
        ");
    }

    #[test]
    fn an_apply_that_failed_leads_to_another() {
        insta::assert_snapshot!(after_a(Operation::Apply, &example::trouble()), @"
        Next:
          bear apply examples/local.yaml  go on from here: what succeeded is kept
        ");
    }

    #[test]
    fn a_verify_that_failed_leads_to_the_log() {
        insta::assert_snapshot!(after_a(Operation::Verify, &example::trouble()), @"
        Next:
          bear logs demo-broker-2        see what its broker says
          bear plan examples/local.yaml  see what bear would do about it
        ");
    }

    #[test]
    fn after_a_destroy_nothing_is_left_to_do() {
        let commands = after(
            Operation::Destroy,
            &example::all_well(),
            &example::deployed(example::LOCAL),
            "examples/local.yaml",
        );
        assert_eq!(commands, []);
    }
}
