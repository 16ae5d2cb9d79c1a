//! The sender of StatsD against real sockets: receivers that are not there, come and go, or do not read.

mod catalog;
mod receiver;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use catalog::{EVENTS, Node, PEER_BYTES};
use receiver::Receiver;
use vsr_metrics::encode::statsd::{Dialect, Encoder, PACKET_SIZE};
use vsr_metrics::export::statsd::{Builder, Sender, Unsent};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Snapshot, Source, health};

/// An interval that never comes: these tests send when they say so.
const NEVER: Duration = Duration::from_secs(3_600);
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a port that another test was given meanwhile.
fn bind(address: SocketAddr) -> UdpSocket {
    let begin = Instant::now();
    let socket = loop {
        match UdpSocket::bind(address) {
            Ok(socket) => break socket,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{address}: {error}"),
        }
    };
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time above zero");
    socket
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Reads until nothing comes for a while.
fn read(socket: &UdpSocket, receiver: &mut Receiver) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = socket.recv(&mut buffer) {
        receiver.receive(&buffer[..length]);
    }
}

fn to(address: SocketAddr) -> Builder {
    Sender::udp(&address.to_string()).interval(NEVER)
}

/// Names so long that a datagram has room for one.
fn one_line_each() -> Encoder {
    Encoder::new(Dialect::Plain).packet_size(512).prefix(&"p".repeat(400)).expect("short enough")
}

/// What the receiver has counted of one family.
fn sum(receiver: &Receiver, name: &str) -> f64 {
    receiver
        .counters
        .iter()
        .filter(|(key, _)| key.contains(name))
        .map(|(_, value)| *value)
        .fold(0.0, |a, b| a + b)
}

fn assert_sum(receiver: &Receiver, name: &str, expected: f64) {
    assert!((sum(receiver, name) - expected).abs() < 1e-6, "{} of {expected}", sum(receiver, name));
    assert_eq!(receiver.bad, [""; 0]);
}

#[test]
fn the_receiver_is_stopped_and_started() {
    let socket = bind(anywhere());
    let address = socket.local_addr().expect("it is bound");
    let node = Arc::new(Node::new(1));
    let sender = to(address).start(Arc::clone(&node)).expect("it starts");
    let mut receiver = Receiver::default();
    let mut recorded = 0;
    let mut record = || {
        node.cells.add(EVENTS, 11);
        recorded += 11;
    };
    record();
    assert_eq!(sender.flush(PATIENCE), Ok(()));
    read(&socket, &mut receiver);
    drop(socket);
    for _ in 0..3 {
        record();
        assert_eq!(sender.flush(PATIENCE), Err(Unsent), "nobody listens, and that is known");
    }
    let socket = bind(address);
    assert_eq!(sender.flush(PATIENCE), Ok(()));
    record();
    assert_eq!(sender.stop(PATIENCE), Ok(()), "the last increments go before the end");
    read(&socket, &mut receiver);
    assert_sum(&receiver, "test_events_total", f64::from(recorded));
    assert!(receiver.longest <= PACKET_SIZE);
}

#[test]
fn nobody_listens_at_first() {
    let socket = bind(anywhere());
    let address = socket.local_addr().expect("it is bound");
    drop(socket);
    let node = Arc::new(Node::new(1));
    let encoder = Encoder::new(Dialect::DogStatsD);
    let sender = to(address).encoder(encoder).start(Arc::clone(&node)).expect("it starts");
    node.cells.add(EVENTS, 5);
    assert_eq!(sender.flush(PATIENCE), Err(Unsent));
    node.cells.add(EVENTS, 6);
    let socket = bind(address);
    assert_eq!(sender.flush(PATIENCE), Ok(()));
    let mut receiver = Receiver::default();
    read(&socket, &mut receiver);
    assert_sum(&receiver, "test_events_total", 11.0);
}

#[test]
fn the_interval_comes_without_being_asked_for() {
    let socket = bind(anywhere());
    let address = socket.local_addr().expect("it is bound");
    let node = Arc::new(Node::new(1));
    let sender = to(address).interval(Duration::from_millis(20)).start(Arc::clone(&node)).expect("it starts");
    let mut receiver = Receiver::default();
    let begin = Instant::now();
    let mut recorded = 0.0;
    while begin.elapsed() < Duration::from_millis(300) {
        node.cells.add(PEER_BYTES, 3);
        recorded += 3.0;
        std::thread::sleep(Duration::from_millis(1));
    }
    while sum(&receiver, "test_peer_bytes_total") < recorded && begin.elapsed() < PATIENCE {
        read_one(&socket, &mut receiver);
    }
    assert_sum(&receiver, "test_peer_bytes_total", recorded);
    assert!(receiver.datagrams > 1, "not all at once");
    drop(sender);
}

fn read_one(socket: &UdpSocket, receiver: &mut Receiver) {
    let mut buffer = vec![0; 65_536];
    if let Ok(length) = socket.recv(&mut buffer) {
        receiver.receive(&buffer[..length]);
    }
}

/// A burst would overflow the receiver's buffer: datagrams are spread.
#[test]
fn datagrams_of_one_emit_are_spread_over_time() {
    let socket = bind(anywhere());
    socket.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
    let address = socket.local_addr().expect("it is bound");
    let nodes: Vec<Node> = (1..9).map(Node::new).collect();
    for node in &nodes {
        (0..7).for_each(|cell| node.cells.add(cell, 1));
    }
    let sender = to(address).encoder(one_line_each()).interval(Duration::from_millis(500)).start(nodes);
    let mut receiver = Receiver::default();
    let mut arrivals = Vec::new();
    while sum(&receiver, "test_events_total") < 32.0 {
        read_one(&socket, &mut receiver);
        arrivals.push(Instant::now());
    }
    let (first, last) = (arrivals[0], arrivals[arrivals.len() - 1]);
    // However late they are read: the pace is a millisecond at least, and here twenty.
    assert!(arrivals.len() > 4, "{}", arrivals.len());
    assert!(last - first > Duration::from_millis(5), "{:?} for {}", last - first, arrivals.len());
    drop(sender);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_whose_queue_is_full() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("statsd.sock");
    let nodes: Arc<Vec<Node>> = Arc::new((1..9).map(Node::new).collect());
    let sender = Sender::unix(&path)
        .encoder(one_line_each())
        .interval(NEVER)
        .start(Arc::clone(&nodes))
        .expect("it starts");
    let record = || nodes.iter().for_each(|node| (0..7).for_each(|cell| node.cells.add(cell, 1)));
    record();
    assert_eq!(sender.flush(PATIENCE), Err(Unsent), "there is no such socket yet");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("it can be bound");
    let begin = Instant::now();
    // The queue of a Unix socket holds some ten datagrams; nobody reads.
    assert_eq!(sender.flush(Duration::from_millis(100)), Err(Unsent));
    assert!(begin.elapsed() < PATIENCE);
    record();
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time above zero");
    let is_sent = Arc::new(AtomicBool::new(false));
    let is_all = Arc::clone(&is_sent);
    let reader = std::thread::spawn(move || {
        let (mut receiver, mut buffer) = (Receiver::default(), vec![0; 65_536]);
        loop {
            // Asked first: what was sent by then is there to be read.
            let is_last = is_all.load(Ordering::SeqCst);
            match socket.recv(&mut buffer) {
                Ok(length) => receiver.receive(&buffer[..length]),
                Err(_) if is_last => return receiver,
                Err(_) => {}
            }
        }
    });
    let sent = sender.flush(PATIENCE);
    is_sent.store(true, Ordering::SeqCst);
    assert_eq!(sent, Ok(()));
    let receiver = reader.join().expect("the reader ends");
    assert!(receiver.datagrams > 10, "{}: more than the queue holds", receiver.datagrams);
    assert_sum(&receiver, "test_events_total", 2.0 * 8.0 * 4.0);
}

/// A receiver that starts again makes its socket anew: the path is the same, the socket another.
#[cfg(unix)]
#[test]
fn a_unix_socket_that_is_removed_and_made_anew() {
    use std::os::unix::net::UnixDatagram;

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("statsd.sock");
    let bind = || {
        let socket = UnixDatagram::bind(&path).expect("it can be bound");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time above zero");
        socket
    };
    let node = Arc::new(Node::new(1));
    let sender = Sender::unix(&path).interval(NEVER).start(Arc::clone(&node)).expect("it starts");
    let mut receiver = Receiver::default();
    for round in 1..=3_u32 {
        let socket = bind();
        node.cells.add(EVENTS, 5);
        // That the old one is gone shows with the first attempt.
        let is_taken = || sender.flush(PATIENCE) == Ok(());
        assert!(is_taken() || is_taken(), "in round {round}");
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = socket.recv(&mut buffer) {
            receiver.receive(&buffer[..length]);
        }
        assert_sum(&receiver, "test_events_total", f64::from(5 * round));
        drop(socket);
        std::fs::remove_file(&path).expect("it was there");
        assert_eq!(sender.flush(PATIENCE), Err(Unsent), "there is no such socket");
    }
}

#[test]
fn the_name_is_not_known_and_then_it_is() {
    let socket = bind(anywhere());
    let address = socket.local_addr().expect("it is bound");
    let known = Arc::new(AtomicBool::new(false));
    let look_up = Arc::clone(&known);
    let resolver = move |name: &str| {
        assert_eq!(name, "statsd.test:8125");
        if look_up.load(Ordering::SeqCst) { Ok(vec![address]) } else { Err(io::ErrorKind::TimedOut.into()) }
    };
    let node = Arc::new(Node::new(1));
    let sender = Sender::udp("statsd.test:8125").resolver(resolver).interval(NEVER).start(Arc::clone(&node));
    let sender = sender.expect("a name that is not known is no reason not to start");
    node.cells.add(EVENTS, 3);
    assert_eq!(sender.flush(PATIENCE), Err(Unsent));
    known.store(true, Ordering::SeqCst);
    assert_eq!(sender.flush(PATIENCE), Ok(()));
    let mut receiver = Receiver::default();
    read(&socket, &mut receiver);
    assert_sum(&receiver, "test_events_total", 3.0);
}

/// The name's address changes while the old one refuses.
#[test]
fn the_receiver_moves() {
    let (old, new) = (bind(anywhere()), bind(anywhere()));
    let addresses = [&old, &new].map(|socket| socket.local_addr().expect("it is bound"));
    let moved = Arc::new(AtomicBool::new(false));
    let look_up = Arc::clone(&moved);
    let resolver = move |_: &str| Ok(vec![addresses[usize::from(look_up.load(Ordering::SeqCst))]]);
    let node = Arc::new(Node::new(1));
    let sender = Sender::udp("statsd.test:8125").resolver(resolver).interval(NEVER).start(Arc::clone(&node));
    let sender = sender.expect("it starts");
    let mut receiver = Receiver::default();
    node.cells.add(EVENTS, 3);
    assert_eq!(sender.flush(PATIENCE), Ok(()));
    read(&old, &mut receiver);
    drop(old);
    moved.store(true, Ordering::SeqCst);
    node.cells.add(EVENTS, 4);
    assert_eq!(sender.flush(PATIENCE), Err(Unsent), "the old address refuses");
    assert_eq!(sender.flush(PATIENCE), Ok(()), "and is looked up again");
    read(&new, &mut receiver);
    assert_sum(&receiver, "test_events_total", 7.0);
}

#[test]
fn a_source_that_panics_costs_one_emit() {
    struct Moody(Arc<Node>, AtomicBool);
    impl Source for Moody {
        fn collect(&self, snapshot: &mut Snapshot) {
            self.0.collect(snapshot);
            assert!(self.1.fetch_not(Ordering::SeqCst), "every second time");
        }
    }
    let socket = bind(anywhere());
    let node = Arc::new(Node::new(1));
    let source = Moody(Arc::clone(&node), AtomicBool::new(false));
    let sender = to(socket.local_addr().expect("it is bound")).start(source).expect("it starts");
    let mut receiver = Receiver::default();
    let panics = || {
        let snapshot = health::METRICS.snapshot();
        let family = snapshot.family("vsr_metrics_exporter_panics_total").expect("in the catalog");
        let series = family.find(&[("exporter", "statsd")]).expect("there from the start");
        let Value::Counter(amount) = series.value() else { panic!("it is a counter") };
        amount.stored
    };
    // No other test here has a source that panics.
    let before = panics();
    for round in 0..20 {
        node.cells.add(EVENTS, 1);
        let expected = if round % 2 == 0 { Err(Unsent) } else { Ok(()) };
        assert_eq!(sender.flush(PATIENCE), expected);
    }
    assert_eq!(panics() - before, 10, "and it is counted");
    read(&socket, &mut receiver);
    assert_sum(&receiver, "test_events_total", 20.0);
}

#[test]
fn times_without_end_are_no_panic() {
    let socket = bind(anywhere());
    let address = socket.local_addr().expect("it is bound");
    let sender = to(address).interval(Duration::MAX).start(Node::new(1)).expect("it starts");
    assert_eq!(sender.flush(Duration::MAX), Ok(()));
    assert_eq!(sender.stop(Duration::MAX), Ok(()));
}

/// Several processes send to one receiver: what exporters tell of themselves has no label of a catalog.
#[test]
fn processes_are_told_apart_in_what_exporters_tell_of_themselves() {
    for (dialect, names) in [
        (
            Dialect::Plain,
            ["a", "b"].map(|name| format!("vsr_metrics_exporter_up.instance.{name}.exporter.statsd")),
        ),
        (
            Dialect::DogStatsD,
            ["a", "b"].map(|name| format!("vsr_metrics_exporter_up,instance:{name},exporter:statsd")),
        ),
    ] {
        let socket = bind(anywhere());
        let address = socket.local_addr().expect("it is bound");
        let mut receiver = Receiver::default();
        for name in ["a", "b"] {
            let node = Node::new(1);
            node.cells.add(EVENTS, 1);
            let encoder = Encoder::new(dialect).instance(name).expect("it is short");
            let sender = to(address).encoder(encoder).start(node).expect("it starts");
            assert_eq!(sender.stop(PATIENCE), Ok(()));
        }
        read(&socket, &mut receiver);
        for name in names {
            assert_eq!(receiver.gauges.get(&name), Some(&1.0), "{name}: {:?}", receiver.gauges.keys());
        }
        assert_sum(&receiver, "test_events_total", 2.0);
        assert!(!receiver.counters.keys().any(|key| key.contains("test_") && key.contains("instance")));
    }
}

/// Looking up a name may take minutes and cannot be broken off. Whoever flushes or stops does not wait for it.
#[test]
fn flush_and_stop_return_in_time_wherever_they_are_called() {
    let stuck = || {
        let resolver = |_: &str| {
            std::thread::sleep(Duration::from_secs(60));
            Err(io::ErrorKind::TimedOut.into())
        };
        Sender::udp("statsd.test:8125")
            .resolver(resolver)
            .interval(NEVER)
            .start(Node::new(1))
            .expect("it starts")
    };
    let timeout = Duration::from_millis(50);
    let in_time = |name: &str, call: &mut dyn FnMut()| {
        let begin = Instant::now();
        call();
        assert!(begin.elapsed() < 100 * timeout, "{name}: {:?}", begin.elapsed());
    };
    let sender = stuck();
    in_time("flush", &mut || assert_eq!(sender.flush(timeout), Err(Unsent)));
    let mut sender = Some(sender);
    in_time("stop", &mut || assert_eq!(sender.take().expect("one").stop(timeout), Err(Unsent)));
    let mut sender = Some(stuck());
    in_time("drop", &mut || drop(sender.take()));
    let mut sender = Some(stuck());
    in_time("while unwinding", &mut || {
        let sender = sender.take();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _sender = sender;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
    });
    let mut sender = Some(stuck());
    in_time("another thread", &mut || {
        let sender = sender.take().expect("one");
        std::thread::spawn(move || sender.stop(timeout)).join().expect("it ends").expect_err("unsent");
    });
    thread_local!(static LAST: std::cell::RefCell<Option<Sender>> = const { std::cell::RefCell::new(None) });
    in_time("a thread's destructor", &mut || {
        std::thread::spawn(move || LAST.set(Some(stuck()))).join().expect("it ends");
    });
}

#[test]
fn an_address_that_is_none_is_an_error_and_no_panic() {
    let error = Sender::udp("localhost").start(Node::new(1)).expect_err("there is no port");
    assert_eq!(error.to_string(), "cannot send to StatsD at `localhost`");
    assert!(
        std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("host and a port"))
    );
}
