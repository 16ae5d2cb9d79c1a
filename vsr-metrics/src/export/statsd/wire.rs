//! Where datagrams go: sockets that never block, and the names that are looked up for them.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

/// How long an address holds.
const HOLDS: Duration = Duration::from_secs(60);

/// Something that takes datagrams.
pub(super) trait Wire: Send {
    /// Hands over a datagram, without waiting.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// What came back about a datagram that was accepted, if the system tells such things late.
    fn refusal(&mut self) -> Option<io::Error>;

    /// Whether an error may be about the datagram before.
    fn tells_late(&self) -> bool;
}

/// Makes wires.
pub(super) trait Connect: Send {
    /// The wire to use now. `failed` says that the last one did not work.
    fn connect(&mut self, failed: bool) -> io::Result<&mut dyn Wire>;
}

/// Looks a name up.
type Resolver = Box<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send>;

/// Who is sent to.
pub(super) enum Target {
    Udp {
        address: String,
        resolver: Resolver,
    },
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

/// Keeps a wire to the target.
pub(super) struct Connector {
    target: Target,
    wire: Option<Box<dyn Wire>>,
    /// The address in use, of a target with a name.
    address: Option<SocketAddr>,
    since: Instant,
}

impl Target {
    pub(super) fn udp(address: &str) -> Self {
        let resolver = |address: &str| Ok(address.to_socket_addrs()?.collect());
        Self::Udp { address: address.to_owned(), resolver: Box::new(resolver) }
    }

    /// Whether it can be an address at all; whether it is one shows when it is looked up.
    pub(super) fn check(&self) -> io::Result<()> {
        let is_address = match self {
            Self::Udp { address, .. } => address.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse().is_ok_and(|port: u16| port != 0)
            }),
            #[cfg(unix)]
            Self::Unix(path) => !path.as_os_str().is_empty(),
        };
        let expected = "expected a host and a port, such as `localhost:8125`, or a path";
        is_address.then_some(()).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, expected))
    }

    pub(super) fn connector(self) -> Connector {
        Connector { target: self, wire: None, address: None, since: Instant::now() }
    }
}

impl Connect for Connector {
    fn connect(&mut self, failed: bool) -> io::Result<&mut dyn Wire> {
        let holds = self.wire.is_some() && !failed && self.since.elapsed() < HOLDS;
        if !holds {
            match self.renewed(failed) {
                Ok(Some(wire)) => self.wire = Some(wire),
                Err(error) if failed || self.wire.is_none() => return Err(error),
                // Without an answer the last address holds.
                Ok(None) | Err(_) => {}
            }
            self.since = Instant::now();
        }
        match &mut self.wire {
            Some(wire) => Ok(&mut **wire),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Connector {
    /// A new wire, or `None` if the old one leads to the right place. One that failed is made anew in any case: its
    /// own address may be gone, as after a change of networks.
    fn renewed(&mut self, failed: bool) -> io::Result<Option<Box<dyn Wire>>> {
        match &self.target {
            Target::Udp { address, resolver } => {
                let found = resolver(address)?;
                let Some(next) = choose(&found, self.address, failed) else {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
                };
                if self.wire.is_some() && self.address == Some(next) && !failed {
                    return Ok(None);
                }
                let wire = Udp::connect(next)?;
                self.address = Some(next);
                Ok(Some(Box::new(wire)))
            }
            #[cfg(unix)]
            Target::Unix(path) => Ok(Some(Box::new(Unix::connect(path)?))),
        }
    }
}

/// The address to use: the one in use if it still stands there and works, else the one after it.
fn choose(found: &[SocketAddr], current: Option<SocketAddr>, failed: bool) -> Option<SocketAddr> {
    let place = current.and_then(|current| found.iter().position(|address| *address == current));
    match place {
        Some(place) if failed => found.get((place + 1) % found.len()).copied(),
        Some(place) => found.get(place).copied(),
        None => found.first().copied(),
    }
}

/// A connected UDP socket: only such a one learns that nobody listens.
struct Udp(UdpSocket);

impl Udp {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
        };
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(Self(socket))
    }
}

impl Wire for Udp {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0.send(datagram).map(drop)
    }

    fn refusal(&mut self) -> Option<io::Error> {
        self.0.take_error().ok().flatten()
    }

    fn tells_late(&self) -> bool {
        true
    }
}

#[cfg(unix)]
struct Unix(std::os::unix::net::UnixDatagram);

#[cfg(unix)]
impl Unix {
    fn connect(path: &std::path::Path) -> io::Result<Self> {
        let socket = std::os::unix::net::UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(path)?;
        Ok(Self(socket))
    }
}

#[cfg(unix)]
impl Wire for Unix {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0.send(datagram).map(drop)
    }

    fn refusal(&mut self) -> Option<io::Error> {
        None
    }

    fn tells_late(&self) -> bool {
        false
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { address, .. } => f.write_str(address),
            #[cfg(unix)]
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], 8125))
    }

    #[test]
    fn an_answer_of_the_name_server_that_changed_is_followed() {
        let (one, two, three) = (address(1), address(2), address(3));
        assert_eq!(choose(&[one, two], None, false), Some(one));
        assert_eq!(choose(&[two, one], Some(one), false), Some(one), "the order says nothing");
        assert_eq!(choose(&[two, three], Some(one), false), Some(two));
        assert_eq!(choose(&[one, two], Some(one), true), Some(two));
        assert_eq!(choose(&[one, two], Some(two), true), Some(one));
        assert_eq!(choose(&[one], Some(one), true), Some(one));
        assert_eq!(choose(&[], Some(one), false), None);
    }

    /// A socket keeps its own address: once that is gone, as after a change of networks, it never works again.
    #[test]
    fn a_socket_that_failed_is_made_anew_for_the_same_address() {
        struct Broken;
        impl Wire for Broken {
            fn send(&mut self, _: &[u8]) -> io::Result<()> {
                Err(io::ErrorKind::AddrNotAvailable.into())
            }

            fn refusal(&mut self) -> Option<io::Error> {
                None
            }

            fn tells_late(&self) -> bool {
                true
            }
        }
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = receiver.local_addr().expect("it is bound");
        let mut connector = Target::udp(&address.to_string()).connector();
        connector.wire = Some(Box::new(Broken));
        connector.address = Some(address);
        assert!(connector.connect(false).expect("there is one").send(b"x:1|c").is_err());
        assert!(connector.connect(true).expect("there is one").send(b"x:1|c").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused_at_once() {
        for text in ["", "localhost", ":8125", "localhost:", "localhost:x", "localhost:0", "localhost:65536"]
        {
            assert!(Target::udp(text).check().is_err(), "{text}");
        }
        for text in ["localhost:8125", "[::1]:8125", "10.0.0.1:1"] {
            assert!(Target::udp(text).check().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_fails_and_is_looked_up_again() {
        let answers = std::sync::Mutex::new(vec![Ok(vec![address(1)]), Ok(vec![]), Err(())]);
        let resolver = move |_: &str| {
            let answer = answers.lock().map(|mut answers| answers.pop());
            answer.ok().flatten().unwrap_or(Err(())).map_err(|()| io::ErrorKind::TimedOut.into())
        };
        let target = Target::Udp { address: "statsd:8125".into(), resolver: Box::new(resolver) };
        let mut connector = target.connector();
        let mut kind = |failed| connector.connect(failed).map(drop).map_err(|error| error.kind());
        assert_eq!(kind(false), Err(io::ErrorKind::TimedOut));
        assert_eq!(kind(false), Err(io::ErrorKind::NotFound));
        assert_eq!(kind(false), Ok(()));
        assert_eq!(kind(false), Ok(()), "the address holds for a while: nothing is looked up");
        assert_eq!(kind(true), Err(io::ErrorKind::TimedOut), "after a failure it is");
    }
}
