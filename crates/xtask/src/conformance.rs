//! `cargo xtask conformance`: the public Eclipse suites for MQTT 3.1.1 and 5 against the embedded broker.
//!
//! The suites are not part of this repository: `--suite` names a checkout of eclipse/paho.mqtt.testing. Each test runs
//! by itself in a Python of its own; each suite has a fresh broker, or both use the one that `--broker` names.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const USAGE: &str = "usage: cargo xtask conformance --suite DIR [--broker HOST:PORT]";
const DRIVER: &str = include_str!("conformance.py");

/// How long one test may take. The longest takes 28 s, all of it the suite's own pauses.
const TEST: Duration = Duration::from_secs(40);
const BROKER_START: Duration = Duration::from_secs(10);

/// A suite, and how many of its tests must pass: as many as with Mosquitto 2.0.11 in its default settings.
struct Suite {
    module: &'static str,
    version: &'static str,
    bar: usize,
}

const SUITES: [Suite; 2] = [
    Suite { module: "client_test", version: "3.1.1", bar: 8 },
    Suite { module: "client_test5", version: "5", bar: 21 },
];

struct Arguments {
    suite: PathBuf,
    broker: Option<(String, u16)>,
}

/// Runs every test of both suites and prints how each ended. The error says which suite passes less than its bar.
pub(crate) fn run(arguments: Vec<String>) -> Result<(), String> {
    let Arguments { suite: folder, broker } = parse(arguments)?;
    let scratch =
        tempfile::tempdir().map_err(|error| format!("could not make a folder to work in: {error}"))?;
    let driver = scratch.path().join("driver.py");
    fs::write(&driver, DRIVER).map_err(|error| format!("could not write `{}`: {error}", driver.display()))?;
    let bear = if broker.is_none() { Some(crate::build::bear(&["--release"])?) } else { None };
    let mut below = Vec::new();
    for suite in &SUITES {
        let own = bear.as_deref().map(Broker::start).transpose()?;
        let (host, port) = match (&own, &broker) {
            (Some(own), _) => (Ipv4Addr::LOCALHOST.to_string(), own.port),
            (None, Some(named)) => named.clone(),
            (None, None) => return Err(USAGE.to_owned()),
        };
        let tests = Tests { driver: &driver, folder: &folder, module: suite.module, host, port };
        let (passed, all) = tests.run()?;
        println!("MQTT {}: {passed} of {all} pass, the bar is {}", suite.version, suite.bar);
        if let Some(memory) = own.as_ref().and_then(Broker::memory) {
            println!("the broker's memory after it: {memory}");
        }
        println!();
        if passed < suite.bar {
            below.push(suite.version);
        }
    }
    if below.is_empty() { Ok(()) } else { Err(format!("below the bar: MQTT {}", below.join(" and "))) }
}

fn parse(arguments: Vec<String>) -> Result<Arguments, String> {
    let (mut suite, mut broker) = (None, None);
    let mut arguments = arguments.into_iter();
    while let Some(flag) = arguments.next() {
        match (flag.as_str(), arguments.next()) {
            ("--suite", Some(folder)) => suite = Some(PathBuf::from(folder)),
            ("--broker", Some(address)) => {
                let named =
                    address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
                let (host, port) = named.ok_or(format!("`{address}` is not HOST:PORT"))?;
                broker = Some((host.to_owned(), port));
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    let suite = suite.ok_or(USAGE)?;
    if !suite.join("interoperability/client_test5.py").is_file() {
        return Err(format!("`{}` is no checkout of eclipse/paho.mqtt.testing", suite.display()));
    }
    Ok(Arguments { suite, broker })
}

/// The tests of one suite against one broker.
struct Tests<'a> {
    driver: &'a Path,
    folder: &'a Path,
    module: &'static str,
    host: String,
    port: u16,
}

impl Tests<'_> {
    /// Runs them one by one and prints a line for each; gives how many passed, and how many there are.
    fn run(&self) -> Result<(usize, usize), String> {
        let tests = self.list()?;
        let mut passed = 0;
        for test in &tests {
            let began = Instant::now();
            let (outcome, why) = match self.run_one(test)? {
                (Some(status), _) if status.success() => ("pass", String::new()),
                (Some(_), output) => ("FAIL", reason(&output)),
                (None, _) => ("FAIL", format!("not done after {} s", TEST.as_secs())),
            };
            passed += usize::from(outcome == "pass");
            let line = format!("{test:<30} {outcome}  {:>5.1} s  {why}", began.elapsed().as_secs_f64());
            println!("{}", line.trim_end());
        }
        Ok((passed, tests.len()))
    }

    fn list(&self) -> Result<Vec<String>, String> {
        let output =
            self.python("--list").output().map_err(|error| format!("could not start python3: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "could not list the tests: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Runs one test; its status, where it came to an end, and what it said.
    fn run_one(&self, test: &str) -> Result<(Option<ExitStatus>, String), String> {
        let failed = |error: std::io::Error| format!("could not run {test}: {error}");
        let log = self.driver.with_file_name("test.log");
        let output = File::create(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut child = self.python(test).stdout(output).stderr(errors).spawn().map_err(failed)?;
        let status = wait(&mut child, TEST);
        if status.is_none() {
            end(&mut child);
        }
        Ok((status, fs::read_to_string(&log).unwrap_or_default()))
    }

    fn python(&self, test: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.driver).arg(self.folder).args([
            self.module,
            &self.host,
            &self.port.to_string(),
            test,
        ]);
        command.stdin(Stdio::null());
        command
    }
}

/// The first error that a test reports, in one line: those after it only say that there was one.
fn reason(output: &str) -> String {
    let error = output.lines().find(|line| line.contains("Error"));
    error.unwrap_or("no reason given").chars().take(100).collect()
}

/// A broker in a folder that goes when this does.
struct Broker {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Broker {
    fn start(bear: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("could not start a broker: {error}");
        let folder = tempfile::tempdir().map_err(failed)?;
        let port = free_port().map_err(failed)?;
        let (ws, dashboard) = (free_port().map_err(failed)?, free_port().map_err(failed)?);
        let ports = serde_json::json!({ "mqtt": port, "ws": ws, "dashboard": dashboard });
        let spec =
            serde_json::json!({ "version": 1, "name": "conformance", "listen": "127.0.0.1", "ports": ports });
        let file = folder.path().join("broker.json");
        fs::write(&file, spec.to_string()).map_err(failed)?;
        let log = File::create(folder.path().join("broker.log")).map_err(failed)?;
        let mut command = Command::new(bear);
        command
            .args(["__broker", "--spec"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let broker = Self { child: command.spawn().map_err(failed)?, port, _folder: folder };
        broker.until_it_listens()?;
        Ok(broker)
    }

    fn until_it_listens(&self) -> Result<(), String> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if began.elapsed() > BROKER_START {
                return Err(format!("the broker does not listen after {} s", BROKER_START.as_secs()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What it holds and what it held at most, as Linux counts it.
    fn memory(&self) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        };
        Some(format!("{:.1} MB, at most {:.1} MB", field("VmRSS:")? / 1024.0, field("VmHWM:")? / 1024.0))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(50));
    }
    None
}

fn end(child: &mut Child) {
    // It may be gone already; then there is nothing to end.
    if child.kill().is_ok() {
        _ = child.wait();
    }
}
