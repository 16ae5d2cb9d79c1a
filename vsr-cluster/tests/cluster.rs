//! A running cluster: its replicas agree, and its metrics say what happened.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vsr_cluster::agreement::Agreement;
use vsr_cluster::client::Client;
use vsr_cluster::cluster::{Cluster, Config, metrics_of};
use vsr_cluster::message::{Entry, OpNumber, ReplicaIndex, Reply};
use vsr_cluster::network::Observer;
use vsr_cluster::replica::Replica;
use vsr_cluster::state_machine::{Operation, Outcome, Refusal};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{MessageType, Metrics, Snapshot, Source};

/// Counts for itself.
#[derive(Default)]
struct Counts(Mutex<Tally>);

#[derive(Default)]
struct Tally {
    sent: HashMap<(ReplicaIndex, &'static str), u64>,
    received: HashMap<(ReplicaIndex, &'static str), u64>,
    applied: HashMap<ReplicaIndex, Vec<(Entry, Outcome)>>,
}

impl Observer for Counts {
    fn sent(&self, from: ReplicaIndex, _: ReplicaIndex, kind: MessageType) {
        *self.0.lock().unwrap().sent.entry((from, kind.as_str())).or_default() += 1;
    }
    fn received(&self, at: ReplicaIndex, kind: MessageType) {
        *self.0.lock().unwrap().received.entry((at, kind.as_str())).or_default() += 1;
    }
    fn applied(&self, at: ReplicaIndex, entry: &Entry, outcome: Outcome) {
        self.0.lock().unwrap().applied.entry(at).or_default().push((entry.clone(), outcome));
    }
    fn installed(&self, _: ReplicaIndex, _: OpNumber) {}
    fn replied(&self, _: ReplicaIndex, _: &Reply) {}
}

const PATIENCE: Duration = Duration::from_secs(20);

struct Ran {
    metrics: Vec<Arc<Metrics>>,
    counts: Arc<Counts>,
    replicas: Vec<Replica>,
}

/// Runs a cluster in `directory` as long as `work` takes.
fn run(replicas: usize, directory: &Path, work: impl FnOnce(&Cluster)) -> Ran {
    let metrics = metrics_of(replicas).unwrap();
    let counts = Arc::new(Counts::default());
    let observer: Arc<dyn Observer> = counts.clone();
    let cluster = Cluster::start(&Config::new(replicas, directory), &metrics, observer).unwrap();
    work(&cluster);
    let replicas = cluster.stop().unwrap();
    Ran { metrics, counts, replicas }
}

fn value(snapshot: &Snapshot, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
    match snapshot.family(name)?.find(labels)?.value() {
        Value::Counter(amount) => Some(amount.stored),
        Value::Gauge(number) => number.to_string().parse().ok(),
        Value::Histogram(histogram) => Some(histogram.count()),
    }
}

trait Number {
    fn to_string(&self) -> String;
}

impl Number for vsr_metrics::snapshot::Number {
    fn to_string(&self) -> String {
        match self {
            Self::U64(value) => value.to_string(),
            Self::I64(value) => value.to_string(),
            Self::F64(value) => value.to_string(),
        }
    }
}

/// Clients that nobody has heard of.
static NEXT: AtomicU64 = AtomicU64::new(1000);

/// Clients at once, each adding to a register of its own and to one that all share.
fn add(cluster: &Cluster, clients: u64, rounds: u64) -> Vec<Outcome> {
    std::thread::scope(|scope| {
        let ask = |id| {
            move || -> Vec<Outcome> {
                let mut client = Client::new(NEXT.fetch_add(1, Ordering::Relaxed), cluster.network());
                assert_eq!(client.open(PATIENCE), Some(Ok(None)));
                let registers = (0..rounds).map(|round| if round % 2 == 0 { 0 } else { id });
                registers
                    .map(|register| client.execute(Operation::Add { register, amount: 1 }, PATIENCE).unwrap())
                    .collect()
            }
        };
        let threads: Vec<_> = (1..=clients).map(|id| scope.spawn(ask(id))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn all_replicas_execute_the_same_operations_in_the_same_order() {
    for replicas in [1, 2, 3, 5, 9] {
        let directory = tempfile::tempdir().unwrap();
        let mut outcomes = Vec::new();
        let ran = run(replicas, directory.path(), |cluster| outcomes = add(cluster, 8, 50));
        let tally = ran.counts.0.lock().unwrap();
        let primary = &tally.applied[&0];
        // Sessions are opened by operations, too.
        assert_eq!(primary.len(), 8 * 50 + 8);
        assert!(primary.iter().map(|(entry, _)| entry.op).eq(1..=408));
        for replica in &ran.replicas {
            assert_eq!(&tally.applied[&replica.index()], primary, "replica {}", replica.index());
            assert_eq!(replica.state(), ran.replicas[0].state());
            assert_eq!(replica.commit_number(), 408);
        }
        // Clients heard what was executed, each exactly once: sums never repeat within a register.
        let mut heard: Vec<Outcome> = outcomes;
        let adds = primary.iter().filter(|(entry, _)| entry.operation != Operation::OpenSession);
        let mut executed: Vec<Outcome> = adds.map(|(_, outcome)| *outcome).collect();
        heard.sort_by_key(|outcome| outcome.unwrap());
        executed.sort_by_key(|outcome| outcome.unwrap());
        assert_eq!(heard, executed);
    }
}

#[test]
fn metrics_equal_what_an_observer_counted() {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(3, directory.path(), |cluster| {
        add(cluster, 8, 100);
        let mut client = Client::new(100, cluster.network());
        assert_eq!(client.open(PATIENCE), Some(Ok(None)));
        let refused = Operation::CompareAndSet { register: 0, expected: u64::MAX, value: 1 };
        assert_eq!(client.execute(refused, PATIENCE), Some(Err(Refusal::Mismatch)));
        // Long enough for a heartbeat or two.
        std::thread::sleep(Duration::from_millis(250));
    });
    let snapshot = ran.metrics.snapshot();
    let tally = ran.counts.0.lock().unwrap();
    for replica in 0..3 {
        let id = replica.to_string();
        let id = ("replica_id", id.as_str());
        for kind in MessageType::ALL.map(MessageType::as_str) {
            let labels = [id, ("message_type", kind)];
            let sent = tally.sent.get(&(replica, kind)).copied().unwrap_or(0);
            let received = tally.received.get(&(replica, kind)).copied().unwrap_or(0);
            assert_eq!(value(&snapshot, "vsr_messages_sent_total", &labels), Some(sent), "{labels:?}");
            assert_eq!(
                value(&snapshot, "vsr_messages_received_total", &labels),
                Some(received),
                "{labels:?}"
            );
        }
        let operations = |status| value(&snapshot, "vsr_operations_total", &[id, ("status", status)]);
        assert_eq!((operations("success"), operations("failure")), (Some(809), Some(1)));
        let size = std::fs::metadata(segment(directory.path(), replica)).unwrap().len();
        let gauge = |name| value(&snapshot, name, &[id]);
        assert_eq!(gauge("vsr_bytes_written_total"), Some(size));
        assert_eq!(gauge("vsr_log_size_bytes"), Some(size));
        assert_eq!(gauge("vsr_log_entry_count"), Some(810));
        assert_eq!(gauge("vsr_op_number"), Some(810));
        assert_eq!(gauge("vsr_commit_number"), Some(810));
        assert_eq!(gauge("vsr_view_number"), Some(0));
        assert_eq!(gauge("vsr_replica_status"), Some(0));
        assert_eq!(gauge("vsr_cluster_size"), Some(3));
        assert_eq!(gauge("vsr_quorum_size"), Some(2));
        assert_eq!(gauge("vsr_client_sessions_active"), Some(9));
        let led = if replica == 0 { 810 } else { 0 };
        for latency in ["vsr_prepare_latency_ms", "vsr_commit_latency_ms", "vsr_client_latency_ms"] {
            assert_eq!(gauge(latency), Some(led), "{latency} of replica {replica}");
        }
        assert_eq!(gauge("vsr_replica_lag_operations"), Some(0));
        assert_eq!(gauge("vsr_pending_requests"), (replica == 0).then_some(0));
    }
    assert_eq!(value(&snapshot, "vsr_prepare_ok_votes", &[("replica_id", "0")]), Some(3));
    assert!(tally.sent[&(0, "heartbeat")] >= 2);
}

#[test]
fn a_repeated_request_is_executed_once_and_answered_again() {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(3, directory.path(), |cluster| {
        let mut client = Client::new(1, cluster.network());
        assert_eq!(client.open(PATIENCE), Some(Ok(None)));
        let add = Operation::Add { register: 1, amount: 1 };
        assert_eq!(client.execute(add, PATIENCE), Some(Ok(Some(1))));
        assert_eq!(client.repeat(add, PATIENCE), Some(Ok(Some(1))));
        assert_eq!(client.execute(add, PATIENCE), Some(Ok(Some(2))));
    });
    let snapshot = ran.metrics.snapshot();
    let of_primary = |name| value(&snapshot, name, &[("replica_id", "0")]);
    assert_eq!(of_primary("vsr_duplicate_requests_total"), Some(1));
    assert_eq!(of_primary("vsr_commit_number"), Some(3));
}

#[test]
fn a_restarted_cluster_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let before = run(3, directory.path(), |cluster| drop(add(cluster, 4, 100)));
    let after = run(3, directory.path(), |cluster| {
        let mut client = Client::new(9, cluster.network());
        assert_eq!(client.open(PATIENCE), Some(Ok(None)));
        let read = Operation::Read { register: 0 };
        assert_eq!(client.execute(read, PATIENCE), Some(Ok(Some(200))));
    });
    let old = before.counts.0.lock().unwrap();
    let new = after.counts.0.lock().unwrap();
    for replica in &after.replicas {
        assert_eq!(new.applied[&replica.index()][..404], old.applied[&0][..]);
        assert_eq!(replica.commit_number(), 406);
    }
    let snapshot = after.metrics.snapshot();
    // What came from the log was not asked for anew, nor sent.
    assert_eq!(value(&snapshot, "vsr_client_latency_ms", &[("replica_id", "0")]), Some(2));
    assert_eq!(value(&snapshot, "vsr_prepare_latency_ms", &[("replica_id", "0")]), Some(2));
}

#[test]
fn a_damaged_backup_is_filled_up_by_the_primary() {
    let directory = tempfile::tempdir().unwrap();
    drop(run(3, directory.path(), |cluster| drop(add(cluster, 4, 500))));
    let damaged = segment(directory.path(), 1);
    flip(&damaged, 1000);
    let ran = run(3, directory.path(), |cluster| {
        drop(add(cluster, 4, 10));
        // Longer than the recovery takes.
        std::thread::sleep(Duration::from_secs(2));
    });
    let snapshot = ran.metrics.snapshot();
    let failures = |id, component| {
        value(&snapshot, "vsr_checksum_failures_total", &[("replica_id", id), ("component", component)])
    };
    assert_eq!(failures("1", "log"), Some(1));
    assert_eq!(failures("1", "superblock"), Some(0));
    assert_eq!((failures("0", "log"), failures("2", "log")), (Some(0), Some(0)));
    let sound = std::fs::read(segment(directory.path(), 0)).unwrap();
    assert_eq!(std::fs::read(&damaged).unwrap()[24..], sound[24..]);
    assert!(ran.replicas.iter().all(|replica| replica.state() == ran.replicas[0].state()));
}

#[test]
fn a_damaged_primary_makes_room_and_is_filled_up() {
    let directory = tempfile::tempdir().unwrap();
    drop(run(3, directory.path(), |cluster| drop(add(cluster, 1, 20))));
    flip(&segment(directory.path(), 0), 110);
    // Its backups find each other, and the next of them leads: no client hears anything before.
    let ran = run(3, directory.path(), |cluster| {
        let mut client = Client::new(500, cluster.network());
        assert_eq!(client.open(PATIENCE), Some(Ok(None)));
        std::thread::sleep(Duration::from_secs(1));
    });
    let snapshot = ran.metrics.snapshot();
    let labels = [("replica_id", "0"), ("component", "log")];
    assert_eq!(value(&snapshot, "vsr_checksum_failures_total", &labels), Some(1));
    assert_eq!(value(&snapshot, "vsr_recovery_latency_ms", &[("replica_id", "0")]), Some(1));
    assert!(ran.replicas.iter().all(|replica| replica.view() >= 1 && replica.op_number() == 22));
}

/// The first segment of a replica's log.
fn segment(directory: &Path, replica: usize) -> std::path::PathBuf {
    directory.join(format!("replica-{replica}/log-00000000"))
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_restarted_replica_executes_a_change_of_the_configuration_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let metrics = metrics_of(4).unwrap();
    let config = Config { standbys: 1, ..Config::new(3, directory.path()) };
    let agreement = Arc::new(Agreement::default());
    for life in 0..2 {
        let cluster = Cluster::start(&config, &metrics, Arc::clone(&agreement) as _).unwrap();
        let mut client = Client::new(NEXT.fetch_add(1, Ordering::Relaxed), cluster.network());
        assert_eq!(client.open(PATIENCE), Some(Ok(None)));
        if life == 0 {
            let change = Operation::Reconfigure { members: 0b1011, standbys: 0b0100 };
            assert_eq!(client.execute(change, PATIENCE), Some(Ok(Some(1))));
        }
        cluster.stop().unwrap();
    }
    assert_eq!(agreement.violation(), None);
}
