//! The shell program that a script runs in, and the marks by which it tells what became of the script.
//!
//! It reads the whole script before it runs any of it, so that one that was cut off on the way does nothing. Then it
//! watches its standard input: when that ends before the script does, it ends the script's process group. Last, it
//! prints a mark with the script's exit status, so that a script that ended, a script that was killed and a connection
//! that was lost can't be taken for each other.

use std::time::Duration;

use crate::Privilege;

/// How long processes may take to end after SIGTERM before they are killed; the programs below say the same.
pub(crate) const KILL_AFTER: Duration = Duration::from_secs(5);

/// Chooses how the wrapper is run. Its arguments: who to run as, the limit in seconds, and those of `sh -c` after
/// [`WRAPPER`]. Who can't write to `/` is not root, so nothing has to be started to know it. A login shell may be csh,
/// which takes no line break here, and an exclamation mark for the past unless a space follows it.
const LAUNCHER: &str = r#"as=$1; limit=$2; nonce=$5; shift 2; set -- sh -c "$@"; \
if command -v timeout >/dev/null 2>&1; then set -- timeout -k 5 "$limit" "$@"; fi; \
if [ "$as" = root ] && { [ ! -w / ] || [ "$(id -u)" -gt 0 ]; }; then \
if command -v sudo >/dev/null 2>&1; then set -- sudo -n -- "$@"; \
else printf "\n%s no-sudo\n" "$nonce"; exit 0; fi; fi; exec "$@""#;

/// Its arguments: the nonce, the lengths in bytes of the script and of the input that the script gets, and whether it
/// is kept for more scripts. Then a line with the nonce and the length of the next one, without input, is what it waits
/// for; it says that it begins before any of that script is sent.
///
/// The watcher is not started while there is input, for it would read it; then the input that ends too soon is what
/// ends the script.
const WRAPPER: &str = r#"exec 3<&0 </dev/null; while :; do \
printf "\n%s begin\n" "$1"; printf "\n%s begin\n" "$1" >&2; bear_script=$(head -c "$2" <&3); \
case $bear_script in *"$1") ;; *) printf "\n%s cut\n" "$1"; exit 1 ;; esac; \
if [ "$3" = 0 ]; then \
(trap "" TERM HUP INT; read -r bear_line <&3; kill -TERM 0; sleep 5; kill -KILL 0) >/dev/null 2>&1 & bear_watch=$! ; \
(set --; eval "$bear_script") 3<&-; bear_status=$?; \
{ kill -KILL "$bear_watch"; wait "$bear_watch"; } 2>/dev/null; \
else head -c "$3" <&3 | (set --; eval "$bear_script") 3<&-; bear_status=$?; fi; \
printf "\n%s end\n" "$1" >&2; printf "\n%s end %s\n" "$1" "$bear_status"; \
if [ "$4" = end ]; then exit 0; fi; \
read -r bear_nonce bear_length <&3 || exit 0; set -- "$bear_nonce" "$bear_length" 0 keep; done"#;

/// One script on its way: what tells its marks from all that it may write.
pub(crate) struct Wrapper {
    nonce: String,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The wrapper runs.
    Begin,
    /// The script did not arrive whole, and was not run.
    Cut,
    /// There is no sudo.
    NoSudo,
    /// Nothing more comes; on standard output with the status of the script.
    End(Option<u8>),
}

impl Wrapper {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self { nonce: bytes.iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    /// The command that runs the script, program first. `limit` is a last resort for when nobody is there any more to
    /// close the standard input.
    pub(crate) fn argv(
        &self,
        privilege: Privilege,
        limit: Duration,
        script_length: usize,
        input_length: u64,
        keep: bool,
    ) -> Vec<String> {
        let privilege = match privilege {
            Privilege::User => "user",
            Privilege::Root => "root",
        };
        let limit = limit.as_secs().max(1);
        let (launcher, wrapper) = (one_line(LAUNCHER), one_line(WRAPPER));
        let rest = [privilege, &limit.to_string(), &wrapper, "bear", &self.nonce].map(str::to_owned);
        let then = if keep { "keep" } else { "end" };
        let last = [script_length.to_string(), input_length.to_string(), then.to_owned()];
        ["sh".into(), "-c".into(), launcher, "bear".into()].into_iter().chain(rest).chain(last).collect()
    }

    /// The line that announces a script to a shell that was kept.
    pub(crate) fn announcement(&self, script_length: usize) -> String {
        format!("{} {script_length}\n", self.nonce)
    }

    /// The script as it is sent, with the mark that shows that it arrived whole.
    pub(crate) fn script(&self, text: &str) -> String {
        format!("{text}\n# {}", self.nonce)
    }

    /// What the line says, if it is a mark.
    pub(crate) fn mark(&self, line: &[u8]) -> Option<Mark> {
        let rest = line.strip_prefix(self.nonce.as_bytes())?.strip_prefix(b" ")?;
        match rest {
            b"begin" => Some(Mark::Begin),
            b"cut" => Some(Mark::Cut),
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
        for program in [LAUNCHER, WRAPPER] {
            let line = one_line(program);
            assert!(!line.replace("! ", "").contains(['\'', '!', '\n']), "{line}");
        }
    }

    #[test]
    fn a_quoted_text_is_one_word() {
        insta::assert_snapshot!(quote("it's $(reboot)"), @r"'it'\''s $(reboot)'");
    }
}
