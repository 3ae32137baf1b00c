//! `bear init`: writes a new fleet file, and never over another one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use bear_core::fleet::model::ProviderKind;
use bear_core::fleet::template;
use bear_core::name::FleetName;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::project::{Project, above_fleet_folder};
use crate::render::next::next;
use crate::render::words::{printable, shell};

/// The arguments of `bear init`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// The name of the fleet
    name: String,
    /// Where its machines come from
    #[arg(long, value_enum, default_value_t = ProviderName::Local)]
    provider: ProviderName,
}

/// A provider as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    /// This machine
    Local,
    /// Machines that exist already, over SSH
    Hosts,
    /// Amazon EC2
    Aws,
}

impl From<ProviderName> for ProviderKind {
    fn from(name: ProviderName) -> Self {
        match name {
            ProviderName::Local => Self::Local,
            ProviderName::Hosts => Self::Hosts,
            ProviderName::Aws => Self::Aws,
        }
    }
}

pub(crate) fn run(args: &InitArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let name = FleetName::new(&args.name).map_err(|error| {
        Fault::input("bear::init::name", format!("`{}` can't be the name of a fleet", printable(&args.name)))
            .caused_by(&error)
            .with_help("choose another name, such as `team-a`")
    })?;
    let file = write(&name, args.provider.into(), context)?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "fleet": name, "file": file.shown }));
    }
    context.printer.note(format_args!("wrote `{}`", file.shown));
    let plan = (format!("bear plan {}", shell(&file.shown)), "see what it makes".to_owned());
    context.printer.note(next(&[plan], context.printer.stderr_look()));
    Ok(ExitStatus::Done)
}

/// Writes the file of a new fleet, and sees to it that what is recorded about it is not committed.
pub(crate) fn write(name: &FleetName, provider: ProviderKind, context: &Context) -> Result<FleetFile, Fault> {
    // Somebody who is in `fleets/` already wants no second one below it.
    let base = above_fleet_folder(&context.environment.folder);
    let path = base.join("fleets").join(format!("{name}.yaml"));
    let file = FleetFile::at(&context.environment.folder, &path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| Fault::io(ExitStatus::Failed, "make the folder", folder, &error))?;
    }
    write_new(&path, &template(name, provider)).map_err(|error| unwritten(&error, &file))?;
    // The project is looked for only now: the new folder may be what makes it out.
    ignore_records(Project::around(base).root())?;
    Ok(file)
}

/// Writes a file that must not exist yet.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // Half a fleet file is worse than none, and the reason is reported already.
        let _ = fs::remove_file(path);
    })
}

fn unwritten(error: &io::Error, file: &FleetFile) -> Fault {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Fault::input(
            "bear::init::exists",
            format!("`{}` exists already, and is left as it is", file.shown),
        )
        .with_help("choose another name, or edit that file");
    }
    Fault::failed("bear::io", format!("could not write `{}`", file.shown))
        .caused_by(error)
        .with_help("bear must be allowed to write there")
}

/// Adds `.bear/` to the `.gitignore` of a project, once: what is recorded belongs to one machine, and to nobody else.
fn ignore_records(root: &Path) -> Result<(), Fault> {
    let path = root.join(".gitignore");
    let unwritten = |error: &io::Error| {
        Fault::failed("bear::io", format!("could not add `.bear/` to `{}`", path.display()))
            .caused_by(error)
            .with_help("add the line `.bear/` to it yourself: what lies there must not be committed")
    };
    let present = match fs::read(&path) {
        Ok(present) => present,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(unwritten(&error)),
    };
    let ignored = |line: &[u8]| matches!(line.trim_ascii(), b".bear" | b".bear/" | b"/.bear" | b"/.bear/");
    if present.split(|&byte| byte == b'\n').any(ignored) {
        return Ok(());
    }
    let gap = if present.is_empty() || present.ends_with(b"\n") { "" } else { "\n" };
    let appended = OpenOptions::new().append(true).create(true).open(&path);
    appended.and_then(|mut file| writeln!(file, "{gap}.bear/")).map_err(|error| unwritten(&error))
}
