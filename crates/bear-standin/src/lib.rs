//! A stand-in for EMQX's container image, for tests: what bear can't tell from EMQX, as far as it depends on it.
//!
//! MQTT is spoken by bear's own broker, behind EMQX's four listeners. The dashboard's HTTP contract, the variables,
//! the users and `emqx ctl` are written after what real brokers of 5.0.9 and 5.8.9 were seen to do, and a test holds
//! the answers against those recordings. Sessions and retained messages are gone after a restart, as with EMQX. There
//! are no clusters, and the settings that are not in `settings` are taken without effect.
//!
//! # The version
//!
//! `EMQX_STANDIN_VERSION`, which the image sets, says whose contract is kept: see `version`.
//!
//! # Knobs
//!
//! Some tests need a broker that goes wrong. `EMQX_STANDIN_FAULTS`, and the file `standin-faults` in the data folder,
//! are read at every boot and hold these words, with spaces, commas or lines between them:
//!
//! | word | what goes wrong |
//! | --- | --- |
//! | `never-ready` | the dashboard answers, the broker says that it is stopped, no MQTT listener opens |
//! | `crash` | the process logs an error and exits with 1 in mid-boot |
//! | `default-password-stays` | `admin` is let in with `public`, whatever the password is |
//! | `version=X` | it says that it is version X, and behaves as the one that it is |
//! | `drop-mqtt` | connections to the MQTT listeners are closed as soon as they are there |
//! | `rejoins` | a second after it was up it stops its listeners for two, as a node does that joins a cluster |
//!
//! `EMQX_STANDIN_BOOT_MS` is the time from the start to the first listener, 1500 unless it is set.

mod api;
mod boot;
mod broker;
mod cli;
mod ctl;
mod faults;
mod hocon;
mod http;
mod known;
mod listeners;
mod log;
mod node;
mod sessions;
mod settings;
mod tls;
mod users;
mod version;

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Does what `emqx` does with these words and variables; the answer is the exit status. With `--root DIR` as the
/// first two words, everything that EMQX has below `/opt/emqx` is below DIR.
pub fn run(words: impl Iterator<Item = String>, variables: impl Iterator<Item = (String, String)>) -> u8 {
    let words: Vec<String> = words.collect();
    let environment: BTreeMap<String, String> = variables.collect();
    match &words[..] {
        [option, root, words @ ..] if option == "--root" => {
            cli::run(&PathBuf::from(root), words, &environment)
        }
        words => cli::run(&PathBuf::from("/opt/emqx"), words, &environment),
    }
}
