//! Encoding the project's own catalog and one of 100,000 series, all recorded, ours and the peers'.
//!
//! The peers' families are made from our descriptors, so that all print the same number of samples; a run where
//! they do not is refused. No peer is charged for building them.

mod large;
mod ours;
mod peers;

use std::sync::Mutex;

use vsr_metrics::Metrics;
use vsr_metrics::descriptor::{CatalogDescriptor, Descriptor, LabelValues};

pub use self::large::SERIES;
pub use self::ours::empty_large as large;
use crate::report::{self, fastest_peer, goal};
use crate::rounds::{Contender, Cost, Role, measure};

/// Observations of each histogram series, in milliseconds.
const OBSERVED: [f64; 3] = [0.3, 7.25, 61.125];

/// A label's name and value.
type Label = (&'static str, String);

/// Encodes one scrape; returns what it wrote.
type Scrape = Box<dyn FnMut(&mut Vec<u8>) + Send>;

/// Measures encoding into a buffer that is used again, and taking a snapshot.
///
/// # Errors
/// If a library prints another number of samples than ours.
pub fn run(rounds: usize) -> Result<(), String> {
    let ours: [Scrape; 2] = [ours::scrape(ours::real(1)), ours::snapshot(ours::real(1))];
    let costs = compare(Metrics::CATALOG, ours, 16, rounds)?;
    goal("times faster than the fastest peer", fastest_peer(&costs) / report::ours(&costs), 2.0, false);

    let one = repeat("1 shard", Role::Ours, 16, ours::snapshot(ours::real(1)));
    let many = repeat(
        "64 shards, as of 64 threads that recorded",
        Role::Reference,
        16,
        ours::snapshot(ours::real(64)),
    );
    let costs = measure(&[one, many], 16.0 * 1e3, 1, rounds);
    report::table("snapshot of the same, our own growth", "µs", &costs);

    let ours: [Scrape; 2] = [ours::scrape(ours::filled_large()), ours::snapshot(ours::filled_large())];
    compare(self::large::catalog(), ours, 1, rounds.div_ceil(10)).map(drop)
}

/// Our scrape and snapshot of a catalog beside the peers' scrapes, `scrapes` of them in one pass.
fn compare(
    catalog: &'static CatalogDescriptor,
    [ours, snapshot]: [Scrape; 2],
    scrapes: u32,
    rounds: usize,
) -> Result<Vec<Cost>, String> {
    let mut all: Vec<(&'static str, Role, Scrape)> =
        vec![("vsr-metrics, snapshot and text", Role::Ours, ours)];
    all.extend(peers::all(catalog).into_iter().map(|(name, scrape)| (name, Role::Peer, scrape)));
    let samples = agree(&mut all)?;
    let families = catalog.families.len();

    let mut contenders: Vec<_> =
        all.into_iter().map(|(name, role, scrape)| repeat(name, role, scrapes, scrape)).collect();
    contenders.push(repeat("vsr-metrics, snapshot alone", Role::Reference, scrapes, snapshot));
    let costs = measure(&contenders, f64::from(scrapes) * 1e3, 1, rounds);
    report::table(&format!("encode {families} families, {samples} samples, text"), "µs", &costs);
    Ok(costs)
}

/// The number of samples that all print.
fn agree(scrapes: &mut [(&'static str, Role, Scrape)]) -> Result<usize, String> {
    let mut common = None;
    for (name, _, scrape) in scrapes {
        let mut text = Vec::new();
        scrape(&mut text);
        let text = String::from_utf8_lossy(&text);
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        let expected = *common.get_or_insert(samples);
        if samples != expected {
            return Err(format!("`{name}` prints {samples} samples where {expected} were expected"));
        }
    }
    common.ok_or_else(|| "nobody prints anything".to_owned())
}

fn repeat(name: &'static str, role: Role, scrapes: u32, scrape: Scrape) -> Contender {
    // Only one thread ever runs it; the lock is what makes that known.
    let state = Mutex::new((scrape, Vec::new()));
    Contender::new(name, role, move || {
        let (scrape, out) = &mut *state.lock().expect("no scrape panics");
        for _ in 0..scrapes {
            out.clear();
            scrape(out);
            std::hint::black_box(&*out);
        }
    })
}

/// The labels of each series of a family, the instance's own first.
fn series(family: &Descriptor) -> Vec<Vec<Label>> {
    let mut all = vec![vec![("replica_id", "0".to_owned())]];
    for label in family.labels {
        all = all
            .into_iter()
            .flat_map(|labels: Vec<Label>| {
                values(&label.values).into_iter().map(move |value| {
                    let mut labels = labels.clone();
                    labels.push((label.name, value));
                    labels
                })
            })
            .collect();
    }
    all
}

fn values(values: &LabelValues) -> Vec<String> {
    match values {
        LabelValues::Enum(names) => names.iter().map(|&name| name.to_owned()).collect(),
        LabelValues::Range { min, max } => (*min..=*max).map(|value| value.to_string()).collect(),
        LabelValues::Dynamic(_) => unreachable!("no catalog has labels that are made while it runs"),
    }
}

/// The bounds of a histogram as exported.
fn bounds(names: &[&str]) -> Vec<f64> {
    names.iter().map(|name| name.parse().expect("a bound is a number")).collect()
}
