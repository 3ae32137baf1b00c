//! Whether the user's ssh configuration has a say in where a host is. Mostly it has not, and then nobody has to ask `ssh -G`,
//! which takes as long as a fifth of connecting.
//!
//! Whatever is not plain to see is left to ssh. Should something be overlooked even so, then ssh goes another way than bear
//! thinks, to a host whose key is not known by that name, and refuses it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::Target;
use super::route::Route;

/// The keywords of `ssh_config(5)` by which a target becomes another one, or may.
const KEYWORDS: [&str; 13] = [
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizehostname",
    "canonicalizemaxdots",
    "canonicalizepermittedcnames",
    "hostkeyalias",
    "hostname",
    "match",
    "port",
    "proxycommand",
    "proxyjump",
    "proxyusefdpass",
    "user",
];

/// The configuration of all users, and the files that Debian's and others' includes.
const SYSTEM: &str = "/etc/ssh/ssh_config";
const SYSTEM_PARTS: &str = "/etc/ssh/ssh_config.d";

/// Where the target is, if nothing but the target itself says so.
pub(super) fn route(target: &Target) -> Option<Route> {
    if !is_of_the_system() {
        return None;
    }
    let user = account(&fs::read_to_string("/etc/passwd").ok()?, getuid().as_raw())?;
    let (own, system) = match &target.config {
        Some(config) => (config.clone(), None),
        None => (user.home.join(".ssh/config"), Some(Path::new(SYSTEM))),
    };
    // Where it is missing, this ssh may have it elsewhere.
    if !system.is_none_or(Path::exists)
        || !is_plain(target)
        || has_a_say(&own)
        || system.is_some_and(has_a_say)
    {
        return None;
    }
    let login = target.user.as_ref().unwrap_or(&user.name);
    Some(Route::direct(login, &target.address, target.port.unwrap_or(22), target.alias.as_deref()))
}

/// Whether the `ssh` that would run is the system's. Any other may look elsewhere for its configuration, or be somebody's
/// script that knows better.
fn is_of_the_system() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ssh = std::env::split_paths(&path).map(|folder| folder.join("ssh")).find(|ssh| ssh.exists());
    ssh.is_some_and(|ssh| ["/usr/bin/ssh", "/bin/ssh"].map(Path::new).contains(&ssh.as_path()))
}

/// Whether ssh takes the target as it is written: it rewrites capital letters and addresses of other forms.
fn is_plain(target: &Target) -> bool {
    let small = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(fits)
    };
    let address = target.address.parse::<Ipv4Addr>().is_ok() || small(&target.address);
    address
        && target.jump.is_none()
        && target.alias.as_deref().is_none_or(|alias| small(alias) && alias != "none")
}

/// Whether a file of the configuration may say where hosts are. One that is not there says nothing.
fn has_a_say(file: &Path) -> bool {
    match fs::read_to_string(file) {
        Ok(text) => text.lines().any(line_has_a_say),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn line_has_a_say(line: &str) -> bool {
    let mut words =
        line.split(|c: char| c.is_ascii_whitespace() || "=\"".contains(c)).filter(|word| !word.is_empty());
    let Some(keyword) = words.next().map(str::to_ascii_lowercase) else { return false };
    if keyword != "include" {
        return KEYWORDS.contains(&keyword.as_str());
    }
    // In the configuration of all users, a path without a folder is one of theirs.
    !words.all(|file| file.strip_suffix("/*.conf") == Some(SYSTEM_PARTS) && !parts_have_a_say())
}

fn parts_have_a_say() -> bool {
    match fs::read_dir(SYSTEM_PARTS) {
        Ok(parts) => parts.flatten().map(|part| part.path()).any(|part| is_part(&part) && has_a_say(&part)),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "conf")
}

/// Who runs this, by `passwd(5)`, which is where ssh looks too.
struct Account {
    name: String,
    home: PathBuf,
}

fn account(passwd: &str, id: u32) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields = line.split(':').collect::<Vec<_>>();
        let [name, _, number, _, _, home, _] = fields[..] else { return None };
        (number.parse() == Ok(id)).then(|| Account { name: name.to_owned(), home: home.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_where_hosts_are() {
        for line in [
            "HostName 192.0.2.1",
            "  hostname=192.0.2.1",
            "\tProxyJump\tgate",
            "\"User\" ops",
            "Match host a",
            "Include ~/.ssh/more",
            "Include /etc/ssh/ssh_config.d/*.conf elsewhere",
        ] {
            assert!(line_has_a_say(line), "{line}");
        }
        for line in [
            "",
            "Host *",
            "  # HostName 192.0.2.1",
            "SendEnv LANG LC_*",
            "UserKnownHostsFile x",
            "IdentityFile a",
        ] {
            assert!(!line_has_a_say(line), "{line}");
        }
    }

    #[test]
    fn an_account_is_read() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000:Ann,,,:/home/ann:/bin/bash\n";
        let found = account(passwd, 1000).unwrap();
        assert_eq!((found.name.as_str(), found.home.as_path()), ("ann", Path::new("/home/ann")));
        assert!(account(passwd, 1).is_none());
    }

    /// Wherever it has an answer, it is the one of ssh.
    #[tokio::test]
    async fn ssh_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let target = |address: &str| Target {
            address: address.to_owned(),
            config: Some(config.clone()),
            ..Target::default()
        };
        let targets = [
            target("192.0.2.1"),
            target("broker.example"),
            Target { port: Some(2222), user: Some("ops".into()), ..target("192.0.2.1") },
            Target { alias: Some("i-0abc".into()), ..target("192.0.2.1") },
            Target { alias: Some("I-0ABC".into()), ..target("192.0.2.1") },
            Target { jump: Some("gate".into()), ..target("192.0.2.1") },
            target("Broker.example"),
            target("127.1"),
            target("0x7f.1"),
            target("2001:db8:0::1"),
        ];
        let mut answers = 0;
        for text in
            ["", "Host *\n  SendEnv LANG\n", "Host 192.0.2.1\n  Port 2200\n", "user ops\nproxyjump gate\n"]
        {
            fs::write(&config, text).unwrap();
            for target in &targets {
                let Some(route) = route(target) else { continue };
                let asked = Route::asked(target).await.unwrap();
                assert_eq!(format!("{route:?}"), format!("{asked:?}"), "{text}");
                answers += 1;
            }
        }
        assert_eq!(answers, 8);
    }
}
