//! The simulation's clients: each opens a session, has one request under way at a time, and asks again until it
//! hears.

use std::time::Duration;

use super::random::Random;
use super::safety::Safety;
use super::scenario::Requests;
use crate::configuration::ReplicaSet;
use crate::message::{ClientId, ReplicaIndex, Reply, Request, RequestNumber};
use crate::replica::Time;
use crate::state_machine::{Operation, Refusal};

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    all: Vec<Client>,
    next_id: ClientId,
    /// The longest pause of those that go on.
    pub(super) pause: Duration,
    /// What those ask for.
    pub(super) requests: Requests,
    /// Whether nobody asks for anything new any more.
    pub(super) is_over: bool,
}

/// One client, under whatever numbers it had.
#[derive(Debug)]
struct Client {
    id: ClientId,
    number: RequestNumber,
    operation: Operation,
    /// When the request was sent last; nothing when it is answered.
    sent: Option<Time>,
    /// When it looks at its affairs next.
    planned: Option<Time>,
    /// Who answered last.
    primary: ReplicaIndex,
    errand: Errand,
}

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    /// It goes on and on.
    Work,
    /// It opens a session and never returns.
    Visit,
    /// It asks for one thing.
    Once(Operation),
    /// It has what it came for.
    Done,
}

/// Requests to send now, and when to look again.
pub(super) struct Asked {
    pub(super) to: ReplicaSet,
    pub(super) request: Option<Request>,
    pub(super) again: Option<Duration>,
}

/// How long a client waits before it asks again.
const RETRY: Duration = Duration::from_millis(300);
/// Registers that clients share; few, so that they meet.
const REGISTERS: u64 = 16;

impl Clients {
    pub(super) fn new(pause: Duration, requests: Requests) -> Self {
        Self { all: Vec::new(), next_id: 1, pause, requests, is_over: false }
    }

    /// One more that goes on. Returns its place.
    pub(super) fn worker(&mut self) -> usize {
        self.add(Errand::Work)
    }

    /// So many go on from now on. Returns the places of those who came.
    pub(super) fn workers(&mut self, count: usize) -> Vec<usize> {
        let going_on = self.all.iter_mut().filter(|client| client.errand == Errand::Work);
        let mut staying = 0;
        for client in going_on {
            staying += 1;
            if staying > count {
                client.errand = Errand::Done;
            }
        }
        (staying..count).map(|_| self.worker()).collect()
    }

    pub(super) fn visitor(&mut self) -> usize {
        self.add(Errand::Visit)
    }

    pub(super) fn operator(&mut self, members: ReplicaSet, standbys: ReplicaSet) -> usize {
        let (members, standbys) = (members.bits(), standbys.bits());
        self.add(Errand::Once(Operation::Reconfigure { members, standbys }))
    }

    /// Whether nobody waits for an answer.
    pub(super) fn are_quiet(&self) -> bool {
        self.all.iter().all(|client| client.sent.is_none())
    }

    /// A client looks at its affairs at this time, and at no other that was planned before.
    pub(super) fn plan(&mut self, place: usize, at: Time) {
        if let Some(client) = self.all.get_mut(place) {
            client.planned = Some(at);
        }
    }

    /// A client's time has come.
    pub(super) fn wake(&mut self, place: usize, now: Time, random: &mut Random) -> Asked {
        let (pause, requests, is_over) = (self.pause, self.requests, self.is_over);
        let Some(client) = self.all.get_mut(place).filter(|client| client.planned == Some(now)) else {
            return Asked::nothing();
        };
        if let Some(sent) = client.sent {
            if now < sent + RETRY {
                return Asked { again: Some((sent + RETRY).saturating_sub(now)), ..Asked::nothing() };
            }
            client.sent = Some(now);
            let to = ReplicaSet::first(8);
            return Asked { to, request: Some(client.request()), again: Some(RETRY) };
        }
        if is_over || client.errand == Errand::Done {
            return Asked::nothing();
        }
        client.ask(requests, random);
        client.sent = Some(now);
        let to = [client.primary].into_iter().collect();
        Asked { to, request: Some(client.request()), again: Some(RETRY.max(pause)) }
    }

    /// A reply arrived. Returns the place of the client that looks at it again after a pause.
    pub(super) fn hear(
        &mut self,
        from: ReplicaIndex,
        reply: &Reply,
        safety: &mut Safety,
        random: &mut Random,
    ) -> Option<(usize, Duration)> {
        let waits = |client: &Client| client.id == reply.client && client.sent.is_some();
        let place = self.all.iter().position(|client| waits(client) && client.number == reply.number)?;
        let client = &mut self.all[place];
        client.sent = None;
        client.primary = from;
        if reply.outcome == Err(Refusal::NoSession) {
            // Whether the request was executed is not known; the client goes on as another one.
            client.id = self.next_id;
            client.number = RequestNumber::MAX;
            self.next_id += 1;
        } else {
            safety.acknowledged(reply.client, reply.number, reply.outcome);
            client.errand = match client.errand {
                Errand::Work => Errand::Work,
                Errand::Once(operation) if client.operation != operation => client.errand,
                Errand::Visit | Errand::Once(_) | Errand::Done => Errand::Done,
            };
        }
        Some((place, random.between(Duration::ZERO, self.pause)))
    }

    /// A request that was answered already, to be sent again.
    pub(super) fn repeat(&self) -> Option<(ReplicaIndex, Request)> {
        let answered = |client: &&Client| {
            client.errand == Errand::Work && client.sent.is_none() && client.number != RequestNumber::MAX
        };
        self.all.iter().find(answered).map(|client| (client.primary, client.request()))
    }

    fn add(&mut self, errand: Errand) -> usize {
        let operation = Operation::OpenSession;
        let (id, number) = (self.next_id, RequestNumber::MAX);
        self.next_id += 1;
        self.all.push(Client { id, number, operation, sent: None, planned: None, primary: 0, errand });
        self.all.len() - 1
    }
}

impl Asked {
    fn nothing() -> Self {
        Self { to: ReplicaSet::EMPTY, request: None, again: None }
    }
}

impl Client {
    /// Decides on the next request. The first one opens the session.
    fn ask(&mut self, requests: Requests, random: &mut Random) {
        self.number = self.number.wrapping_add(1);
        let register = random.below(REGISTERS);
        self.operation = match (self.number, self.errand) {
            (0, _) => Operation::OpenSession,
            (_, Errand::Once(operation)) => operation,
            _ => requests.next(register, random),
        };
    }

    fn request(&self) -> Request {
        Request { client: self.id, number: self.number, operation: self.operation }
    }
}

impl Requests {
    /// What a client asks for next, of this register.
    fn next(self, register: u64, random: &mut Random) -> Operation {
        let Self::Refused(often) = self else {
            return match random.below(4) {
                0 => Operation::Read { register },
                1 => Operation::Write { register, value: random.number() },
                2 => Operation::Add { register, amount: random.below(1 << 60) },
                _ => Operation::CompareAndSet { register, expected: random.below(2), value: 1 },
            };
        };
        if random.per_mille(often) {
            // No register ever holds that.
            return Operation::CompareAndSet { register, expected: u64::MAX, value: 0 };
        }
        match random.below(3) {
            0 => Operation::Read { register },
            1 => Operation::Write { register, value: random.below(1 << 32) },
            _ => Operation::Add { register, amount: random.below(1 << 16) },
        }
    }
}
