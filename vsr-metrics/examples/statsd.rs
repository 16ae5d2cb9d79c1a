//! Sends to StatsD for three seconds, and shows what arrives if there is no receiver to send to.
//!
//! ```text
//! cargo run --package vsr-metrics --example statsd --features statsd            its own receiver, which prints
//! cargo run --package vsr-metrics --example statsd --features statsd -- HOST:PORT
//! ```

use std::error::Error;
use std::net::UdpSocket;
use std::time::Duration;

use vsr_metrics::encode::statsd::{Dialect, Encoder};
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::{METRICS, ReplicaId, Status};

fn main() -> Result<(), Box<dyn Error>> {
    METRICS.set_replica_id(ReplicaId::new(0)?);
    let address = match std::env::args().nth(1) {
        Some(address) => address,
        None => print_what_arrives()?,
    };
    let sender = Sender::udp(&address)
        .encoder(Encoder::new(Dialect::DogStatsD).tag("env", "example")?)
        .interval(Duration::from_secs(1))
        .start(&METRICS)?;
    for step in 0..30 {
        METRICS.increment_operations(Status::Success);
        METRICS.record_prepare_latency(Duration::from_micros(100 * step));
        METRICS.set_clock_offset(-1.5);
        std::thread::sleep(Duration::from_millis(100));
    }
    sender.stop(Duration::from_secs(2))?;
    Ok(())
}

/// A receiver that prints, and its address.
fn print_what_arrives() -> Result<String, Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?.to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok(length) = socket.recv(&mut buffer) {
            println!("{}", String::from_utf8_lossy(&buffer[..length]));
        }
    });
    Ok(address)
}
