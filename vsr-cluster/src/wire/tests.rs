//! Frames that are what was written, and bytes that are not.

use std::sync::Arc;

use vsr_metrics::snapshot::Value;

use super::*;
use crate::configuration::{Configuration, Version};
use crate::message::{Checkpoint, ClockEcho, Entry, Lack, Message, Tail};
use crate::state_machine::{Operation, Refusal};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }
}

fn secret() -> Secret {
    Secret::new(b"of the tests")
}

fn ring(replica: ReplicaIndex) -> Keyring {
    Keyring::of_replica(replica, &secret())
}

fn entry(op: u64) -> Arc<Entry> {
    let operation = Operation::CompareAndSet { register: 1, expected: 2, value: u64::MAX };
    Arc::new(Entry { view: 3, op, client: 9, request: 4, operation })
}

/// At least one of each, with every kind of field filled.
fn messages() -> Vec<Message> {
    let tail = Tail::new(5, vec![entry(5), entry(6)]);
    let configuration = Configuration::initial(3, 1);
    let clock = Some(ClockEcho { asked: 1, received: 2, sent: 3 });
    let entries = vec![(entry(7).checksum(), entry(7)), (0, entry(8))];
    let (view, op, commit, log_first, nonce) = (3, 6, 4, 2, 77);
    vec![
        Message::Prepare { view, commit, checksum: entry(6).checksum(), entry: entry(6) },
        Message::PrepareOk { view, op },
        Message::Commit { view, op, commit },
        Message::Heartbeat { view, op, commit, log_first, ping: 8, clock },
        Message::Heartbeat { view, op, commit, log_first, ping: 8, clock: None },
        Message::HeartbeatOk { view, op, commit, ping: 8, asked: 9 },
        Message::StartViewChange { view, configuration },
        Message::DoViewChange { view, last_normal_view: 2, op, commit, configuration, tail: tail.clone() },
        Message::StartView { view, op, commit, log_first, configuration, tail: tail.clone() },
        Message::RecoveryRequest { nonce, view },
        Message::RecoveryResponse { nonce, view, op, commit, log_first, configuration, tail: Some(tail) },
        Message::RecoveryResponse { nonce, view, op, commit, log_first, configuration, tail: None },
        Message::RepairRequest { nonce, first: 1, last: 2 },
        Message::RepairResponse { nonce, entries: entries.clone() },
        Message::Nack { nonce, lack: Lack::NotYet, log_first },
        Message::Nack { nonce, lack: Lack::Compacted, log_first },
        Message::Nack { nonce, lack: Lack::Damaged, log_first },
        Message::StateTransferRequest { nonce, commit },
        Message::StateTransferResponse {
            nonce,
            checkpoint: Checkpoint { op, root: 12, state: Arc::from(&b"state"[..]) },
        },
        Message::WriteReorderGapRequest { view, nonce, first: 1, last: 2 },
        Message::WriteReorderGapResponse { view, nonce, entries },
    ]
}

fn parcel(message: Message) -> Parcel {
    let version = Version { major: 1, minor: 2 };
    Parcel::Message(Envelope { from: 0, to: 1, boot: 5, sequence: 6, epoch: 7, version, message })
}

/// All kinds of parcels, each with the ring that writes it and the ring that reads it.
fn parcels() -> Vec<(Parcel, Keyring, Keyring)> {
    let clients = || Keyring::of_clients(&secret());
    let request = Request { client: 1 << 40, number: 2, operation: Operation::OpenSession };
    let mut parcels: Vec<_> =
        messages().into_iter().map(|message| (parcel(message), ring(0), ring(1))).collect();
    parcels.push((Parcel::Request { to: 2, request }, clients(), ring(2)));
    let outcomes = [Ok(None), Ok(Some(u64::MAX))].into_iter().chain(Refusal::ALL.map(Err));
    for outcome in outcomes {
        let reply = Reply { view: 1, client: 2, number: 3, outcome };
        parcels.push((Parcel::Reply { from: 1, reply }, ring(1), clients()));
    }
    parcels
}

fn open(ring: &Keyring, frame: &[u8]) -> Result<Parcel, WireFault> {
    ring.open(frame, &Metrics::unidentified())
}

/// Frames whose checksum failed.
fn frames_damaged(metrics: &Metrics) -> u64 {
    let snapshot = metrics.snapshot();
    let family = snapshot.family("vsr_checksum_failures_total").expect("the family");
    match family.find(&[("component", "frame")]).map(|series| series.value()) {
        Some(Value::Counter(counted)) => counted.stored,
        _ => panic!("no series"),
    }
}

/// Has a frame say that it is whole, whatever was done to it.
fn reseal_checksums(frame: &mut [u8]) {
    let length = u32::try_from(frame.len() - HEADER).expect("small");
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&frame[HEADER..]);
    frame[8..12].copy_from_slice(&checksum.to_le_bytes());
    let checksum = crc32fast::hash(&frame[..12]);
    frame[12..HEADER].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn every_parcel_arrives_as_it_was_sent() {
    for (parcel, from, to) in parcels() {
        let frame = from.seal(&parcel).expect("it is short");
        assert_eq!(open(&to, &frame), Ok(parcel));
    }
}

#[test]
fn any_flipped_bit_is_damage_and_counted() {
    let metrics = Metrics::unidentified();
    let mut flips = 0;
    for (parcel, from, to) in parcels() {
        let frame = from.seal(&parcel).expect("it is short");
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(to.open(&damaged, &metrics), Err(WireFault::Damaged), "bit {bit} of {parcel:?}");
            flips += 1;
        }
    }
    assert_eq!(frames_damaged(&metrics), flips);
}

#[test]
fn any_change_that_keeps_the_checksums_right_is_a_forgery() {
    let metrics = Metrics::unidentified();
    for (parcel, from, to) in parcels() {
        let frame = from.seal(&parcel).expect("it is short");
        for bit in HEADER * 8..frame.len() * 8 {
            let mut forged = frame.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            reseal_checksums(&mut forged);
            assert_eq!(to.open(&forged, &metrics), Err(WireFault::Forged), "bit {bit} of {parcel:?}");
        }
        for length in HEADER..frame.len() {
            let mut cut = frame[..length].to_vec();
            reseal_checksums(&mut cut);
            assert_eq!(to.open(&cut, &metrics), Err(WireFault::Forged), "{length} bytes of {parcel:?}");
        }
    }
    assert_eq!(frames_damaged(&metrics), 0);
}

#[test]
fn a_frame_counts_for_its_receiver_alone() {
    let frame = ring(0)
        .seal(&parcel(Message::StartViewChange { view: 1, configuration: Configuration::default() }))
        .expect("it is short");
    assert!(open(&ring(1), &frame).is_ok());
    for other in [0, 2, 3] {
        assert_eq!(open(&ring(other), &frame), Err(WireFault::Forged));
    }
    let stranger = Keyring::of_replica(1, &Secret::new(b"of another cluster"));
    assert_eq!(open(&stranger, &frame), Err(WireFault::Forged));
    // Replica 2 speaks for replica 0.
    let forged = ring(2)
        .seal(&parcel(Message::StartViewChange { view: 1, configuration: Configuration::default() }))
        .expect("it is short");
    assert_eq!(open(&ring(1), &forged), Err(WireFault::Forged));
}

#[test]
fn an_authentic_frame_with_an_unknown_operation_is_told_apart() {
    let sealed = |content: &[u8]| {
        let mut frame = vec![0; HEADER + CODE];
        frame[..4].copy_from_slice(MAGIC);
        frame.extend_from_slice(content);
        let code = blake3::keyed_hash(&ring(0).to[1], content);
        frame[HEADER..HEADER + CODE].copy_from_slice(code.as_bytes());
        reseal_checksums(&mut frame);
        frame
    };
    let frame = ring(0).seal(&parcel(messages().remove(0))).expect("it is short");
    let mut content = frame[HEADER + CODE..].to_vec();
    assert!(open(&ring(1), &sealed(&content)).is_ok());
    // The operation's own leading byte.
    let place = content.len() - crate::state_machine::ENCODED;
    content[place] = 200;
    assert_eq!(open(&ring(1), &sealed(&content)), Err(WireFault::UnknownOperation));
    // A count that no bytes stand behind.
    let response = Message::RepairResponse { nonce: 1, entries: Vec::new() };
    let frame = ring(0).seal(&parcel(response)).expect("it is short");
    let mut content = frame[HEADER + CODE..].to_vec();
    let place = content.len() - 4;
    content[place..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(open(&ring(1), &sealed(&content)), Err(WireFault::UnknownOperation));
    // Something after the end.
    let mut content = frame[HEADER + CODE..].to_vec();
    content.push(0);
    assert_eq!(open(&ring(1), &sealed(&content)), Err(WireFault::UnknownOperation));
}

#[test]
fn random_bytes_never_panic_and_never_pass() {
    let mut numbers = Numbers(0x5eed);
    let to = ring(1);
    let frames: Vec<_> =
        parcels().iter().map(|(parcel, from, _)| from.seal(parcel).expect("short")).collect();
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..numbers.below(200)).map(|_| numbers.next().to_le_bytes()[0]).collect();
        assert!(open(&to, &noise).is_err());
        // Pieces of real frames, glued together.
        let (one, other) = (&frames[numbers.below(frames.len())], &frames[numbers.below(frames.len())]);
        let mut glued = one[..numbers.below(one.len())].to_vec();
        glued.extend_from_slice(&other[numbers.below(other.len())..]);
        if glued.len() > HEADER {
            reseal_checksums(&mut glued);
        }
        assert!(open(&to, &glued).is_err() || frames.contains(&glued));
    }
}

#[test]
fn random_content_is_read_or_refused_within_bounded_memory() {
    let mut numbers = Numbers(0xfeed);
    for _ in 0..50_000 {
        let mut content: Vec<u8> = (0..numbers.below(300)).map(|_| numbers.next().to_le_bytes()[0]).collect();
        if content.len() > 40 {
            // Most of it should get past the first byte.
            content[0] = 1;
            (content[1], content[2]) = (content[1] % 64, content[2] % 64);
            content[31] = 1 + content[31] % 18;
        }
        let mut reader = Reader::new(&content);
        if let Ok(parcel) = Parcel::take(&mut reader) {
            let mut again = Vec::new();
            parcel.put(&mut again);
            assert_eq!(again.len(), content.len() - reader.0.len(), "what was read takes what was there");
        }
    }
}

#[test]
fn what_is_too_long_is_not_sent_and_not_read() {
    let state = Arc::from(vec![0; LONGEST]);
    let checkpoint = Checkpoint { op: 1, root: 1, state };
    assert_eq!(ring(0).seal(&parcel(Message::StateTransferResponse { nonce: 1, checkpoint })), None);
    let mut frame = ring(0)
        .seal(&parcel(Message::StartViewChange { view: 1, configuration: Configuration::default() }))
        .expect("it is short");
    frame[4..8].copy_from_slice(&u32::try_from(LONGEST + 1).expect("fits").to_le_bytes());
    let checksum = crc32fast::hash(&frame[..12]);
    frame[12..HEADER].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(open(&ring(1), &frame), Err(WireFault::Forged));
}
