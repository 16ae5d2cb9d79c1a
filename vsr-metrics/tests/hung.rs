//! Every exporter on, and nobody at the other end: what a recording loop notices of it.

use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use vsr_metrics::export::statsd::Sender;
use vsr_metrics::facade::Registry;
use vsr_metrics::sampler::Sampler;
use vsr_metrics::{METRICS, Status};

/// Recordings in a fixed time, in thousands: the best of some attempts, because other programs run here as well.
fn throughput() -> u64 {
    let attempt = || {
        let (begin, mut thousands) = (Instant::now(), 0);
        while begin.elapsed() < Duration::from_millis(60) {
            for number in 0..1_000 {
                METRICS.increment_operations(Status::Success);
                METRICS.record_prepare_latency(Duration::from_nanos(number * 1_000));
                METRICS.set_commit_number(number);
            }
            thousands += 1;
        }
        thousands
    };
    (0..8).map(|_| attempt()).max().unwrap_or(0)
}

#[test]
fn exporters_whose_receivers_hang_do_not_slow_recording_down() {
    let idle = throughput();
    // Bound, and never read: neither answers nor refuses.
    let silent_udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent_tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let often = Duration::from_millis(20);
    let address = silent_udp.local_addr().expect("it is bound").to_string();
    let sender = Sender::udp(&address).interval(often).start(&METRICS).expect("it starts");
    #[cfg(unix)]
    let full = {
        // Its queue is full after ten datagrams.
        let path = std::env::temp_dir().join(format!("vsr-metrics-hung-{}", std::process::id()));
        let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a path");
        let sender = Sender::unix(&path).interval(often).start(&METRICS).expect("it starts");
        (socket, sender, path)
    };
    let sampler = Sampler::vsr(&METRICS).intervals(often, often).start().expect("it starts");
    let registry = Registry::new();
    let endpoint = vsr_metrics::export::http::Endpoint::builder()
        .listen(([127, 0, 0, 1], 0))
        .start((&METRICS, registry))
        .expect("it starts");
    // Clients that connect to the endpoint and say nothing.
    let clients: Vec<_> = (0..16).map(|_| std::net::TcpStream::connect(endpoint.address())).collect();
    let hung = throughput();
    println!("{idle} thousand idle, {hung} with every exporter hung: {:.3}", share(hung, idle));
    // The figure is 0.9; a test on a machine that others use as well asks for less.
    assert!(hung * 10 > idle, "{hung} of {idle}");
    drop((sender, sampler, clients, silent_tcp));
    #[cfg(unix)]
    {
        let (socket, sender, path) = full;
        drop((sender, socket));
        std::fs::remove_file(path).expect("it was there");
    }
}

fn share(part: u64, whole: u64) -> f64 {
    use vsr_metrics::snapshot::Number;
    Number::U64(part).as_f64() / Number::U64(whole).as_f64()
}
