//! What must never happen, watched while the simulation runs: replicas that execute different operations, an
//! acknowledged request that is not executed or executed twice, operations that are lost.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::configuration::Configuration;
use crate::message::{ClientId, Entry, OpNumber, ReplicaIndex, RequestNumber};
use crate::service::Service;
use crate::state_machine::{Outcome, Refusal};

/// The one history that all replicas must agree on, and what contradicts it.
#[derive(Debug)]
pub struct Safety {
    /// Executes everything once, in the order in which replicas executed it first.
    reference: Service,
    /// The latest operations, the last one at the end.
    recent: VecDeque<Executed>,
    /// The latest request of each client that was executed.
    latest: HashMap<ClientId, (RequestNumber, Outcome)>,
    findings: Vec<String>,
}

#[derive(Debug)]
struct Executed {
    entry: Arc<Entry>,
    outcome: Outcome,
    digest: u32,
}

/// Operations that are remembered: more than any replica executes again after a crash.
const RECENT: usize = 1 << 14;

impl Safety {
    /// Nothing has happened yet.
    pub fn new(founded: Configuration, max_sessions: usize) -> Self {
        Self {
            reference: Service::new(founded, max_sessions),
            recent: VecDeque::new(),
            latest: HashMap::new(),
            findings: Vec::new(),
        }
    }

    /// Operations that were executed anywhere.
    pub fn executed(&self) -> OpNumber {
        self.reference.op()
    }

    /// Checksum over all of them and their outcomes.
    pub fn digest(&self) -> u32 {
        self.reference.machine().digest()
    }

    /// What contradicts the promises of the protocol.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// A replica executed an operation.
    pub fn applied(&mut self, at: ReplicaIndex, entry: &Arc<Entry>, outcome: Outcome) {
        if entry.op == self.reference.op() + 1 {
            self.execute(entry);
        }
        let Some(executed) = self.executed_at(entry.op) else {
            self.findings.push(format!("replica `{at}` executed operation `{}` out of order", entry.op));
            return;
        };
        if executed.entry != *entry || executed.outcome != outcome {
            let (first, ended) = (&executed.entry, executed.outcome);
            self.findings.push(format!(
                "replica `{at}` executed {entry:?} with {outcome:?}, another one {first:?} with {ended:?}"
            ));
        }
    }

    /// A replica took over a state.
    pub fn installed(&mut self, at: ReplicaIndex, op: OpNumber, digest: u32) {
        if self.executed_at(op).is_none_or(|executed| executed.digest != digest) {
            self.findings.push(format!("replica `{at}` installed a state after `{op}` that nobody had"));
        }
    }

    /// A client heard what came of its request.
    pub fn acknowledged(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        if self.latest.get(&client) != Some(&(number, outcome)) {
            let executed = self.latest.get(&client);
            self.findings.push(format!(
                "client `{client}` heard {outcome:?} for request `{number}`; executed was {executed:?}"
            ));
        }
    }

    fn execute(&mut self, entry: &Arc<Entry>) {
        let effect = self.reference.apply(entry);
        let is_executed = !matches!(effect.outcome, Err(Refusal::Repeated | Refusal::NoSession));
        if is_executed && entry.client != crate::service::NO_CLIENT {
            let before = self.latest.insert(entry.client, (entry.request, effect.outcome));
            if before.is_some_and(|(number, _)| number >= entry.request) {
                let (client, request) = (entry.client, entry.request);
                self.findings.push(format!("request `{request}` of client `{client}` was executed twice"));
            }
        }
        let digest = self.reference.machine().digest();
        if let Some(evicted) = effect.evicted {
            // It never comes back under this number.
            self.latest.remove(&evicted);
        }
        self.recent.push_back(Executed { entry: Arc::clone(entry), outcome: effect.outcome, digest });
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn executed_at(&self, op: OpNumber) -> Option<&Executed> {
        let back = usize::try_from(self.reference.op().checked_sub(op)?).ok()?;
        self.recent.get(self.recent.len().checked_sub(back + 1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_machine::Operation;

    fn entry(op: OpNumber, request: RequestNumber, operation: Operation) -> Arc<Entry> {
        Arc::new(Entry { view: 0, op, client: 7, request, operation })
    }

    fn begun() -> Safety {
        let mut safety = Safety::new(Configuration::initial(3, 0), 4);
        safety.applied(0, &entry(1, 0, Operation::OpenSession), Ok(None));
        safety.applied(0, &entry(2, 1, Operation::Add { register: 1, amount: 5 }), Ok(Some(5)));
        safety
    }

    #[test]
    fn replicas_that_agree_are_fine() {
        let mut safety = begun();
        safety.applied(1, &entry(1, 0, Operation::OpenSession), Ok(None));
        safety.acknowledged(7, 1, Ok(Some(5)));
        safety.installed(2, 2, safety.digest());
        assert!(safety.findings().is_empty(), "{:?}", safety.findings());
    }

    #[test]
    fn each_kind_of_harm_is_found() {
        let add = |op, amount| entry(op, 1, Operation::Add { register: 1, amount });
        let harm: [&dyn Fn(&mut Safety); 6] = [
            &|safety| safety.applied(1, &add(2, 6), Ok(Some(6))),
            &|safety| safety.applied(1, &add(2, 5), Ok(Some(6))),
            &|safety| safety.applied(1, &add(4, 5), Ok(Some(5))),
            &|safety| safety.installed(1, 2, safety.digest() ^ 1),
            &|safety| safety.acknowledged(7, 1, Ok(Some(4))),
            &|safety| safety.acknowledged(7, 2, Ok(Some(5))),
        ];
        for (number, harm) in harm.into_iter().enumerate() {
            let mut safety = begun();
            harm(&mut safety);
            assert_eq!(safety.findings().len(), 1, "harm {number}");
        }
    }
}
