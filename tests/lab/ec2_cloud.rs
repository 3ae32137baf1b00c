//! The lab's EC2 as tests see it: what of a fleet is there, what happens to it behind bear's back, and an endpoint that
//! keeps an answer back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{docker, lab, run, xtask};

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_mins(1);

/// One fleet's part of EC2.
pub(crate) struct Cloud {
    fleet: &'static str,
}

/// The part of a fleet of this name, with nothing in it; none where the lab is not up and need not be. What a test that
/// fails has made stays to be looked at, until the next one.
pub(crate) fn cloud(fleet: &'static str) -> Option<Cloud> {
    lab()?;
    let cloud = Cloud { fleet };
    cloud.clear();
    Some(cloud)
}

#[expect(clippy::unused_self, reason = "only who has found the lab up may ask it")]
impl Cloud {
    /// Asks EC2 for an action, as somebody would by hand.
    #[track_caller]
    pub(crate) fn call(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let parameters = parameters.iter().map(|(name, value)| format!("{name}={value}"));
        run(xtask().args(["lab", "ec2", "call", action]).args(parameters))
    }

    /// What of the fleet a list of EC2's shows: the texts of an element, in their order, each once.
    fn ours(&self, action: &str, element: &str, more: &[(&str, &str)]) -> Vec<String> {
        let ours = [("Filter.1.Name", "tag:bear:fleet"), ("Filter.1.Value.1", self.fleet)];
        let mut texts = texts(&self.call(action, &[&ours, more].concat()), element);
        texts.sort();
        texts.dedup();
        texts
    }

    /// The instances of the fleet that are not terminated, in the order of their ids.
    pub(crate) fn machines(&self) -> Vec<String> {
        let states = ["pending", "running", "stopping", "stopped"];
        let values = (1..).map(|number| format!("Filter.2.Value.{number}")).zip(states).collect::<Vec<_>>();
        let values = values.iter().map(|(name, value)| (name.as_str(), *value));
        let alive = [("Filter.2.Name", "instance-state-name")].into_iter().chain(values).collect::<Vec<_>>();
        self.ours("DescribeInstances", "instanceId", &alive)
    }

    /// The state of the container that is an instance, in Docker's words.
    pub(crate) fn container(&self, machine: &str) -> Option<String> {
        let output = docker().args(["inspect", "--format", "{{.State.Status}}", machine]).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs a command as root on a machine, which must succeed, and returns what it prints.
    #[track_caller]
    pub(crate) fn exec(&self, machine: &str, script: &str) -> String {
        run(docker().args(["exec", machine, "sh", "-c", script]))
    }

    /// Asserts that nothing of the fleet is left, neither with EC2 nor with Docker.
    #[track_caller]
    pub(crate) fn is_empty(&self) {
        assert_eq!(self.machines(), [""; 0]);
        for (action, element) in [
            ("DescribeSecurityGroups", "groupId"),
            ("DescribeKeyPairs", "keyPairId"),
            ("DescribeVolumes", "volumeId"),
            ("DescribeAddresses", "allocationId"),
            ("DescribeNetworkInterfaces", "networkInterfaceId"),
        ] {
            assert_eq!(self.ours(action, element, &[]), [""; 0], "{action}");
        }
        let until = Instant::now() + Duration::from_mins(1);
        // The terminated ones too, whose containers go a moment after them.
        let machines = self.ours("DescribeInstances", "instanceId", &[]);
        while machines.iter().any(|machine| self.container(machine).is_some()) {
            assert!(Instant::now() < until, "a container of {machines:?} is left");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Removes all of it, such as what a test left that failed.
    pub(crate) fn clear(&self) {
        for machine in self.machines() {
            self.call("TerminateInstances", &[("InstanceId.1", &machine)]);
        }
        for group in self.ours("DescribeSecurityGroups", "groupId", &[]) {
            self.call("DeleteSecurityGroup", &[("GroupId", &group)]);
        }
        for key in self.ours("DescribeKeyPairs", "keyName", &[]) {
            self.call("DeleteKeyPair", &[("KeyName", &key)]);
        }
    }
}

/// What stands in the elements of this name.
pub(crate) fn texts(answer: &str, element: &str) -> Vec<String> {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let texts = answer.split(&begin).skip(1).filter_map(|rest| rest.split(&end).next());
    texts.map(str::to_owned).collect()
}

/// An endpoint that hands everything on to EC2, but keeps back the answer of a launch for good.
pub(crate) struct Gate {
    address: SocketAddr,
    held: Receiver<()>,
}

impl Gate {
    /// A gate before the EC2 at this URL.
    pub(crate) fn before(url: &str) -> Self {
        let upstream = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, held) = channel();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (upstream, sender) = (upstream.clone(), sender.clone());
                thread::spawn(move || pass(client, &upstream, &sender));
            }
        });
        Self { address, held }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until an answer is held back. Whether one is.
    pub(crate) fn holds(&self, limit: Duration) -> bool {
        self.held.recv_timeout(limit).is_ok()
    }
}

/// Hands on the one request of a connection, and its answer unless that is of a launch.
fn pass(mut client: TcpStream, upstream: &str, held: &Sender<()>) -> Option<()> {
    client.set_read_timeout(Some(SILENCE)).ok()?;
    let request = read_request(&client)?;
    let mut server = TcpStream::connect(upstream).ok()?;
    server.set_read_timeout(Some(SILENCE)).ok()?;
    server.write_all(&request).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    if String::from_utf8_lossy(&request).contains("Action=RunInstances") {
        held.send(()).ok()?;
        // Until the client is gone.
        client.read_to_end(&mut Vec::new()).ok()?;
        return None;
    }
    client.write_all(&answer).ok()
}

/// A whole request, which asks that its connection be its last.
fn read_request(client: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let head = head.trim_end_matches("\r\n").to_owned() + "\r\nConnection: close\r\n\r\n";
    Some([head.into_bytes(), body].concat())
}
