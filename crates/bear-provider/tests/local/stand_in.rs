//! The stand-in for a broker: holds the lock, listens, and answers every CONNECT.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tells a run of this test program that it is a stand-in, and where its specification is.
pub(crate) const ROLE_VARIABLE: &str = "STAND_IN_SPEC";

/// No stand-in outlives a run of the tests by much, whatever happens to it.
const LIFE_MAX: Duration = Duration::from_mins(1);

/// What a stand-in is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) mqtt: u16,
    pub(crate) ws: u16,
    pub(crate) dashboard: u16,
    pub(crate) behaviour: Behaviour,
}

/// How a stand-in behaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Behaviour {
    /// It answers.
    Answers,
    /// It answers, too, but is another configuration.
    AnswersOtherwise,
    /// It ends at once and says why.
    Ends,
}

#[test]
#[ignore = "no test: what the other tests run as a broker"]
fn stand_in() {
    if let Some(spec) = std::env::var_os(ROLE_VARIABLE) {
        run(Path::new(&spec));
    }
}

#[expect(clippy::exit, clippy::print_stderr, reason = "this is what a broker does that can't start")]
fn run(spec: &Path) {
    std::thread::spawn(|| {
        std::thread::sleep(LIFE_MAX);
        std::process::abort();
    });
    let folder = std::env::current_dir().unwrap();
    let spec = serde_json::from_slice::<Spec>(&fs::read(spec).unwrap()).unwrap();
    if spec.behaviour == Behaviour::Ends {
        eprintln!("the stored messages are unreadable");
        std::process::exit(1);
    }

    let mut options = OpenOptions::new();
    let mut lock = options.create(true).truncate(false).write(true).open(folder.join("broker.lock")).unwrap();
    lock.try_lock().expect("the folder is held by another broker");
    lock.set_len(0).unwrap();
    write!(lock, r#"{{"version":1,"pid":{},"start_time":{}}}"#, std::process::id(), start_time()).unwrap();

    let _others = [spec.ws, spec.dashboard].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", spec.mqtt)).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut packet = [0; 64];
        if stream.read(&mut packet).is_ok_and(|read| read > 12 && packet.starts_with(b"\x10")) {
            let _ = stream.write_all(b"\x20\x02\x00\x00");
        }
    }
}

fn start_time() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    after_name.split_ascii_whitespace().nth(19).unwrap().parse().unwrap()
}
