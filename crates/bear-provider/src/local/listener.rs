//! Ports of this machine: whether one can be listened on, and who stands in the way.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use bear_core::event::StepError;
use bear_core::fleet::model::Ports;
use bear_core::state::v1::Process;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use super::LOOPBACK;
use super::error::PORT_TAKEN;
use super::process;

/// Why a port can't be listened on.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Another program listens there; who it is can't be seen where it belongs to another user.
    Listener(Option<Listener>),
    /// The system refuses it.
    Refused(io::Error),
}

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listener {
    pub(super) pid: u32,
    pub(super) command: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(Some(Listener { pid, command })) => {
                write!(f, "process {pid} ({command}) listens there")
            }
            Self::Listener(None) => f.write_str("another program listens there"),
            Self::Refused(error) => write!(f, "this machine refuses it: {error}"),
        }
    }
}

/// Whether a port can be listened on right now.
pub(super) fn is_free(port: u16) -> bool {
    probe(port).is_ok()
}

/// Takes a port without listening on it: that fails where somebody listens, and keeps nobody from listening. For the
/// socket may outlive its closing, in a process that is just being started elsewhere in bear and has a copy of all that
/// is open here until it runs its own program.
fn probe(port: u16) -> io::Result<OwnedFd> {
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // As brokers do it: else a broker's old connections, or the copy of this socket, would be in the way.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &SocketAddrV4::new(LOOPBACK, port))?;
    Ok(socket)
}

/// What is in the way on the ports of this machine. Who listens is looked up for all ports at once, and only when one
/// is found taken: it means to look at every open file of every process.
pub(super) struct Obstacles(LazyCell<HashMap<u16, Listener>>);

impl Obstacles {
    pub(super) fn new() -> Self {
        Self(LazyCell::new(who_listens))
    }

    /// What keeps a port from being listened on right now.
    pub(super) fn at(&self, port: u16) -> Option<Obstacle> {
        match probe(port) {
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                Some(Obstacle::Listener(self.0.get(&port).cloned()))
            }
            Err(error) => Some(Obstacle::Refused(error)),
        }
    }
}

/// Whether a process listens anywhere in the way of brokers.
pub(super) fn listens(pid: u32) -> bool {
    who_listens().values().any(|listener| listener.pid == pid)
}

/// Fails if one of the ports can't be listened on, unless it is `own` that listens there.
pub(super) fn expect_free(ports: &Ports, own: Option<Process>) -> Result<(), StepError> {
    let obstacles = Obstacles::new();
    for (listener, port) in ports.iter() {
        match obstacles.at(port) {
            None => {}
            Some(Obstacle::Listener(Some(found))) if own.is_some_and(|own| own.pid == found.pid) => {}
            Some(obstacle) => return Err(taken(listener, port, &obstacle)),
        }
    }
    Ok(())
}

/// The error for a port that can't be had.
pub(super) fn taken(listener: &str, port: u16, why: &dyn fmt::Display) -> StepError {
    StepError::permanent(PORT_TAKEN, format!("port {port} for {listener} can't be had: {why}"))
        .with_help(format!("free the port, or write another one as `ports.{listener}` in the fleet file"))
}

/// The processes that listen in the way of brokers, as far as this user may see them. What can't be read is left out:
/// who is in the way only makes a message better.
fn who_listens() -> HashMap<u16, Listener> {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let sockets = tables.iter().flat_map(|table| listening_sockets(table)).collect::<HashMap<_, _>>();
    let mut listeners = HashMap::new();
    for pid in process::all().unwrap_or_default() {
        let Ok(files) = fs::read_dir(process::proc(pid, "fd")) else {
            continue;
        };
        let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        for port in links.filter_map(|link| sockets.get(socket_inode(link.to_str()?)?).copied()) {
            let command = fs::read_to_string(process::proc(pid, "comm")).unwrap_or_default();
            listeners.insert(port, Listener { pid, command: command.trim_end().to_owned() });
        }
    }
    listeners
}

/// The inode in what a link of `/proc/PID/fd` says of a socket, `proc_pid_fd(5)`.
fn socket_inode(link: &str) -> Option<&str> {
    link.strip_prefix("socket:[")?.strip_suffix(']')
}

/// The sockets in a table like `/proc/net/tcp`, `proc_pid_net(5)`, that listen where brokers do: inodes and ports.
fn listening_sockets(table: &str) -> impl Iterator<Item = (&str, u16)> {
    table.lines().filter_map(listening_socket)
}

/// The inode and the port of the socket in one line, if it listens on the loopback address or on all addresses.
fn listening_socket(line: &str) -> Option<(&str, u16)> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.rsplit_once(':')?;
    let (state, inode) = (fields.nth(1)?, fields.nth(5)?);
    let (address, port) = (parse_address(address)?, u16::from_str_radix(port, 16).ok()?);
    let in_the_way = address.is_unspecified() || address == IpAddr::V4(LOOPBACK);
    (in_the_way && state == LISTEN).then_some((inode, port))
}

/// An address as the table spells it: words of 32 bits in hexadecimal, each in the byte order of this machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes = <[u8; 16]>::try_from(words.concat()).ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_listeners_in_the_way_are_found() {
        // As a machine with the low byte first prints it.
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100\n\
            1: 00000000:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100\n\
            2: 0100007F:4E20 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100\n\
            3: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0 100\n\
            4: 0200000A:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 555 1 0 100\n\
            5: 0000000000000000FFFF00000100007F:4E20 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 666 1\n\
            6: 00000000000000000000000000000000:4E20 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 777 1\n\
            7: short\n\
            8: 0100007F:4E20 00000000:0000 0A";
        #[cfg(target_endian = "little")]
        assert_eq!(
            listening_sockets(table).collect::<Vec<_>>(),
            [("111", 20_000), ("222", 20_000), ("444", 20_001), ("666", 20_000), ("777", 20_000)]
        );
    }

    #[test]
    fn a_listener_is_found_with_its_process() {
        let held = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        assert!(!is_free(port));
        let Some(Obstacle::Listener(Some(found))) = Obstacles::new().at(port) else { panic!("not found") };
        assert_eq!(found.pid, std::process::id());
        drop(held);
        assert!(is_free(port) && Obstacles::new().at(port).is_none());
    }

    #[test]
    fn a_look_at_a_port_is_in_nobodys_way() {
        let port = TcpListener::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port();
        // What a child has that is started just then.
        let copy = probe(port).unwrap();
        let broker = TcpListener::bind((LOOPBACK, port)).unwrap();
        assert!(!is_free(port));
        drop((copy, broker));
        assert!(is_free(port));
        for address in ["0.0.0.0", "::"] {
            let everywhere = TcpListener::bind((address, port)).unwrap();
            assert!(!is_free(port), "{address}");
            drop(everywhere);
        }
    }

    #[test]
    fn a_broker_is_not_in_its_own_way() {
        let held = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let ports = Ports { mqtt: Some(held.local_addr().unwrap().port()), ..Ports::default() };
        let own = Process { pid: std::process::id(), started: 0 };
        assert!(expect_free(&ports, Some(own)).is_ok());
        assert_eq!(expect_free(&ports, None).unwrap_err().code, PORT_TAKEN);
    }
}
