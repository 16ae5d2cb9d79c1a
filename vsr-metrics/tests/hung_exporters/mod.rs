//! Every exporter at work, and nobody at the other end of any of them.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use vsr_metrics::export::http::Endpoint;
use vsr_metrics::export::otlp::{BackOff, Protocol, TraceExporter};
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::facade::Registry;
use vsr_metrics::sampler::Sampler;
use vsr_metrics::{METRICS, OtelConfig, OtelExporter};

/// They end with this value, without waiting for anybody.
pub struct HungExporters {
    senders: Vec<Sender>,
    otlp: Vec<OtelExporter>,
    _traces: TraceExporter,
    _sampler: Sampler,
    _endpoint: Endpoint,
    _clients: Vec<TcpStream>,
    _silent: (UdpSocket, TcpListener),
    #[cfg(unix)]
    _full: (std::os::unix::net::UnixDatagram, tempfile::TempDir),
}

/// What is left to say at the end is not waited for.
const AT_ONCE: Duration = Duration::from_millis(1);

impl HungExporters {
    /// Starts them. Each begins another export in vain as often as that.
    pub fn start(often: Duration) -> io::Result<Self> {
        // Bound, and never read: they neither answer nor refuse.
        let silent = (UdpSocket::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let statsd = Sender::udp(&silent.0.local_addr()?.to_string());
        let mut senders = vec![statsd.interval(often).start(&METRICS).map_err(io::Error::other)?];
        #[cfg(unix)]
        let full = {
            let directory = tempfile::tempdir()?;
            let path = directory.path().join("statsd.sock");
            let socket = std::os::unix::net::UnixDatagram::bind(&path)?;
            // Its queue is full after some ten datagrams.
            let sender = Sender::unix(&path).interval(often).start(&METRICS);
            senders.push(sender.map_err(io::Error::other)?);
            (socket, directory)
        };

        let config = OtelConfig {
            otlp_endpoint: Some(format!("http://{}", silent.1.local_addr()?)),
            export_interval: often,
            timeout: often,
            shutdown_timeout: AT_ONCE,
            back_off: BackOff { first: AT_ONCE, ..BackOff::default() },
            ..OtelConfig::built_in()
        };
        let mut otlp = Vec::new();
        for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
            let config = OtelConfig { protocol, ..config.clone() };
            let mut exporter = OtelExporter::new(config).map_err(io::Error::other)?;
            exporter.init_otlp().map_err(io::Error::other)?;
            otlp.push(exporter);
        }
        let traces = TraceExporter::start(&config).map_err(io::Error::other)?;

        let sampler = Sampler::vsr(&METRICS).intervals(often, often).start()?;
        let endpoint = Endpoint::builder().listen(([127, 0, 0, 1], 0));
        let endpoint = endpoint.start((&METRICS, Registry::new())).map_err(io::Error::other)?;
        // As many clients as it serves at once, and they say nothing.
        let clients =
            (0..16).map(|_| TcpStream::connect(endpoint.address())).collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            senders,
            otlp,
            _traces: traces,
            _sampler: sampler,
            _endpoint: endpoint,
            _clients: clients,
            _silent: silent,
            #[cfg(unix)]
            _full: full,
        })
    }

    /// Whether each of those that can fail has failed by now.
    pub fn have_all_failed(&self) -> bool {
        self.otlp.iter().all(|exporter| exporter.status().failures > 0)
    }
}

impl Drop for HungExporters {
    fn drop(&mut self) {
        for sender in self.senders.drain(..) {
            // Nobody reads it.
            let _ = sender.stop(AT_ONCE);
        }
    }
}
