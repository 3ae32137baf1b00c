//! What the soak tells: how it goes, and in the end what came of everything.

use std::fmt::Write as _;
use std::fs;

use super::Soak;
use super::lives::Total;
use super::samples::Growth;

/// What ends the run as soon as there is one.
const HARMS: [&str; 4] = [
    "messages lost, or received twice at QoS 2",
    "connections lost, or processes changed, of brokers that nobody had reason to touch",
    "processes, listeners, claims of ports, files, temporary folders and journal lines left over",
    "applies after which a plan had something to do",
];

/// How it goes.
pub(super) fn line(soak: &Soak) -> String {
    let Total { acknowledged, received, .. } = soak.lives.total();
    format!(
        "round {:>4} of {}: {:>2} brokers, {acknowledged} messages acknowledged, {received} received, {:.0} s, load {}",
        soak.rounds,
        soak.options.rounds,
        soak.fleet.size() + soak.steady as u64,
        soak.begun.elapsed().as_secs_f64(),
        load()
    )
}

/// What came of everything, in Markdown.
pub(super) fn table(soak: &Soak, unharmed: bool) -> String {
    let counts = &soak.counts;
    let Total { lives, acknowledged, received, repeated, dropped, ended } = soak.lives.total();
    let network = if soak.own_network { "in a network of its own" } else { "in the network of this machine" };
    let mut rows = vec![
        (
            "rounds".to_owned(),
            format!(
                "{} in {:.0} s, up to {} brokers, seed {}, {network}, load {}",
                soak.rounds,
                soak.begun.elapsed().as_secs_f64(),
                soak.options.brokers,
                soak.options.seed,
                load()
            ),
        ),
        ("edits, commands of bear".to_owned(), format!("{}, {}", counts.edits, counts.commands)),
    ];
    rows.extend(counts.operations.iter().map(|(kind, count)| ((*kind).to_owned(), count.to_string())));
    for (kind, (tried, struck)) in counts.faults.iter().filter(|(kind, _)| **kind != "nothing") {
        rows.push((format!("fault: {kind}"), format!("{struck} of {tried} came in time")));
    }
    rows.extend([
        ("runs in which only checks timed out".to_owned(), counts.timeouts.to_string()),
        ("brokers with clients, one life each".to_owned(), lives.to_string()),
        ("messages acknowledged at QoS 1 and 2".to_owned(), acknowledged.to_string()),
        ("received".to_owned(), format!("{received}, {repeated} again at QoS 1")),
        ("gone with a broker that was destroyed".to_owned(), ended.to_string()),
        ("connections lost by clients of brokers that were touched".to_owned(), dropped.to_string()),
    ]);
    if unharmed {
        rows.extend(HARMS.map(|harm| (harm.to_owned(), "0".to_owned())));
    }
    rows.extend(
        soak.samples.growths().first().map(|longest| ("longest life of a broker".to_owned(), grown(longest))),
    );
    for (command, early, late) in soak.samples.peaks() {
        rows.push((
            format!("peak memory of `bear {command}`"),
            format!("{early} KiB at first, {late} KiB in the end"),
        ));
    }
    let mut table = String::from("| soak | |\n| --- | --- |\n");
    for (what, value) in rows {
        // Writing to a text can't fail.
        let _ = writeln!(table, "| {what} | {value} |");
    }
    table
}

fn grown(Growth { early, late, rounds, .. }: &Growth) -> String {
    format!(
        "{rounds} rounds; memory {} KiB early, {} KiB late; open files {}, {}",
        early.memory, late.memory, early.files, late.files
    )
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
