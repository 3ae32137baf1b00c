//! The lines that a script writes for bear.
//!
//! Each is `bear:NONCE WORD …`. Everything else on the host's standard output is somebody else's.

use std::time::Duration;

use crate::cause::Cause;
use crate::render::Nonce;

/// One line that a script wrote for bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The script began.
    Begun {
        /// The process of its shell.
        pid: u32,
    },
    /// A block began.
    Started {
        /// Its name.
        block: String,
    },
    /// A block came to its end.
    Ended {
        /// Its name.
        block: String,
        /// What came of it.
        end: BlockEnd,
        /// How long it took.
        took: Duration,
    },
    /// Something learned about the host.
    Fact {
        /// What, such as `docker.version`.
        name: String,
        /// The value; empty if there is none.
        value: String,
    },
    /// Why the running block is about to fail.
    Why {
        /// The kind of reason.
        cause: Cause,
        /// The particulars.
        text: String,
    },
    /// One of the last lines that a failing block wrote.
    Last {
        /// Its name.
        block: String,
        /// The line.
        line: String,
    },
    /// The script came to its end.
    Finished {
        /// Whether every block is so now.
        ok: bool,
    },
}

/// What came of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockEnd {
    /// It was so already.
    Ok,
    /// It was not so, was applied, and is so now.
    Changed,
    /// It could not be made so.
    Failed {
        /// The exit status of the command that failed.
        status: u8,
    },
}

/// The version of these lines.
const VERSION: &str = "1";

impl Report {
    /// Reads one line, without its line end. Nothing if it is no report of the run with this nonce.
    pub fn parse(nonce: &Nonce, line: &str) -> Option<Self> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let rest = line.strip_prefix("bear:")?.strip_prefix(nonce.as_str())?.strip_prefix(' ')?;
        let (word, rest) = split(rest);
        Some(match word {
            "begin" => {
                let (version, pid) = split(rest);
                (version == VERSION).then_some(Self::Begun { pid: pid.parse().ok()? })?
            }
            "start" => Self::Started { block: name(rest)? },
            "ok" => ended(rest, |_| Some(BlockEnd::Ok))?,
            "changed" => ended(rest, |_| Some(BlockEnd::Changed))?,
            "failed" => ended(rest, |status| Some(BlockEnd::Failed { status: status.parse().ok()? }))?,
            "fact" => {
                let (fact, value) = split(rest);
                Self::Fact { name: name(fact)?, value: value.to_owned() }
            }
            "why" => {
                let (cause, text) = split(rest);
                Self::Why { cause: Cause::from_word(cause)?, text: text.to_owned() }
            }
            "last" => {
                let (block, line) = split(rest);
                Self::Last { block: name(block)?, line: line.to_owned() }
            }
            "end" => match rest {
                "ok" => Self::Finished { ok: true },
                "failed" => Self::Finished { ok: false },
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// The first word, and what follows the space after it.
fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn name(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!text.is_empty() && text.bytes().all(fits)).then(|| text.to_owned())
}

fn ended(rest: &str, end: impl Fn(&str) -> Option<BlockEnd>) -> Option<Report> {
    let (block, rest) = split(rest);
    let (seconds, status) = split(rest);
    let took = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(Report::Ended { block: name(block)?, end: end(status)?, took })
}
