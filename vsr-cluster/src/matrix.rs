//! The command `matrix`: tries a fault in the simulation, and writes what a scraper of each replica would get.
//!
//! Each scrape is a line of its own, `# scrape SECONDS REPLICA up` or `… down`, and after it what the replica's endpoint
//! would answer, from the same encoder. A replica that cannot be scraped answers nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use vsr_metrics::encode::{Encoder, Format};
use vsr_metrics::{Snapshot, Source as _};

use crate::options::MatrixOptions;
use crate::say::tell;
use crate::sim::{Scrape, TRIALS, Trial, World};

/// Time between two scrapes of a replica.
const SCRAPE_EVERY: Duration = Duration::from_secs(15);

/// Makes the trial, or lists all of them: name, seconds until the fault begins, until it ends, until the end, and
/// what it is. Tells whether the cluster kept its promises.
///
/// # Errors
/// If nothing can be written.
pub fn run(options: MatrixOptions) -> io::Result<bool> {
    match options {
        MatrixOptions::List => {
            let mut out = io::stdout().lock();
            for trial in TRIALS {
                let [begins, ends, length] =
                    [trial.begins(), trial.ends(), trial.length()].map(|time| time.as_secs());
                writeln!(out, "{}\t{begins}\t{ends}\t{length}\t{}", trial.name, trial.about)?;
            }
            Ok(true)
        }
        MatrixOptions::Run(trial) => scrape(trial),
    }
}

/// Makes a trial and writes its scrapes.
fn scrape(trial: &Trial) -> io::Result<bool> {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let (mut written, is_read) = (Ok(()), Cell::new(true));
    let mut encoders = BTreeMap::new();
    let (mut snapshot, mut body) = (Snapshot::new(), Vec::new());
    let ending = World::new(&trial.scenario())
        .on_scrape(SCRAPE_EVERY, |scrape: &Scrape<'_>| {
            if written.is_err() {
                return;
            }
            body.clear();
            if scrape.is_up {
                snapshot.clear();
                scrape.metrics.collect(&mut snapshot);
                let encoder =
                    encoders.entry(scrape.replica).or_insert_with(|| Encoder::new(Format::Prometheus));
                encoder.encode(&snapshot, &mut body);
            }
            let state = if scrape.is_up { "up" } else { "down" };
            let head = writeln!(out, "# scrape {} {} {state}", scrape.at.as_secs(), scrape.replica);
            written = head.and_then(|()| out.write_all(&body));
            is_read.set(written.is_ok());
        })
        .until(|| !is_read.get())
        .run();
    written?;
    out.flush()?;
    for finding in &ending.findings {
        tell(&format!("finding: {finding}"));
    }
    Ok(ending.findings.is_empty())
}
