//! The credentials that brokers ask for: where their passwords come from, and the passwords themselves.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use bear_core::fleet::Spec;
use bear_core::fleet::model::{Authentication, Broker, SecretRef};
use bear_engine::store::Secrets;
use bear_verify::Credentials;

use crate::fault::Fault;

/// How long a command that prints a secret may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(30);

/// The longest password, in bytes: MQTT carries no longer one (MQTT-1.5.6). More is a mistake, such as a wrong file.
const SECRET_MAX: u64 = 65_535;

/// How many characters a generated password has: 24 of 62 are 142 bits.
const GENERATED_LENGTH: usize = 24;

/// The credentials of a fleet's brokers, each resolved once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wallet {
    known: Vec<(Authentication, Credentials)>,
}

impl Wallet {
    /// Resolves what the brokers of `specs` ask for. Relative paths start at `project`.
    ///
    /// Generates the passwords that the fleet file leaves out, if `generate` says so; that needs the fleet's lock.
    ///
    /// # Errors
    ///
    /// A secret that can't be had; nothing is known about the brokers then, so nothing may be begun.
    pub(crate) fn open<'a>(
        specs: impl Iterator<Item = &'a Spec>,
        project: &Path,
        secrets: &Secrets,
        generate: bool,
    ) -> Result<Self, Fault> {
        let mut wallet = Self::default();
        for authentication in specs.filter_map(asked_for) {
            if wallet.find(authentication).is_none() {
                let credentials = resolve(authentication, project, secrets, generate)?;
                wallet.known.extend(credentials.map(|credentials| (authentication.clone(), credentials)));
            }
        }
        Ok(wallet)
    }

    /// What clients of a broker log in with; none if it lets anyone in.
    pub(crate) fn for_spec(&self, spec: &Spec) -> Option<&Credentials> {
        self.find(asked_for(spec)?)
    }

    fn find(&self, authentication: &Authentication) -> Option<&Credentials> {
        self.known.iter().find(|(known, _)| known == authentication).map(|(_, credentials)| credentials)
    }
}

/// What a broker asks of its clients, if it asks for anything.
pub(crate) fn asked_for(spec: &Spec) -> Option<&Authentication> {
    match &spec.broker {
        Broker::Embedded(embedded) => embedded.authentication.as_ref(),
        Broker::Emqx(_) | Broker::Mosquitto(_) => None,
    }
}

/// The name under which a generated password is kept, as `bear secret list` shows it.
fn generated_name(username: &str) -> String {
    format!("mqtt.{username}")
}

fn resolve(
    authentication: &Authentication,
    project: &Path,
    secrets: &Secrets,
    generate: bool,
) -> Result<Option<Credentials>, Fault> {
    let username = authentication.username.clone();
    let password = match &authentication.password {
        Some(reference) => Some(read(reference, &username, project)?),
        None if generate => {
            let random = random_password()?;
            Some(secrets.get_or_create(&generated_name(&username), || random)?.expose().to_owned())
        }
        None => secrets.get(&generated_name(&username))?.map(|secret| secret.expose().to_owned()),
    };
    Ok(password.map(|password| Credentials { username, password }))
}

fn read(reference: &SecretRef, username: &str, project: &Path) -> Result<String, Fault> {
    let secret = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| {
            unavailable(username, format!("the environment has no variable `{name}`"))
                .with_help(format!("set it, such as with `export {name}=…`"))
        })?,
        SecretRef::File(path) => {
            let path = project.join(at_home(Path::new(path)));
            std::fs::File::open(&path).and_then(bounded).map_err(|error| {
                unavailable(username, format!("could not read {}", path.display())).caused_by(&error)
            })?
        }
        SecretRef::Command(words) => run(words, username, project, COMMAND_DEADLINE)?,
    };
    let secret = secret.strip_suffix('\n').unwrap_or(&secret);
    if secret.is_empty() {
        return Err(unavailable(username, "it is empty".to_owned()));
    }
    Ok(secret.to_owned())
}

/// A path as a shell takes it: `~/` stands for the home folder.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

fn bounded(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(SECRET_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is longer than 65,535 bytes"));
    }
    Ok(text)
}

/// Runs a command for what it prints. What it says on stderr goes to the user, who may have to unlock something.
fn run(words: &[String], username: &str, project: &Path, patience: Duration) -> Result<String, Fault> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| unavailable(username, "its `command` has no words".to_owned()))?;
    let failed = |why: String| unavailable(username, format!("`{program}` {why}"));
    let deadline = Instant::now() + patience;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed("could not be started".to_owned()).caused_by(&error))?;
    // The pipe is read on a thread of its own, so that one that is never closed can't hold bear up.
    let (sender, printed) = sync_channel(1);
    let stdout = child.stdout.take();
    thread::spawn(move || sender.send(stdout.map(bounded).transpose()));
    let printed = printed.recv_timeout(patience);
    let status = printed.as_ref().is_ok_and(Result::is_ok).then(|| wait(&mut child, deadline)).flatten();
    if status.is_none() {
        // It may have ended by itself in the meantime; either way it is gone.
        let _ = child.kill();
        let _ = child.wait();
    }
    match (printed, status) {
        (Ok(Ok(text)), Some(status)) if status.success() => Ok(text.unwrap_or_default()),
        (Ok(Err(error)), _) => Err(failed("printed what is no password".to_owned()).caused_by(&error)),
        (_, Some(status)) => Err(failed(format!("failed: {status}"))),
        (_, None) => Err(failed(format!("did not come to its end within {patience:?}"))
            .with_help("whatever it leaves running must close its output, too")),
    }
}

/// Waits for the end of a process; none if it does not come in time.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn unavailable(username: &str, why: impl std::fmt::Display) -> Fault {
    Fault::input("bear::secret::unavailable", format!("could not get the password of `{username}`: {why}"))
}

/// A password of letters and digits, which need no quoting anywhere.
fn random_password() -> Result<String, Fault> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut password = String::with_capacity(GENERATED_LENGTH);
    while password.len() < GENERATED_LENGTH {
        // Bytes of 248 and more are passed over: 248 is the highest multiple of 62, and a bias helps only attackers.
        let fair = random_bytes::<32>()?.into_iter().filter(|byte| *byte < 248);
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        password.extend(letters.take(GENERATED_LENGTH - password.len()));
    }
    Ok(password)
}

/// An identifier that nobody else has: 128 random bits in hexadecimal.
pub(crate) fn random_id() -> Result<String, Fault> {
    Ok(random_bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Fault::failed("bear::random", format!("the system gave no random numbers: {error}"))
    })?;
    Ok(bytes)
}

/// The folder that keeps what bear knows about this user's machine, such as the ports that are taken.
pub(crate) fn state_home(state_home: Option<&Path>, home: Option<&Path>) -> Result<PathBuf, Fault> {
    // As the XDG Base Directory Specification has it.
    let base = match (state_home, home) {
        (Some(folder), _) if folder.is_absolute() => folder.to_owned(),
        (_, Some(home)) => home.join(".local/state"),
        _ => {
            return Err(Fault::failed(
                "bear::local::no_home",
                "could not find a folder for the ports that are taken",
            )
            .with_help("set `HOME` or `XDG_STATE_HOME`"));
        }
    };
    Ok(base.join("bear"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_long_plain_and_never_the_same() {
        let passwords = [random_password().unwrap(), random_password().unwrap()];
        for password in &passwords {
            assert_eq!(password.len(), GENERATED_LENGTH);
            assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(passwords[0], passwords[1]);
    }

    #[test]
    fn secrets_come_from_where_they_are_referred_to() {
        #[track_caller]
        fn check(reference: &SecretRef, expected: &str) {
            let project = std::env::temp_dir();
            let got = read(reference, "team", &project).unwrap_or_else(|fault| fault.document().to_string());
            assert!(got.contains(expected), "{got}");
        }
        let words = |words: &[&str]| SecretRef::Command(words.iter().map(|&word| word.to_owned()).collect());
        check(&words(&["printf", "hunter2\\n"]), "hunter2");
        check(&words(&["false"]), "`false` failed: exit status: 1");
        check(&words(&["true"]), "it is empty");
        check(&words(&["head", "-c", "70000", "/dev/zero"]), "it is longer than 65,535 bytes");
        check(&words(&["/no/such/program"]), "could not be started");
        check(&SecretRef::File("/no/such/file".into()), "could not read /no/such/file");
        let home = std::env::home_dir().unwrap();
        check(
            &SecretRef::File("~/no/such/file".into()),
            &format!("could not read {}/no/such/file", home.display()),
        );
        check(
            &SecretRef::Env("BEAR_TEST_NO_SUCH_VARIABLE".into()),
            "has no variable `BEAR_TEST_NO_SUCH_VARIABLE`",
        );
    }

    #[test]
    fn a_command_that_does_not_end_is_given_up() {
        #[track_caller]
        fn check(script: &str) {
            let words = ["sh", "-c", script].map(str::to_owned);
            let fault = run(&words, "team", &std::env::temp_dir(), Duration::from_millis(300)).unwrap_err();
            assert!(fault.to_string().contains("`sh` did not come to its end within 300ms"), "{fault}");
        }
        check("sleep 2");
        check("exec >&-; exec sleep 2");
        // Only what it left running still holds its output.
        check("sleep 2 & echo secret");
    }
}
