//! Talking with the wrapper of a script: sending the script, hearing what it writes, and ending it in time.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::lines::{Lines, RawLine};
use crate::wrapper::{KILL_AFTER, Mark, Wrapper};
use crate::{Line, OnLine, Redactor, Stream, Transcript};

/// How many bytes of a line are shown.
const LINE_MAX: usize = 8 * 1024;

/// How long the last of standard error may take after the script has ended.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// How long a shell that was kept may take to say that it is still there.
const RESUME_MAX: Duration = Duration::from_secs(5);

/// How long processes may take to be gone once they are told to end: the wrapper kills them after [`KILL_AFTER`].
const ENDING_MAX: Duration = KILL_AFTER.saturating_add(Duration::from_secs(3));

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// The standard streams of a wrapper.
pub(crate) struct Pipes {
    /// While it is open, the wrapper runs what it was sent, and may be sent more.
    pub(crate) stdin: Option<Writer>,
    pub(crate) stdout: Reader,
    pub(crate) stderr: Reader,
}

/// What is sent to the wrapper.
pub(crate) struct Message {
    /// The script as [`Wrapper::script`] makes it, and what comes before it.
    pub(crate) script: String,
    /// What the script gets as its standard input once it asks for it, and how many bytes it waits for.
    pub(crate) input: Option<(Reader, u64)>,
    /// Whether the wrapper has said already that it begins, because it was kept.
    pub(crate) begun: bool,
}

/// What became of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ended with this status, as a shell tells it.
    Exited {
        status: u8,
        /// Whether both streams have told of the end, so that what comes next on them is not this script's.
        in_step: bool,
    },
    /// There is no sudo, so it was not run.
    NoSudo,
    /// Its streams ended without a word about it: its wrapper or the connection is gone.
    Silence {
        /// Whether the wrapper ran at all.
        begun: bool,
    },
    /// It took too long.
    Deadline {
        /// Whether its processes are known to have ended.
        ended: bool,
    },
}

/// Sends the script, hands on each line that it writes, and returns once it ended. Dropping the pipes closes the standard
/// input of the wrapper, which ends the script.
pub(crate) async fn converse(
    wrapper: &Wrapper,
    pipes: &mut Pipes,
    message: Message,
    deadline: Instant,
    hearing: &mut Hearing<'_>,
) -> Ending {
    let Pipes { stdin, stdout, stderr } = pipes;
    let wants_input = Notify::new();
    let mut ears = Ears::new(wrapper, (stdout, stderr), message.begun, hearing, &wants_input);
    let in_time = async {
        // Boxed, for it is big.
        let mut feeding = Box::pin(feed(stdin, message, &wants_input));
        let mut fed = false;
        loop {
            tokio::select! {
                ending = ears.listen() => break ending,
                () = &mut feeding, if !fed => fed = true,
            }
        }
    };
    if let Ok(ending) = tokio::time::timeout_at(deadline, in_time).await {
        return ending;
    }
    *stdin = None;
    Ending::Deadline { ended: timeout(ENDING_MAX, ears.hear_silence()).await.is_ok() }
}

/// Asks a wrapper that was kept whether it is still there, before any of the next script is sent.
pub(crate) async fn resume(wrapper: &Wrapper, pipes: &mut Pipes) -> bool {
    let Pipes { stdin: Some(stdin), stdout, stderr } = pipes else { return false };
    let (redactor, mut lines) = (Redactor::default(), |_: Line<'_>| {});
    let mut hearing = Hearing::new(&redactor, &mut lines);
    let nobody = Notify::new();
    let mut ears = Ears::new(wrapper, (stdout, stderr), false, &mut hearing, &nobody);
    let announcement = wrapper.announcement();
    let answer = async {
        stdin.write_all(announcement.as_bytes()).await?;
        stdin.flush().await?;
        Ok::<_, std::io::Error>(ears.hear_begin().await)
    };
    matches!(timeout(RESUME_MAX, answer).await, Ok(Ok(true)))
}

/// Returns only if the input can't be sent whole, and closes it then; otherwise the standard input stays open.
async fn feed(stdin: &mut Option<Writer>, message: Message, wants_input: &Notify) {
    // That nobody reads any more is for the ears to find out.
    let sent = match stdin.as_mut() {
        Some(stdin) => send(stdin, message, wants_input).await,
        None => false,
    };
    if sent {
        std::future::pending::<()>().await;
    }
    *stdin = None;
}

async fn send(stdin: &mut Writer, message: Message, wants_input: &Notify) -> bool {
    if stdin.write_all(message.script.as_bytes()).await.is_err() {
        return false;
    }
    if let Some((mut input, length)) = message.input {
        if stdin.flush().await.is_err() {
            return false;
        }
        wants_input.notified().await;
        match tokio::io::copy(&mut input, stdin).await {
            Ok(copied) if copied == length => {}
            _ => return false,
        }
    }
    stdin.flush().await.is_ok()
}

/// Who gets to hear what a script writes, and what is kept of it.
pub(crate) struct Hearing<'a> {
    redactor: &'a Redactor,
    lines: &'a mut OnLine<'a>,
    /// The last of what the script wrote.
    pub(crate) transcript: Transcript,
    /// The last of what came before the script: greetings of a login shell, or why it runs none.
    pub(crate) greeting: Transcript,
}

impl<'a> Hearing<'a> {
    pub(crate) fn new(redactor: &'a Redactor, lines: &'a mut OnLine<'a>) -> Self {
        Self { redactor, lines, transcript: Transcript::default(), greeting: Transcript::default() }
    }

    fn hear(&mut self, stream: Stream, begun: bool, line: RawLine<'_>) {
        let mut text = self.redactor.line(line.bytes, LINE_MAX);
        let left_out = line.left_out + line.bytes.len().saturating_sub(LINE_MAX);
        if left_out > 0 {
            text = format!("{text} … [{left_out} bytes left out]");
        }
        if begun {
            self.transcript.push(&text);
            (self.lines)(Line { stream, text: &text });
        } else {
            self.greeting.push(&text);
        }
    }
}

/// Both streams of a wrapper. Listening may be cut off and taken up again.
struct Ears<'a, 'h> {
    wrapper: &'a Wrapper,
    hearing: &'a mut Hearing<'h>,
    wants_input: &'a Notify,
    stdout: Ear<'a>,
    stderr: Ear<'a>,
}

impl<'a, 'h> Ears<'a, 'h> {
    fn new(
        wrapper: &'a Wrapper,
        (stdout, stderr): (&'a mut Reader, &'a mut Reader),
        begun: bool,
        hearing: &'a mut Hearing<'h>,
        wants_input: &'a Notify,
    ) -> Self {
        // Enough to see a secret whole that begins where the line is cut off.
        let line_max = LINE_MAX + hearing.redactor.longest();
        Self {
            wrapper,
            stdout: Ear::new(Stream::Stdout, stdout, begun, line_max),
            stderr: Ear::new(Stream::Stderr, stderr, begun, line_max),
            hearing,
            wants_input,
        }
    }

    async fn listen(&mut self) -> Ending {
        while self.stdout.open {
            self.hear_more().await;
        }
        // After an end mark a process that was left behind may hold standard error open for good.
        let _ = timeout(LAST_WORDS_MAX, async {
            while self.stderr.open {
                self.hear_more().await;
            }
        })
        .await;
        match self.stdout.last_mark {
            Some(Mark::End(Some(status))) => {
                Ending::Exited { status, in_step: self.stderr.last_mark == Some(Mark::End(None)) }
            }
            Some(Mark::NoSudo) => Ending::NoSudo,
            Some(Mark::Begin | Mark::Input | Mark::End(None)) => Ending::Silence { begun: true },
            None => Ending::Silence { begun: self.stdout.begun },
        }
    }

    /// Whether the wrapper begins, by the word of both streams.
    async fn hear_begin(&mut self) -> bool {
        while !(self.stdout.begun && self.stderr.begun) {
            if !(self.stdout.open && self.stderr.open) {
                return false;
            }
            self.hear_more().await;
        }
        self.stdout.open && self.stderr.open
    }

    /// Returns once no process holds the streams open.
    async fn hear_silence(&mut self) {
        while self.stdout.open || self.stderr.open {
            self.hear_more().await;
        }
    }

    /// Hears what comes next on either stream, at least one of which is open.
    async fn hear_more(&mut self) {
        let Self { wrapper, hearing, wants_input, stdout, stderr } = self;
        tokio::select! {
            count = stdout.reader.read(&mut stdout.buffer), if stdout.open => {
                stdout.take(count.unwrap_or(0), wrapper, hearing);
                if stdout.last_mark == Some(Mark::Input) {
                    wants_input.notify_one();
                }
            }
            count = stderr.reader.read(&mut stderr.buffer), if stderr.open => {
                stderr.take(count.unwrap_or(0), wrapper, hearing);
            }
        }
    }
}

/// One stream of a wrapper.
struct Ear<'a> {
    stream: Stream,
    reader: &'a mut Reader,
    buffer: Vec<u8>,
    lines: Lines,
    /// Whether more may come.
    open: bool,
    begun: bool,
    last_mark: Option<Mark>,
    /// Whether an empty line is held back. A mark begins with one, so that it stands alone whatever came before it.
    empty_line: bool,
}

impl<'a> Ear<'a> {
    const BUFFER: usize = 16 * 1024;

    fn new(stream: Stream, reader: &'a mut Reader, begun: bool, line_max: usize) -> Self {
        Self {
            stream,
            reader,
            buffer: vec![0; Self::BUFFER],
            lines: Lines::new(line_max),
            open: true,
            begun,
            last_mark: None,
            empty_line: false,
        }
    }

    /// Takes the first `count` bytes of the buffer; none means that the stream has ended.
    fn take(&mut self, count: usize, wrapper: &Wrapper, hearing: &mut Hearing<'_>) {
        let Self { stream, buffer, lines, open, begun, last_mark, empty_line, .. } = self;
        let mut each = |line: RawLine<'_>| {
            if !*open {
                return;
            }
            let mark = wrapper.mark(line.bytes);
            if *empty_line && mark.is_none() {
                hearing.hear(*stream, *begun, RawLine { bytes: b"", left_out: 0 });
            }
            *empty_line = mark.is_none() && line.bytes.is_empty();
            match mark {
                Some(mark) => {
                    *begun = true;
                    *open = matches!(mark, Mark::Begin | Mark::Input);
                    *last_mark = Some(mark);
                }
                None if *empty_line => {}
                None => hearing.hear(*stream, *begun, line),
            }
        };
        if count > 0 {
            lines.push(&buffer[..count], &mut each);
        } else {
            lines.end(&mut each);
            *open = false;
        }
    }
}
