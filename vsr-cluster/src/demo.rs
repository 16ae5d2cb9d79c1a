//! The demo: a cluster under a steady load, its metrics served, and a line a second that says how it is doing.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use vsr_metrics::export::http::Endpoint;
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Metrics, Snapshot, SnapshotDelta, Source};

use crate::cluster::{self, Cluster, Config};
use crate::load::Load;
use crate::network::Nobody;
use crate::options::DemoOptions;

/// The live line: what the cluster did since the one before.
struct Summary {
    metrics: Vec<Arc<Metrics>>,
    before: Snapshot,
    at: Instant,
    live: bool,
}

/// A program that runs in a terminal shows itself more often than one whose lines end up in a file.
const LIVE: Duration = Duration::from_secs(1);
const LOGGED: Duration = Duration::from_secs(5);

/// Runs the demo until its time is over or a signal asks it to stop.
///
/// # Errors
/// If the port is taken, a log cannot be used, or a replica fails under way.
pub fn run(options: &DemoOptions) -> Result<(), Box<dyn Error>> {
    let signals = signals()?;
    let own_directory = tempfile::tempdir()?;
    let directory = options.data.as_deref().unwrap_or(own_directory.path());
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("cannot create `{}`: {error}", directory.display()))?;
    let metrics = cluster::metrics_of(options.replicas)?;
    // The endpoint first: if the port is taken, nothing else has begun.
    let endpoint = Endpoint::builder().listen(options.listen).start(metrics.clone())?;
    let mut config = Config::new(options.replicas, directory);
    config.durability = options.durability;
    let cluster = Cluster::start(&config, &metrics, Arc::new(Nobody))?;
    say(&format!("listening on http://{}", endpoint.address()))?;
    let began = Instant::now();
    let load = Load::start(Arc::clone(cluster.network()) as _, options.rate)?;
    watch(&cluster, &signals, options.duration, Summary::of(metrics));
    let took = began.elapsed();
    let replies = load.stop().answered;
    let ended = cluster.stop();
    endpoint.stop();
    agree(&ended?)?;
    say(&format!("replies {replies} in {:.3} s", took.as_secs_f64()))?;
    Ok(())
}

/// A message for each Ctrl-C or SIGTERM.
pub(crate) fn signals() -> Result<Receiver<()>, ctrlc::Error> {
    let (sender, signals) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })?;
    Ok(signals)
}

/// Shows how it goes until there is a reason to stop.
fn watch(cluster: &Cluster, signals: &Receiver<()>, limit: Option<Duration>, mut summary: Summary) {
    let began = Instant::now();
    let pause = if summary.live { LIVE } else { LOGGED };
    let mut next = began + pause;
    while cluster.failed().is_none() {
        let rest = limit.map_or(pause, |limit| limit.saturating_sub(began.elapsed()));
        if rest.is_zero() {
            break;
        }
        // Short naps, so that a failed replica does not go unnoticed for long.
        let nap = rest.min(next.saturating_duration_since(Instant::now())).min(LIVE);
        if !matches!(signals.recv_timeout(nap), Err(RecvTimeoutError::Timeout)) {
            break;
        }
        if Instant::now() >= next {
            summary.show();
            next += pause;
        }
    }
    summary.end();
}

impl Summary {
    fn of(metrics: Vec<Arc<Metrics>>) -> Self {
        let before = metrics.snapshot();
        Self { metrics, before, at: Instant::now(), live: std::io::stderr().is_terminal() }
    }

    fn show(&mut self) {
        let (now, at) = (self.metrics.snapshot(), Instant::now());
        let line = line(&now.aggregate().delta_since(&self.before.aggregate()), &now, at - self.at);
        (self.before, self.at) = (now, at);
        let mut stderr = std::io::stderr();
        // Whether anybody reads the line is not the demo's business.
        let _ = if self.live { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
    }

    /// Leaves the last live line as it is.
    fn end(&self) {
        if self.live {
            eprintln!();
        }
    }
}

/// Operations are those of the cluster, and each replica counts all of them: the average is the rate.
fn line(delta: &SnapshotDelta, now: &Snapshot, time: Duration) -> String {
    let replicas = now.family("vsr_operations_total").map_or(1, |family| {
        let successes = |series: &vsr_metrics::snapshot::Series<'_>| {
            series.labels().any(|(name, value)| name == "status" && value.to_string() == "success")
        };
        family.series().filter(successes).count().max(1)
    });
    let operations: f64 = delta
        .family("vsr_operations_total")
        .into_iter()
        .flat_map(|f| f.series())
        .map(|series| number(series.value()))
        .sum();
    let rate = operations / time.as_secs_f64() / f64::from(u32::try_from(replicas).unwrap_or(1));
    let commit = now
        .family("vsr_commit_number")
        .into_iter()
        .flat_map(|f| f.series())
        .map(|series| number(series.value()))
        .fold(0.0, f64::max);
    let prepare = delta.family("vsr_prepare_latency_ms").and_then(|family| family.series().next());
    let quantiles = match prepare.map(|series| series.value()) {
        Some(Value::Histogram(histogram)) => histogram.p50().zip(histogram.p99()),
        _ => None,
    };
    let latency = quantiles.map_or_else(
        || "prepare p50 - p99 -".to_owned(),
        |(p50, p99)| format!("prepare p50 {:.3} ms p99 {:.3} ms", p50.estimate, p99.estimate),
    );
    format!("{rate:.0} ops/s · {latency} · commit {commit:.0}")
}

fn number(value: Value<'_>) -> f64 {
    match value {
        Value::Counter(amount) => amount.as_f64(),
        Value::Gauge(number) => number.as_f64(),
        Value::Histogram(_) => 0.0,
    }
}

/// Replicas that executed the same number of operations must have executed the same ones.
pub(crate) fn agree(replicas: &[crate::replica::Replica]) -> Result<(), String> {
    for (a, b) in replicas.iter().zip(replicas.iter().skip(1)) {
        if a.commit_number() == b.commit_number() && a.state() != b.state() {
            let (a, b) = (a.index(), b.index());
            return Err(format!("replicas `{a}` and `{b}` executed different operations"));
        }
    }
    Ok(())
}

/// A line on stdout that is there at once, also when stdout is a pipe.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
