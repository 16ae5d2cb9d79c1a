//! The replicated state as a whole: registers, sessions and the configuration, and its form as a checkpoint
//! (section 5.1 of the paper).

use crate::client_sessions::{Session, Sessions, Standing};
use crate::configuration::{Configuration, ReplicaSet};
use crate::message::{ClientId, Entry, OpNumber};
use crate::state_machine::{Operation, Outcome, Refusal, StateMachine};

/// Everything that operations change, after one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    op: OpNumber,
    machine: StateMachine,
    sessions: Sessions,
    configuration: Configuration,
}

/// What an operation did besides its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The answer to the client.
    pub outcome: Outcome,
    /// Who lost a session.
    pub evicted: Option<ClientId>,
}

/// Whose the operations are that a primary adds on its own.
pub const NO_CLIENT: ClientId = 0;

const MAGIC: &[u8; 8] = b"VSRSTA01";

impl Service {
    /// The state before any operation, in the cluster's first configuration.
    pub fn new(configuration: Configuration, max_sessions: usize) -> Self {
        Self { op: 0, machine: StateMachine::default(), sessions: Sessions::new(max_sessions), configuration }
    }

    /// The latest operation executed.
    pub fn op(&self) -> OpNumber {
        self.op
    }

    /// The registers.
    pub fn machine(&self) -> &StateMachine {
        &self.machine
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The configuration that the operations so far led to.
    pub fn configuration(&self) -> Configuration {
        self.configuration
    }

    /// Executes the next operation. Every replica does the same with it.
    pub fn apply(&mut self, entry: &Entry) -> Effect {
        self.op = entry.op;
        let mut evicted = None;
        let outcome = match (entry.operation, self.sessions.judge(entry.client, entry.request)) {
            (Operation::Settle, _) if entry.client == NO_CLIENT => self.settle(),
            (Operation::OpenSession, Standing::New) if entry.request == 0 => {
                evicted = self.sessions.open(entry.client, entry.op);
                Ok(None)
            }
            (_, Standing::NoSession) => Err(Refusal::NoSession),
            (_, Standing::Answered(_) | Standing::Stale) => Err(Refusal::Repeated),
            (operation, Standing::New) => {
                let outcome = match operation {
                    Operation::Reconfigure { members, standbys } => self.reconfigure(members, standbys),
                    Operation::OpenSession | Operation::Settle => Err(Refusal::NoSuchConfiguration),
                    _ => self.machine.execute(operation),
                };
                self.sessions.finish(entry.client, entry.request, outcome, entry.op);
                outcome
            }
        };
        self.machine.note(entry.operation, outcome);
        Effect { outcome, evicted }
    }

    /// The state as bytes, from which [`decode`](Self::decode) makes it again.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let Configuration { epoch, members, next, standbys } = self.configuration;
        let numbers = [self.op, u64::from(self.machine.digest()), epoch];
        let sets = [members, next, standbys].map(ReplicaSet::bits);
        let counts = [self.machine.registers().count() as u64, self.sessions.active()];
        let mut put = |number: u64| bytes.extend_from_slice(&number.to_le_bytes());
        numbers.into_iter().chain(sets).chain(counts).for_each(&mut put);
        for (register, value) in self.machine.registers() {
            put(register);
            put(value);
        }
        for (client, session) in self.sessions.iter() {
            let (kind, value) = encode_outcome(session.outcome);
            [client, session.number, session.used, kind, value].into_iter().for_each(&mut put);
        }
        bytes
    }

    /// Reads a state; `None` if the bytes are none.
    pub fn decode(bytes: &[u8], max_sessions: usize) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (chunks, []) = rest.as_chunks::<8>() else { return None };
        let mut numbers = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk));
        let mut next = || numbers.next();
        let op = next()?;
        let digest = u32::try_from(next()?).ok()?;
        let epoch = next()?;
        let [members, joining, standbys] = [next()?, next()?, next()?].map(ReplicaSet::from_bits);
        let configuration = Configuration { epoch, members, next: joining, standbys };
        let (registers, sessions) = (next()?, next()?);
        let mut service = Self::new(configuration, max_sessions);
        service.op = op;
        for _ in 0..registers {
            service.machine.restore(next()?, next()?);
        }
        service.machine.restore_digest(digest);
        for _ in 0..sessions {
            let (client, number, used) = (next()?, next()?, next()?);
            let outcome = decode_outcome(next()?, next()?)?;
            service.sessions.restore(client, Session { number, outcome, used });
        }
        next().is_none().then_some(service)
    }

    /// Section 7: the first step to another configuration. Members must have been here before, so that they have the
    /// log already.
    fn reconfigure(&mut self, members: u64, standbys: u64) -> Outcome {
        let [members, standbys] = [members, standbys].map(ReplicaSet::from_bits);
        let known = self.configuration.members.union(self.configuration.standbys);
        let is_possible = !self.configuration.is_joint()
            && !members.is_empty()
            && members.without(known).is_empty()
            && members.intersection(standbys).is_empty();
        if !is_possible {
            return Err(Refusal::NoSuchConfiguration);
        }
        self.configuration = self.configuration.joint(members, standbys);
        Ok(Some(self.configuration.epoch))
    }

    fn settle(&mut self) -> Outcome {
        if !self.configuration.is_joint() {
            return Err(Refusal::NoSuchConfiguration);
        }
        self.configuration = self.configuration.settled();
        Ok(Some(self.configuration.epoch))
    }
}

fn encode_outcome(outcome: Outcome) -> (u64, u64) {
    match outcome {
        Ok(None) => (0, 0),
        Ok(Some(value)) => (1, value),
        Err(refusal) => (2, Refusal::ALL.iter().position(|one| *one == refusal).unwrap_or(0) as u64),
    }
}

fn decode_outcome(kind: u64, value: u64) -> Option<Outcome> {
    match kind {
        0 => Some(Ok(None)),
        1 => Some(Ok(Some(value))),
        2 => Refusal::ALL.get(usize::try_from(value).ok()?).map(|refusal| Err(*refusal)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(op: OpNumber, client: ClientId, request: u64, operation: Operation) -> Entry {
        Entry { view: 0, op, client, request, operation }
    }

    fn some() -> Service {
        let mut service = Service::new(Configuration::initial(3, 1), 4);
        for client in 1..=5 {
            service.apply(&entry(client, client, 0, Operation::OpenSession));
        }
        service.apply(&entry(6, 2, 1, Operation::Write { register: 9, value: 1 }));
        service.apply(&entry(7, 3, 1, Operation::CompareAndSet { register: 9, expected: 2, value: 1 }));
        service
    }

    #[test]
    fn a_state_survives_its_encoding() {
        let service = some();
        assert_eq!(Service::decode(&service.encode(), 4), Some(service));
    }

    #[test]
    fn a_state_cut_anywhere_is_none() {
        let bytes = some().encode();
        for length in 0..bytes.len() {
            assert_eq!(Service::decode(&bytes[..length], 4), None, "{length} bytes");
        }
    }

    #[test]
    fn an_evicted_client_is_refused_and_a_request_is_executed_once() {
        let mut service = some();
        let write = Operation::Add { register: 1, amount: 1 };
        assert_eq!(service.apply(&entry(8, 1, 1, write)).outcome, Err(Refusal::NoSession));
        assert_eq!(service.apply(&entry(9, 2, 2, write)).outcome, Ok(Some(1)));
        assert_eq!(service.apply(&entry(10, 2, 2, write)).outcome, Err(Refusal::Repeated));
        assert_eq!(service.apply(&entry(11, 2, 3, write)).outcome, Ok(Some(2)));
        assert_eq!(service.apply(&entry(12, 9, 0, Operation::OpenSession)).evicted, Some(4));
    }

    #[test]
    fn members_come_from_the_standbys_and_one_change_at_a_time() {
        let mut service = some();
        let to = |members, standbys| Operation::Reconfigure { members, standbys };
        assert_eq!(
            service.apply(&entry(8, 2, 2, to(0b10011, 0))).outcome,
            Err(Refusal::NoSuchConfiguration),
            "replica 4 is unknown"
        );
        assert_eq!(service.apply(&entry(9, 2, 3, to(0b1011, 0b100))).outcome, Ok(Some(1)));
        assert_eq!(service.apply(&entry(10, 2, 4, to(0b111, 0))).outcome, Err(Refusal::NoSuchConfiguration));
        assert_eq!(service.apply(&entry(11, NO_CLIENT, 0, Operation::Settle)).outcome, Ok(Some(2)));
        assert_eq!(service.configuration().members, ReplicaSet::from_bits(0b1011));
    }
}
