//! What the simulation writes, as Prometheus would store it: series with a sample at each scrape, gaps, and marks where
//! a series ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

/// Seconds between two samples.
pub const STEP: u64 = 15;
/// Labels that Prometheus adds to what it scrapes.
const JOB: &str = "vsr";
/// What the instance of a replica begins with; its number follows.
pub const TARGET: &str = "replica-";

/// All series of a trial.
#[derive(Debug, Default)]
pub struct Scrapes {
    /// By selector; runs of samples from the first step on.
    series: BTreeMap<String, Series>,
}

/// What a series has at one step.
#[derive(Clone, Debug, PartialEq)]
enum Sample {
    /// Nothing.
    Gap,
    /// The mark of Prometheus that it is over.
    Stale,
    /// A number, as it was written.
    Number(String),
}

/// Samples one after the other, equal ones counted.
#[derive(Debug, Default)]
struct Series {
    runs: Vec<(Sample, u64)>,
    steps: u64,
}

impl Series {
    /// A sample at a step; gaps before it are filled in.
    fn put(&mut self, step: u64, sample: Sample) {
        if self.steps < step {
            self.push(Sample::Gap, step - self.steps);
        }
        self.push(sample, 1);
    }

    fn push(&mut self, sample: Sample, times: u64) {
        self.steps += times;
        match self.runs.last_mut() {
            Some((last, count)) if *last == sample => *count += times,
            _ => self.runs.push((sample, times)),
        }
    }

    fn is_live(&self) -> bool {
        matches!(self.runs.last(), Some((Sample::Number(_), _)))
    }

    /// In promtool's notation.
    fn values(&self) -> String {
        let one = |(sample, times): &(Sample, u64)| match sample {
            Sample::Gap => format!("_x{times}"),
            Sample::Stale => "stale".to_owned(),
            Sample::Number(number) if *times == 1 => number.clone(),
            Sample::Number(number) => format!("{number}+0x{}", times - 1),
        };
        self.runs.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

impl Scrapes {
    /// Reads scrapes, each with its line `# scrape SECONDS REPLICA up|down` before it, and keeps the series of some
    /// metrics.
    ///
    /// # Errors
    /// If a line is neither a scrape's beginning, a comment nor a sample.
    pub fn read(mut input: impl BufRead, metrics: &BTreeSet<String>) -> Result<Self, String> {
        let mut scrapes = Self::default();
        let mut line = String::new();
        let mut at = None;
        loop {
            line.clear();
            let length = input.read_line(&mut line).map_err(|error| format!("cannot be read: {error}"))?;
            if length == 0 || line.starts_with("# scrape ") {
                if let Some((step, replica, is_up)) = at.take() {
                    scrapes.end(step, replica, is_up);
                }
                if length == 0 {
                    break;
                }
                at = Some(heading(line.trim_end())?);
            } else if !line.starts_with('#') {
                let (step, replica, _) = at.ok_or("a sample comes before any scrape")?;
                scrapes.sample(line.trim_end(), step, replica, metrics)?;
            }
        }
        if scrapes.series.is_empty() { Err("nothing was scraped".to_owned()) } else { Ok(scrapes) }
    }

    /// Each series with its values in promtool's notation.
    pub fn written(&self) -> impl Iterator<Item = (&str, String)> {
        self.series.iter().map(|(selector, series)| (selector.as_str(), series.values()))
    }

    fn sample(
        &mut self,
        line: &str,
        step: u64,
        replica: u64,
        metrics: &BTreeSet<String>,
    ) -> Result<(), String> {
        let broken = || format!("`{line}` is no sample");
        let (selector, number) = line.rsplit_once(' ').ok_or_else(broken)?;
        let (name, labels) = selector.split_once('{').unwrap_or((selector, "}"));
        if !metrics.contains(name) {
            return Ok(());
        }
        number.parse::<f64>().map_err(|_| broken())?;
        let comma = if labels == "}" { "" } else { "," };
        let selector = format!("{name}{{{}{comma}{labels}", target(replica));
        self.put(selector, step, Sample::Number(number.to_owned()));
        Ok(())
    }

    /// A scrape is over: `up`, and an end to what it did not bring any more.
    fn end(&mut self, step: u64, replica: u64, is_up: bool) {
        let of_target = target(replica);
        for (selector, series) in &mut self.series {
            let is_own = selector.split_once('{').is_some_and(|(_, labels)| labels.starts_with(&of_target));
            // `up` is written below, whatever a scrape brings.
            if is_own && !selector.starts_with("up{") && series.steps <= step && series.is_live() {
                series.put(step, Sample::Stale);
            }
        }
        let up = Sample::Number(u8::from(is_up).to_string());
        self.put(format!("up{{{of_target}}}"), step, up);
    }

    fn put(&mut self, selector: String, step: u64, sample: Sample) {
        self.series.entry(selector).or_default().put(step, sample);
    }
}

/// Labels of a replica as a target.
fn target(replica: u64) -> String {
    format!("job=\"{JOB}\",instance=\"{TARGET}{replica}\"")
}

/// Reads `# scrape SECONDS REPLICA up|down`: the step, the replica, and whether it is up.
fn heading(line: &str) -> Result<(u64, u64, bool), String> {
    let words: Vec<&str> = line.split(' ').collect();
    let parsed = match words[..] {
        [_, _, seconds, replica, state @ ("up" | "down")] => seconds
            .parse::<u64>()
            .ok()
            .zip(replica.parse().ok())
            .map(|(at, of)| (at / STEP, of, state == "up")),
        _ => None,
    };
    parsed.ok_or_else(|| format!("`{line}` begins no scrape"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<(String, String)> {
        let metrics = BTreeSet::from(["a_total".to_owned(), "b".to_owned()]);
        let scrapes = Scrapes::read(text.as_bytes(), &metrics).expect("scrapes");
        scrapes.written().map(|(selector, values)| (selector.to_owned(), values)).collect()
    }

    #[test]
    fn samples_gaps_and_ends_are_told_apart() {
        let text = "# scrape 15 0 up\n# HELP a_total A.\na_total{x=\"1\"} 1\nunread 5\nb 2.5\n\
                    # scrape 30 0 up\na_total{x=\"1\"} 1\n# scrape 45 0 down\n# scrape 60 0 down\n\
                    # scrape 75 0 up\na_total{x=\"1\"} 7\n";
        let of = |name: &str, labels: &str| format!("{name}{{job=\"vsr\",instance=\"replica-0\"{labels}}}");
        assert_eq!(
            written(text),
            [
                (of("a_total", ",x=\"1\""), "_x1 1+0x1 stale _x1 7".to_owned()),
                // It is gone with a scrape that succeeded.
                (of("b", ""), "_x1 2.5 stale".to_owned()),
                (of("up", ""), "_x1 1+0x1 0+0x1 1".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_no_scrape_is_an_error() {
        let read = |text: &str| Scrapes::read(text.as_bytes(), &BTreeSet::from(["a".to_owned()]));
        assert!(read("").is_err());
        assert!(read("a 1\n").is_err_and(|error| error.contains("before any scrape")));
        assert!(read("# scrape 15 0 maybe\n").is_err_and(|error| error.contains("begins no scrape")));
        assert!(read("# scrape 15 0 up\na x\n").is_err_and(|error| error.contains("`a x`")));
    }
}
