//! The whole path at once: the demo, a real Prometheus with all rules, and the questions that an operator asks.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::demo::{Demo, Replies};
use super::expected::{self, SeriesCount};
use super::prometheus::{Prometheus, unhealthy};
use super::rules::declared;
use super::{scratch, tools};
use crate::test::End;

/// The demo's own default.
const REPLICAS: u64 = 3;

/// How long the demo runs, and for how long of it Prometheus is asked.
const RUN: &str = "25s";
const ASKED: Duration = Duration::from_secs(18);

/// How long a rate over five seconds needs until it looks at nothing but the run.
const WARM_UP: Duration = Duration::from_secs(8);

/// How far the rate of a replica may be from the rate that clients saw.
const TOLERANCE: f64 = 0.10;

const RATE: &str = "rate(vsr_operations_total{status=\"success\"}[5s])";
const QUANTILE: &str = "histogram_quantile(0.99, sum by (le) (rate(vsr_prepare_latency_ms_bucket[5s])))";

/// The rates that were read for each replica, in the order of reading.
type Rates = BTreeMap<String, Vec<f64>>;

/// Starts both and compares.
pub fn run() -> End {
    match tools::prometheus() {
        Ok(program) => End::from(scratch("end-to-end").and_then(|directory| watch(&program, &directory))),
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// Asks while the demo runs, and compares with what its clients saw once it is over.
fn watch(program: &Path, directory: &Path) -> Result<(), String> {
    let counts = expected::series(&expected::vsr()?);
    let demo = Demo::start(directory, RUN)?;
    let prometheus = Prometheus::start(program, directory, &[demo.address()])?;
    let begin = Instant::now();
    std::thread::sleep(WARM_UP);
    let mut rates = Rates::new();
    while begin.elapsed() < ASKED {
        for sample in prometheus.query(RATE)? {
            rates.entry(sample.labels["replica_id"].to_string()).or_default().push(sample.value);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let mut findings = state(&prometheus, &counts)?;
    let rules = prometheus.rules()?;
    findings.extend(unhealthy(&rules, declared()?));
    findings.extend(
        rules
            .iter()
            .filter(|rule| rule.state == "firing")
            .map(|rule| format!("`{}` fires while nothing is wrong", rule.name)),
    );
    let replies = demo.replies()?;
    findings.extend(compare(rates, replies));
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// What Prometheus says about the target, its series and its latency.
fn state(prometheus: &Prometheus, counts: &[SeriesCount]) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    if prometheus.value("up")? != Some(1.0) {
        findings.push("`up` is not 1".to_owned());
    }
    for expected in counts {
        // Text 0.0.4 and OpenMetrics name the samples of a counter alike.
        let found = prometheus.value(&format!("count({})", expected.name))?.unwrap_or(0.0);
        findings.extend(miscounted(expected, found));
    }
    match prometheus.value(QUANTILE)? {
        Some(quantile) if quantile.is_finite() => {}
        other => findings.push(format!("`{QUANTILE}` is {other:?}, expected a finite number")),
    }
    Ok(findings)
}

/// What to say of a number of series that the catalog does not say.
fn miscounted(expected: &SeriesCount, found: f64) -> Option<String> {
    #[expect(clippy::cast_precision_loss, reason = "a catalog of 2^53 series fits no budget")]
    let most = (expected.count * REPLICAS) as f64;
    let is_right = if expected.or_fewer { found <= most } else { (found - most).abs() < 0.5 };
    let at_most = if expected.or_fewer { "at most " } else { "" };
    (!is_right).then(|| format!("`{}` has {found} series, the catalog says {at_most}{most}", expected.name))
}

/// Compares the middle rate of each replica with the clients': a single scrape that came late is not judged.
fn compare(rates: Rates, replies: Replies) -> Vec<String> {
    let mut findings = Vec::new();
    if rates.len() as u64 != REPLICAS {
        findings.push(format!("{} replicas count operations, expected {REPLICAS}", rates.len()));
    }
    for (replica, mut rates) in rates {
        rates.sort_by(f64::total_cmp);
        let rate = rates[rates.len() / 2];
        let clients = replies.rate();
        if (rate - clients).abs() > TOLERANCE * clients {
            findings.push(format!(
                "replica {replica} counts {rate:.1} operations/s, clients saw {clients:.1} replies/s"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLIES: Replies = Replies { count: 10_000.0, seconds: 10.0 };

    fn rates(rate: f64) -> Rates {
        ["0", "1", "2"].map(|replica| (replica.to_owned(), vec![0.0, rate, rate])).into_iter().collect()
    }

    #[test]
    fn rate_that_is_off_is_found() {
        assert_eq!(compare(rates(1_050.0), REPLIES), [""; 0]);
        assert_eq!(compare(rates(880.0), REPLIES).len(), 3);
    }

    #[test]
    fn missing_replica_is_found() {
        assert_eq!(compare(Rates::new(), REPLIES).len(), 1);
    }

    #[test]
    fn missing_series_is_found_unless_they_may_be_fewer() {
        let mut expected = SeriesCount { name: "vsr_x_total".into(), count: 2, or_fewer: false };
        assert_eq!(miscounted(&expected, 6.0), None);
        assert!(miscounted(&expected, 5.0).is_some());
        expected.or_fewer = true;
        assert_eq!(miscounted(&expected, 5.0), None);
        assert!(miscounted(&expected, 7.0).is_some());
    }
}
