//! The soak: a cluster under load in real time, and then a verdict. Everything that happened is counted a second
//! time, beside the metrics, and the two must be equal; memory, threads and file descriptors must not grow.

use std::error::Error;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsr_metrics::Source as _;

use crate::cluster::{self, Cluster, Config};
use crate::counts::{Counts, Reached};
use crate::load::{Load, Tally};
use crate::options::SoakOptions;
use crate::process::Usage;
use crate::say::{Signals, say, tell};
use crate::stage::Stage as _;

/// How a soak ended.
struct Verdict {
    took: Duration,
    load: Tally,
    /// How far each replica came.
    reached: Vec<Reached>,
    compared: usize,
    usage: Option<(Usage, Usage)>,
    findings: Vec<String>,
}

/// Stretches of time with one rate each, in order.
struct Plan(Vec<(u64, Duration)>);

/// A program that runs in a terminal shows itself more often than one whose lines end up in a file.
const LIVE: Duration = Duration::from_secs(1);
const LOGGED: Duration = Duration::from_secs(10);
/// Memory is measured for the first time when queues and maps have their size: after a tenth of the time, at most
/// a minute.
const LONGEST_WARM_UP: Duration = Duration::from_secs(60);
/// How long backups may take to hear of the last commits.
const LONGEST_SETTLING: Duration = Duration::from_secs(10);

/// Runs a soak until its time is over or a signal asks it to stop. Tells whether all is well.
///
/// # Errors
/// If the cluster does not start.
pub fn run(options: &SoakOptions) -> Result<bool, Box<dyn Error>> {
    let signals = Signals::new()?;
    let directory = tempfile::tempdir()?;
    signals.remove_in_the_end(directory.path());
    let mut config = Config::new(options.replicas, directory.path());
    config.durability = options.durability;
    let metrics = cluster::metrics_of(options.replicas)?;
    let counts = Arc::new(Counts::new(options.replicas));
    let cluster = Cluster::start_counted(&config, &metrics, &counts)?;
    let began = Instant::now();
    let load = Load::start(Arc::clone(cluster.network()) as _, options.rate)?;
    let early = Plan::of(options).follow(&cluster, &load, &signals);
    let load = load.stop();
    let took = began.elapsed();
    // Before anything is stopped, so that everything that runs is counted.
    let late = Usage::now();
    settle(&counts);
    let ended = Box::new(cluster).stop();
    let comparison = counts.compare(&metrics.snapshot());
    let compared = comparison.numbers();
    let mut findings = comparison.differing;
    findings.extend(ended.err().map(|error| error.to_string()));
    let mut verdict =
        Verdict { took, load, reached: counts.reached(), compared, usage: early.zip(late), findings };
    verdict.judge(counts.replied());
    say(&verdict.to_string())?;
    Ok(verdict.findings.is_empty())
}

/// Waits until all replicas have come equally far, for a while.
fn settle(counts: &Counts) {
    let end = Instant::now() + LONGEST_SETTLING;
    let is_level = || counts.reached().windows(2).all(|pair| pair[0].op == pair[1].op);
    while !is_level() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Plan {
    fn of(options: &SoakOptions) -> Self {
        let Some(burst) = options.burst else { return Self(vec![(options.rate, options.duration)]) };
        let half = options.duration / 2;
        Self(vec![(options.rate, half), burst, (options.rate, options.duration.saturating_sub(half))])
    }

    fn length(&self) -> Duration {
        self.0.iter().map(|(_, time)| *time).sum()
    }

    /// Sets the rates and shows how it goes, to the end or until a signal comes. Returns what the process took
    /// when it had warmed up.
    fn follow(&self, cluster: &Cluster, load: &Load, signals: &Signals) -> Option<Usage> {
        let live = std::io::stderr().is_terminal();
        let began = Instant::now();
        let warm = (self.length() / 10).min(LONGEST_WARM_UP);
        let mut early = None;
        let mut progress = Progress { next: began, at: began, answered: 0, live };
        let mut end = began;
        for (rate, time) in &self.0 {
            load.set_rate(*rate);
            end += *time;
            loop {
                let now = Instant::now();
                if early.is_none() && now >= began + warm {
                    early = Usage::now();
                }
                progress.show(load.tally().answered, now - began, *rate);
                if cluster.failed().is_some() || now >= end {
                    break;
                }
                let nap = (end - now).min(LIVE);
                if signals.wait(nap) {
                    progress.end();
                    tell("ended early, by a signal");
                    return early;
                }
            }
        }
        progress.end();
        early
    }
}

/// The line that says how it goes.
struct Progress {
    next: Instant,
    at: Instant,
    answered: u64,
    live: bool,
}

impl Progress {
    fn show(&mut self, answered: u64, elapsed: Duration, asked: u64) {
        let now = Instant::now();
        if now < self.next || now == self.at {
            return;
        }
        let rate = per_second(answered - self.answered, now - self.at);
        let usage = Usage::now().map_or(String::new(), |usage| format!(" · {usage}"));
        let seconds = elapsed.as_secs();
        let line = format!("{seconds} s · {answered} operations · {rate:.0} of {asked} per s{usage}");
        let mut stderr = std::io::stderr();
        // Whether anybody reads the line is not the soak's business.
        let _ = if self.live { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
        (self.at, self.answered) = (now, answered);
        self.next += if self.live { LIVE } else { LOGGED };
    }

    /// Leaves the last live line as it is.
    fn end(&self) {
        if self.live {
            tell("");
        }
    }
}

impl Verdict {
    /// Finds what is not as it must be, besides the metrics.
    fn judge(&mut self, replied: u64) {
        let Tally { opened, issued, answered, lost, .. } = self.load;
        if answered != issued || lost != 0 {
            self.findings.push(format!("of {issued} requests {answered} were answered, {lost} lost"));
        }
        if replied < answered + opened {
            self.findings
                .push(format!("replicas replied {replied} times, clients heard {}", answered + opened));
        }
        let expected = issued + opened;
        for (replica, reached) in self.reached.iter().enumerate() {
            // Each request once, however often it was sent. Whoever took over a state executed less to get there.
            if reached.op != expected || (reached.installed == 0 && reached.executed != expected) {
                self.findings.push(format!("replica `{replica}` came to {reached:?}, not to {expected}"));
            }
        }
        match self.usage {
            Some((early, late)) => self.findings.extend(late.growth_since(early)),
            None => self.findings.push("it ended before memory was measured twice".to_owned()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { opened, answered, repeated, .. } = self.load;
        let (took, rate) = (self.took.as_secs_f64(), per_second(answered, self.took));
        writeln!(f, "operations   {answered} in {took:.3} s, {rate:.0} per s; {repeated} repeated")?;
        writeln!(f, "sessions     {opened}")?;
        for (replica, Reached { op, executed, installed }) in self.reached.iter().enumerate() {
            writeln!(
                f,
                "replica {replica}    {executed} executed, sessions included; {installed} states; at {op}"
            )?;
        }
        writeln!(f, "metrics      {} numbers compared with a count of their own", self.compared)?;
        if let Some((early, late)) = self.usage {
            writeln!(f, "at start     {early}")?;
            writeln!(f, "at end       {late}")?;
        }
        for finding in &self.findings {
            writeln!(f, "finding      {finding}")?;
        }
        f.write_str(if self.findings.is_empty() { "verdict      all is well" } else { "verdict      FAILED" })
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown to no more than a few digits")]
    let count = count as f64;
    count / time.as_secs_f64().max(1e-9)
}
