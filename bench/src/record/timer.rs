//! Timing a scope: two clock reads and an observation.

use std::time::Instant;

use super::INPUTS;
use crate::catalog::METRICS;
use crate::rounds::{Contender, Role};

/// Scopes with nothing in them.
pub fn timers() -> Vec<Contender> {
    let options =
        prometheus::HistogramOpts::new("latency", "Latency.").buckets(super::histogram::BOUNDS.to_vec());
    let prometheus = prometheus::Histogram::with_opts(options).expect("valid name");
    vec![
        Contender::new("vsr-metrics", Role::Ours, || {
            (0..INPUTS).for_each(|_| drop(METRICS.time_latency()));
        }),
        Contender::new("prometheus", Role::Peer, move || {
            (0..INPUTS).for_each(|_| drop(prometheus.start_timer()));
        }),
        Contender::new("two reads of std::time::Instant", Role::Reference, || {
            (0..INPUTS).for_each(|_| {
                std::hint::black_box(Instant::now().elapsed());
            });
        }),
    ]
}
