//! How a scenario ends: whether everything came right, and what is found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vsr_metrics::{Metrics, Source as _};

use super::super::families;
use super::{Node, ReplicaIndex, World};
use crate::counts::Comparison;

/// How a scenario ended.
#[derive(Debug)]
pub struct Ending {
    /// What must not have happened, and numbers of the metrics that are not what was counted; empty if all is well.
    pub findings: Vec<String>,
    /// Operations that were executed.
    pub operations: u64,
    /// The latest view.
    pub view: u64,
    /// Totals of the metrics that were compared with a count of their own: of counters, buckets and sums.
    pub compared: usize,
    /// Values of gauges that were compared while it ran and at its end.
    pub inspected: usize,
    /// Both by family.
    pub by_family: BTreeMap<&'static str, usize>,
    /// Virtual time that it took, with the time to come right again.
    pub took: Duration,
    /// When it was stopped, if it was: nothing went wrong from then on, and everything had to come right.
    pub stopped_at: Option<Duration>,
    /// Events of the simulation. With the same seed it is always the same.
    pub events: u64,
    /// Checksum over everything that was executed.
    pub digest: u32,
    /// How often a replica stopped because its disk had failed.
    pub disk_stops: u64,
    /// Bytes on all disks together.
    pub disk_bytes: usize,
    /// The replicas' metrics.
    pub metrics: Vec<Arc<Metrics>>,
}

impl World<'_> {
    /// Whether clients have their answers, and everyone in the cluster has everything.
    pub(super) fn is_right(&self) -> bool {
        let Some(leader) = self.leader().and_then(|leader| self.nodes[leader].running.as_ref()) else {
            return false;
        };
        let executed = self.safety.executed();
        let configuration = leader.replica.configuration();
        let is_done = |index: ReplicaIndex| {
            self.nodes[index].running.as_ref().is_some_and(|running| {
                running.replica.is_normal()
                    && running.replica.commit_number() == executed
                    && running.replica.op_number() == executed
                    && running.replica.state().digest() == self.safety.digest()
            })
        };
        self.clients.are_quiet() && !configuration.is_joint() && configuration.everyone().iter().all(is_done)
    }

    pub(super) fn describe(&self) -> String {
        let one = |node: &Node| match &node.running {
            None => format!("`{}` is down", node.index),
            Some(running) => {
                let replica = &running.replica;
                format!(
                    "`{}` {:?} in view {} led by {}, {} of {} executed",
                    node.index,
                    replica.status(),
                    replica.view(),
                    replica.primary(),
                    replica.commit_number(),
                    replica.op_number()
                )
            }
        };
        let all: Vec<String> = self.nodes.iter().map(one).collect();
        format!(
            "{}; {} executed; clients quiet: {}",
            all.join("; "),
            self.safety.executed(),
            self.clients.are_quiet()
        )
    }

    /// Compares all gauges of the replicas that run.
    pub(super) fn inspect(&mut self) {
        let executed = self.safety.executed();
        for node in &self.nodes {
            let Some(running) = &node.running else { continue };
            let mut found =
                self.observer.inspect(&running.replica, &node.metrics, node.log_on_disk(), executed);
            let at = self.now.as_secs_f64();
            self.findings.extend(found.differing.drain(..).map(|one| format!("at {at:.6} s {one}")));
            self.inspected.join(found);
        }
    }

    pub(super) fn end(mut self) -> Ending {
        self.inspect();
        self.findings.extend(self.safety.findings().iter().cloned());
        let metrics: Vec<Arc<Metrics>> = self.nodes.iter().map(|node| Arc::clone(&node.metrics)).collect();
        let snapshot = metrics.snapshot();
        let mut totals = Comparison::default();
        // What a process counted ended with it; a replica that had two has nothing to be compared with.
        let are_whole = self.scenario.machine.is_none() || self.nodes.iter().all(|node| node.life <= 1);
        if are_whole {
            totals.join(self.counts.compare(&snapshot));
            totals.join(self.observer.compare(&snapshot));
        }
        self.findings.append(&mut totals.differing);
        let (compared, inspected) = (totals.numbers(), self.inspected.numbers());
        totals.join(self.inspected);
        let by_family = totals.by_family;
        if are_whole {
            self.findings.extend(families::without_comparison(&by_family));
        }
        let view = self.nodes.iter().filter_map(|node| node.running.as_ref());
        Ending {
            findings: self.findings,
            operations: self.safety.executed(),
            view: view.map(|running| running.replica.view()).max().unwrap_or(0),
            compared,
            inspected,
            by_family,
            took: self.now,
            stopped_at: self.stopped_at,
            events: self.count,
            digest: self.safety.digest(),
            disk_stops: self.observer.stops(),
            disk_bytes: self.nodes.iter().map(Node::disk_bytes).sum(),
            metrics,
        }
    }
}
