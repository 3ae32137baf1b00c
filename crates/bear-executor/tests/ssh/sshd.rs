//! Real sshd processes, run by the current user on addresses of 127/8, and ended by their ids.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::Duration;

use bear_executor::host_keys::{FirstContactRule, HostKey, HostKeys};
use bear_executor::ssh::{Ssh, Target};

/// A variable that cargo sets for every test, and that no ssh is given.
pub(crate) const WITHHELD: &str = "CARGO_MANIFEST_DIR";

/// Where sshd is, or none after saying that the test is skipped.
///
/// These tests start dozens of sshd processes and take a minute or two, so they run where they are asked for.
pub(crate) fn program() -> Option<PathBuf> {
    if std::env::var("BEAR_TEST_SSH").is_ok_and(|value| value == "required") {
        let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
        let found = places.into_iter().map(PathBuf::from).find(|path| path.exists());
        assert!(found.is_some(), "BEAR_TEST_SSH=required, and there is no sshd");
        return found;
    }
    println!("skipped: set BEAR_TEST_SSH=required to run it");
    None
}

/// Skips the test where there is no sshd.
macro_rules! world {
    () => {
        match crate::sshd::World::new() {
            Some(world) => world,
            None => return,
        }
    };
}
pub(crate) use world;

/// The files of one test: a key to log in with, and the fleet's known hosts.
pub(crate) struct World {
    sshd: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Option<Self> {
        let world = Self { sshd: program()?, folder: tempfile::tempdir().unwrap() };
        world.key("id");
        // Root's sshd wants this folder, which the system makes when it starts; nobody else's does.
        let _ = fs::create_dir_all("/run/sshd");
        fs::write(world.path("ssh_config"), "").unwrap();
        Some(world)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key pair, unless it is there.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        if !path.exists() {
            let status =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
            assert!(status.unwrap().success());
        }
        path
    }

    pub(crate) fn public_key(&self, name: &str) -> HostKey {
        fs::read_to_string(self.key(name).with_extension("pub")).unwrap().parse().unwrap()
    }

    /// Starts an sshd with the host key of this name.
    pub(crate) fn start(&self, host_key: &str, options: &[&str]) -> Sshd {
        self.start_at(free_address(), host_key, options)
    }

    pub(crate) fn start_at(&self, (address, port): (String, u16), host_key: &str, options: &[&str]) -> Sshd {
        let log = fs::File::options().create(true).append(true).open(self.path("sshd.log")).unwrap();
        let mut command = Command::new(&self.sshd);
        command.args(["-D", "-e", "-f", "/dev/null"]).arg("-h").arg(self.key(host_key));
        let authorized = format!("AuthorizedKeysFile={}", self.path("id.pub").display());
        let listen = format!("ListenAddress={address}:{port}");
        let usual = [
            // A bash that seems to run within another one leaves the user's .bashrc alone.
            "SetEnv=SHLVL=5",
            "PidFile=none",
            "UsePAM=no",
            "StrictModes=no",
            "PasswordAuthentication=no",
            &authorized,
            &listen,
        ];
        for option in options.iter().chain(&usual) {
            command.args(["-o", option]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut sshd = Sshd { process, address, port };
        sshd.wait(&self.path("sshd.log"));
        sshd
    }

    pub(crate) fn target(&self, sshd: &Sshd) -> Target {
        Target {
            address: sshd.address.clone(),
            port: Some(sshd.port),
            user: None,
            identity: Some(self.path("id")),
            pin: None,
            alias: None,
            jump: None,
            config: Some(self.path("ssh_config")),
            withheld: vec![WITHHELD.to_owned()],
        }
    }

    pub(crate) fn host_keys(&self, rule: FirstContactRule) -> Arc<HostKeys> {
        Arc::new(HostKeys::new(self.path("known_hosts"), rule))
    }

    /// A host that is trusted on first contact.
    pub(crate) fn ssh(&self, sshd: &Sshd) -> Ssh {
        Ssh::new(self.target(sshd), self.host_keys(FirstContactRule::Accept))
    }

    /// The text with what differs from run to run replaced.
    pub(crate) fn redacted(&self, text: &impl ToString, sshd: &Sshd) -> String {
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        text.to_string()
            .replace(&format!("{}@", user.trim()), "[user]@")
            .replace(&sshd.address, "[address]")
            .replace(&sshd.port.to_string(), "[port]")
            .replace(&self.folder.path().display().to_string(), "[folder]")
    }
}

/// An sshd; it and all that it started end with it.
pub(crate) struct Sshd {
    process: Child,
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Sshd {
    fn wait(&mut self, log: &Path) {
        for _ in 0..1000 {
            let mut banner = [0; 4];
            if let Ok(mut stream) = TcpStream::connect((self.address.as_str(), self.port))
                && stream.read_exact(&mut banner).is_ok()
                && &banner == b"SSH-"
            {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(log).unwrap());
            sleep(Duration::from_millis(10));
        }
        panic!("no sshd answers at {}:{}", self.address, self.port);
    }

    pub(crate) fn name(&self) -> String {
        format!("[{}]:{}", self.address, self.port)
    }

    /// How many connections it serves.
    pub(crate) fn connections(&self) -> usize {
        children(self.process.id()).len()
    }

    /// Ends the processes that serve connections, not the one that listens.
    pub(crate) fn cut_connections(&self) {
        for pid in children(self.process.id()) {
            for grandchild in children(pid) {
                // Where sshd gives up root, this one serves the session.
                if command_line(grandchild).contains("sshd") {
                    kill(grandchild);
                }
            }
            kill(pid);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.cut_connections();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

/// An address that no other test of this process has, with a port that nobody listens on.
pub(crate) fn free_address() -> (String, u16) {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let address = format!("127.77.{}.{}", number / 250, number % 250 + 1);
    let listener = std::net::TcpListener::bind((address.as_str(), 0)).unwrap();
    (address, listener.local_addr().unwrap().port())
}

/// Waits for the end of a process; one that nobody has buried has ended too.
pub(crate) fn assert_ends(pid: &str) {
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    for _ in 0..500 {
        match fs::read_to_string(&stat) {
            Ok(line) if !line.contains(") Z ") => sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} still runs");
}
