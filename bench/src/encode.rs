//! Encoding the project's own catalog with every series recorded, ours and the peers'.
//!
//! The peers' families are made from our descriptors, so that all print the same number of samples; a run where
//! they do not is refused. No peer is charged for building them.

mod ours;
mod peers;

use std::sync::Mutex;

use vsr_metrics::Metrics;
use vsr_metrics::descriptor::{Descriptor, LabelValues};

use crate::report::{self, fastest_peer, goal};
use crate::rounds::{Contender, Role, measure};

/// Scrapes in one pass.
const SCRAPES: u32 = 16;

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
    let mut scrapes: Vec<(&'static str, Role, Scrape)> =
        vec![("vsr-metrics, snapshot and text", Role::Ours, ours::scrape())];
    scrapes.extend(peers::all().into_iter().map(|(name, scrape)| (name, Role::Peer, scrape)));
    let samples = agree(&mut scrapes)?;
    let families = Metrics::CATALOG.families.len();

    let mut contenders: Vec<_> =
        scrapes.into_iter().map(|(name, role, scrape)| repeat(name, role, scrape)).collect();
    contenders.push(repeat("vsr-metrics, snapshot alone", Role::Reference, ours::snapshot()));
    let costs = measure(&contenders, f64::from(SCRAPES) * 1e3, 1, rounds);
    report::table(&format!("encode {families} families, {samples} samples, text"), "µs", &costs);
    goal("times faster than the fastest peer", fastest_peer(&costs) / report::ours(&costs), 2.0, false);
    Ok(())
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

fn repeat(name: &'static str, role: Role, scrape: Scrape) -> Contender {
    // Only one thread ever runs it; the lock is what makes that known.
    let state = Mutex::new((scrape, Vec::new()));
    Contender::new(name, role, move || {
        let (scrape, out) = &mut *state.lock().expect("no scrape panics");
        for _ in 0..SCRAPES {
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
    }
}

/// The bounds of a histogram as exported.
fn bounds(names: &[&str]) -> Vec<f64> {
    names.iter().map(|name| name.parse().expect("a bound is a number")).collect()
}
