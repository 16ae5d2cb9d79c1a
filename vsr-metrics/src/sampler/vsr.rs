//! The sampler's sink for the catalog of Viewstamped Replication.

use std::ops::Deref;
use std::time::Duration;

use super::{Builder, Resources, Sampler, Sink};
use crate::snapshot::Value;
use crate::{Metrics, Snapshot, Source as _, ThreadGroup};

/// The gauges of one instance.
struct Gauges<M>(M);

impl Sampler {
    /// A sampler that sets the resource gauges of an instance, an `Arc` of one or the `static` one, to be adjusted and
    /// started. Network traffic is what that instance counts.
    ///
    /// A process with several instances has its resources once: sample for one of them, or their sum is too high.
    pub fn vsr<M>(metrics: M) -> Builder
    where
        M: Deref<Target = Metrics> + Clone + Send + Sync + 'static,
    {
        let (counted, mut snapshot) = (metrics.clone(), Snapshot::new());
        Self::builder(Gauges(metrics)).network(move || {
            snapshot.clear();
            counted.collect(&mut snapshot);
            Some(traffic(&snapshot))
        })
    }
}

impl<M: Deref<Target = Metrics> + Send + Sync> Sink for Gauges<M> {
    fn resources(&self, resources: &Resources) {
        let metrics = &*self.0;
        set(resources.memory_bytes, |value| metrics.set_memory_used(value), || metrics.unset_memory_used());
        set(
            resources.cpu_percent,
            |value| metrics.set_cpu_utilization(value),
            || metrics.unset_cpu_utilization(),
        );
        set(resources.disk_iops, |value| metrics.set_disk_iops(value), || metrics.unset_disk_iops());
        set(
            resources.disk_bytes_per_second,
            |value| metrics.set_disk_bandwidth(value),
            || metrics.unset_disk_bandwidth(),
        );
        set(
            resources.network_bytes_per_second,
            |value| metrics.set_network_bandwidth(value),
            || metrics.unset_network_bandwidth(),
        );
        set(resources.disk_free_bytes, |value| metrics.set_disk_free(value), || metrics.unset_disk_free());
    }

    fn cpu_time(&self, group: &'static str, used: Duration) {
        let group = ThreadGroup::ALL.into_iter().find(|known| known.as_str() == group);
        self.0.add_cpu(group.unwrap_or(ThreadGroup::Other), used);
    }
}

fn set<T>(value: Option<T>, set: impl FnOnce(T), unset: impl FnOnce()) {
    match value {
        Some(value) => set(value),
        None => unset(),
    }
}

/// Bytes sent and received, as counted by message type.
fn traffic(snapshot: &Snapshot) -> u64 {
    let names = ["vsr_network_sent_bytes_total", "vsr_network_received_bytes_total"];
    let families = names.into_iter().filter_map(|name| snapshot.family(name));
    let values = families.flat_map(|family| family.series().map(|series| series.value()));
    values.fold(0, |sum, value| match value {
        Value::Counter(amount) => sum.wrapping_add(amount.stored),
        _ => sum,
    })
}
