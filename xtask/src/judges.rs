//! Judges: real programs that read what we write, fetched into the build directory and started on loopback.

mod demo;
mod deploy;
mod end_to_end;
mod expected;
mod grafana;
mod otlp;
mod panels;
mod processes;
mod prometheus;
mod promtool;
mod python;
mod rules;
mod schema;
mod statsd;
pub mod tools;
mod variables;
mod week;

use std::fs;
use std::path::PathBuf;

use crate::test::{End, Step, output_of};
use crate::workspace;
pub use demo::Demo;
pub use grafana::boards;
pub use prometheus::Prometheus;
pub use variables::{Times, substituted};

/// The steps.
pub const STEPS: &[Step] = &[
    Step::installed("promtool complains about the excepted names alone", promtool::full),
    Step::installed("Python's parsers accept and agree", python::agree),
    Step::installed("random labels and helps survive Python's parsers", python::round_trip),
    Step::installed("live scrapes satisfy promtool and Python", live),
    Step::installed("promtool takes the configurations to deploy", deploy::promtool),
    Step::installed("vmagent takes its configuration", deploy::vmagent),
    Step::installed("amtool takes the routes of alerts", deploy::amtool),
    Step::installed("rules satisfy promtool and pass their tests", rules::promtool),
    Step::installed("rules load in vmalert", rules::vmalert),
    Step::installed("a test notices when an alert is made wrong", crate::mutate::step),
    Step::installed("each fault makes the right alerts fire", crate::matrix::step),
    Step::installed("Grafana's types take every board", grafana::types),
    Step::installed("Grafana's library loses nothing of a board", grafana::encode),
    Step::installed("every query of every panel returns samples", panels::run),
    Step::installed("the JSON Schema rejects broken catalogs", schema::validate),
    Step::installed("Etsy's statsd counts right, stopped and started again", statsd::etsy),
    Step::installed("collectd parses every line of StatsD", statsd::collectd),
    Step::installed("a real Prometheus sees the demo as the catalog says", end_to_end::run),
    Step::installed("a real collector receives OTLP, also after its restart", otlp::push),
    Step::installed("a real collector receives a cluster's traces", otlp::trace),
    Step::installed("three processes add up to what one process says", processes::run),
];

/// The two formats: the name that the example program takes, and the media type that a scrape asks for.
const FORMATS: [(&str, &str); 2] = [("text", "text/plain"), ("openmetrics", "application/openmetrics-text")];

/// A fresh directory for what one judge writes.
pub fn scratch(name: &str) -> Result<PathBuf, String> {
    let directory = workspace::target().join("judges").join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| format!("`{}`: {error}", directory.display()))?;
    }
    fs::create_dir_all(&directory).map_err(|error| format!("`{}`: {error}", directory.display()))?;
    Ok(directory)
}

/// What the example program of the runtime prints.
fn exposition(arguments: &[&str]) -> Result<String, String> {
    output_of(workspace::program("examples/exposition")?.args(arguments))
}

/// Scrapes the running demo in both formats, and has both judges read them.
fn live() -> End {
    let (promtool, python) = match (tools::promtool(), tools::python()) {
        (Ok(promtool), Ok(python)) => (promtool, python),
        (Err(remedy), _) | (_, Err(remedy)) => return End::LeftOut(remedy),
    };
    End::from(scratch("live").and_then(|directory| {
        let demo = demo::Demo::start(&directory, "5s")?;
        // Long enough for requests to be replied to; a scrape of a cluster at rest would prove less.
        std::thread::sleep(std::time::Duration::from_secs(2));
        for (format, media_type) in FORMATS {
            let body = demo.scrape(media_type)?;
            let file = directory.join(format);
            fs::write(&file, &body).map_err(|error| error.to_string())?;
            if format == "text" {
                promtool::complains_at_most(&promtool, &body)?;
            }
            python::accepts(&python, format, &file)?;
        }
        demo.replies().map(drop)
    }))
}
