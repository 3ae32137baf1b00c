//! `bear man`: the manual pages, made from the same definition as `--help`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The arguments of `bear man`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder, such as `bear-plan.1`
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// What the pages are of.
const SOURCE: &str = concat!("bear ", env!("CARGO_PKG_VERSION"));

/// What begins every page, and every section that is rendered by itself: an apostrophe that stays one.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// What bear takes from the environment.
const ENVIRONMENT: [(&str, &str); 10] = [
    ("BEAR_FLEET", "The fleet file, where a command is given none."),
    ("NO_COLOR", "If set, print without colours. So does `TERM=dumb`."),
    ("HOME", "What `~` stands for in a fleet file."),
    ("XDG_STATE_HOME", "Where the ports of local brokers are claimed; `~/.local/state` by default."),
    ("XDG_RUNTIME_DIR, TMPDIR", "Where the control sockets of SSH connections lie."),
    ("SSH_AUTH_SOCK", "The agent whose keys log in to hosts."),
    (
        "AWS_PROFILE, AWS_ACCESS_KEY_ID and others",
        "Credentials and settings for Amazon EC2, as for the AWS CLI.",
    ),
    ("BROWSER", "The program that opens dashboards."),
    ("RUST_LOG", "How much the brokers of the provider `local` write into their logs, such as `debug`."),
    (
        "CI, SSH_CONNECTION",
        "If either is set, `bear open` prints the address and opens no browser by itself.",
    ),
];

/// What bear reads and writes. The project is the nearest folder upwards with `.bear` or `.git`.
const FILES: [(&str, &str); 10] = [
    ("fleets/*.yaml", "Fleet files. `bear schema` prints what may stand in them."),
    (
        ".bear/FLEET/",
        "In the project: all that is recorded about a fleet. It belongs to one machine and is not committed.",
    ),
    (
        ".bear/FLEET/state.json, journal.ndjson",
        "The state, and the record of the steps since it was written.",
    ),
    (".bear/FLEET/history/", "Earlier states: `bear state history` lists them."),
    (".bear/FLEET/plan.json", "The plan that `bear plan` recorded, for one apply."),
    (".bear/FLEET/secrets.json", "The passwords that bear has made, readable for its owner alone."),
    (".bear/FLEET/known_hosts", "The host keys that are trusted; no others are."),
    (
        ".bear/FLEET/instances/",
        "The machines of the provider `local`, with the data and the log of each broker.",
    ),
    (".bear/FLEET/runs/", "The records of runs, which `bear report` reads."),
    ("/etc/bear/owner", "On a host: the fleet and the instance that it belongs to."),
];

pub(crate) fn run(args: &ManArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let mut command = Cli::command();
    // Only then do the commands within know their full names and the flags that every command takes.
    command.build();
    let Some(folder) = &args.folder else {
        context.printer.bytes(page(&command).as_bytes());
        return Ok(ExitStatus::Done);
    };
    fs::create_dir_all(folder).map_err(|error| unwritten("make the folder", folder, &error))?;
    let mut names = Vec::new();
    write_all(&command, folder, &mut names)?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "folder": folder, "pages": names }));
    }
    context.printer.note(format_args!("wrote {} pages to `{}`", names.len(), folder.display()));
    Ok(ExitStatus::Done)
}

/// Writes the page of a command, and those of the commands within it.
fn write_all(command: &Command, folder: &Path, names: &mut Vec<String>) -> Result<(), Fault> {
    let name = Man::new(command.clone()).get_filename();
    let path = folder.join(&name);
    fs::write(&path, page(command)).map_err(|error| unwritten("write", &path, &error))?;
    names.push(name);
    within(command).try_for_each(|command| write_all(command, folder, names))
}

fn unwritten(attempt: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::io(ExitStatus::Failed, attempt, path, error).with_help("name a folder that you may write to")
}

fn within(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The page of a command, for `man(1)`.
fn page(command: &Command) -> String {
    let title =
        format!("{APOSTROPHE}.TH {} 1 \"\" \"{SOURCE}\" \"bear\"\n", command_name(command).to_uppercase());
    let mut body = Vec::new();
    render(command, &mut body).expect("a vector takes every write");
    let body = String::from_utf8_lossy(&body).replace(APOSTROPHE, "");
    let lines = body.lines().map(|line| emboldened(line) + "\n");
    // Some that show pages take ASCII only.
    let spell = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    (title + &lines.collect::<String>()).chars().map(spell).collect()
}

/// Its full name, such as `bear-state-list`.
fn command_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// What stands between backticks in bold.
fn emboldened(line: &str) -> String {
    let parts = line.split('`').collect::<Vec<_>>();
    if parts.len() % 2 == 0 {
        return line.to_owned();
    }
    let bold = |(index, part): (usize, &&str)| match index % 2 {
        0 => (*part).to_owned(),
        _ => format!("\\fB{part}\\fR"),
    };
    parts.iter().enumerate().map(bold).collect()
}

fn render(command: &Command, page: &mut impl Write) -> io::Result<()> {
    let command = command.clone().subcommand_help_heading("COMMANDS").subcommand_value_name("COMMAND");
    let man = Man::new(command.clone());
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if within(&command).next().is_some() {
        man.render_subcommands_section(page)?;
    }
    more(&command).to_writer(page)
}

/// What the definition of the arguments does not tell.
fn more(command: &Command) -> Roff {
    let mut roff = Roff::default();
    let is_whole = command.get_name() == "bear";
    if is_whole {
        let statuses = ExitStatus::MEANINGS.map(|(status, meaning)| (status.number().to_string(), meaning));
        section(
            &mut roff,
            "EXIT STATUS",
            statuses.iter().map(|(number, meaning)| (number.as_str(), *meaning)),
        );
        let help = "`bear ssh INSTANCE -- COMMAND` ends with the status of the command, whatever that is.";
        roff.control("PP", []).text([roman(help)]);
        section(&mut roff, "ENVIRONMENT", ENVIRONMENT);
        section(&mut roff, "FILES", FILES);
    }
    roff.control("SH", ["SEE ALSO"]);
    let see = if is_whole { "ssh(1), ssh_config(5), mosquitto_sub(1)" } else { "bear(1)" };
    roff.text([roman(see)]);
    roff
}

fn section<'t>(roff: &mut Roff, heading: &str, entries: impl IntoIterator<Item = (&'t str, &'t str)>) {
    roff.control("SH", [heading]);
    for (name, meaning) in entries {
        roff.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
}
