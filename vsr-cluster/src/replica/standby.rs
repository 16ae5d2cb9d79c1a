//! Standby replicas: they hear everything, keep and execute it, and do not vote. The primary watches over them.

use vsr_metrics::StandbyId;

use super::{Io, Replica, ReplicaIndex, ReplicaSet, Time};

/// When each replica was heard last.
#[derive(Debug)]
pub(super) struct Standbys {
    heard: Vec<Option<Time>>,
}

impl Default for Standbys {
    fn default() -> Self {
        Self { heard: vec![None; ReplicaSet::CAPACITY] }
    }
}

impl Standbys {
    /// A replica was heard.
    pub(super) fn hear(&mut self, replica: ReplicaIndex, now: Time) {
        if let Some(heard) = self.heard.get_mut(replica) {
            *heard = Some(now);
        }
    }

    fn is_healthy(&self, standby: ReplicaIndex, now: Time, timeout: Time) -> bool {
        self.heard.get(standby).copied().flatten().is_some_and(|heard| heard + timeout > now)
    }
}

impl Replica {
    /// The primary tells how its standbys are: which were heard lately, and how far behind they are.
    pub(super) fn report_standbys(&self, io: &Io<'_>) {
        if !self.leads() {
            // What was just taken in ended its lead.
            return;
        }
        let standbys = self.configuration.standbys;
        let (now, timeout) = (io.now(), self.tuning.standby_timeout);
        let healthy =
            standbys.iter().filter(|standby| self.standby.is_healthy(*standby, now, timeout)).count();
        self.metrics.set_standby_healthy_count(healthy as u64);
        for standby in standbys.iter() {
            let held = self.leader.peers.get(standby).map_or(0, |peer| peer.acknowledged);
            if let Some(id) = Self::standby_id(standby) {
                self.metrics.set_standby_lag(id, self.service.op().saturating_sub(held));
            }
        }
    }

    /// Nobody is told any more how these standbys are: they are none now, or this replica does not lead now.
    pub(super) fn forget_standbys(&self, standbys: ReplicaSet) {
        standbys.iter().filter_map(Self::standby_id).for_each(|id| self.metrics.unset_standby_lag(id));
    }

    /// The number under which a standby is known to the metrics, if it has one.
    fn standby_id(standby: ReplicaIndex) -> Option<StandbyId> {
        u32::try_from(standby).ok().and_then(|standby| StandbyId::new(standby).ok())
    }
}
