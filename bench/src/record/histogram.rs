//! A histogram of nine bounds that keeps a sum.

use std::sync::Arc;
use std::time::Duration;

use super::INPUTS;
use super::counter::INSTANCE;
use crate::catalog::{METRICS, Metrics};
use crate::rounds::{Contender, Role};

/// The bounds that the peers get, in seconds as in the catalog.
pub const BOUNDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1];

/// Random durations, spread over all buckets alike.
pub fn observations() -> Vec<Contender> {
    let mut random = fastrand::Rng::with_seed(11);
    let inputs: Arc<[Duration]> = (0..INPUTS)
        .map(|_| Duration::from_secs_f64(10f64.powf(4.0f64.mul_add(random.f64(), -4.5))))
        .collect();
    let [a, b, c, d] = [(); 4].map(|()| Arc::clone(&inputs));
    let [moving, fine] = [(); 2].map(|()| Arc::clone(&inputs));
    let instance: &'static Metrics = Box::leak(Box::new(Metrics::new()));
    let options = prometheus::HistogramOpts::new("latency", "Latency.").buckets(BOUNDS.to_vec());
    let prometheus = prometheus::Histogram::with_opts(options).expect("valid name");
    let client = prometheus_client::metrics::histogram::Histogram::new(BOUNDS);
    let measured =
        measured::Histogram::with_metadata(measured::metric::histogram::Thresholds::with_buckets(BOUNDS));
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&BOUNDS)
        .expect("there are bounds")
        .build_recorder();
    let exporter = metrics::with_local_recorder(&recorder, || metrics::histogram!("latency"));
    vec![
        Contender::new("vsr-metrics", Role::Ours, move || {
            a.iter().for_each(|value| METRICS.record_latency(*value));
        }),
        Contender::new(INSTANCE, Role::Reference, move || {
            moving.iter().for_each(|value| instance.record_latency(*value));
        }),
        Contender::new("vsr-metrics, with a grid", Role::Reference, move || {
            fine.iter().for_each(|value| METRICS.record_fine_latency(*value));
        }),
        Contender::new("prometheus", Role::Peer, move || {
            b.iter().for_each(|value| prometheus.observe(value.as_secs_f64()));
        }),
        Contender::new("prometheus-client", Role::Peer, move || {
            c.iter().for_each(|value| client.observe(value.as_secs_f64()));
        }),
        Contender::new("measured", Role::Peer, move || {
            d.iter().for_each(|value| measured.observe(value.as_secs_f64()));
        }),
        Contender::new("metrics + exporter", Role::Peer, move || {
            inputs.iter().for_each(|value| exporter.record(value.as_secs_f64()));
            // Its histograms keep every observation until the next upkeep; without one, memory grows.
            recorder.handle().run_upkeep();
        }),
    ]
}
