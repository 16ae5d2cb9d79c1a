//! A count of what happens, made beside the metrics and not through them, and the comparison of the two.

use std::array;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vsr_metrics::snapshot::Value;
use vsr_metrics::{MessageType, Snapshot};

use crate::message::{Entry, OpNumber, ReplicaIndex, Reply};
use crate::network::Observer;
use crate::state_machine::Outcome;
use crate::storage::{Disk, Name};

mod comparison;

pub use comparison::Comparison;

/// What an observer counted, by replica.
#[derive(Debug)]
pub struct Counts(Vec<Tally>);

#[derive(Debug)]
struct Tally {
    sent: [AtomicU64; MessageType::COUNT],
    received: [AtomicU64; MessageType::COUNT],
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Answers to clients, all of them, and those that came with the execution: repeated ones are not new.
    replied: AtomicU64,
    fresh: AtomicU64,
    /// The latest operation executed: its number, its client, and which of the client's requests it was.
    latest: [AtomicU64; 3],
    /// States taken over.
    installed: AtomicU64,
    bytes: Arc<AtomicU64>,
}

/// How far a replica came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The latest operation that its state has.
    pub op: OpNumber,
    /// Operations that it executed.
    pub executed: u64,
    /// States that it took over instead of executing what led to them.
    pub installed: u64,
}

/// A disk that counts the bytes that are written to the log.
#[derive(Debug)]
pub struct Counted<D> {
    disk: D,
    bytes: Arc<AtomicU64>,
}

impl Counts {
    /// Nothing yet, for so many replicas.
    pub fn new(replicas: usize) -> Self {
        let zeros = || array::from_fn(|_| AtomicU64::new(0));
        let tally = |_| Tally {
            sent: zeros(),
            received: zeros(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            replied: AtomicU64::new(0),
            fresh: AtomicU64::new(0),
            latest: array::from_fn(|_| AtomicU64::new(0)),
            installed: AtomicU64::new(0),
            bytes: Arc::default(),
        };
        Self((0..replicas).map(tally).collect())
    }

    /// A replica's disk, with what is written to its log counted here.
    pub fn disk<D>(&self, replica: ReplicaIndex, disk: D) -> Counted<D> {
        Counted { disk, bytes: self.0.get(replica).map(|tally| Arc::clone(&tally.bytes)).unwrap_or_default() }
    }

    /// How far each replica came.
    pub fn reached(&self) -> Vec<Reached> {
        let reached = |tally: &Tally| Reached {
            op: read(&tally.latest[0]),
            executed: read(&tally.succeeded) + read(&tally.failed),
            installed: read(&tally.installed),
        };
        self.0.iter().map(reached).collect()
    }

    /// Answers to clients by all replicas.
    pub fn replied(&self) -> u64 {
        self.0.iter().map(|tally| read(&tally.replied)).sum()
    }

    /// Compares with the metrics of the same replicas.
    pub fn compare(&self, snapshot: &Snapshot) -> Comparison {
        let mut comparison = Comparison::default();
        for (replica, tally) in self.0.iter().enumerate() {
            let replica = replica.to_string();
            for (family, label, counted) in tally.numbers() {
                let mut labels = vec![("replica_id", replica.as_str())];
                labels.extend(label);
                comparison.add(family, 1);
                let recorded = recorded(snapshot, family, &labels);
                if recorded != Some(counted) {
                    let recorded = recorded.map_or("nothing".to_owned(), |number| number.to_string());
                    let differing = format!("`{family}` {labels:?} says {recorded}, counted {counted}");
                    comparison.differing.push(differing);
                }
            }
        }
        comparison
    }

    fn of(&self, replica: ReplicaIndex) -> Option<&Tally> {
        self.0.get(replica)
    }
}

impl Tally {
    /// Each number with the family and the label under which the metrics have it.
    fn numbers(&self) -> impl Iterator<Item = (&'static str, Option<(&'static str, &'static str)>, u64)> {
        let messages = |family, counts: &'_ [AtomicU64; MessageType::COUNT]| {
            let counts: [u64; MessageType::COUNT] = array::from_fn(|kind| read(&counts[kind]));
            MessageType::ALL
                .into_iter()
                .zip(counts)
                .map(move |(kind, count)| (family, Some(("message_type", kind.as_str())), count))
        };
        let rest = [
            ("vsr_operations_total", Some(("status", "success")), read(&self.succeeded)),
            ("vsr_operations_total", Some(("status", "failure")), read(&self.failed)),
            ("vsr_client_latency_ms", None, read(&self.fresh)),
            ("vsr_bytes_written_total", None, read(&self.bytes)),
        ];
        messages("vsr_messages_sent_total", &self.sent)
            .chain(messages("vsr_messages_received_total", &self.received))
            .chain(rest)
    }
}

impl Observer for Counts {
    fn sent(&self, from: ReplicaIndex, _: ReplicaIndex, kind: MessageType) {
        self.of(from).into_iter().for_each(|tally| count(&tally.sent[kind as usize]));
    }

    fn received(&self, at: ReplicaIndex, kind: MessageType) {
        self.of(at).into_iter().for_each(|tally| count(&tally.received[kind as usize]));
    }

    fn applied(&self, at: ReplicaIndex, entry: &Entry, outcome: Outcome) {
        let Some(tally) = self.of(at) else { return };
        count(if outcome.is_ok() { &tally.succeeded } else { &tally.failed });
        for (place, number) in tally.latest.iter().zip([entry.op, entry.client, entry.request]) {
            place.store(number, Ordering::Relaxed);
        }
    }

    fn installed(&self, at: ReplicaIndex, op: OpNumber) {
        let Some(tally) = self.of(at) else { return };
        count(&tally.installed);
        tally.latest[0].store(op, Ordering::Relaxed);
    }

    fn replied(&self, at: ReplicaIndex, reply: &Reply) {
        let Some(tally) = self.of(at) else { return };
        count(&tally.replied);
        // An answer that comes with its execution follows right after it.
        if [reply.client, reply.number] == [read(&tally.latest[1]), read(&tally.latest[2])] {
            count(&tally.fresh);
            tally.latest[1].store(u64::MAX, Ordering::Relaxed);
        }
    }
}

impl<D: Disk> Disk for Counted<D> {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        self.disk.names()
    }

    fn length(&mut self, name: Name) -> io::Result<u64> {
        self.disk.length(name)
    }

    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read(name, offset, buffer)
    }

    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(name, offset, bytes)?;
        if matches!(name, Name::Segment(_)) {
            self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        self.disk.cut(name, length)
    }

    fn remove(&mut self, name: Name) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync(&mut self, name: Name) -> io::Result<()> {
        self.disk.sync(name)
    }
}

/// The count of a counter or of a histogram's observations.
fn recorded(snapshot: &Snapshot, family: &str, labels: &[(&str, &str)]) -> Option<u64> {
    match snapshot.family(family)?.find(labels)?.value() {
        Value::Counter(amount) => Some(amount.stored),
        Value::Histogram(histogram) => Some(histogram.count()),
        Value::Gauge(_) => None,
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
