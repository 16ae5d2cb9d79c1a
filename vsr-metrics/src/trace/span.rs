//! Spans on their way to the exporter: a short list that nobody waits for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::{Attributes, Trace};
use crate::encode::otlp::nanoseconds;

/// One of so many operations is traced; none if it is 0.
static EVERY: AtomicU64 = AtomicU64::new(0);

/// Spans that were recorded and not yet taken.
static SPANS: Spans = Spans::new();

/// Spans that found no room, or somebody at every list.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The most spans that wait for the exporter in one of the lists.
const ROOM: usize = 2_048;

/// The most attributes that a span keeps.
const ATTRIBUTES: usize = 4;

/// Spans that wait for the exporter.
struct Spans {
    /// Those of rare kinds first of all: no flood of operations takes their room.
    rare: Mutex<Vec<SpanData>>,
    /// Whoever finds somebody at one list has the others.
    any: [Mutex<Vec<SpanData>>; 4],
}

/// A span that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanData {
    pub(crate) trace: &'static str,
    /// The phase, or none for the whole.
    pub(crate) phase: Option<&'static str>,
    pub(crate) number: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    attributes: [(&'static str, u64); ATTRIBUTES],
    known: usize,
}

/// Traces one of so many operations from now on; 0 switches tracing off, which it is until then. Rare kinds are
/// traced whenever it is on. All replicas should be told the same.
pub fn set_sampling(one_of: u64) {
    EVERY.store(one_of, Ordering::Relaxed);
}

/// One relaxed load, and for kinds that happen often a division.
#[cfg(not(vsr_metrics_untraced))]
#[inline]
pub(super) fn is_traced(is_sampled: bool, number: u64) -> bool {
    match EVERY.load(Ordering::Relaxed) {
        0 => false,
        every => !is_sampled || number.is_multiple_of(every),
    }
}

/// Keeps a span if there is room. Nobody is waited for: a span that meets other threads at all lists is dropped.
pub(super) fn record(
    trace: &Trace,
    phase: Option<&'static str>,
    number: u64,
    start: Option<SystemTime>,
    took: Duration,
    attributes: Attributes<'_>,
) {
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let start = start.map_or_else(|| nanoseconds(SystemTime::now()).saturating_sub(took), nanoseconds);
    let end = start.saturating_add(took);
    let attributeless = [("", 0); ATTRIBUTES];
    let mut span =
        SpanData { trace: trace.name, phase, number, start, end, attributes: attributeless, known: 0 };
    for (place, attribute) in span.attributes.iter_mut().zip(attributes) {
        *place = *attribute;
        span.known += 1;
    }
    if !SPANS.keep(span, trace.is_sampled) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes what was recorded.
pub(crate) fn drain() -> Vec<SpanData> {
    SPANS.take()
}

/// How many were dropped since it was asked last.
pub(crate) fn dropped() -> u64 {
    DROPPED.swap(0, Ordering::Relaxed)
}

impl Spans {
    const fn new() -> Self {
        Self { rare: Mutex::new(Vec::new()), any: [const { Mutex::new(Vec::new()) }; 4] }
    }

    fn keep(&self, span: SpanData, is_sampled: bool) -> bool {
        let rare = (!is_sampled).then_some(&self.rare);
        rare.into_iter().chain(&self.any).any(|list| match list.try_lock() {
            Ok(mut spans) if spans.len() < ROOM => {
                spans.push(span);
                true
            }
            _ => false,
        })
    }

    fn take(&self) -> Vec<SpanData> {
        // The locks are held for a push or for this; a panic in between cannot be.
        std::iter::once(&self.rare)
            .chain(&self.any)
            .filter_map(|list| list.lock().ok())
            .flat_map(|mut spans| std::mem::take(&mut *spans))
            .collect()
    }
}

impl SpanData {
    /// What was told with it.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        &self.attributes[..self.known]
    }

    /// The identity of its trace: the same wherever the same thing is traced.
    pub(crate) fn trace_id(&self) -> [u8; 16] {
        let high = mixed(hash(self.trace) ^ self.number);
        let low = mixed(high ^ self.number);
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// The identity of the span: of a phase, that of the recorder in it, too.
    pub(crate) fn span_id(&self) -> [u8; 8] {
        let Some(phase) = self.phase else { return self.root_id() };
        let whole = u64::from_be_bytes(self.root_id());
        let told =
            self.attributes().iter().fold(hash(phase), |id, (name, value)| mixed(id ^ hash(name) ^ value));
        mixed(whole ^ told).to_be_bytes()
    }

    /// The identity of the whole that it is, or is a phase of.
    pub(crate) fn root_id(&self) -> [u8; 8] {
        mixed(hash(self.trace).rotate_left(32) ^ self.number).to_be_bytes()
    }
}

/// FNV-1a: the same in every process, unlike the hashes of the standard library.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads a number over all bits (the end of `SplitMix64`); never 0, which would be no identity.
fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flood_of_operations_drops_a_rare_span() {
        let span = |trace, number| SpanData {
            trace,
            phase: None,
            number,
            start: 0,
            end: 1,
            attributes: [("", 0); ATTRIBUTES],
            known: 0,
        };
        let spans = Spans::new();
        let kept = (0..10_000).filter(|number| spans.keep(span("operation", *number), true)).count();
        assert_eq!(kept, 4 * ROOM);
        assert!(spans.keep(span("recovery", 1), false));
        assert_eq!(spans.take().len(), 4 * ROOM + 1);
        assert!(spans.keep(span("operation", 1), true));
    }
}
