//! The demo: a cluster under a steady load, its metrics served, and a line a second that says how it is doing.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsr_metrics::export::http::Endpoint;
use vsr_metrics::sampler::Sampler;
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Metrics, Snapshot, SnapshotDelta, Source};

use crate::agreement::Agreement;
use crate::chaos::Chaos;
use crate::client::{Client, fresh_ids};
use crate::cluster::{self, Cluster, Config};
use crate::limits::Limits;
use crate::load::{self, Load};
use crate::options::DemoOptions;
use crate::processes::{Processes, ProcessesConfig};
use crate::push::Push;
use crate::say::{Signals, say, tell};
use crate::stage::Stage;

/// A cluster with what serves its metrics.
struct Served {
    stage: Box<dyn Stage>,
    addresses: Vec<SocketAddr>,
    /// Within this process there is one of everything for all replicas, and their metrics can be read.
    here: Option<Here>,
    agreement: Arc<Agreement>,
}

/// What carries the metrics of all replicas out of this process.
struct Here {
    endpoint: Endpoint,
    push: Push,
    sampler: Sampler,
    metrics: Vec<Arc<Metrics>>,
}

/// The live line: what the cluster did since the one before.
struct Summary {
    metrics: Vec<Arc<Metrics>>,
    before: Snapshot,
    answered: u64,
    at: Instant,
    live: bool,
}

/// A program that runs in a terminal shows itself more often than one whose lines end up in a file.
const LIVE: Duration = Duration::from_secs(1);
const LOGGED: Duration = Duration::from_secs(5);
/// How often chaos has its turn.
const TURN: Duration = Duration::from_millis(200);
/// How long one request of a fixed list may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the demo until its time is over or a signal asks it to stop.
///
/// # Errors
/// If the port is taken, a disk cannot be used, or a replica fails under way.
pub fn run(options: &DemoOptions) -> Result<(), Box<dyn Error>> {
    let signals = Signals::new()?;
    let own_directory = tempfile::tempdir()?;
    signals.remove_in_the_end(own_directory.path());
    let directory = options.data.as_deref().unwrap_or(own_directory.path());
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("cannot create `{}`: {error}", directory.display()))?;
    let mut served = serve(options, directory)?;
    for address in &served.addresses {
        say(&format!("listening on http://{address}"))?;
    }
    let began = Instant::now();
    let replies = match options.requests {
        Some(requests) => {
            let (replies, are_all) = ask(&*served.stage, requests, &signals)?;
            if are_all {
                let rest = options.duration.map(|duration| duration.saturating_sub(began.elapsed()));
                signals.wait(rest.unwrap_or(Duration::MAX));
            }
            replies
        }
        None => show(options, &mut served, &signals)?,
    };
    let took = began.elapsed();
    let ended = served.stage.stop();
    if let Some(here) = served.here {
        here.stop()?;
    }
    if let Some(violation) = served.agreement.violation() {
        return Err(format!("two replicas executed different operations: {violation}").into());
    }
    ended?;
    say(&format!("replies {replies} in {:.3} s", took.as_secs_f64()))?;
    Ok(())
}

/// Starts the cluster. The endpoint first: if the port is taken, nothing else has begun.
fn serve(options: &DemoOptions, directory: &Path) -> Result<Served, Box<dyn Error>> {
    let DemoOptions { replicas, standbys, durability, listen, chaos, rate, .. } = *options;
    let limits = if chaos { Limits::tight(rate) } else { Limits::default() };
    if options.processes {
        let directory = directory.to_owned();
        let receivers = options.receivers.clone();
        let config = ProcessesConfig { replicas, standbys, directory, durability, limits, listen, receivers };
        let processes = Processes::start(&config)?;
        let addresses = processes.metrics().collect();
        return Ok(Served { stage: Box::new(processes), addresses, here: None, agreement: Arc::default() });
    }
    let metrics = cluster::metrics_of(replicas + standbys)?;
    let here = Here::start(options, directory, metrics.clone())?;
    let config = Config { standbys, durability, limits, ..Config::new(replicas, directory) };
    let agreement = Arc::<Agreement>::default();
    let cluster = Cluster::start(&config, &metrics, Arc::clone(&agreement) as _)?;
    let addresses = vec![here.endpoint.address()];
    Ok(Served { stage: Box::new(cluster), addresses, here: Some(here), agreement })
}

impl Here {
    /// What the process takes from its machine stands with the first replica: it cannot be parted among them.
    fn start(
        options: &DemoOptions,
        directory: &Path,
        metrics: Vec<Arc<Metrics>>,
    ) -> Result<Self, Box<dyn Error>> {
        let first = metrics.first().ok_or("a cluster has a replica")?;
        let sampler = Sampler::vsr(Arc::clone(first)).data(directory).start()?;
        let source = || sampler.watch(metrics.clone());
        let endpoint = Endpoint::builder().listen(options.listen).start(source())?;
        let push = Push::start(&options.receivers, None, source)?;
        Ok(Self { endpoint, push, sampler, metrics })
    }

    fn stop(self) -> std::io::Result<()> {
        if let Some(told) = self.push.stop() {
            say(&told)?;
        }
        drop(self.sampler);
        self.endpoint.stop();
        Ok(())
    }
}

/// Asks a fixed list of requests, one after the other, as far as no signal comes. Returns how many were answered, and
/// whether those were all.
fn ask(stage: &dyn Stage, requests: u64, signals: &Signals) -> Result<(u64, bool), Box<dyn Error>> {
    let mut client = Client::over(fresh_ids().start, stage.requests());
    let refused = |refusal| format!("a request of the list was refused: {refusal:?}");
    client.open(PATIENCE).ok_or("no replica opens a session")?.map_err(refused)?;
    for number in 0..requests {
        if signals.wait(Duration::ZERO) {
            return Ok((number, false));
        }
        let outcome = client.execute(load::operation(number), PATIENCE).ok_or("a request is not answered")?;
        outcome.map_err(refused)?;
    }
    Ok((requests, true))
}

/// Has a load at work and shows how it goes until there is a reason to stop. Returns how many replies came.
fn show(options: &DemoOptions, served: &mut Served, signals: &Signals) -> Result<u64, Box<dyn Error>> {
    let load = Load::start(served.stage.requests(), options.rate)?;
    let mut chaos =
        options.chaos.then(|| Chaos::new(options.replicas, options.standbys, Limits::tight(options.rate)));
    let mut summary = Summary::of(served.here.as_ref().map_or(Vec::new(), |here| here.metrics.clone()));
    let began = Instant::now();
    let pause = if summary.live { LIVE } else { LOGGED };
    let mut next = began + pause;
    loop {
        let rest = options.duration.map_or(pause, |limit| limit.saturating_sub(began.elapsed()));
        if rest.is_zero() || signals.wait(rest.min(TURN)) {
            break;
        }
        match &mut chaos {
            Some(chaos) => {
                if let Some(act) = chaos.tick(&mut *served.stage, &load)? {
                    summary.tell(&act);
                }
            }
            // Its own word comes with the end.
            None if served.stage.failed().is_some() => break,
            None => {}
        }
        if served.agreement.violation().is_some() {
            break;
        }
        if Instant::now() >= next {
            summary.show(&load);
            next += pause;
        }
    }
    if let Some(chaos) = chaos {
        chaos.end(&mut *served.stage);
    }
    summary.end();
    Ok(load.stop().answered)
}

impl Summary {
    fn of(metrics: Vec<Arc<Metrics>>) -> Self {
        let before = metrics.snapshot();
        Self { metrics, before, answered: 0, at: Instant::now(), live: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, load: &Load) {
        let (now, at, answered) = (self.metrics.snapshot(), Instant::now(), load.tally().answered);
        let time = at - self.at;
        let line = if self.metrics.is_empty() {
            // The metrics are in other processes; the clients are here.
            let rate = u128::from(answered - self.answered) * 1000 / time.as_millis().max(1);
            format!("{rate} ops/s · {answered} answered")
        } else {
            line(&now.aggregate().delta_since(&self.before.aggregate()), &now, time)
        };
        (self.before, self.at, self.answered) = (now, at, answered);
        let mut stderr = std::io::stderr();
        // Whether anybody reads the line is not the demo's business.
        let _ = if self.live { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
    }

    /// A line that stays.
    fn tell(&self, what: &str) {
        let begin = if self.live { "\r\x1b[K" } else { "" };
        let _ = writeln!(std::io::stderr(), "{begin}chaos: {what}");
    }

    /// Leaves the last live line as it is.
    fn end(&self) {
        if self.live {
            tell("");
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
