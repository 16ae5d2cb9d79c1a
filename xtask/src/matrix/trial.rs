//! One fault: its trial in the simulation, and what the alerts did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use super::promtool::{self, Rules, Span};
use super::scrapes::Scrapes;
use crate::workspace;

/// A fault that the simulation can try. All times are seconds.
pub struct Trial {
    /// Its name.
    pub name: String,
    /// What happens.
    pub about: String,
    begins: u64,
    ends: u64,
    /// How long the trial takes.
    pub length: u64,
}

/// What the alerts did in a trial.
pub struct Alerts {
    /// The fault.
    pub fault: String,
    /// What happens.
    pub about: String,
    /// How long it lasts, in seconds.
    pub lasts: u64,
    /// How long after the beginning of the fault the trial ends.
    pub until: i64,
    /// Each alert that fired, in the order of firing.
    pub firings: Vec<Firing>,
}

/// What one alert did. Times are seconds from the beginning of the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Its name.
    pub alert: String,
    /// The replicas that it named; none if it is about the whole.
    pub replicas: Vec<u64>,
    /// When the first of its rules fired.
    pub from: i64,
    /// When the last of its rules was quiet again; nothing if it still fires.
    pub to: Option<i64>,
    /// How often it began to fire with the same labels: more than once if it was quiet in between.
    pub times: u64,
}

/// The simulation, once it is built.
pub fn cluster() -> Command {
    let mut command = Command::new(workspace::target().join("debug/vsr-cluster"));
    command.arg("matrix").current_dir(workspace::root());
    command
}

impl Trial {
    /// Reads a line of the simulation's list.
    pub fn read(line: &str) -> Result<Self, String> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, begins, ends, length, about] = cells[..] else {
            return Err(format!("`{line}` describes no trial"));
        };
        let seconds = |text: &str| text.parse().map_err(|_| format!("`{line}`: `{text}` is no time"));
        Ok(Self {
            name: name.to_owned(),
            about: about.to_owned(),
            begins: seconds(begins)?,
            ends: seconds(ends)?,
            length: seconds(length)?,
        })
    }

    /// Runs the simulation, and the rules on what was scraped.
    pub fn run(&self, directory: &Path, rules: &Rules, program: &Path) -> Result<Alerts, String> {
        let scrapes = self.simulate(rules)?;
        let spans = promtool::evaluate(program, directory, &self.name, self.length, rules, &scrapes)?;
        let firings = self.firings(spans);
        Ok(Alerts {
            fault: self.name.clone(),
            about: self.about.clone(),
            lasts: self.ends - self.begins,
            until: self.since(self.length),
            firings,
        })
    }

    /// What each alert did, whatever its labels were, in the order of firing.
    fn firings(&self, spans: Vec<Span>) -> Vec<Firing> {
        let mut alerts: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in spans {
            alerts.entry(span.alert.clone()).or_default().push(span);
        }
        let firing = |(alert, spans): (String, Vec<Span>)| {
            let first = spans.iter().map(|span| span.first).min().unwrap_or(0);
            let last = spans.iter().map(|span| span.last).max().unwrap_or(0);
            let replicas: BTreeSet<u64> = spans.iter().filter_map(|span| span.replica).collect();
            Firing {
                alert,
                replicas: replicas.into_iter().collect(),
                from: self.since(first),
                to: (last < self.length).then(|| self.since(last + promtool::pause(self.length))),
                times: spans.iter().map(|span| span.times).max().unwrap_or(0),
            }
        };
        let mut firings: Vec<Firing> = alerts.into_iter().map(firing).collect();
        firings.sort_by(|a, b| (a.from, &a.alert).cmp(&(b.from, &b.alert)));
        firings
    }

    /// Seconds from the beginning of the fault.
    fn since(&self, second: u64) -> i64 {
        second.cast_signed() - self.begins.cast_signed()
    }

    fn simulate(&self, rules: &Rules) -> Result<Scrapes, String> {
        let mut child = cluster()
            .arg(&self.name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("vsr-cluster cannot be started: {error}"))?;
        let output = child.stdout.take().ok_or("vsr-cluster has no output")?;
        let scrapes = Scrapes::read(BufReader::with_capacity(1 << 20, output), rules.metrics());
        if scrapes.is_err() {
            // Its pipe is closed; it would end by itself at the next scrape.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        let scrapes = scrapes.map_err(|error| format!("{}: {error}", self.name))?;
        if status.success() {
            Ok(scrapes)
        } else {
            Err(format!("{}: the cluster did not keep its promises: {status}", self.name))
        }
    }
}

impl Alerts {
    /// What the alerts did, for a person to read.
    pub fn table(&self) -> String {
        let mut text = format!("{} ({}): {}\n", self.fault, time(self.lasts.cast_signed()), self.about);
        for Firing { alert, replicas, from, to, times } in &self.firings {
            let to = to.map_or_else(|| "still fires".to_owned(), |to| format!("clears {}", time(to)));
            let again = if *times > 1 { format!(", {times} times") } else { String::new() };
            let of = numbers(replicas);
            let _ = writeln!(text, "  {alert:<28}{of:<12}fires {:<10}{to}{again}", time(*from));
        }
        if self.firings.is_empty() {
            text += "  nothing fires\n";
        }
        text
    }
}

/// Replicas as `1, 2`.
pub fn numbers(replicas: &[u64]) -> String {
    replicas.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// Seconds as `1h2m3s`.
pub fn time(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let all = seconds.unsigned_abs();
    let mut text = sign.to_owned();
    for (number, unit) in [(all / 3600, "h"), (all / 60 % 60, "m"), (all % 60, "s")] {
        if number > 0 || (all == 0 && unit == "s") {
            let _ = write!(text, "{number}{unit}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        assert_eq!(time(0), "0s");
        assert_eq!(time(75), "1m15s");
        assert_eq!(time(-3600), "-1h");
    }

    #[test]
    fn an_alert_is_one_row_whatever_its_labels_are() {
        let trial = Trial::read("x\t60\t120\t300\tIt breaks.").expect("a trial");
        let span = |replica, first, last, times| Span { alert: "A".to_owned(), replica, first, last, times };
        let firings = trial.firings(vec![span(Some(2), 90, 105, 1), span(Some(0), 75, 90, 2)]);
        let expected =
            Firing { alert: "A".to_owned(), replicas: vec![0, 2], from: 15, to: Some(60), times: 2 };
        assert_eq!(firings, [expected]);
        assert_eq!(trial.firings(vec![span(None, 90, 300, 1)])[0].to, None, "it still fires");
    }

    #[test]
    fn a_line_that_is_no_trial_is_named() {
        let trial = Trial::read("x\t60\t120\t300\tIt breaks.").expect("a trial");
        assert_eq!((trial.begins, trial.ends, trial.length), (60, 120, 300));
        assert!(Trial::read("x\t60").is_err());
        assert!(Trial::read("x\t60\ty\t300\tIt breaks.").is_err_and(|error| error.contains("`y`")));
    }
}
