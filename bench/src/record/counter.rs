//! Counters with and without labels, and setting a gauge.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use measured::{FixedCardinalityLabel, LabelGroup};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::family::Family;

use super::INPUTS;
use crate::catalog::{self, METRICS, Metrics};
use crate::rounds::{Contender, Role};

/// Through `METRICS`, the static of the catalog.
pub const OURS: &str = "vsr-metrics";

/// Through an instance from `Metrics::new`, which may be moved: its shard is looked up.
pub const INSTANCE: &str = "vsr-metrics, an instance that is no static";

/// The same index, added to a cell that is the thread's own by the language: what no library can beat.
pub const LIMIT: &str = "limit: bare thread-local cells";

/// One locked instruction: what a library costs that shares its cells, at the least.
pub const FETCH_ADD: &str = "one fetch_add";

/// Values that a gauge is set to in one pass.
const SET: i64 = INPUTS as i64;

/// Cells of the limit: padding and a few families more than the case needs, as in a shard.
const CELLS: usize = 64;

thread_local! {
    static BARE: [Cell<u64>; CELLS] = const { [const { Cell::new(0) }; CELLS] };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FixedCardinalityLabel, EncodeLabelValue)]
enum Outcome {
    Success,
    Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FixedCardinalityLabel, EncodeLabelValue)]
enum Kind {
    A,
    B,
    C,
    D,
}

#[derive(Clone, Copy, LabelGroup)]
#[label(set = MeasuredSet)]
struct MeasuredLabels {
    outcome: Outcome,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabels {
    outcome: Outcome,
    kind: Kind,
}

const OUTCOMES: [Outcome; 2] = [Outcome::Success, Outcome::Failure];
const KINDS: [Kind; 4] = [Kind::A, Kind::B, Kind::C, Kind::D];
const OUTCOME_NAMES: [&str; 2] = ["success", "failure"];
const KIND_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A counter with two labels of 2 and 4 values, chosen when running. With `one_series`, all inputs are the same
/// series, for threads that meet on it.
pub fn labelled(one_series: bool) -> Vec<Contender> {
    let mut random = fastrand::Rng::with_seed(7);
    let inputs: Arc<[(u8, u8)]> =
        (0..INPUTS).map(|_| if one_series { (0, 0) } else { (random.u8(0..2), random.u8(0..4)) }).collect();
    let mut all = references(&inputs);
    all.extend(handles(&inputs));
    all.extend(typed(&inputs));
    all
}

fn references(inputs: &Arc<[(u8, u8)]>) -> Vec<Contender> {
    let ours: Vec<_> = inputs
        .iter()
        .map(|(a, b)| (catalog::Outcome::ALL[usize::from(*a)], catalog::Kind::ALL[usize::from(*b)]))
        .collect();
    let moving = ours.clone();
    let instance: &'static Metrics = Box::leak(Box::new(Metrics::new()));
    let bare: Vec<_> =
        inputs.iter().map(|(a, b)| (OUTCOMES[usize::from(*a)], KINDS[usize::from(*b)])).collect();
    let locked = bare.clone();
    let cells: [AtomicU64; CELLS] = [const { AtomicU64::new(0) }; CELLS];
    vec![
        Contender::new(OURS, Role::Ours, move || {
            for (outcome, kind) in &ours {
                METRICS.increment_operations(*outcome, *kind);
            }
        }),
        Contender::new(INSTANCE, Role::Reference, move || {
            for (outcome, kind) in &moving {
                instance.increment_operations(*outcome, *kind);
            }
        }),
        Contender::new(LIMIT, Role::Reference, move || {
            for (outcome, kind) in &bare {
                let index = 16 + *outcome as usize * 4 + *kind as usize;
                BARE.with(|cells| cells[index].set(cells[index].get().wrapping_add(1)));
            }
        }),
        Contender::new(FETCH_ADD, Role::Reference, move || {
            for (outcome, kind) in &locked {
                cells[16 + *outcome as usize * 4 + *kind as usize].fetch_add(1, Ordering::Relaxed);
            }
        }),
    ]
}

/// Each peer with a table of its handles, built by hand: its fastest idiom.
fn handles(inputs: &Arc<[(u8, u8)]>) -> Vec<Contender> {
    let vec = prometheus::IntCounterVec::new(
        prometheus::Opts::new("operations", "Operations."),
        &["outcome", "kind"],
    )
    .expect("valid names");
    let table: Vec<_> = OUTCOME_NAMES
        .iter()
        .flat_map(|outcome| KIND_NAMES.map(|kind| vec.with_label_values(&[*outcome, kind])))
        .collect();
    let family = Family::<ClientLabels, prometheus_client::metrics::counter::Counter>::default();
    let client: Vec<_> = OUTCOMES
        .iter()
        .flat_map(|outcome| {
            KINDS.map(|kind| family.get_or_create_owned(&ClientLabels { outcome: *outcome, kind }))
        })
        .collect();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let exporter: Vec<_> = metrics::with_local_recorder(&recorder, || {
        OUTCOME_NAMES
            .iter()
            .flat_map(|outcome| {
                KIND_NAMES.map(|kind| metrics::counter!("operations", "outcome" => *outcome, "kind" => kind))
            })
            .collect()
    });
    let [a, b, c] = [(); 3].map(|()| Arc::clone(inputs));
    vec![
        Contender::new("prometheus, handle table", Role::Peer, move || {
            for (outcome, kind) in &*a {
                table[usize::from(*outcome) * 4 + usize::from(*kind)].inc();
            }
        }),
        Contender::new("prometheus-client, handle table", Role::Peer, move || {
            for (outcome, kind) in &*b {
                client[usize::from(*outcome) * 4 + usize::from(*kind)].inc();
            }
        }),
        Contender::new("metrics + exporter, handle table", Role::Peer, move || {
            for (outcome, kind) in &*c {
                exporter[usize::from(*outcome) * 4 + usize::from(*kind)].increment(1);
            }
        }),
    ]
}

/// Each peer as its documentation shows it.
fn typed(inputs: &Arc<[(u8, u8)]>) -> Vec<Contender> {
    let measured = measured::CounterVec::<MeasuredSet>::dense();
    let vec = prometheus::IntCounterVec::new(
        prometheus::Opts::new("operations", "Operations."),
        &["outcome", "kind"],
    )
    .expect("valid names");
    let family = Family::<ClientLabels, prometheus_client::metrics::counter::Counter>::default();
    let [a, b, c] = [(); 3].map(|()| Arc::clone(inputs));
    vec![
        Contender::new("measured, typed labels", Role::Peer, move || {
            for (outcome, kind) in &*a {
                measured.inc(MeasuredLabels {
                    outcome: OUTCOMES[usize::from(*outcome)],
                    kind: KINDS[usize::from(*kind)],
                });
            }
        }),
        Contender::new("prometheus, with_label_values", Role::Peer, move || {
            for (outcome, kind) in &*b {
                vec.with_label_values(&[
                    OUTCOME_NAMES[usize::from(*outcome)],
                    KIND_NAMES[usize::from(*kind)],
                ])
                .inc();
            }
        }),
        Contender::new("prometheus-client, get_or_create", Role::Peer, move || {
            for (outcome, kind) in &*c {
                let labels = ClientLabels {
                    outcome: OUTCOMES[usize::from(*outcome)],
                    kind: KINDS[usize::from(*kind)],
                };
                family.get_or_create(&labels).inc();
            }
        }),
    ]
}

/// A counter without a label.
pub fn plain() -> Vec<Contender> {
    let prometheus = prometheus::IntCounter::new("plain", "Plain.").expect("valid name");
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    let measured = measured::Counter::new();
    vec![
        Contender::new("vsr-metrics", Role::Ours, || {
            (0..INPUTS).for_each(|_| METRICS.increment_plain());
        }),
        Contender::new("prometheus", Role::Peer, move || (0..INPUTS).for_each(|_| prometheus.inc())),
        Contender::new("prometheus-client", Role::Peer, move || {
            (0..INPUTS).for_each(|_| {
                client.inc();
            });
        }),
        Contender::new("measured", Role::Peer, move || (0..INPUTS).for_each(|_| measured.inc())),
    ]
}

/// Setting a gauge.
pub fn set() -> Vec<Contender> {
    let prometheus = prometheus::IntGauge::new("depth", "Depth.").expect("valid name");
    let client = prometheus_client::metrics::gauge::Gauge::<i64>::default();
    let measured = measured::Gauge::new();
    vec![
        Contender::new("vsr-metrics", Role::Ours, || {
            (0..SET.cast_unsigned()).for_each(|value| METRICS.set_depth(value));
        }),
        Contender::new("prometheus", Role::Peer, move || {
            (0..SET).for_each(|value| prometheus.set(value));
        }),
        Contender::new("prometheus-client", Role::Peer, move || {
            (0..SET).for_each(|value| {
                client.set(value);
            });
        }),
        Contender::new("measured", Role::Peer, move || {
            (0..SET).for_each(|value| measured.set(value));
        }),
    ]
}
