//! Client sessions as the operations make them, worked out a second time.

use std::collections::{BTreeMap, VecDeque};

use crate::message::{ClientId, Entry, OpNumber, RequestNumber};
use crate::service::NO_CLIENT;
use crate::state_machine::Operation;

/// The clients that have a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    limit: usize,
    /// By client: the latest request, and the operation that it was.
    latest: BTreeMap<ClientId, (RequestNumber, OpNumber)>,
}

/// What a request is to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    New,
    Repeated,
    WithoutSession,
}

/// The table after any of the latest operations.
#[derive(Debug)]
pub(super) struct History {
    base: Table,
    /// The operation that `base` is the table after.
    base_op: OpNumber,
    recent: VecDeque<Call>,
}

/// What a table wants to know of an entry.
#[derive(Clone, Copy, Debug)]
struct Call {
    op: OpNumber,
    client: ClientId,
    request: RequestNumber,
    opens: bool,
}

/// Operations that can be gone back: more than any replica executes again after a crash.
const RECENT: usize = 1 << 14;

impl Call {
    fn of(entry: &Entry) -> Self {
        let Entry { op, client, request, operation, .. } = *entry;
        Self { op, client, request, opens: operation == Operation::OpenSession && request == 0 }
    }
}

impl Table {
    pub(super) fn active(&self) -> u64 {
        self.latest.len() as u64
    }

    pub(super) fn judge(&self, client: ClientId, request: RequestNumber) -> Kind {
        match self.latest.get(&client) {
            Some((latest, _)) if request <= *latest => Kind::Repeated,
            None if request > 0 => Kind::WithoutSession,
            _ => Kind::New,
        }
    }

    /// An operation is executed. Tells whether a session was evicted for it.
    pub(super) fn execute(&mut self, entry: &Entry) -> bool {
        self.take(Call::of(entry))
    }

    fn take(&mut self, Call { op, client, request, opens }: Call) -> bool {
        if client == NO_CLIENT || self.judge(client, request) != Kind::New {
            return false;
        }
        if opens {
            let oldest = self.latest.iter().min_by_key(|(_, (_, used))| *used).map(|(client, _)| *client);
            let evicted = oldest.filter(|_| self.latest.len() >= self.limit);
            evicted.map(|client| self.latest.remove(&client));
            self.latest.insert(client, (0, op));
            return evicted.is_some();
        }
        if let Some(latest) = self.latest.get_mut(&client) {
            *latest = (request, op);
        }
        false
    }
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        let base = Table { limit: limit.max(1), latest: BTreeMap::new() };
        Self { base, base_op: 0, recent: VecDeque::new() }
    }

    /// A replica executed an operation, perhaps as the first one.
    pub(super) fn note(&mut self, entry: &Entry) {
        let last = self.recent.back().map_or(self.base_op, |call| call.op);
        if entry.op != last + 1 {
            return;
        }
        self.recent.push_back(Call::of(entry));
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.base.take(oldest);
            self.base_op = oldest.op;
        }
    }

    /// The table after an operation; that of the latest one known if it is later.
    pub(super) fn after(&self, op: OpNumber) -> Table {
        let mut table = self.base.clone();
        for call in self.recent.iter().take_while(|call| call.op <= op) {
            table.take(*call);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(op: OpNumber, client: ClientId, request: RequestNumber) -> Entry {
        let operation = if request == 0 { Operation::OpenSession } else { Operation::Read { register: 1 } };
        Entry { view: 0, op, client, request, operation }
    }

    #[test]
    fn the_oldest_makes_room_and_history_goes_back() {
        let mut history = History::new(2);
        let entries = [entry(1, 1, 0), entry(2, 2, 0), entry(3, 1, 1), entry(4, 3, 0)];
        let mut table = history.after(0);
        let evicted = entries.map(|entry| {
            history.note(&entry);
            table.execute(&entry)
        });
        assert_eq!(evicted, [false, false, false, true]);
        assert_eq!(table.judge(2, 1), Kind::WithoutSession);
        assert_eq!((table.judge(1, 1), table.judge(1, 2)), (Kind::Repeated, Kind::New));
        assert_eq!(history.after(3).judge(2, 1), Kind::New);
    }
}
