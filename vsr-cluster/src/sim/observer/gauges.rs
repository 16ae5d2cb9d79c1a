//! What a replica's gauges must say at any moment, from what is known of it.

use std::time::Duration;

use vsr_metrics::{ReconfigState, ReplicaStatus};

use super::super::node::LogOnDisk;
use super::Tally;
use crate::configuration::{Configuration, ReplicaSet};
use crate::message::OpNumber;
use crate::replica::{Replica, Tuning};

/// What a gauge must say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expected {
    Exactly(f64),
    /// Something between these.
    Between(f64, f64),
    /// No more than that, if it says anything.
    UpTo(f64),
}

/// A family, the value of its own label if it has one, and what it must say. What is not listed must be absent.
pub(super) type Gauge = (&'static str, Option<usize>, Expected);

impl Tally {
    /// `executed` is the latest operation that anybody executed.
    pub(super) fn gauges(
        &self,
        replica: &Replica,
        log: LogOnDisk,
        executed: OpNumber,
        tuning: &Tuning,
    ) -> Vec<Gauge> {
        let life = &self.life;
        let whole = |family, number| (family, None, Expected::Exactly(precise(number)));
        let mut gauges = vec![
            whole("vsr_replica_status", status(replica, life.configuration)),
            whole("vsr_view_number", replica.view()),
            whole("vsr_commit_number", life.executed),
            whole("vsr_op_number", life.last),
            whole("vsr_log_size_bytes", log.bytes),
            whole("vsr_log_entry_count", log.entries),
            whole("vsr_primary", replica.leads().into()),
            whole("vsr_client_sessions_active", life.sessions.active()),
            whole("vsr_cluster_version_major", life.version.major.into()),
            whole("vsr_cluster_version_minor", life.version.minor.into()),
        ];
        let Configuration { members, next, standbys, .. } = life.configuration;
        let majority =
            |members: ReplicaSet| if members.is_empty() { 0 } else { members.len() as u64 / 2 + 1 };
        let state = if next.is_empty() { ReconfigState::Stable } else { ReconfigState::Joint };
        gauges.extend([
            whole("vsr_cluster_size", members.len() as u64),
            whole("vsr_quorum_size", majority(members).max(majority(next))),
            whole("vsr_standby_count", standbys.len() as u64),
            whole("vsr_reconfig_state", state as u64),
        ]);
        let asked: u64 = life.repairs.values().map(|asked| asked.last + 1 - asked.first).sum();
        gauges.extend([
            whole("vsr_repair_budget_available", tuning.repair_credits - asked),
            whole("vsr_repair_inflight_count", life.repairs.len() as u64),
        ]);
        let of_peer = |(peer, nanoseconds): (&usize, &u128)| {
            let nanoseconds = u64::try_from(*nanoseconds).unwrap_or(u64::MAX);
            let milliseconds = Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
            ("vsr_repair_ewma_latency_ms", Some(*peer), Expected::Exactly(milliseconds))
        };
        gauges.extend(life.answers.iter().map(of_peer));
        let some =
            |family, number: Option<f64>| number.map(|number| (family, None, Expected::Exactly(number)));
        gauges.extend(some("vsr_scrub_throughput_ops_per_sec", life.throughput));
        gauges.extend(some("vsr_clock_offset_ms", life.offset));
        let lacks = executed.saturating_sub(life.executed);
        let knows = life.told.saturating_sub(life.executed);
        let lag = match &life.lead {
            Some(_) => Expected::Exactly(0.0),
            None if replica.is_normal() => Expected::Between(precise(knows), precise(lacks)),
            None => Expected::UpTo(precise(lacks)),
        };
        gauges.push(("vsr_replica_lag_operations", None, lag));
        self.of_primary(&mut gauges);
        gauges
    }

    fn of_primary(&self, gauges: &mut Vec<Gauge>) {
        let life = &self.life;
        let whole = |family, number| (family, None, Expected::Exactly(precise(number)));
        let Some(lead) = &life.lead else {
            if life.has_led {
                gauges.extend([whole("vsr_pending_requests", 0), whole("vsr_prepare_ok_votes", 0)]);
            }
            return;
        };
        gauges.push(whole("vsr_pending_requests", lead.waiting + (life.last - life.executed)));
        gauges.extend(lead.votes.map(|votes| whole("vsr_prepare_ok_votes", votes)));
        let Some((healthy, lags)) = &lead.standbys else { return };
        gauges.push(whole("vsr_standby_healthy_count", *healthy));
        let is_one = |standby: usize| life.configuration.standbys.contains(standby);
        let lags = lags.iter().filter(|(standby, _)| is_one(**standby));
        gauges.extend(lags.map(|(standby, lag)| {
            ("vsr_standby_lag_operations", Some(*standby), Expected::Exactly(precise(*lag)))
        }));
    }
}

/// The state by the rules of the protocol; what a replica does outside of normal operation only it can say.
fn status(replica: &Replica, configuration: Configuration) -> u64 {
    let said = replica.status();
    let votes = configuration.members.union(configuration.next).contains(replica.index());
    let state = match (replica.is_normal(), votes) {
        (true, _) if said == ReplicaStatus::StateTransfer => said,
        (true, true) => ReplicaStatus::Normal,
        (true, false) => ReplicaStatus::Standby,
        (false, _) => said,
    };
    state as u64
}

/// A simulation counts no further than 2^32.
fn precise(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
