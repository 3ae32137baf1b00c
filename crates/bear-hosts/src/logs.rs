//! What a broker writes, read from its host.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::model::Broker;
use bear_executor::{Executor, Line, Privilege, Redactor, Script};
use bear_recipes::shell::Quoted;

use crate::observe::LOOK_MAX;
use crate::script::refused;
use crate::{Hosts, Place};

/// How long a log may be followed.
const FOLLOW_MAX: Duration = Duration::from_hours(7 * 24);

/// The log can't be read.
const FAILED: &str = "bear::hosts::logs";

impl Hosts {
    /// Hands on the last lines of a broker's log, and with `follow` each new one until the future is dropped.
    pub async fn logs(
        &self,
        place: Place<'_>,
        lines: u32,
        follow: bool,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), StepError> {
        let root = Quoted::new(&self.root(place)).map_err(|error| refused("reading a log", &error.into()))?;
        let text = command(&place.spec.broker, &root, lines, follow);
        let redactor = Redactor::default();
        let script = Script {
            text: &text,
            privilege: Privilege::Root,
            deadline: if follow { FOLLOW_MAX } else { LOOK_MAX },
            redactor: &redactor,
            keep: None,
        };
        let ssh = self.ssh(place)?;
        let outcome = ssh.run(&script, &mut |line: Line<'_>| on_line(line.text)).await?;
        if outcome.exit.ok() {
            return Ok(());
        }
        let message = format!("reading the log of {}: {}", place.instance, outcome.exit);
        let help = format!("`bear verify --only {}` looks at the broker from outside", place.instance);
        Err(StepError::permanent(FAILED, message)
            .with_help(help)
            .with_last_lines(&outcome.transcript.to_string()))
    }

    /// The last lines of a broker's log; none if it can't be had.
    pub async fn log(&self, place: Place<'_>, lines: u32) -> Option<String> {
        let mut log = String::new();
        let mut each = |line: &str| {
            log.push_str(line);
            log.push('\n');
        };
        self.logs(place, lines, false, &mut each).await.ok()?;
        (!log.is_empty()).then_some(log)
    }
}

/// What prints the log. Docker hands on what the broker wrote to each of its two streams; the package writes to a file,
/// and to the journal only why it does not start.
fn command(broker: &Broker, root: &Quoted, lines: u32, follow: bool) -> String {
    let container = |name: &str| {
        let follow = if follow { "--follow " } else { "" };
        format!("exec docker logs {follow}--tail {lines} {name}")
    };
    match broker {
        Broker::Emqx(_) => container("bear-emqx"),
        Broker::Mosquitto(mosquitto) if mosquitto.container => container("bear-mosquitto"),
        Broker::Mosquitto(_) | Broker::Embedded(_) => {
            let (tail, journal) = if follow { ("-F ", "--follow ") } else { ("", "") };
            format!(
                "file={root}/var/log/mosquitto/mosquitto.log\n\
                 [ ! -f \"$file\" ] || exec tail {tail}-n {lines} -- \"$file\"\n\
                 exec journalctl --quiet --no-pager --output cat {journal}--lines {lines} --unit mosquitto"
            )
        }
    }
}
