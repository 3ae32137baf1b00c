//! The shell program that a script runs in, and the marks by which it tells what became of the script.
//!
//! A shell reads its commands from its standard input: first the program, then each script as one quoted word of one
//! command. A shell runs no command before all of it has arrived, so a script that was cut off on the way does nothing.
//! While it runs, the program watches the standard input: when that ends before the script does, it ends the script's
//! process group. Last, it prints a mark with the script's exit status, so that a script that ended, a script that was
//! killed and a connection that was lost can't be taken for each other.

use std::time::Duration;

use crate::Privilege;

/// How long processes may take to end after SIGTERM before they are killed; the programs below say the same.
pub(crate) const KILL_AFTER: Duration = Duration::from_secs(5);

/// Chooses how the shell is run. Its arguments: who to run as, the limit in seconds, and the nonce. Who can't write to `/`
/// is not root, so nothing has to be started to know it. The shell's own argument tells whoever looks at the processes of
/// a host whose it is. A login shell may be csh, which takes no line break here, and an exclamation mark for the past
/// unless a space follows it.
const LAUNCHER: &str = r#"as=$1; limit=$2; nonce=$3; set -- sh -s bear; \
if command -v timeout >/dev/null 2>&1; then set -- timeout -k 5 "$limit" "$@"; fi; \
if [ "$as" = root ] && { [ ! -w / ] || [ "$(id -u)" -gt 0 ]; }; then \
if command -v sudo >/dev/null 2>&1; then set -- sudo -n -- "$@"; \
else printf "\n%s no-sudo\n" "$nonce"; exit 0; fi; fi; exec "$@""#;

/// Defines `bear_begin NONCE`, and `bear_run SCRIPT INPUT end|keep NONCE`, where INPUT is how many bytes the script gets as
/// its standard input. It is one line, so that whatever eats a part of it leaves nothing that a shell would run.
///
/// Input is waited for before the watcher could read it; then the input that ends too soon is what ends the script. A
/// shell reads ahead, so the input may be sent only once the mark asks for it.
const PROGRAM: &str = r#"exec 3<&0; \
bear_begin() { bear_nonce=$1; printf "\n%s begin\n" "$1"; printf "\n%s begin\n" "$1" >&2; }; \
bear_run() { [ "$4" = "$bear_nonce" ] || exit 1; if [ "$2" -eq 0 ]; then \
(trap "" TERM HUP INT; read -r bear_line <&3; kill -TERM 0; sleep 5; kill -KILL 0) >/dev/null 2>&1 & bear_watch=$!; \
(bear_script=$1; set --; eval "$bear_script") </dev/null 3<&-; bear_status=$?; \
{ kill -KILL "$bear_watch"; wait "$bear_watch"; } 2>/dev/null; \
else printf "\n%s input\n" "$4"; \
head -c "$2" <&3 | (bear_script=$1; set --; eval "$bear_script") 3<&-; bear_status=$?; fi; \
printf "\n%s end\n" "$4" >&2; printf "\n%s end %s\n" "$4" "$bear_status"; [ "$3" = keep ] || exit 0; }"#;

/// One script on its way: what tells its marks from all that it may write.
pub(crate) struct Wrapper {
    nonce: String,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The wrapper runs.
    Begin,
    /// The script waits for its input.
    Input,
    /// There is no sudo.
    NoSudo,
    /// Nothing more comes; on standard output with the status of the script.
    End(Option<u8>),
}

/// What becomes of the shell after its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It waits for another one.
    Keep,
    /// It ends.
    End,
}

impl Wrapper {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self { nonce: bytes.iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    /// The command that runs the shell, program first. `user` is who is logged in, where that is known. `limit` is a last
    /// resort for when nobody is there any more to close the standard input.
    pub(crate) fn argv(&self, privilege: Privilege, user: Option<&str>, limit: Duration) -> Vec<String> {
        let limit = limit.as_secs().max(1).to_string();
        if privilege == Privilege::Root && user.is_some_and(|user| user != "root") {
            // Nothing is left to find out there, and a host is spared a shell.
            let shell = ["sudo", "-n", "--", "timeout", "-k", "5", &limit, "sh", "-s", "bear"];
            return shell.map(str::to_owned).to_vec();
        }
        let privilege = match privilege {
            Privilege::User => "user",
            Privilege::Root => "root",
        };
        let launcher = one_line(LAUNCHER);
        ["sh", "-c", &launcher, "bear", privilege, &limit, &self.nonce].map(str::to_owned).to_vec()
    }

    /// What is sent to a shell that was just started.
    pub(crate) fn opening(&self) -> String {
        format!("{}\n{}", one_line(PROGRAM), self.announcement())
    }

    /// The line that announces a script: the shell answers that it begins.
    pub(crate) fn announcement(&self) -> String {
        format!("bear_begin {}\n", self.nonce)
    }

    /// The script as it is sent, for a shell that waits for more scripts, or ends.
    pub(crate) fn script(&self, text: &str, input_length: u64, then: Then) -> String {
        let then = match then {
            Then::Keep => "keep",
            Then::End => "end",
        };
        format!("bear_run {} {input_length} {then} {}\n", quote(text), self.nonce)
    }

    /// What the line says, if it is a mark.
    pub(crate) fn mark(&self, line: &[u8]) -> Option<Mark> {
        let rest = line.strip_prefix(self.nonce.as_bytes())?.strip_prefix(b" ")?;
        match rest {
            b"begin" => Some(Mark::Begin),
            b"input" => Some(Mark::Input),
            b"no-sudo" => Some(Mark::NoSudo),
            b"end" => Some(Mark::End(None)),
            _ => {
                let status = rest.strip_prefix(b"end ")?;
                Some(Mark::End(Some(str::from_utf8(status).ok()?.parse().ok()?)))
            }
        }
    }
}

/// Takes out the line continuations, which a shell would not join within single quotes.
fn one_line(program: &str) -> String {
    program.replace("\\\n", "")
}

/// The command as one text for a shell.
pub(crate) fn command_line(argv: &[String]) -> String {
    argv.iter().fold("exec".to_owned(), |line, argument| line + " " + &quote(argument))
}

/// The text as one word for a shell.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_lines_with_the_nonce_are_marks() {
        let wrapper = Wrapper { nonce: "abc".into() };
        let check = |line: &str| wrapper.mark(line.as_bytes());
        assert_eq!(check("abc begin"), Some(Mark::Begin));
        assert_eq!(check("abc end 0"), Some(Mark::End(Some(0))));
        assert_eq!(check("abc end 255"), Some(Mark::End(Some(255))));
        assert_eq!(check("abc end 256"), None);
        assert_eq!(check("abcd begin"), None);
        assert_eq!(check(" abc begin"), None);
        assert_eq!(check("end 0"), None);
    }

    #[test]
    fn every_login_shell_can_read_the_command() {
        let line = one_line(LAUNCHER);
        assert!(!line.replace("! ", "").contains(['\'', '!', '\n']), "{line}");
    }

    /// What a shell prints that was sent the first `length` bytes, or all, of a script that says `ran`.
    fn sent(shell: &str, length: usize) -> (usize, String) {
        let wrapper = Wrapper { nonce: "abc".into() };
        let all = wrapper.opening() + &wrapper.script("echo \"it's ran\"", 0, Then::End);
        let length = length.min(all.len());
        // A group of its own, which the watcher ends.
        let mut child = Command::new("timeout")
            .args(["60", shell, "-s", "bear"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&all.as_bytes()[..length]).unwrap();
        // What is whole runs before its input ends; what is not waits for its end.
        let held = (length == all.len()).then_some(stdin);
        let output = child.wait_with_output().unwrap();
        drop(held);
        (all.len(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn a_script_that_is_cut_off_anywhere_does_nothing() {
        for shell in ["sh", "bash"] {
            let (length, whole) = sent(shell, usize::MAX);
            assert_eq!(whole, "\nabc begin\nit's ran\n\nabc end 0\n");
            // Without the line break at its end it is all there.
            for cut in 0..length - 1 {
                let (_, told) = sent(shell, cut);
                assert!(!told.contains("ran") && !told.contains("end"), "{shell}, {cut} bytes: {told}");
            }
        }
    }

    #[test]
    fn a_quoted_text_is_one_word() {
        insta::assert_snapshot!(quote("it's $(reboot)"), @r"'it'\''s $(reboot)'");
    }
}
