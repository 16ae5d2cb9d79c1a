//! Connections on loopback: that they come back, that they refuse, and that nobody waits for them.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::*;
use crate::configuration::{ReplicaSet, Version};
use crate::message::Message;
use crate::replica::WireFault;
use crate::state_machine::Operation;
use crate::wire::Secret;

const PATIENCE: Duration = Duration::from_secs(20);

fn secret() -> Secret {
    Secret::new(b"of the tests")
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn start(own: ReplicaIndex, listener: TcpListener, addresses: &Addresses) -> (Peers, Receiver<Delivery>) {
    start_with(Arc::default(), own, listener, addresses)
}

fn start_with(
    links: Arc<Links>,
    own: ReplicaIndex,
    listener: TcpListener,
    addresses: &Addresses,
) -> (Peers, Receiver<Delivery>) {
    let (inbox, deliveries) = mpsc::sync_channel(16);
    let ring = Keyring::of_replica(own, &secret());
    let metrics = Arc::new(Metrics::unidentified());
    let peers = Peers::start(listener, ring, addresses, metrics, inbox, links).expect("threads start");
    (peers, deliveries)
}

/// Replicas 0 and 1, connected.
fn pair() -> ([(Peers, Receiver<Delivery>); 2], Addresses) {
    let (zero, one) = (listener(), listener());
    let addresses = Addresses::new(vec![zero.1, one.1]);
    ([start(0, zero.0, &addresses), start(1, one.0, &addresses)], addresses)
}

fn message(from: ReplicaIndex, sequence: u64) -> Envelope {
    let version = Version { major: 0, minor: 1 };
    let message = Message::PrepareOk { view: 0, op: sequence };
    Envelope { from, to: 1 - from, boot: 1, sequence, epoch: 0, version, message }
}

/// Sends until something arrives that is looked for.
fn until(
    peers: &Peers,
    deliveries: &Receiver<Delivery>,
    mut next: impl FnMut() -> Envelope,
    is_it: impl Fn(&Delivery) -> bool,
) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        peers.send(next());
        if deliveries.recv_timeout(Duration::from_millis(50)).is_ok_and(|delivery| is_it(&delivery)) {
            return;
        }
    }
    panic!("it does not arrive");
}

fn is_message(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Message(_))
}

#[test]
fn messages_arrive_in_order_in_both_directions() {
    let ([zero, one], _) = pair();
    for (from, to, own) in [(&zero, &one, 0), (&one, &zero, 1)] {
        // The first ones may be lost before there is a connection.
        until(&from.0, &to.1, || message(own, 0), is_message);
        (1..=200).for_each(|sequence| from.0.send(message(own, sequence)));
        let mut last = 0;
        while last < 200 {
            let Delivery::Message(envelope) = to.1.recv_timeout(PATIENCE).expect("it arrives") else {
                panic!("no message")
            };
            assert!(envelope.sequence == 0 || envelope.sequence == last + 1);
            last = envelope.sequence.max(last);
        }
    }
}

#[test]
fn a_replica_that_comes_back_elsewhere_is_found() {
    let ([zero, one], addresses) = pair();
    until(&zero.0, &one.1, || message(0, 1), is_message);
    drop(one);
    let (elsewhere, address) = listener();
    let mut all = vec![address; 2];
    all[0] = zero.0.listening;
    addresses.set(all);
    let one = start(1, elsewhere, &addresses);
    until(&zero.0, &one.1, || message(0, 2), is_message);
}

#[test]
fn nobody_waits_for_a_peer_that_does_not_read() {
    let (silent, address) = listener();
    let (own, own_address) = listener();
    let addresses = Addresses::new(vec![own_address, address]);
    let (zero, _deliveries) = start(0, own, &addresses);
    let began = Instant::now();
    (0..200_000).for_each(|sequence| zero.send(message(0, sequence)));
    assert!(began.elapsed() < PATIENCE, "sending takes {:?}", began.elapsed());
    let began = Instant::now();
    drop(zero);
    assert!(began.elapsed() < PATIENCE, "the end takes {:?}", began.elapsed());
    drop(silent);
}

#[test]
fn a_full_inbox_slows_its_peers_down_and_ends_with_its_replica() {
    let ([zero, one], _) = pair();
    until(&zero.0, &one.1, || message(0, 0), is_message);
    (0..50_000).for_each(|sequence| zero.0.send(message(0, sequence)));
    // The inbox of one is full, its reader waits; both end all the same.
    let began = Instant::now();
    drop(one.1);
    drop((zero.0, one.0));
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn what_is_cut_off_is_not_heard_until_it_is_healed() {
    let (zero, one) = (listener(), listener());
    let addresses = Addresses::new(vec![zero.1, one.1]);
    let links: Arc<Links> = Arc::default();
    let zero = start(0, zero.0, &addresses);
    let one = start_with(Arc::clone(&links), 1, one.0, &addresses);
    until(&zero.0, &one.1, || message(0, 0), is_message);
    links.cut([0].into_iter().collect());
    std::thread::sleep(Duration::from_millis(100));
    while one.1.try_recv().is_ok() {}
    zero.0.send(message(0, 1));
    one.0.send(message(1, 1));
    assert!(one.1.recv_timeout(Duration::from_millis(200)).is_err());
    assert!(zero.1.try_recv().is_err());
    links.cut(ReplicaSet::EMPTY);
    until(&zero.0, &one.1, || message(0, 2), is_message);
}

#[test]
fn what_is_asked_to_be_sent_twice_arrives_twice() {
    let (zero, one) = (listener(), listener());
    let addresses = Addresses::new(vec![zero.1, one.1]);
    let links: Arc<Links> = Arc::default();
    let zero = start_with(Arc::clone(&links), 0, zero.0, &addresses);
    let one = start(1, one.0, &addresses);
    until(&zero.0, &one.1, || message(0, 0), is_message);
    while one.1.recv_timeout(Duration::from_millis(200)).is_ok() {}
    links.send_twice(1);
    (1..=2).for_each(|sequence| zero.0.send(message(0, sequence)));
    let sequence = |delivery| match delivery {
        Delivery::Message(envelope) => envelope.sequence,
        other => panic!("{other:?}"),
    };
    assert_eq!([0; 3].map(|_| sequence(one.1.recv_timeout(PATIENCE).expect("it arrives"))), [1, 1, 2]);
}

#[test]
fn what_is_no_frame_is_refused_and_its_connection_closed() {
    let ([zero, _one], _) = pair();
    let mut stream = TcpStream::connect(zero.0.listening).expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: replica\r\n\r\n").expect("is written");
    let refused = zero.1.recv_timeout(PATIENCE).expect("it is told");
    assert!(matches!(refused, Delivery::Refused(WireFault::Damaged)), "{refused:?}");
    let mut rest = Vec::new();
    // Closed with something unread is an error on some systems.
    let _ = io::Read::read_to_end(&mut stream, &mut rest);
    assert!(rest.is_empty());
}

#[test]
fn a_forged_frame_is_refused_and_the_next_one_read() {
    let ([zero, _one], _) = pair();
    let mut stream = TcpStream::connect(zero.0.listening).expect("it listens");
    for secret in [Secret::new(b"somebody else's"), secret()] {
        let frame = Keyring::of_replica(1, &secret).seal(&Parcel::Message(message(1, 1))).expect("short");
        stream.write_all(&frame).expect("is written");
    }
    let deliveries: Vec<_> = (0..2).map(|_| zero.1.recv_timeout(PATIENCE).expect("it is told")).collect();
    assert!(matches!(deliveries[..], [Delivery::Refused(WireFault::Forged), Delivery::Message(_)]));
}

#[test]
fn clients_ask_and_hear() {
    let (own, address) = listener();
    let addresses = Addresses::new(vec![address]);
    let (zero, deliveries) = start(0, own, &addresses);
    let clients = Clients::start(|| Keyring::of_clients(&secret()), &addresses).expect("threads start");
    let (sender, answers) = mpsc::channel();
    clients.connect(7, sender);
    let request = Request { client: 7, number: 3, operation: Operation::OpenSession };
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        clients.request(0, request);
        let Ok(Delivery::Request(asked)) = deliveries.recv_timeout(Duration::from_millis(50)) else {
            continue;
        };
        assert_eq!(asked, request);
        zero.reply(Reply { view: 0, client: 7, number: 3, outcome: Ok(None) });
        let Answer { from, reply } = answers.recv_timeout(PATIENCE).expect("an answer");
        assert_eq!((from, reply.number), (0, 3));
        return;
    }
    panic!("the request does not arrive");
}
