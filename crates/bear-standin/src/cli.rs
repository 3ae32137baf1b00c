//! The words behind `emqx`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use tokio::runtime;

use crate::boot::Boot;
use crate::ctl;
use crate::hocon::{self, Value};

/// Does what `emqx WORDS…` does, with `root` for `/opt/emqx`; the answer is the exit status.
pub(crate) fn run(root: &Path, words: &[String], environment: &BTreeMap<String, String>) -> u8 {
    let data = root.join("data");
    match words.first().map_or("", String::as_str) {
        "foreground" => foreground(root, environment),
        "check_config" => Boot::read(root, environment).map_or_else(|error| fail(&error), |_| 0),
        "start" if ctl::ask(&data, &[String::from("ping")], None).is_some() => {
            fail("ERROR: node_is_already_running!")
        }
        "ping" | "pid" | "ctl" | "stop" => command(&data, words, environment),
        _ => {
            print(USAGE);
            1
        }
    }
}

fn foreground(root: &Path, environment: &BTreeMap<String, String>) -> u8 {
    let boot = match Boot::read(root, environment) {
        Ok(boot) => boot,
        Err(error) => return fail(&error),
    };
    let runtime = match runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let outcome = runtime.block_on(boot.run());
    runtime.shutdown_background();
    outcome.map_or_else(|error| fail(&error), |()| 0)
}

fn command(data: &Path, words: &[String], environment: &BTreeMap<String, String>) -> u8 {
    // Where the variable is not set, EMQX finds the cookie of the node that runs.
    let cookie = environment.get("EMQX_NODE__COOKIE").map(|given| match hocon::parse(given) {
        Value::Text(text) => text,
        _ => given.clone(),
    });
    let wrong_cookie = cookie.is_some() && ctl::ask(data, &[String::from("ping")], None).is_some();
    let Some(said) = ctl::ask(data, words, cookie) else {
        if wrong_cookie {
            let name = environment.get("EMQX_NODE_NAME").map_or("emqx@127.0.0.1", String::as_str);
            print(&format!("Node '{name}' not responding to pings.\n"));
        }
        return fail("ERROR: node_is_not_running!");
    };
    if words == ["stop"] && !ctl::wait_for_end(data) {
        return fail("ERROR: the node did not stop in time");
    }
    print(&said.text);
    said.code
}

fn print(text: &str) {
    // Nobody may listen any more.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn fail(error: &str) -> u8 {
    let _ = writeln!(std::io::stderr().lock(), "{error}");
    1
}

const USAGE: &str = "Usage: emqx COMMAND [help]

Commonly used COMMANDs:
  foreground: Start EMQX in foreground mode without an interactive shell
  stop:       Stop the running EMQX node
  ctl:        Administration commands, execute 'emqx ctl help' for more details

More:
  Runtime info:  pid | ping
  Validate Config:  check_config
";
