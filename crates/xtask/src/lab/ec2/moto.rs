//! moto, an EC2 that none of us wrote: installed, started on this machine's own address, and given what an account on
//! AWS has from the beginning.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;

use super::query::{call, first, items, parse, text};
use crate::lab::command::{self, LONG, run, wait_for};
use crate::lab::engine::{EC2_NETWORK, EC2_SUBNET, network};
use crate::lab::state::{Inputs, RUNTIME, State, ensure, write};

/// Where moto listens: nobody but this machine can ask it.
pub(super) const ADDRESS: &str = "127.0.0.1:5055";
/// The same as an endpoint.
pub(in crate::lab) const URL: &str = "http://127.0.0.1:5055";
/// The region that has a network whose addresses lead somewhere.
pub(in crate::lab) const REGION: &str = "eu-west-3";

/// The subnets of the default network, each with the letter of its zone. The last quarter is Docker's.
const SUBNETS: [(&str, &str); 3] = [("a", "10.77.16.0/22"), ("b", "10.77.20.0/22"), ("c", "10.77.24.0/22")];

/// The tag of the default network that says what moto was started with, and for which network of Docker's.
const PREPARED: &str = "lab:inputs";

/// Installs moto and starts it anew, unless it runs for the network that is there.
pub(in crate::lab) fn start(state: &State) -> Result<(), String> {
    let python = install(state)?;
    let network = network(EC2_NETWORK).ok_or("the network of EC2's machines is not there")?;
    let images = read(&images(state))?;
    let mark = Inputs::default().text(&network).text(&images).text(&python.to_string_lossy()).mark();
    ensure(
        &format!("moto at {URL}"),
        || prepared_of().is_some_and(|found| found == mark),
        || {
            stop()?;
            spawn(state, &python)?;
            wait_for("an answer of moto", Duration::from_secs(30), || call("DescribeVpcs", &[]).ok())
                .map_err(|error| format!("{error}; see {}", state.path("moto.log").display()))?;
            prepare(&mark)
        },
    )
}

/// Installs what the requirements name, and returns the Python that has it.
fn install(state: &State) -> Result<PathBuf, String> {
    let requirements = state.sources.join("moto/requirements.txt");
    let mark = Inputs::default().text(&read(&requirements)?).mark();
    let folder = state.path(&format!("moto-{mark}"));
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    ensure(
        "moto's packages",
        || complete.exists(),
        || {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), LONG)?;
            let mut pip = Command::new(&python);
            run(pip.args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements), LONG)?;
            write(&complete, "")
        },
    )?;
    state.keep_only("moto-", &folder)?;
    Ok(python)
}

/// The images that there are, under the names and owners that AWS has them.
fn images(state: &State) -> PathBuf {
    state.sources.join("moto/amis.json")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("could not read `{}`: {error}", path.display()))
}

fn spawn(state: &State, python: &Path) -> Result<(), String> {
    let refuse = |error| format!("could not start moto: {error}");
    let output = File::create(state.path("moto.log")).map_err(refuse)?;
    let (host, port) = ADDRESS.split_once(':').unwrap_or_default();
    let server = Command::new(python)
        .args(["-m", "moto.server", "-H", host, "-p", port])
        .env("MOTO_AMIS_PATH", images(state))
        // What AWS refuses, moto takes unless it is told not to.
        .envs(["AMI_VALIDATION", "KEYPAIR_VALIDATION"].map(|name| (format!("MOTO_ENABLE_{name}"), "true")))
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
        .stdin(Stdio::null())
        .stderr(output.try_clone().map_err(refuse)?)
        .stdout(output)
        // Out of reach of an interrupt at the terminal.
        .process_group(0)
        .spawn()
        .map_err(refuse)?;
    write(&pid_file(), &server.id().to_string())
}

fn pid_file() -> PathBuf {
    Path::new(RUNTIME).join("moto.pid")
}

/// The process of moto, if it runs.
pub(in crate::lab) fn process() -> Option<Pid> {
    command::process(&pid_file(), "moto.server")
}

/// Ends moto, and with it all that it knows.
pub(in crate::lab) fn stop() -> Result<(), String> {
    command::end("moto", process)
}

/// What moto was started with, if it runs.
fn prepared_of() -> Option<String> {
    process()?;
    let answer = call("DescribeVpcs", &[]).ok()?;
    let document = parse(&answer).ok()?;
    items(&document, "tagSet")
        .find(|tag| text(*tag, "key") == Some(PREPARED))
        .and_then(|tag| text(tag, "value").map(str::to_owned))
}

/// Gives the default network the addresses of the lab. moto's own are none of this machine's.
fn prepare(mark: &str) -> Result<(), String> {
    let found = call("DescribeVpcs", &[("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")])?;
    let document = parse(&found)?;
    let vpc =
        first(document.root(), "vpcId").and_then(|id| id.text()).ok_or("moto has no default network")?;
    let subnets = call("DescribeSubnets", &[("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)])?;
    for subnet in items(&parse(&subnets)?, "subnetSet").filter_map(|item| text(item, "subnetId")) {
        call("DeleteSubnet", &[("SubnetId", subnet)])?;
    }
    call("AssociateVpcCidrBlock", &[("VpcId", vpc), ("CidrBlock", EC2_SUBNET)])?;
    for (zone, cidr) in SUBNETS {
        let zone = format!("{REGION}{zone}");
        call("CreateSubnet", &[("VpcId", vpc), ("CidrBlock", cidr), ("AvailabilityZone", &zone)])?;
    }
    let tag = [("ResourceId.1", vpc), ("Tag.1.Key", PREPARED), ("Tag.1.Value", mark)];
    call("CreateTags", &tag).map(drop)
}
