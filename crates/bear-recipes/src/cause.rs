//! The reasons for which a block fails, as the scripts name them.

/// Why a block failed, where its script knows more than an exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A command did not end in time.
    Timeout,
    /// A block was applied, and its check still says that it is not so.
    NotSo,
    /// The disk of the host is full.
    DiskFull,
    /// The script does not run as root.
    NoPrivileges,
    /// Another bear holds the host's lock.
    HostBusy,
    /// The host belongs to another fleet.
    OtherFleet,
    /// The host is another instance of the same fleet, which may be about to give it back.
    OtherInstance,
    /// The system is neither Debian nor Ubuntu.
    OtherSystem,
    /// The clock of the host is wrong, and does not set itself.
    ClockSkew,
    /// The first boot of the machine has not come to its end.
    CloudInit,
    /// The host key can't be replaced.
    HostKey,
    /// Another machine answers than the one that was meant.
    OtherMachine,
    /// Another program holds apt's or dpkg's lock.
    AptLocked,
    /// A package source does not answer, or answers something broken.
    AptUnreachable,
    /// The package source does not have the pinned version.
    VersionAbsent,
    /// The signing key of a package source is not the one expected.
    WrongKey,
    /// Docker is there as a snap.
    DockerSnap,
    /// Docker is there, and bear did not install it.
    DockerOther,
    /// There is no Docker, and the fleet asks for none.
    DockerAbsent,
    /// Docker does not answer, or answers as another version.
    DockerDown,
    /// There is no such image where it was looked for.
    ImageAbsent,
    /// The image could not be fetched.
    ImageUnreachable,
    /// The image file is not on the host.
    ImageFileAbsent,
    /// The image is made for another processor.
    ImageArchitecture,
    /// A port that the broker needs is taken.
    PortTaken,
    /// A broker is there that bear did not install.
    BrokerOther,
    /// The broker ends right after its start, again and again.
    BrokerCrashes,
    /// The broker did not become ready.
    NotReady,
    /// The broker lets in the password that everybody knows.
    DefaultPassword,
    /// The broker has a password for its administrator that bear does not know.
    UnknownPassword,
}

impl Cause {
    /// All of them, each with its word in the scripts and its error code.
    const WORDS: [(Self, &str, &str); 30] = [
        (Self::Timeout, "timeout", "bear::recipe::timeout"),
        (Self::NotSo, "not_so", "bear::recipe::not_so"),
        (Self::DiskFull, "disk_full", "bear::recipe::disk_full"),
        (Self::NoPrivileges, "no_privileges", "bear::recipe::no_privileges"),
        (Self::HostBusy, "host_busy", "bear::recipe::host_busy"),
        (Self::OtherFleet, "other_fleet", "bear::recipe::other_fleet"),
        (Self::OtherInstance, "other_instance", "bear::recipe::other_instance"),
        (Self::OtherSystem, "other_system", "bear::recipe::other_system"),
        (Self::ClockSkew, "clock_skew", "bear::recipe::clock_skew"),
        (Self::CloudInit, "cloud_init", "bear::recipe::cloud_init"),
        (Self::HostKey, "host_key", "bear::recipe::host_key"),
        (Self::OtherMachine, "other_machine", "bear::recipe::other_machine"),
        (Self::AptLocked, "apt_locked", "bear::recipe::apt_locked"),
        (Self::AptUnreachable, "apt_unreachable", "bear::recipe::apt_unreachable"),
        (Self::VersionAbsent, "version_absent", "bear::recipe::version_absent"),
        (Self::WrongKey, "wrong_key", "bear::recipe::wrong_key"),
        (Self::DockerSnap, "docker_snap", "bear::recipe::docker_snap"),
        (Self::DockerOther, "docker_other", "bear::recipe::docker_other"),
        (Self::DockerAbsent, "docker_absent", "bear::recipe::docker_absent"),
        (Self::DockerDown, "docker_down", "bear::recipe::docker_down"),
        (Self::ImageAbsent, "image_absent", "bear::recipe::image_absent"),
        (Self::ImageUnreachable, "image_unreachable", "bear::recipe::image_unreachable"),
        (Self::ImageFileAbsent, "image_file_absent", "bear::recipe::image_file_absent"),
        (Self::ImageArchitecture, "image_architecture", "bear::recipe::image_architecture"),
        (Self::PortTaken, "port_taken", "bear::recipe::port_taken"),
        (Self::BrokerOther, "broker_other", "bear::recipe::broker_other"),
        (Self::BrokerCrashes, "broker_crashes", "bear::recipe::broker_crashes"),
        (Self::NotReady, "not_ready", "bear::recipe::not_ready"),
        (Self::DefaultPassword, "default_password", "bear::recipe::default_password"),
        (Self::UnknownPassword, "unknown_password", "bear::recipe::unknown_password"),
    ];

    /// Every cause with its word in the scripts.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        Self::WORDS.iter().map(|&(cause, word, _)| (cause, word))
    }

    /// The cause of that word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// The code of the error, such as `bear::recipe::disk_full`.
    pub fn code(self) -> &'static str {
        Self::WORDS.iter().find(|row| row.0 == self).map_or("bear::recipe::failed", |row| row.2)
    }

    /// Whether the failure may pass by itself, so that trying again is worth it.
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::HostBusy
                | Self::OtherInstance
                | Self::CloudInit
                | Self::AptLocked
                | Self::AptUnreachable
                | Self::ImageUnreachable
                | Self::NotReady
        )
    }

    /// What to do about it.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Timeout => "look what keeps the host busy; the next apply goes on from here",
            Self::NotSo => "look whether another program on the host changes it back",
            Self::DiskFull => "make room on the host's disk; the next apply goes on from here",
            Self::NoPrivileges => "log in as root, or as a user whom sudo lets in without a password",
            Self::HostBusy => "wait until it is done; `fuser /run/bear/lock` on the host names its process",
            Self::OtherFleet => "destroy that fleet first, or take the host out of one of the two",
            Self::OtherInstance => {
                "give each member an address of its own; a renamed one waits for the old one to go"
            }
            Self::OtherSystem => "use a host with Debian or Ubuntu",
            Self::ClockSkew => "set the host's clock, or let it set itself: `timedatectl set-ntp true`",
            Self::CloudInit => "look at `cloud-init status --long` on the host",
            Self::HostKey => "look at `sshd -t` and at /etc/ssh on the host",
            Self::OtherMachine => "the address may have become another machine's: applying again looks it up",
            Self::AptLocked => {
                "wait until the other program is done: often it is the daily upgrade after the first boot"
            }
            Self::AptUnreachable => "look whether the host reaches its package sources: `apt-get update`",
            Self::VersionAbsent => "pin one of the versions that the package source has",
            Self::WrongKey => "compare the fingerprint with the one that the site publishes",
            Self::DockerSnap => "remove it with `snap remove docker`: it keeps the socket that Docker needs",
            Self::DockerOther => {
                "remove those packages, or leave out `install.docker` to use them as they are"
            }
            Self::DockerAbsent => "pin a version under `install.docker`, and bear installs it",
            Self::DockerDown => "look at `journalctl -u docker` on the host",
            Self::ImageAbsent => "look for the tag in the registry",
            Self::ImageUnreachable => {
                "look whether the host reaches the registry; `registry` names a mirror, `image_file` needs no network"
            }
            Self::ImageFileAbsent => "copy the image file to the host first",
            Self::ImageArchitecture => "use a tag or an image file that is made for the host's processor",
            Self::PortTaken => "stop the program that holds the port, or write another one under `ports`",
            Self::BrokerOther => "remove that broker, or take the host out of the fleet",
            Self::BrokerCrashes => {
                "its last lines say why; a certificate that doesn't fit its key is a common reason"
            }
            Self::NotReady => "its last lines may say what it waits for; `bear logs` shows more",
            Self::DefaultPassword => {
                "set a password for `admin` in the dashboard, and keep strangers out until then"
            }
            Self::UnknownPassword => {
                "set the password of `admin` in the dashboard to the one that the fleet names"
            }
        }
    }
}
