//! Results: the tables that close an apply and a verify.

use bear_core::check::{CheckName, CheckResult};
use bear_core::event::{InstanceSummary, Outcome, Summary};
use bear_core::state::v1::{Recorded, State};

use super::look::{Look, Tone};
use super::table::{Cell, Table};
use super::words::{grouped, millis};

/// The most rows that a terminal shows of instances that did well.
const ROWS_MAX: usize = 40;

/// The most instances that stand side by side, however wide the terminal is.
const COLUMNS_MAX: usize = 16;

/// The table that closes an apply: what became of each instance, and where to reach it. `state` is the one after it.
pub(crate) fn applied(summary: &Summary, state: &State, look: Look) -> String {
    let mut table =
        Table::new(["instance", "address", "broker", "checks", "seconds"]).with_numbers("seconds");
    let (shown, hidden) = worth_showing(summary, look);
    for instance in shown {
        let recorded = state.instances.get(&instance.name);
        table.row([
            instance.name.as_str().into(),
            Cell::new(recorded.and_then(address).unwrap_or_default(), Tone::Hint),
            recorded.map(broker).unwrap_or_default().into(),
            checks(instance, recorded),
            format!("{:.2}", instance.seconds).into(),
        ]);
    }
    with_remark(table.render(look), hidden, look)
}

/// The table that closes a verify: how each check of each broker went.
pub(crate) fn verified(summary: &Summary, look: Look) -> String {
    if summary.instances.len() <= COLUMNS_MAX {
        let by_check = check_by_check(summary);
        if look.width.is_none_or(|width| by_check.width() <= width) {
            return by_check.render(look);
        }
    }
    let mut table = Table::new(["instance", "checks", "failed", "seconds"]).with_numbers("seconds");
    let (shown, hidden) = worth_showing(summary, look);
    for instance in shown {
        let failed = instance.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str());
        table.row([
            instance.name.as_str().into(),
            checks(instance, None),
            Cell::new(failed.collect::<Vec<_>>().join(" "), Tone::Bad),
            format!("{:.2}", instance.seconds).into(),
        ]);
    }
    with_remark(table.render(look), hidden, look)
}

/// A row for each check, a column for each instance.
fn check_by_check(summary: &Summary) -> Table {
    let names = summary.instances.iter().map(|instance| instance.name.as_str());
    let mut table = Table::new(std::iter::once("check").chain(names.clone()));
    for name in names {
        table = table.with_numbers(name);
    }
    for name in CheckName::ALL {
        let results =
            summary.instances.iter().map(|instance| instance.checks.iter().find(|check| check.name == name));
        let results = results.collect::<Vec<_>>();
        if results.iter().any(Option::is_some) {
            let title = Cell::from(name.as_str());
            table.row(
                std::iter::once(title)
                    .chain(results.into_iter().map(|result| result.map_or("".into(), check))),
            );
        }
    }
    table
}

fn check(result: &CheckResult) -> Cell {
    let (word, tone) = if result.ok { ("ok", Tone::Good) } else { ("FAILED", Tone::Bad) };
    Cell::new(format!("{word} {:>6}", millis(result.millis)), tone)
}

/// The instances to show, and how many are left out. A terminal shows those that need a look before all others.
fn worth_showing(summary: &Summary, look: Look) -> (Vec<&InstanceSummary>, usize) {
    let all = summary.instances.iter().collect::<Vec<_>>();
    if look.width.is_none() || all.len() <= ROWS_MAX {
        return (all, 0);
    }
    let trouble = all.iter().copied().filter(|instance| instance.outcome != Outcome::Succeeded);
    let shown = trouble.take(ROWS_MAX).collect::<Vec<_>>();
    let hidden = all.len() - shown.len();
    (shown, hidden)
}

fn with_remark(table: String, hidden: usize, look: Look) -> String {
    if hidden == 0 {
        return table;
    }
    let remark = format!("{} more: `bear status` lists them all", grouped(hidden));
    format!("{table}\n{}", look.paint(Tone::Dim, remark))
}

/// Where clients reach the broker of an instance.
pub(crate) fn address(recorded: &Recorded) -> Option<String> {
    let machine = recorded.machine.as_ref()?;
    let port = recorded.installed.as_ref().and_then(|installed| installed.ports.mqtt);
    Some(port.map_or_else(|| machine.address.clone(), |port| format!("{}:{port}", machine.address)))
}

/// The broker of an instance and its version.
fn broker(recorded: &Recorded) -> String {
    let name = recorded.spec.broker.as_str();
    let version = recorded.installed.as_ref().map(|installed| installed.version.as_str());
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

/// What the checks of an instance say, or how else it ended.
fn checks(instance: &InstanceSummary, recorded: Option<&Recorded>) -> Cell {
    let passed = instance.checks.iter().filter(|check| check.ok).count();
    let all = instance.checks.len();
    match instance.outcome {
        Outcome::Skipped => Cell::new("skipped", Tone::Warn),
        Outcome::Failed if passed == all => Cell::new("failed", Tone::Bad),
        Outcome::Failed => Cell::new(format!("{passed} of {all} passed"), Tone::Bad),
        Outcome::Succeeded if all > 0 => Cell::new(format!("{passed} of {all} passed"), Tone::Good),
        Outcome::Succeeded if recorded.is_none() => Cell::new("destroyed", Tone::Dim),
        Outcome::Succeeded => Cell::new("none run", Tone::Warn),
    }
}

#[cfg(test)]
mod tests;
