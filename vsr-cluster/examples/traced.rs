//! Three replicas that go through everything that is traced, for whoever judges what arrives: operations, a view change,
//! a recovery and a state transfer.
//!
//! `traced ADDRESS` pushes all of their spans over OTLP to a receiver there, and prints how many of each whole there must
//! be, as the metrics counted them: `operation=300 view_change=2 recovery=1 state_transfer=1 dropped=0`. Of view changes
//! there are fewer wholes: one for each that somebody leads after.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsr_cluster::client::Client;
use vsr_cluster::cluster::{Cluster, Config, metrics_of};
use vsr_cluster::limits::Limits;
use vsr_cluster::network::Nobody;
use vsr_cluster::state_machine::Operation;
use vsr_metrics::export::otlp::{OtelConfig, Signal, TraceExporter};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Metrics, Source as _, health, trace};

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).ok_or("usage: traced ADDRESS")?;
    let (config, _) = OtelConfig::from_env(Signal::Traces);
    let config = OtelConfig {
        otlp_endpoint: Some(endpoint),
        export_interval: Duration::from_millis(100),
        service_name: "traced".to_owned(),
        ..config
    };
    let exporter = TraceExporter::start(&config)?;
    trace::set_sampling(1);

    let directory = tempfile::tempdir()?;
    let metrics = metrics_of(3)?;
    // A log so short that whoever was away needs a state.
    let limits = Limits { checkpoint_every: 256, ..Limits::default() };
    let config = Config { limits, ..Config::new(3, directory.path()) };
    let mut cluster = Cluster::start(&config, &metrics, Arc::new(Nobody))?;
    let mut client = Client::new(1, cluster.network());
    let refused = |refusal| format!("refused: {refusal:?}");
    client.open(PATIENCE).ok_or("no session")?.map_err(refused)?;
    let mut execute = |operations: u64| -> Result<(), Box<dyn Error>> {
        for number in 0..operations {
            let operation = Operation::Add { register: number % 64, amount: 1 };
            client.execute(operation, PATIENCE).ok_or("a request is not answered")?.map_err(refused)?;
        }
        Ok(())
    };
    execute(50)?;
    // The primary goes: another one leads, and does more than the log of the first can tell.
    cluster.crash(0)?;
    execute(1_500)?;
    cluster.restart(0)?;
    let count = |name| observations(&metrics, name);
    let began = Instant::now();
    while count("vsr_recovery_latency_ms") == 0 || count("vsr_state_transfer_latency_ms") == 0 {
        if began.elapsed() > PATIENCE {
            return Err("the first replica does not come back".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    execute(50)?;
    cluster.stop()?;
    exporter.flush(PATIENCE)?;
    println!(
        "operation={} view_change={} recovery={} state_transfer={} dropped={}",
        count("vsr_client_latency_ms"),
        count("vsr_view_change_latency_ms"),
        count("vsr_recovery_latency_ms"),
        count("vsr_state_transfer_latency_ms"),
        dropped(),
    );
    Ok(())
}

/// How often something was observed, on all replicas.
fn observations(metrics: &[Arc<Metrics>], name: &str) -> u64 {
    let snapshot = metrics.to_vec().snapshot();
    let series: Vec<_> = snapshot.family(name).into_iter().flat_map(|family| family.series()).collect();
    let counts = series.iter().map(|series| match series.value() {
        Value::Histogram(histogram) => histogram.count(),
        _ => 0,
    });
    counts.sum()
}

/// Spans that found no room, or another thread at the list.
fn dropped() -> u64 {
    let snapshot = health::METRICS.snapshot();
    let family = snapshot.family("vsr_metrics_dropped_points_total");
    let series = family.and_then(|family| family.find(&[("exporter", "otlp_traces")]));
    match series.map(|series| series.value()) {
        Some(Value::Counter(amount)) => amount.stored,
        _ => 0,
    }
}
