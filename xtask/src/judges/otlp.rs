//! A real collector receives what is pushed, over both protocols, and is stopped and started again meanwhile.

mod traces;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{scratch, tools};
use crate::test::{End, output_of};
use crate::workspace;
pub use traces::trace;

/// How long the program pushes, and when the collector is gone within that time.
const PUSHES: Duration = Duration::from_secs(5);
const STOPPED_AFTER: Duration = Duration::from_millis(1_500);
const GONE_FOR: Duration = Duration::from_secs(1);

/// How long a collector may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What was pushed, or arrived: operations, the sum of latencies, and their buckets; the same of exponential buckets,
/// each as its index and count.
#[derive(Clone, Debug, Default, PartialEq)]
struct Facts {
    operations: String,
    sum: String,
    buckets: Vec<String>,
    fine_sum: String,
    fine: Vec<String>,
}

/// A collector that prints every point or span; it ends with this value.
struct Collector(Child);

/// Both protocols, one after the other.
pub fn push() -> End {
    match tools::rotel() {
        Ok(program) => End::from(scratch("otlp").and_then(|directory| {
            ["http/protobuf", "grpc"].into_iter().try_for_each(|protocol| run(&program, &directory, protocol))
        })),
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// Pushes to a collector that restarts, and compares the end with what the program says that it recorded.
fn run(program: &Path, directory: &Path, protocol: &str) -> Result<(), String> {
    let name = protocol.split('/').next().unwrap_or_default();
    let (before, after) = (directory.join(format!("{name}-before")), directory.join(format!("{name}-after")));
    let ports = [free_port()?, free_port()?];
    // Compiling is not a part of what is timed.
    let mut steady = workspace::program("examples/steady")?;
    let collector = Collector::start(program, "metrics", ports, &before)?;
    let [grpc, http] = ports;
    let port = if protocol == "grpc" { grpc } else { http };
    steady
        .args([format!("http://127.0.0.1:{port}"), PUSHES.as_secs().to_string()])
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200");
    let pushing = std::thread::spawn(move || output_of(&mut steady));
    sleep(STOPPED_AFTER);
    drop(collector);
    sleep(GONE_FOR);
    let collector = Collector::start(program, "metrics", ports, &after)?;
    let printed = pushing.join().map_err(|_| "the pushing program was not waited for".to_owned())??;
    // The last words of the collector reach its log within moments.
    let pushed = Facts::printed(&printed).ok_or_else(|| format!("no facts in `{printed}`"))?;
    let began = Instant::now();
    let mut arrived = Facts::default();
    while arrived != pushed && began.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(100));
        arrived = Facts::logged(&read(&after)?);
    }
    drop(collector);
    let at_first = Facts::logged(&read(&before)?);
    if at_first.operations.parse::<u64>().unwrap_or(0) == 0 {
        return Err(format!("{protocol}: nothing arrived before the restart: {at_first:?}"));
    }
    if arrived == pushed {
        Ok(())
    } else {
        Err(format!("{protocol}: pushed {pushed:?}, arrived {arrived:?}"))
    }
}

impl Collector {
    /// Starts it on ports for gRPC and HTTP, and waits until it listens. It prints what it receives of one signal.
    fn start(program: &Path, signal: &str, [grpc, http]: [u16; 2], log: &Path) -> Result<Self, String> {
        let output = File::create(log).map_err(|error| format!("`{}`: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--log-format", "json"])
            .args(["--debug-log", signal, "--debug-log-verbosity", "detailed"])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("the collector cannot be started: {error}"))?;
        let collector = Self(child);
        let began = Instant::now();
        while [grpc, http].iter().any(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            if began.elapsed() > START_LIMIT {
                return Err(format!("the collector does not listen: see `{}`", log.display()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(collector)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Facts {
    /// From the program's last line: `operations=3 sum=33 buckets=0,1,2 fine_sum=33 fine=-5:1,7:2`.
    fn printed(text: &str) -> Option<Self> {
        let line = text.lines().rfind(|line| line.starts_with("operations="))?;
        let field = |name: &str| {
            let field = line.split_whitespace().find_map(|field| field.strip_prefix(name));
            field.map(str::to_owned)
        };
        let list = |name| Some(field(name)?.split(',').map(str::to_owned).collect());
        Some(Self {
            operations: field("operations=")?,
            sum: field("sum=")?,
            buckets: list("buckets=")?,
            fine_sum: field("fine_sum=")?,
            fine: list("fine=")?,
        })
    }

    /// From the collector's log: the last of each that arrived.
    fn logged(text: &str) -> Self {
        let mut facts = Self::default();
        let (mut family, mut is_success) = ("", false);
        for line in text.lines() {
            if let Some(name) = line.trim().strip_prefix("-> Name: ") {
                family = name;
            } else if line.starts_with("NumberDataPoints") {
                is_success = false;
            } else if line.trim() == "-> status: Str(success)" {
                is_success = true;
            }
            match (family, line.split_once(": ")) {
                ("vsr_operations_total", Some(("Value", value))) if is_success => {
                    value.clone_into(&mut facts.operations);
                }
                ("vsr_repair_latency_ms", Some(("Sum", sum))) => {
                    sum.clone_into(&mut facts.sum);
                    facts.buckets.clear();
                }
                ("vsr_repair_latency_ms", Some((bucket, count))) if bucket.starts_with("Buckets #") => {
                    facts.buckets.push(count.to_owned());
                }
                ("vsr_prepare_latency_ms", Some(("Sum", sum))) => {
                    sum.clone_into(&mut facts.fine_sum);
                    facts.fine.clear();
                }
                ("vsr_prepare_latency_ms", Some((bucket, count))) if count != "0" => {
                    facts.fine.extend(index(bucket).map(|index| format!("{index}:{count}")));
                }
                _ => {}
            }
        }
        facts
    }
}

/// The index of an exponential bucket of scale 4, from the bounds that the collector works out:
/// `Bucket (1, 1.0442737824274138], Count`.
fn index(bucket: &str) -> Option<f64> {
    let bounds = bucket.strip_prefix("Bucket (")?.strip_suffix("], Count")?;
    let (above, at_most) = bounds.split_once(", ")?;
    let place = |bound: &str| bound.parse::<f64>().ok().map(|bound| (bound.log2() * 16.0).round());
    let (index, next) = (place(above)?, place(at_most)?);
    // Zero may come out negative.
    ((next - index - 1.0).abs() < 0.5).then_some(index + 0.0)
}

fn read(log: &Path) -> Result<String, String> {
    fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| format!("`{}`: {error}", log.display()))
}

/// A port that nobody listens on at the moment.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_read_alike() {
        let printed = Facts::printed("x\noperations=42 sum=33.5 buckets=1,2,0 fine_sum=7 fine=-1:1,16:2\n")
            .expect("there is a line");
        let log = "     -> Name: vsr_operations_total\nNumberDataPoints #0\n     -> status: Str(success)\nValue: 41\n\
                   NumberDataPoints #0\n     -> status: Str(success)\nValue: 42\n\
                   NumberDataPoints #1\n     -> status: Str(failure)\nValue: 7\n\
                   -> Name: vsr_repair_latency_ms\nCount: 3\nSum: 33.5\nExplicitBounds #0: 0.1\n\
                   Buckets #0, Count: 1\nBuckets #1, Count: 2\nBuckets #2, Count: 0\n\
                   -> Name: vsr_prepare_latency_ms\nSum: 7\nBucket (0.9576032806985737, 1], Count: 1\n\
                   Bucket (1, 1.0442737824274138], Count: 0\n\
                   Bucket (2.0000000000000004, 2.0885475648548275], Count: 2\n";
        assert_eq!(printed.operations, "42");
        assert_eq!(Facts::logged(log).operations, "42");
        assert_eq!(Facts::logged(log).sum, "33.5");
        assert_eq!(Facts::logged(log).buckets.len(), 3);
        assert_eq!((printed.fine_sum, printed.fine), ("7".into(), vec!["-1:1".into(), "16:2".into()]));
        assert_eq!(Facts::logged(log).fine, ["-1:1", "16:2"]);
        assert_eq!(Facts::logged(log).fine_sum, "7");
    }
}
