//! What can go wrong while a script runs, in words: the same for every executor, but for where it happened.

use std::io;
use std::path::Path;
use std::time::Duration;

use bear_core::event::StepError;

use crate::conversation::{Ending, Hearing};
use crate::{Exit, Outcome, Privilege, Transcript};

/// The executor that a script ran through, for codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Ssh,
    Local,
}

/// Makes the errors of scripts.
#[derive(Clone, Copy)]
pub(crate) struct Trouble<'a> {
    pub(crate) way: Way,
    /// The machine, such as `ubuntu@192.0.2.10:22`.
    pub(crate) place: &'a str,
    pub(crate) privilege: Privilege,
    /// How long the script was given.
    pub(crate) deadline: Duration,
}

impl Trouble<'_> {
    /// What came of a script, or why nothing did. `connected` tells whether the machine can still be reached.
    pub(crate) fn judge(
        self,
        ending: Ending,
        hearing: Hearing<'_>,
        connected: bool,
    ) -> Result<Outcome, StepError> {
        let Hearing { transcript, greeting, .. } = hearing;
        match ending {
            Ending::Exited { status, .. } => Ok(Outcome { exit: Exit::from_shell(status), transcript }),
            Ending::Silence { .. } if !connected => Err(self.lost(&transcript)),
            Ending::NoSudo => Err(self.no_sudo()),
            Ending::Silence { begun: true } => Err(self.killed(&transcript)),
            Ending::Silence { begun: false } => Err(self.not_begun(&greeting)),
            Ending::Deadline { ended } => Err(self.deadline(ended, &transcript)),
        }
    }

    /// The connection is gone.
    pub(crate) fn lost(self, transcript: &Transcript) -> StepError {
        let Self { place, .. } = self;
        let what = match self.way {
            Way::Ssh => format!("the connection to {place} was lost while a script ran"),
            Way::Local => format!("the shell on {place} went away while a script ran"),
        };
        StepError::transient(self.code("bear::ssh::lost", "bear::local::lost"), what)
            .with_help(
                "whether it ran to its end is not known; applying again goes on from where the host is",
            )
            .with_last_lines(&transcript.to_string())
    }

    fn killed(self, transcript: &Transcript) -> StepError {
        let Self { place, .. } = self;
        StepError::transient(
            self.code("bear::ssh::killed", "bear::local::killed"),
            format!("a script on {place} was killed, together with the shell that watched it"),
        )
        .with_help("look for the reason in the host's log, such as too little memory: `journalctl -k`")
        .with_last_lines(&transcript.to_string())
    }

    fn deadline(self, ended: bool, transcript: &Transcript) -> StepError {
        let Self { place, deadline, .. } = self;
        let seconds = deadline.as_secs_f64();
        let ended =
            if ended { "its processes were ended" } else { "whether its processes have ended is not known" };
        StepError::permanent(
            self.code("bear::ssh::deadline", "bear::local::deadline"),
            format!("a script on {place} did not end within {seconds} s; {ended}"),
        )
        .with_help("its last lines show where it stood; `--timeout` gives it more time")
        .with_last_lines(&transcript.to_string())
    }

    /// Time was up before the script was sent.
    pub(crate) fn never_begun(self) -> StepError {
        let Self { place, deadline, .. } = self;
        let seconds = deadline.as_secs_f64();
        StepError::transient(
            self.code("bear::ssh::deadline", "bear::local::deadline"),
            format!(
                "a script on {place} could not begin within {seconds} s: no connection, or no session left"
            ),
        )
        .with_help("nothing was done there; `--timeout` gives it more time")
    }

    fn no_sudo(self) -> StepError {
        let Self { place, .. } = self;
        StepError::permanent(
            self.code("bear::ssh::sudo_missing", "bear::local::sudo_missing"),
            format!("becoming root on {place}: there is no sudo"),
        )
        .with_help("install sudo there and let this user run it without a password, or log in as root")
    }

    /// The shell that should have run the script never did.
    fn not_begun(self, greeting: &Transcript) -> StepError {
        let Self { place, .. } = self;
        let text = greeting.to_string();
        let last = greeting.lines().next_back().unwrap_or("without a word").to_owned();
        let error = match self.privilege {
            Privilege::User => StepError::permanent(
                self.code("bear::ssh::no_shell", "bear::local::no_shell"),
                format!("running a shell on {place}: {last}"),
            )
            .with_help("the user needs a login shell that runs commands, and the host a POSIX `sh`"),
            Privilege::Root if text.lines().any(misses_sudo) => self.no_sudo(),
            Privilege::Root if text.contains("password") => StepError::permanent(
                self.code("bear::ssh::sudo_password", "bear::local::sudo_password"),
                format!("becoming root on {place}: sudo asks for a password"),
            )
            .with_help(
                "let this user run sudo without one: `USER ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d",
            ),
            Privilege::Root => StepError::permanent(
                self.code("bear::ssh::sudo_refused", "bear::local::sudo_refused"),
                format!("becoming root on {place}: {last}"),
            )
            .with_help("let this user run sudo without a password and without a terminal, or log in as root"),
        };
        error.with_last_lines(&text)
    }

    fn code(self, ssh: &'static str, local: &'static str) -> &'static str {
        match self.way {
            Way::Ssh => ssh,
            Way::Local => local,
        }
    }
}

/// Whether a login shell says that there is no sudo, be it dash, bash, zsh, fish or csh. What sudo itself does not find it
/// names after its own name.
fn misses_sudo(line: &str) -> bool {
    let line = line.to_lowercase();
    ["sudo: not found", "sudo: command not found"].iter().any(|end| line.trim_end_matches('.').ends_with(end))
        || ["not found: sudo", "unknown command: sudo"].iter().any(|end| line.ends_with(end))
}

/// Errors of uploads.
impl Trouble<'_> {
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> StepError {
        StepError::permanent("bear::upload::unreadable", format!("reading {}: {error}", path.display()))
            .with_help("the fleet file names it: see that it is there, and that you may read it")
    }

    pub(crate) fn damaged(place: &str, path: &str) -> StepError {
        StepError::transient(
            "bear::upload::damaged",
            format!("writing {path} on {place}: what arrived is not what was sent"),
        )
        .with_help("nothing was changed; if it comes again, the file changes while it is sent")
    }

    pub(crate) fn not_written(place: &str, path: &str, exit: Exit, transcript: &Transcript) -> StepError {
        let last = transcript.lines().next_back().map_or_else(|| exit.to_string(), str::to_owned);
        StepError::permanent("bear::upload::not_written", format!("writing {path} on {place}: {last}"))
            .with_help("the folder must be there, writable for this user and with room for the file")
            .with_last_lines(&transcript.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors of a script that was run in this way, as text.
    fn told(way: Way, place: &str) -> String {
        let trouble = |privilege| Trouble { way, place, privilege, deadline: Duration::from_mins(15) };
        let (user, root) = (trouble(Privilege::User), trouble(Privilege::Root));
        let mut written = Transcript::default();
        written.push("Unpacking docker-ce ...");
        let mut refused = Transcript::default();
        refused.push("ops is not in the sudoers file.");
        let mut asked = Transcript::default();
        asked.push("sudo: a password is required");
        let mut no_shell = Transcript::default();
        no_shell.push("This account is currently not available.");
        let errors = [
            user.lost(&written),
            user.killed(&written),
            user.deadline(true, &written),
            user.not_begun(&no_shell),
            root.no_sudo(),
            root.not_begun(&asked),
            root.not_begun(&refused),
        ];
        errors.each_ref().map(StepError::told).concat()
    }

    #[test]
    fn of_a_host() {
        insta::assert_snapshot!(told(Way::Ssh, "ubuntu@192.0.2.10:22"), @"
        bear::ssh::lost: the connection to ubuntu@192.0.2.10:22 was lost while a script ran
          | Unpacking docker-ce ...
          help: whether it ran to its end is not known; applying again goes on from where the host is
        bear::ssh::killed: a script on ubuntu@192.0.2.10:22 was killed, together with the shell that watched it
          | Unpacking docker-ce ...
          help: look for the reason in the host's log, such as too little memory: `journalctl -k`
        bear::ssh::deadline: a script on ubuntu@192.0.2.10:22 did not end within 900 s; its processes were ended
          | Unpacking docker-ce ...
          help: its last lines show where it stood; `--timeout` gives it more time
        bear::ssh::no_shell: running a shell on ubuntu@192.0.2.10:22: This account is currently not available.
          | This account is currently not available.
          help: the user needs a login shell that runs commands, and the host a POSIX `sh`
        bear::ssh::sudo_missing: becoming root on ubuntu@192.0.2.10:22: there is no sudo
          help: install sudo there and let this user run it without a password, or log in as root
        bear::ssh::sudo_password: becoming root on ubuntu@192.0.2.10:22: sudo asks for a password
          | sudo: a password is required
          help: let this user run sudo without one: `USER ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d
        bear::ssh::sudo_refused: becoming root on ubuntu@192.0.2.10:22: ops is not in the sudoers file.
          | ops is not in the sudoers file.
          help: let this user run sudo without a password and without a terminal, or log in as root
        ");
    }

    #[test]
    fn of_this_machine() {
        insta::assert_snapshot!(told(Way::Local, "this machine"), @"
        bear::local::lost: the shell on this machine went away while a script ran
          | Unpacking docker-ce ...
          help: whether it ran to its end is not known; applying again goes on from where the host is
        bear::local::killed: a script on this machine was killed, together with the shell that watched it
          | Unpacking docker-ce ...
          help: look for the reason in the host's log, such as too little memory: `journalctl -k`
        bear::local::deadline: a script on this machine did not end within 900 s; its processes were ended
          | Unpacking docker-ce ...
          help: its last lines show where it stood; `--timeout` gives it more time
        bear::local::no_shell: running a shell on this machine: This account is currently not available.
          | This account is currently not available.
          help: the user needs a login shell that runs commands, and the host a POSIX `sh`
        bear::local::sudo_missing: becoming root on this machine: there is no sudo
          help: install sudo there and let this user run it without a password, or log in as root
        bear::local::sudo_password: becoming root on this machine: sudo asks for a password
          | sudo: a password is required
          help: let this user run sudo without one: `USER ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d
        bear::local::sudo_refused: becoming root on this machine: ops is not in the sudoers file.
          | ops is not in the sudoers file.
          help: let this user run sudo without a password and without a terminal, or log in as root
        ");
    }

    #[test]
    fn no_sudo_is_told_by_every_shell() {
        for line in [
            "sh: 1: exec: sudo: not found",
            "bash: line 1: exec: sudo: not found",
            "-bash: sudo: command not found",
            "zsh:1: command not found: sudo",
            "fish: Unknown command: sudo",
            "sudo: Command not found.",
        ] {
            assert!(misses_sudo(line), "{line}");
        }
        for line in ["sudo: timeout: command not found", "sudo: a password is required", "bash: not found"] {
            assert!(!misses_sudo(line), "{line}");
        }
    }

    #[test]
    fn of_an_upload() {
        let (place, path) = ("ubuntu@192.0.2.10:22", "/var/lib/bear/image.tar");
        let mut written = Transcript::default();
        written.push("sh: 1: cannot create /var/lib/bear/image.tar: No space left on device");
        let absent = io::Error::from_raw_os_error(2);
        let errors = [
            Trouble::unreadable(Path::new("images/emqx.tar"), &absent),
            Trouble::damaged(place, path),
            Trouble::not_written(place, path, Exit::Status(2), &written),
        ];
        insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
        bear::upload::unreadable: reading images/emqx.tar: No such file or directory (os error 2)
          help: the fleet file names it: see that it is there, and that you may read it
        bear::upload::damaged: writing /var/lib/bear/image.tar on ubuntu@192.0.2.10:22: what arrived is not what was sent
          help: nothing was changed; if it comes again, the file changes while it is sent
        bear::upload::not_written: writing /var/lib/bear/image.tar on ubuntu@192.0.2.10:22: sh: 1: cannot create /var/lib/bear/image.tar: No space left on device
          | sh: 1: cannot create /var/lib/bear/image.tar: No space left on device
          help: the folder must be there, writable for this user and with room for the file
        ");
    }
}
