//! The standard environment variables of an endpoint. Empty counts as not set; what cannot be understood is told and
//! ignored.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};

const HOST: &str = "OTEL_EXPORTER_PROMETHEUS_HOST";
const PORT: &str = "OTEL_EXPORTER_PROMETHEUS_PORT";

/// Where an endpoint listens if nobody says anything else.
pub(super) const BUILT_IN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// The address that the environment names: `OTEL_EXPORTER_PROMETHEUS_HOST`, which is looked up if it is a name, and
/// `OTEL_EXPORTER_PROMETHEUS_PORT`. What they don't say is `127.0.0.1` and 9464. With it comes what is wrong with them:
/// such a variable counts as not set.
///
/// An endpoint reads the environment only where its program asks for that:
///
/// ```
/// use vsr_metrics::export::http::{Endpoint, address_from_env};
///
/// let (address, warnings) = address_from_env();
/// for warning in warnings {
///     eprintln!("{warning}");
/// }
/// let builder = Endpoint::builder().listen(address);
/// # drop(builder);
/// ```
pub fn address_from_env() -> (SocketAddr, Vec<String>) {
    read(|name| std::env::var_os(name))
}

fn read(lookup: impl Fn(&str) -> Option<OsString>) -> (SocketAddr, Vec<String>) {
    let mut address = BUILT_IN;
    let mut warnings = Vec::new();
    let mut get = |name| {
        let value = lookup(name)?;
        let text = value.to_str().map(|text| text.trim().to_owned());
        if text.is_none() {
            warnings.push(format!("`{name}` is ignored: it is no UTF-8"));
        }
        text.filter(|text| !text.is_empty())
    };
    let (port, host) = (get(PORT), get(HOST));
    if let Some(port) = port {
        match port.parse() {
            Ok(port) => address.set_port(port),
            Err(_) => warnings.push(format!("`{PORT}` is ignored: `{port}` is not a port from 0 to 65535")),
        }
    }
    if let Some(host) = host {
        match looked_up(&host, address.port()) {
            Some(found) => address = found,
            None => warnings.push(format!("`{HOST}` is ignored: `{host}` is no address, and no name of one")),
        }
    }
    (address, warnings)
}

/// The first address of a host, one of IPv4 if it has any: that is where scrapers look.
fn looked_up(host: &str, port: u16) -> Option<SocketAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found: Vec<_> = (host, port).to_socket_addrs().ok()?.collect();
    found.iter().find(|address| address.is_ipv4()).or(found.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> (String, usize) {
        let lookup = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        };
        let (address, warnings) = read(lookup);
        (address.to_string(), warnings.len())
    }

    #[test]
    fn variables_right_and_wrong() {
        for (pairs, address, warnings) in [
            (&[][..], "127.0.0.1:9464", 0),
            (&[(HOST, ""), (PORT, " ")], "127.0.0.1:9464", 0),
            (&[(PORT, "9999")], "127.0.0.1:9999", 0),
            (&[(HOST, "0.0.0.0")], "0.0.0.0:9464", 0),
            (&[(HOST, "0.0.0.0"), (PORT, "0")], "0.0.0.0:0", 0),
            (&[(HOST, "::1"), (PORT, "1")], "[::1]:1", 0),
            (&[(HOST, "[::]")], "[::]:9464", 0),
            (&[(PORT, "65536")], "127.0.0.1:9464", 1),
            (&[(PORT, "http")], "127.0.0.1:9464", 1),
            (&[(PORT, "-1"), (HOST, "no host at all")], "127.0.0.1:9464", 2),
            (&[(HOST, "127.0.0.2:80"), (PORT, "80")], "127.0.0.1:80", 1),
        ] {
            assert_eq!(told(pairs), (address.to_owned(), warnings), "{pairs:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_told_and_ignored() {
        use std::os::unix::ffi::OsStringExt as _;

        let (address, warnings) = read(|_| Some(OsString::from_vec(vec![b'8', 0xff])));
        assert_eq!(address, BUILT_IN);
        assert_eq!(warnings, [PORT, HOST].map(|name| format!("`{name}` is ignored: it is no UTF-8")));
    }

    #[test]
    fn a_name_is_looked_up() {
        let (address, warnings) = told(&[(HOST, "localhost"), (PORT, "9465")]);
        assert!(["127.0.0.1:9465", "[::1]:9465"].contains(&address.as_str()), "{address}");
        assert_eq!(warnings, 0);
    }
}
