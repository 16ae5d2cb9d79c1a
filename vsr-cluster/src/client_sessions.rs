//! Client sessions: the client table of the paper (section 4, figure 2), with a limit.
//!
//! They are part of the replicated state: sessions open, and the least recently used is evicted, when an operation is
//! executed, so that all replicas agree. A client without a session is refused, whatever it asks: its request
//! may have been executed before its session was evicted, and nobody remembers.

use std::collections::BTreeMap;

use crate::message::{ClientId, OpNumber, RequestNumber};
use crate::state_machine::Outcome;

/// The latest request of each client and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    limit: usize,
    sessions: BTreeMap<ClientId, Session>,
}

/// A client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The latest request that was executed.
    pub(crate) number: RequestNumber,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The operation that it was.
    pub(crate) used: OpNumber,
}

/// What a request is to the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Later than anything that its client had executed.
    New,
    /// The latest one again.
    Answered(Outcome),
    /// Older than the latest.
    Stale,
    /// The client has no session.
    NoSession,
}

impl Sessions {
    /// No session yet, and room for `limit`.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), sessions: BTreeMap::new() }
    }

    /// What a client's request is. Request 0 is the one that opens a session.
    pub fn judge(&self, client: ClientId, number: RequestNumber) -> Standing {
        match self.sessions.get(&client) {
            Some(latest) if number < latest.number => Standing::Stale,
            Some(latest) if number == latest.number => Standing::Answered(latest.outcome),
            None if number != 0 => Standing::NoSession,
            _ => Standing::New,
        }
    }

    /// Opens a session with operation `op`. Returns who lost theirs for it.
    pub fn open(&mut self, client: ClientId, op: OpNumber) -> Option<ClientId> {
        let is_full = self.sessions.len() >= self.limit && !self.sessions.contains_key(&client);
        let oldest = self.sessions.iter().min_by_key(|(_, session)| session.used).map(|(client, _)| *client);
        let evicted = oldest.filter(|_| is_full);
        if let Some(oldest) = evicted {
            self.sessions.remove(&oldest);
        }
        self.sessions.insert(client, Session { number: 0, outcome: Ok(None), used: op });
        evicted
    }

    /// Notes what came of a client's request.
    pub fn finish(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome, op: OpNumber) {
        if let Some(session) = self.sessions.get_mut(&client) {
            *session = Session { number, outcome, used: op };
        }
    }

    /// How many clients have a session.
    pub fn active(&self) -> u64 {
        self.sessions.len() as u64
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClientId, Session)> {
        self.sessions.iter().map(|(client, session)| (*client, *session))
    }

    pub(crate) fn restore(&mut self, client: ClientId, session: Session) {
        self.sessions.insert(client, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once() {
        let mut sessions = Sessions::new(8);
        assert_eq!(sessions.judge(1, 1), Standing::NoSession);
        assert_eq!(sessions.judge(1, 0), Standing::New);
        assert_eq!(sessions.open(1, 10), None);
        assert_eq!(sessions.judge(1, 5), Standing::New);
        sessions.finish(1, 5, Ok(Some(7)), 11);
        assert_eq!(sessions.judge(1, 5), Standing::Answered(Ok(Some(7))));
        assert_eq!(sessions.judge(1, 4), Standing::Stale);
        assert_eq!(sessions.judge(1, 6), Standing::New);
    }

    #[test]
    fn the_least_recently_used_session_makes_room() {
        let mut sessions = Sessions::new(2);
        assert_eq!((sessions.open(1, 1), sessions.open(2, 2)), (None, None));
        sessions.finish(1, 1, Ok(None), 3);
        assert_eq!(sessions.open(3, 4), Some(2));
        assert_eq!(sessions.judge(2, 1), Standing::NoSession);
        assert_eq!(sessions.active(), 2);
        assert_eq!(sessions.open(3, 5), None, "a session that opens again takes nobody's place");
    }
}
