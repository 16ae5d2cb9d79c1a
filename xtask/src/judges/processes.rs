//! Three replicas in one process, and three in as many, given the same list of requests: a real Prometheus that
//! scrapes them must find the same sums over the cluster.

use std::path::Path;
use std::time::{Duration, Instant};

use super::demo::Demo;
use super::prometheus::Prometheus;
use super::{scratch, tools};
use crate::test::End;

/// The list's length.
const REQUESTS: &str = "500";

/// What every replica executes: the list, and the operation that opens the client's session; on three replicas.
const OPERATIONS: f64 = 3.0 * (500.0 + 1.0);

/// How long the demo runs, and how long a scrape of the list's end may take.
const RUN: &str = "60s";
const LIMIT: Duration = Duration::from_secs(45);

/// How long the other addresses take once one is known.
const ADDRESS_LIMIT: Duration = Duration::from_secs(30);

/// The sums that are compared.
const SUMS: [&str; 3] =
    ["sum(vsr_operations_total)", "sum(vsr_bytes_written_total)", "count(vsr_bytes_written_total)"];

/// Runs both and compares.
pub fn run() -> End {
    match tools::prometheus() {
        Ok(program) => End::from(compare(&program)),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn compare(program: &Path) -> Result<(), String> {
    let one = sums(program, "one-process", 1, &[])?;
    let three = sums(program, "three-processes", 3, &["--processes"])?;
    let differing = SUMS.iter().zip(one.iter().zip(&three)).filter(|(_, (one, three))| one != three);
    let findings: Vec<String> = differing
        .map(|(sum, (one, three))| format!("`{sum}` is {one:?} in one process and {three:?} in three"))
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// What Prometheus says once all operations were scraped.
fn sums(
    program: &Path,
    name: &str,
    addresses: usize,
    options: &[&str],
) -> Result<[Option<f64>; SUMS.len()], String> {
    let directory = scratch(name)?;
    let mut demo = Demo::start_with(&directory, RUN, &[&["--requests", REQUESTS], options].concat())?;
    let mut targets = vec![demo.address().to_owned()];
    while targets.len() < addresses {
        let next = demo.next_address(ADDRESS_LIMIT).ok_or("a replica does not say where it listens")?;
        targets.push(next);
    }
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let prometheus = Prometheus::start(program, &directory, &targets)?;
    let begin = Instant::now();
    while prometheus.value(SUMS[0])? != Some(OPERATIONS) {
        if begin.elapsed() > LIMIT {
            let found = prometheus.value(SUMS[0])?;
            return Err(format!("{name}: `{}` is {found:?}, expected {OPERATIONS}", SUMS[0]));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut found = [None; SUMS.len()];
    for (place, sum) in found.iter_mut().zip(SUMS) {
        *place = prometheus.value(sum)?;
    }
    Ok(found)
}
