//! One core by itself, in situations that a simulation seldom comes to: what it must not forget, and what it must not say.

use std::sync::Arc;

use vsr_cluster::configuration::Configuration;
use vsr_cluster::message::{
    Checkpoint, Entry, Envelope, Lack, Message, OpNumber, ReplicaIndex, Stamp, Tail, ViewNumber, checksum,
};
use vsr_cluster::node::VERSION;
use vsr_cluster::replica::{Clock, Input, Output, Replica, Restored, Time, Tuning};
use vsr_cluster::service::Service;
use vsr_cluster::state_machine::Operation;
use vsr_cluster::storage::{Slot, Superblock};
use vsr_metrics::{Metrics, ReplicaId, ReplicaStatus};

/// Replica 2 of three, after a crash, with a disk that does what it is told at once.
struct Core {
    replica: Replica,
    /// What it wanted since it was asked last, in order.
    wanted: Vec<Output>,
    sequence: u64,
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_secs(1)
    }
    fn calendar(&self) -> Stamp {
        0
    }
}

const OWN: ReplicaIndex = 2;
const PIPELINE: usize = 8;

fn founded() -> Configuration {
    Configuration::initial(3, 0)
}

/// An entry; those of different views differ in what they do as well.
fn entry(view: ViewNumber, op: OpNumber) -> Arc<Entry> {
    let operation =
        if op == 1 { Operation::OpenSession } else { Operation::Write { register: op, value: view } };
    Arc::new(Entry { view, op, client: 7, request: op - 1, operation })
}

impl Core {
    /// It was in normal operation in a view, with entries 1 to `last` of that view in its log.
    fn after_a_crash(view: ViewNumber, last: OpNumber) -> Self {
        let superblock = Superblock {
            view,
            last_normal_view: view,
            boot: 1,
            configuration: founded(),
            version: VERSION,
            ..Superblock::default()
        };
        let log = (1..=last).map(|op| (op, Slot::Sound(entry(view, op)))).collect();
        let restored = Restored { superblock, checkpoint: None, log, founded: founded() };
        let tuning = Tuning { max_in_flight: PIPELINE, ..Tuning::default() };
        let metrics = Arc::new(Metrics::new(ReplicaId::new(2).expect("a small number")));
        let replica = Replica::new(OWN, VERSION, tuning, metrics, restored);
        let mut core = Self { replica, wanted: Vec::new(), sequence: 0 };
        core.step(Input::Start);
        core
    }

    /// Takes in something, and what its disk answers.
    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut outputs = Vec::new();
            self.replica.step(input, &Still, &mut outputs);
            inputs.extend(outputs.iter().rev().filter_map(|output| match output {
                Output::Append(entry) => Some(Input::Persisted(entry.op)),
                Output::WriteSuperblock(_) => Some(Input::SuperblockWritten),
                Output::WriteCheckpoint { op, .. } => Some(Input::CheckpointWritten(*op)),
                _ => None,
            }));
            self.wanted.extend(outputs);
        }
    }

    fn hear(&mut self, from: ReplicaIndex, message: Message) {
        self.sequence += 1;
        let (sequence, epoch) = (self.sequence, 0);
        self.step(Input::Message(Envelope {
            from,
            to: OWN,
            boot: 1,
            sequence,
            epoch,
            version: VERSION,
            message,
        }));
    }

    /// What it said since it was asked last.
    fn said(&mut self) -> Vec<(ReplicaIndex, Message)> {
        let sent = std::mem::take(&mut self.wanted).into_iter().filter_map(|output| match output {
            Output::Send(envelope) => Some((envelope.to, envelope.message)),
            _ => None,
        });
        sent.collect()
    }

    /// The nonce of the state that it asks somebody for.
    fn nonce_of_state(&mut self, of: ReplicaIndex) -> u64 {
        let nonce = self.said().into_iter().find_map(|said| match said {
            (to, Message::StateTransferRequest { nonce, .. }) if to == of => Some(nonce),
            _ => None,
        });
        nonce.unwrap_or_else(|| panic!("it asks replica `{of}` for no state"))
    }

    /// Hears of view 3, in which operations 3 and later are others than its own, from replica 0, which has thrown away what
    /// was before operation 9. Returns the nonce under which replica 1 is asked for a state.
    fn hears_of_a_view_without_its_log(&mut self) -> u64 {
        let tail = Tail::new(9, (9..=20).map(|op| entry(3, op)).collect());
        let configuration = founded();
        self.hear(0, Message::StartView { view: 3, op: 20, commit: 12, log_first: 9, configuration, tail });
        let nonce = self.nonce_of_state(0);
        self.hear(0, Message::Nack { nonce, lack: Lack::Damaged, log_first: 9 });
        self.nonce_of_state(1)
    }
}

/// The state after operation 8 of the history of view 3, of which the first two operations are of view 1.
fn state(configuration: Configuration) -> Checkpoint {
    let mut service = Service::new(configuration, Tuning::default().max_sessions);
    for op in 1..=8 {
        service.apply(&entry(if op <= 2 { 1 } else { 3 }, op));
    }
    let state: Arc<[u8]> = service.encode().into();
    Checkpoint { op: 8, root: checksum(&state), state }
}

#[test]
fn a_log_that_a_state_replaced_is_handed_out_to_nobody() {
    let mut core = Core::after_a_crash(1, 10);
    let nonce = core.hears_of_a_view_without_its_log();
    core.hear(1, Message::StateTransferResponse { nonce, checkpoint: state(founded()) });
    assert_eq!(core.replica.commit_number(), 12);
    core.said();
    // Its own entries 3 to 8 are not those that led to the state.
    core.hear(1, Message::RepairRequest { nonce: 99, first: 3, last: 8 });
    let answers = core.said();
    assert!(matches!(answers[..], [(1, Message::Nack { log_first: 9, .. })]), "{answers:?}");
    assert_eq!((core.replica.status(), core.replica.op_number()), (ReplicaStatus::Normal, 20));
    // Nor are they when the next view needs its log.
    core.hear(0, Message::StartViewChange { view: 4, configuration: founded() });
    let said = core.said();
    let handed = said.iter().find_map(|(_, message)| match message {
        Message::DoViewChange { tail, .. } => Some(tail),
        _ => None,
    });
    let handed = handed.unwrap_or_else(|| panic!("no log is handed over: {said:?}"));
    assert_eq!((handed.first, handed.length), (9, 12));
}

#[test]
fn a_state_counts_as_executed_once_it_is_on_the_disk() {
    let mut core = Core::after_a_crash(1, 10);
    let nonce = core.hears_of_a_view_without_its_log();
    // A later configuration has to be remembered at once, before the state is.
    let later = Configuration { epoch: 2, ..founded() };
    core.hear(1, Message::StateTransferResponse { nonce, checkpoint: state(later) });
    let commits: Vec<(OpNumber, OpNumber)> = core
        .wanted
        .iter()
        .filter_map(|output| match output {
            Output::WriteSuperblock(superblock) if superblock.configuration.epoch == 2 => {
                Some((superblock.commit, 0))
            }
            Output::WriteCheckpoint { op, superblock, .. } => Some((superblock.commit, *op)),
            _ => None,
        })
        .collect();
    assert_eq!(commits[..2], [(2, 0), (8, 8)], "what is executed by the own log, then by the state");
}

#[test]
fn the_beginning_of_a_view_that_comes_late_takes_nothing_back() {
    let mut core = Core::after_a_crash(1, 10);
    // View 1 began with five operations; since then this replica acknowledged five more.
    let tail = Tail::new(1, (1..=5).map(|op| entry(1, op)).collect());
    let configuration = founded();
    core.hear(1, Message::StartView { view: 1, op: 5, commit: 0, log_first: 1, configuration, tail });
    assert_eq!(core.replica.op_number(), 10);
    assert!(!core.wanted.iter().any(|output| matches!(output, Output::Truncate(_))), "{:?}", core.wanted);
    assert_eq!(core.replica.status(), ReplicaStatus::Recovering, "it waits for an answer of its own");
}
