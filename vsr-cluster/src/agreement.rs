//! The check of safety while a cluster runs: all replicas execute the same operations with the same outcomes.

use std::sync::{Mutex, PoisonError};

use vsr_metrics::MessageType;

use crate::message::{Entry, OpNumber, ReplicaIndex, Reply};
use crate::network::Observer;
use crate::state_machine::Outcome;

/// Remembers what was executed under each of the latest op numbers, by whoever was first.
#[derive(Debug)]
pub struct Agreement(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    latest: Vec<Option<Executed>>,
    violation: Option<String>,
}

#[derive(Clone, Debug)]
struct Executed {
    by: ReplicaIndex,
    entry: Entry,
    outcome: Outcome,
}

/// Op numbers that are remembered: more than a replica can be behind without taking over a state.
const REMEMBERED: usize = 1 << 17;

impl Default for Agreement {
    fn default() -> Self {
        Self(Mutex::new(Seen { latest: vec![None; REMEMBERED], violation: None }))
    }
}

impl Agreement {
    /// The first disagreement, if there was any.
    pub fn violation(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).violation.clone()
    }
}

impl Observer for Agreement {
    fn sent(&self, _: ReplicaIndex, _: ReplicaIndex, _: MessageType) {}
    fn received(&self, _: ReplicaIndex, _: MessageType) {}

    fn applied(&self, at: ReplicaIndex, entry: &Entry, outcome: Outcome) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(entry.op % REMEMBERED as u64).unwrap_or(0);
        match &seen.latest[place] {
            Some(first) if first.entry.op > entry.op => {}
            Some(first) if first.entry.op == entry.op => {
                let is_same = first.entry.operation == entry.operation
                    && (first.entry.client, first.entry.request) == (entry.client, entry.request)
                    && first.outcome == outcome;
                if !is_same && seen.violation.is_none() {
                    let Executed { by, entry: there, outcome: then } = first;
                    seen.violation = Some(format!(
                        "replica `{by}` executed {there:?} with {then:?}, replica `{at}` {entry:?} with {outcome:?}"
                    ));
                }
            }
            _ => seen.latest[place] = Some(Executed { by: at, entry: entry.clone(), outcome }),
        }
    }

    fn installed(&self, _: ReplicaIndex, _: OpNumber) {}
    fn replied(&self, _: ReplicaIndex, _: &Reply) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_machine::Operation;

    #[test]
    fn replicas_that_disagree_are_told() {
        let agreement = Agreement::default();
        let entry = |op, value| Entry {
            view: op,
            op,
            client: 1,
            request: 1,
            operation: Operation::Write { register: 1, value },
        };
        agreement.applied(0, &entry(1, 5), Ok(None));
        agreement.applied(1, &entry(1, 5), Ok(None));
        assert_eq!(agreement.violation(), None);
        agreement.applied(2, &entry(1, 6), Ok(None));
        assert!(agreement.violation().is_some_and(|violation| violation.contains("replica `2`")));
    }
}
