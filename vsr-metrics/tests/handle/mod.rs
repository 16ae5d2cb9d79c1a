//! A handle of the crate `metrics` that hands on what it is given: each value, and how often.

use std::sync::Arc;

use metrics::{CounterFn, GaugeFn, HistogramFn};
use vsr_metrics::snapshot::Number;

/// Hands on what it is given.
pub struct Handle(Box<dyn Fn(f64, usize) + Send + Sync>);

impl Handle {
    pub fn new(take: impl Fn(f64, usize) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self(Box::new(take)))
    }
}

impl CounterFn for Handle {
    fn increment(&self, value: u64) {
        (self.0)(Number::U64(value).as_f64(), 1);
    }

    fn absolute(&self, _: u64) {
        unreachable!("increments and nothing else");
    }
}

impl GaugeFn for Handle {
    fn increment(&self, _: f64) {
        unreachable!("gauges are set");
    }

    fn decrement(&self, _: f64) {
        unreachable!("gauges are set");
    }

    fn set(&self, value: f64) {
        (self.0)(value, 1);
    }
}

impl HistogramFn for Handle {
    fn record(&self, value: f64) {
        (self.0)(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        (self.0)(value, count);
    }
}
