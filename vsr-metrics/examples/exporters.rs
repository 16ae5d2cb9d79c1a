//! A process whose every exporter is at work, for the judges of the boards that show them: the endpoint, a sender of
//! StatsD whose receiver is this process too, and the sampler of resources.
//!
//! ```text
//! exporters [SECONDS]
//! ```
//!
//! It prints where it listens, and ends by itself.

use std::error::Error;
use std::net::UdpSocket;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vsr_metrics::encode::statsd::{Dialect, Encoder};
use vsr_metrics::export::http::Endpoint;
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::sampler::Sampler;
use vsr_metrics::{Metrics, ReplicaId};

/// A number that no replica of the demo has.
const REPLICA: u32 = 100;
/// Short, so that a judge sees several of everything within seconds.
const INTERVAL: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(60), |text| text.parse())?;
    let metrics = Arc::new(Metrics::new(ReplicaId::new(REPLICA)?));
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let address = receiver.local_addr()?;
    thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        while receiver.recv(&mut datagram).is_ok() {}
    });
    let log = Arc::clone(&metrics);
    let sampler = Sampler::vsr(Arc::clone(&metrics))
        .data(std::env::temp_dir())
        .intervals(INTERVAL, INTERVAL)
        // What a disk moves is read beside what a log grows by.
        .each_second(move || log.add_bytes_written(4096))
        .start()?;
    let sender = Sender::udp(&address.to_string())
        .encoder(Encoder::new(Dialect::DogStatsD))
        .interval(INTERVAL)
        .start(Arc::clone(&metrics))?;
    let endpoint = Endpoint::builder().listen(([127, 0, 0, 1], 0)).start(metrics)?;
    println!("listening on http://{}", endpoint.address());
    thread::sleep(Duration::from_secs(seconds));
    endpoint.stop();
    drop(sampler);
    sender.stop(INTERVAL)?;
    Ok(())
}
