//! Prints an exposition, for the parsers and linters that judge it.
//!
//! ```text
//! exposition empty|fresh|full|random SEED [--format text|openmetrics] [--facts FILE]
//! ```
//!
//! `full` has a sample of every series in the catalog, whatever the catalog is; `random` is a catalog of its own
//! with hostile helps and label values. `--facts` writes what a parser should find, as JSON.

mod facts;
mod random;

use std::process::ExitCode;

use vsr_metrics::descriptor::{CatalogDescriptor, GaugeKind, Instrument};
use vsr_metrics::encode::{openmetrics_text, prometheus_text};
use vsr_metrics::storage::{Gauges, Sharded};
use vsr_metrics::{Metrics, Snapshot, Source};

const USAGE: &str =
    "usage: exposition empty|fresh|full|random SEED [--format text|openmetrics] [--facts FILE]";

/// One instance of any catalog that fits.
struct Instance {
    cells: Sharded<65_536>,
    gauges: Gauges<4_096>,
    catalog: &'static CatalogDescriptor,
}

impl Source for Instance {
    fn collect(&self, snapshot: &mut Snapshot) {
        let constants = vec![Some(0); self.catalog.constant_labels.len()];
        snapshot.record_instance(self.catalog, &constants, &self.cells, &self.gauges);
    }
}

impl Instance {
    fn new(catalog: &'static CatalogDescriptor) -> Self {
        Self { cells: Sharded::new(), gauges: Gauges::new(), catalog }
    }

    /// Records something into every series; `next` gives the numbers.
    fn fill(&self, mut next: impl FnMut() -> u64) {
        for family in self.catalog.families {
            let stride = family.cells_per_series();
            for series in 0..family.series() {
                let first = family.first + series * stride;
                match &family.instrument {
                    Instrument::Counter => self.cells.add(first, next().max(1)),
                    Instrument::Gauge(GaugeKind::F64) => {
                        self.gauges.set_f64(first, f64::from_bits(next()));
                    }
                    Instrument::Gauge(_) => self.gauges.set(first, next()),
                    Instrument::Histogram { bounds, grid, .. } => {
                        for bound in *bounds {
                            self.cells.observe_slice(first, bounds, *grid, *bound);
                        }
                        self.cells.observe_slice(first, bounds, *grid, next() >> 8);
                    }
                }
            }
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<String, String> {
    let (snapshot, mut options) = match arguments {
        ["empty", options @ ..] => (Snapshot::new(), options),
        ["fresh", options @ ..] => (Instance::new(Metrics::CATALOG).snapshot(), options),
        ["full", options @ ..] => (full(), options),
        ["random", seed, options @ ..] => {
            (random(seed.parse().map_err(|_| format!("`{seed}`: expected a number"))?), options)
        }
        _ => return Err(USAGE.into()),
    };
    let mut encode: fn(&Snapshot) -> String = prometheus_text;
    while let [name, value, rest @ ..] = options {
        match (*name, *value) {
            ("--format", "text") => encode = prometheus_text,
            ("--format", "openmetrics") => encode = openmetrics_text,
            ("--facts", file) => std::fs::write(file, facts::json(&snapshot))
                .map_err(|error| format!("cannot write `{file}`: {error}"))?,
            _ => return Err(USAGE.into()),
        }
        options = rest;
    }
    if options.is_empty() { Ok(encode(&snapshot)) } else { Err(USAGE.into()) }
}

fn full() -> Snapshot {
    let instance = Instance::new(Metrics::CATALOG);
    let mut number = 0;
    instance.fill(|| {
        number += 1;
        number
    });
    // As a floating point number, a small integer's bits are a number no unit would have.
    for family in Metrics::CATALOG.families {
        if let Instrument::Gauge(GaugeKind::F64) = family.instrument {
            for series in 0..family.series() {
                instance.gauges.set_f64(family.first + series, 0.25);
            }
        }
    }
    instance.snapshot()
}

fn random(seed: u64) -> Snapshot {
    let mut numbers = random::Numbers::new(seed);
    let instance = Instance::new(random::catalog(&mut numbers));
    instance.fill(|| {
        let number = numbers.next();
        number >> (number % 64)
    });
    instance.snapshot()
}
