//! The credentials that brokers ask for: where their passwords come from, and the passwords themselves.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use bear_core::fleet::Spec;
use bear_core::fleet::model::{Authentication, Broker, SecretRef, Tls};
use bear_engine::store::Secrets;
use bear_verify::Credentials;

use crate::fault::Fault;
use crate::random::random_password;
use crate::withheld::Withheld;

/// How long a command that prints a secret may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(30);

/// The longest password, in bytes: MQTT carries no longer one (MQTT-1.5.6). More is a mistake, such as a wrong file.
const SECRET_MAX: u64 = 65_535;

/// A secret that an instance needs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    /// The password of a user of the broker.
    Mqtt(Authentication),
    /// The password of the dashboard's `admin`.
    Admin(Option<SecretRef>),
    /// What keeps the nodes of other clusters away.
    Cookie,
    /// The licence key.
    License(SecretRef),
    /// The private key of a certificate.
    TlsKey(SecretRef),
}

impl Need {
    /// What the broker of `spec` needs.
    fn of(spec: &Spec) -> Vec<Self> {
        let key = |tls: &Option<Tls>| tls.as_ref().map(|tls| Self::TlsKey(tls.key.clone()));
        let mut needs = asked_for(spec).cloned().map(Self::Mqtt).into_iter().collect::<Vec<_>>();
        match &spec.broker {
            Broker::Embedded(_) => {}
            Broker::Mosquitto(mosquitto) => needs.extend(key(&mosquitto.tls)),
            Broker::Emqx(emqx) => {
                needs.extend([Self::Admin(emqx.admin_password.clone()), Self::Cookie]);
                needs.extend(emqx.license.clone().map(Self::License));
                needs.extend(key(&emqx.tls));
            }
        }
        needs
    }

    /// Where it comes from; none if bear generates it.
    fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Mqtt(authentication) => authentication.password.as_ref(),
            Self::Admin(reference) => reference.as_ref(),
            Self::Cookie => None,
            Self::License(reference) | Self::TlsKey(reference) => Some(reference),
        }
    }

    /// The name under which it is kept if bear generates it, as `bear secret list` shows it.
    fn generated_name(&self) -> String {
        match self {
            Self::Mqtt(authentication) => format!("mqtt.{}", authentication.username),
            Self::Cookie => "emqx.cookie".to_owned(),
            Self::Admin(_) | Self::License(_) | Self::TlsKey(_) => "emqx.admin".to_owned(),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mqtt(authentication) => write!(f, "the password of `{}`", authentication.username),
            Self::Admin(_) => f.write_str("the password of the dashboard's `admin`"),
            Self::Cookie => f.write_str("the cookie of the nodes"),
            Self::License(_) => f.write_str("the licence key"),
            Self::TlsKey(_) => f.write_str("the private key of the certificate"),
        }
    }
}

/// The secrets of a fleet's brokers, each resolved once.
#[derive(Clone, Default)]
pub(crate) struct Wallet {
    known: Vec<(Need, String)>,
}

impl Wallet {
    /// Resolves what the brokers of `specs` need.
    ///
    /// Generates the secrets that the fleet file leaves out, if `generate` says so; that needs the fleet's lock.
    ///
    /// # Errors
    ///
    /// A secret that can't be had; nothing is known about the brokers then, so nothing may be begun.
    pub(crate) fn open<'a>(
        specs: impl Iterator<Item = &'a Spec>,
        source: &Source<'_>,
        secrets: &Secrets,
        generate: bool,
    ) -> Result<Self, Fault> {
        let mut wallet = Self::default();
        for need in specs.flat_map(Need::of) {
            if wallet.find(&need).is_none()
                && let Some(secret) = resolve(&need, source, secrets, generate)?
            {
                wallet.known.push((need, secret));
            }
        }
        Ok(wallet)
    }

    /// What clients of a broker log in with; none if it lets anyone in.
    pub(crate) fn for_spec(&self, spec: &Spec) -> Option<Credentials> {
        let authentication = asked_for(spec)?;
        let password = self.find(&Need::Mqtt(authentication.clone()))?.to_owned();
        Some(Credentials { username: authentication.username.clone(), password })
    }

    /// What operators log in to EMQX's dashboard with.
    pub(crate) fn for_dashboard(&self, spec: &Spec) -> Option<Credentials> {
        let Broker::Emqx(emqx) = &spec.broker else { return None };
        let password = self.find(&Need::Admin(emqx.admin_password.clone()))?.to_owned();
        Some(Credentials { username: "admin".to_owned(), password })
    }

    /// What keeps the nodes of other clusters away.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.find(&Need::Cookie)
    }

    /// The licence key of a broker.
    pub(crate) fn license(&self, spec: &Spec) -> Option<&str> {
        let Broker::Emqx(emqx) = &spec.broker else { return None };
        self.find(&Need::License(emqx.license.clone()?))
    }

    /// The private key of a broker's certificate.
    pub(crate) fn tls_key(&self, spec: &Spec) -> Option<&str> {
        self.find(&Need::TlsKey(tls(spec)?.key.clone()))
    }

    fn find(&self, need: &Need) -> Option<&str> {
        self.known.iter().find(|(known, _)| known == need).map(|(_, secret)| secret.as_str())
    }
}

/// Shows no secret.
impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.iter().map(|(need, _)| need)).finish()
    }
}

/// What a broker asks of its clients, if it asks for anything.
pub(crate) fn asked_for(spec: &Spec) -> Option<&Authentication> {
    match &spec.broker {
        Broker::Embedded(embedded) => embedded.authentication.as_ref(),
        Broker::Mosquitto(mosquitto) => mosquitto.authentication.as_ref(),
        Broker::Emqx(_) => None,
    }
}

/// The certificate of a broker, if it has one.
pub(crate) fn tls(spec: &Spec) -> Option<&Tls> {
    match &spec.broker {
        Broker::Embedded(_) => None,
        Broker::Mosquitto(mosquitto) => mosquitto.tls.as_ref(),
        Broker::Emqx(emqx) => emqx.tls.as_ref(),
    }
}

/// Where references lead.
#[derive(Clone, Debug)]
pub(crate) struct Source<'p> {
    /// Relative paths start here.
    pub(crate) project: &'p Path,
    /// The variables that a command which prints a secret is not given: those with the others.
    pub(crate) withheld: Withheld,
}

/// Where the secrets of a broker come from, as far as the fleet file says so.
pub(crate) fn references(spec: &Spec) -> Vec<SecretRef> {
    Need::of(spec).iter().filter_map(Need::reference).cloned().collect()
}

fn resolve(
    need: &Need,
    source: &Source<'_>,
    secrets: &Secrets,
    generate: bool,
) -> Result<Option<String>, Fault> {
    if let Some(reference) = need.reference() {
        return read(reference, need, source).map(Some);
    }
    let name = need.generated_name();
    if generate {
        let random = random_password()?;
        return Ok(Some(secrets.get_or_create(&name, || random)?.expose().to_owned()));
    }
    Ok(secrets.get(&name)?.map(|secret| secret.expose().to_owned()))
}

fn read(reference: &SecretRef, what: &impl fmt::Display, source: &Source<'_>) -> Result<String, Fault> {
    let secret = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| {
            unavailable(what, format!("the environment has no variable `{name}`"))
                .with_help(format!("set it, such as with `export {name}=…`"))
        })?,
        SecretRef::File(path) => {
            let path = source.project.join(at_home(Path::new(path)));
            std::fs::File::open(&path).and_then(bounded).map_err(|error| {
                unavailable(what, format!("could not read {}", path.display())).caused_by(&error)
            })?
        }
        SecretRef::Command(words) => run(words, what, source, COMMAND_DEADLINE)?,
    };
    let secret = secret.strip_suffix('\n').unwrap_or(&secret);
    if secret.is_empty() {
        return Err(unavailable(what, "it is empty"));
    }
    Ok(secret.to_owned())
}

/// A path as a shell takes it: `~/` stands for the home folder.
pub(crate) fn at_home(path: &Path) -> PathBuf {
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
fn run(
    words: &[String],
    what: &impl fmt::Display,
    source: &Source<'_>,
    patience: Duration,
) -> Result<String, Fault> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| unavailable(what, "its `command` has no words"))?;
    let failed = |why: String| unavailable(what, format!("`{program}` {why}"));
    let deadline = Instant::now() + patience;
    let mut command = Command::new(program);
    source.withheld.from(command.args(arguments).current_dir(source.project));
    let mut child = command
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

fn unavailable(what: &impl fmt::Display, why: impl fmt::Display) -> Fault {
    Fault::input("bear::secret::unavailable", format!("could not get {what}: {why}"))
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
    fn secrets_come_from_where_they_are_referred_to() {
        #[track_caller]
        fn check(reference: &SecretRef, expected: &str) {
            let source = Source { project: &std::env::temp_dir(), withheld: Withheld::default() };
            let got = read(reference, &"it", &source).unwrap_or_else(|fault| fault.document().to_string());
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
            let source = Source { project: &std::env::temp_dir(), withheld: Withheld::default() };
            let fault = run(&words, &"it", &source, Duration::from_millis(300)).unwrap_err();
            assert!(fault.to_string().contains("`sh` did not come to its end within 300ms"), "{fault}");
        }
        check("sleep 2");
        check("exec >&-; exec sleep 2");
        // Only what it left running still holds its output.
        check("sleep 2 & echo secret");
    }
}
