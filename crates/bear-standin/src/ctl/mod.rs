//! `emqx ping`, `stop`, `pid` and `ctl`: how a command reaches the node, and what it says.
//!
//! Where EMQX uses Erlang's distribution, this is a socket in the data folder. A command of another cookie is not
//! heard, as there.

mod commands;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream as Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::node::Node;

/// How long a command or its answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// EMQX waits so long for a node to end.
const STOP: Duration = Duration::from_mins(2);
const BYTES: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Command {
    words: Vec<String>,
    cookie: Option<String>,
}

/// What a command said, and its exit status.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) code: u8,
}

impl Said {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 0 }
    }
}

/// Where the node listens for commands.
pub(crate) fn socket(data: &Path) -> PathBuf {
    data.join("standin.sock")
}

/// Hands a command to the node of this data folder; none if no node hears it.
pub(crate) fn ask(data: &Path, words: &[String], cookie: Option<String>) -> Option<Said> {
    let ask = || -> io::Result<Said> {
        let mut connection = Connection::connect(socket(data))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(&Command { words: words.to_vec(), cookie })?;
        line.push(b'\n');
        connection.write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(connection).read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    };
    ask().ok()
}

/// Waits until nobody listens for commands any more; `false` if that takes too long.
pub(crate) fn wait_for_end(data: &Path) -> bool {
    let until = Instant::now() + STOP;
    while Connection::connect(socket(data)).is_ok() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// Answers commands for as long as it is polled.
pub(crate) async fn serve(listener: UnixListener, node: Arc<Node>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let node = Arc::clone(&node);
                tokio::spawn(async move {
                    // Whoever asked has gone away, or takes too long: nothing to do about it.
                    let _ = timeout(PATIENCE, answer(stream, &node)).await;
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: UnixStream, node: &Node) -> io::Result<()> {
    let mut line = Vec::new();
    let mut limited = (&mut stream).take(BYTES);
    while line.last() != Some(&b'\n') {
        if limited.read_buf(&mut line).await? == 0 {
            return Ok(());
        }
    }
    let command: Command = serde_json::from_slice(&line)?;
    if command.cookie.is_some_and(|cookie| cookie != node.settings.cookie) {
        return Ok(());
    }
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let said = match words[..] {
        ["stop"] => Said::new("ok\n"),
        // Commands write files and wait for ports.
        _ => tokio::task::block_in_place(|| commands::run(node, &words)),
    };
    let mut said = serde_json::to_vec(&said)?;
    said.push(b'\n');
    stream.write_all(&said).await?;
    if words == ["stop"] {
        node.stop.notify_one();
    }
    Ok(())
}
