//! The receivers of StatsD that people run: Etsy's `statsd`, and `collectd`, which logs every line that it cannot parse.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{scratch, tools};
use crate::test::End;
use crate::workspace;

const OPERATIONS: &str = "vsr_operations_total.replica_id.0.status.success";
const OFFSET: &str = "vsr_clock_offset_ms.replica_id.0";
const LATENCY: &str = "vsr_prepare_latency_ms.replica_id.0";

/// How long a receiver may take to start, or to tell what it has received.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example program that sends what it is told.
struct Driver {
    _child: Running,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Driver {
    fn start(port: u16) -> Result<Self, String> {
        let mut child = workspace::program("examples/statsd_driver")?
            .arg(format!("127.0.0.1:{port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the driver cannot be started: {error}"))?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("the driver has no pipes")?;
        Ok(Self { _child: Running(child), input, output: BufReader::new(output) })
    }

    /// Says some lines and flushes; the answer must be the expected one.
    fn flush(&mut self, lines: &str, expected: &str) -> Result<(), String> {
        let broken = |error: std::io::Error| format!("the driver broke off: {error}");
        self.input.write_all(format!("{lines}flush\n").as_bytes()).map_err(broken)?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).map_err(broken)?;
        if answer.trim() == expected {
            Ok(())
        } else {
            Err(format!("`{lines}`: {answer}, expected {expected}"))
        }
    }
}

/// Counters, gauges and timers arrive at Etsy's statsd; over its stop and start nothing is lost and nothing counted twice.
pub fn etsy() -> End {
    match tools::statsd() {
        Ok(program) => End::from(scratch("statsd").and_then(|directory| restart(&program, &directory))),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn restart(program: &Path, directory: &Path) -> Result<(), String> {
    let (port, management) = (free_port()?, free_tcp_port()?);
    let flushed = directory.join("flushed");
    fs::write(directory.join("backend.js"), include_str!("statsd/backend.js"))
        .map_err(|error| error.to_string())?;
    let config = format!(
        "{{ address: '127.0.0.1', port: {port}, mgmt_address: '127.0.0.1', mgmt_port: {management}, flushInterval: 100, \
         backends: ['{}'], appendTo: '{}' }}\n",
        directory.join("backend.js").display(),
        flushed.display()
    );
    fs::write(directory.join("config.js"), config).map_err(|error| error.to_string())?;
    let start = || -> Result<Running, String> {
        let mut node = Command::new("node");
        node.arg(program).arg(directory.join("config.js"));
        let running = spawn(&mut node, &directory.join("statsd.log"))?;
        eventually("statsd does not start", || Ok(TcpStream::connect(("127.0.0.1", management)).is_ok()))?;
        Ok(running)
    };
    let counted = |expected: f64| {
        eventually(&format!("statsd has not counted {expected}"), || {
            let found = sum(&flushed, OPERATIONS)?;
            if found > expected {
                Err(format!("statsd counted {found}, expected {expected}"))
            } else {
                Ok(found >= expected)
            }
        })
    };

    let receiver = start()?;
    let mut driver = Driver::start(port)?;
    driver.flush("add 5\ngauge 3.5\n", "accepted")?;
    driver.flush("gauge -5.25\nobserve 0.3\nobserve 0.3\nobserve 7\n", "accepted")?;
    counted(5.0)?;
    eventually("statsd does not know the latencies", || Ok(timed(&flushed)? >= 3.0))?;
    drop(receiver);
    driver.flush("add 7\n", "kept")?;
    driver.flush("add 11\n", "kept")?;
    let receiver = start()?;
    driver.flush("add 2\n", "accepted")?;
    counted(25.0)?;
    drop(driver);
    drop(receiver);
    verdict(&flushed)
}

/// What the last flush knew, and what none may have said.
fn verdict(flushed: &Path) -> Result<(), String> {
    let mut findings = Vec::new();
    let last = lines(flushed)?.pop().ok_or("statsd has flushed nothing")?;
    if last["gauges"][OFFSET] != -5.25 {
        findings.push(format!("the gauge below zero is {}", last["gauges"][OFFSET]));
    }
    if sum(flushed, "statsd.bad_lines_seen")? > 0.0 {
        findings.push("statsd has seen bad lines".to_owned());
    }
    if timed(flushed)? > 3.0 {
        findings.push(format!("{} latencies, expected 3", timed(flushed)?));
    }
    let total = sum(
        flushed,
        &format!("vsr_prepare_latency_ms_sum{}", LATENCY.trim_start_matches("vsr_prepare_latency_ms")),
    )?;
    if (total - 7.6).abs() > 1e-9 {
        findings.push(format!("the sum of the latencies is {total}, expected 7.6"));
    }
    if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
}

/// Flushes, in the order in which they happened. The last line may be half written.
fn lines(flushed: &Path) -> Result<Vec<Value>, String> {
    if !flushed.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(flushed).map_err(|error| error.to_string())?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// A counter over all flushes.
fn sum(flushed: &Path, name: &str) -> Result<f64, String> {
    Ok(lines(flushed)?.iter().filter_map(|line| line["counters"][name].as_f64()).sum())
}

/// Observations of the latency over all flushes.
fn timed(flushed: &Path) -> Result<f64, String> {
    Ok(lines(flushed)?.iter().filter_map(|line| line["timers"][LATENCY]["count"].as_f64()).sum())
}

/// `collectd` parses every line of the whole catalog, and has the counter and the gauge right.
pub fn collectd() -> End {
    match tools::collectd() {
        Ok(root) => End::from(scratch("collectd").and_then(|directory| strict(&root, &directory))),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn strict(root: &Path, directory: &Path) -> Result<(), String> {
    let port = free_port()?;
    let (log, values) = (directory.join("collectd.log"), directory.join("csv"));
    let config = format!(
        "Hostname \"judge\"\nBaseDir \"{here}\"\nPIDFile \"{here}/pid\"\nPluginDir \"{root}/usr/lib/collectd\"\n\
         TypesDB \"{root}/usr/share/collectd/types.db\"\nInterval 1\nLoadPlugin logfile\n\
         <Plugin logfile>\n  LogLevel info\n  File \"{here}/collectd.log\"\n</Plugin>\nLoadPlugin statsd\n\
         <Plugin statsd>\n  Host \"127.0.0.1\"\n  Port \"{port}\"\n</Plugin>\nLoadPlugin csv\n\
         <Plugin csv>\n  DataDir \"{here}/csv\"\n</Plugin>\n",
        here = directory.display(),
        root = root.display(),
    );
    let file = directory.join("collectd.conf");
    fs::write(&file, config).map_err(|error| error.to_string())?;
    let mut command = Command::new(root.join("usr/sbin/collectd"));
    command.arg("-f").arg("-C").arg(&file);
    let receiver = spawn(&mut command, &directory.join("output"))?;
    let logged = |text: &str| fs::read_to_string(&log).is_ok_and(|log| log.contains(text));
    eventually("collectd does not start", || Ok(logged("Initialization complete")))?;
    let mut driver = Driver::start(port)?;
    driver.flush("add 5\ngauge -5.25\nobserve 0.3\nobserve 7\n", "accepted")?;
    driver.flush("add 6\n", "accepted")?;
    for (kind, name, expected) in [("derive", OPERATIONS, 11.0), ("gauge", OFFSET, -5.25)] {
        eventually(&format!("collectd does not know `{name}` as {expected}"), || {
            Ok(last_value(&values, &format!("{kind}-{name}-"))
                .is_some_and(|value| (value - expected).abs() < 1e-9))
        })?;
    }
    drop(driver);
    drop(receiver);
    let log = fs::read_to_string(&log).map_err(|error| error.to_string())?;
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("Unable to parse")).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\n")) }
}

/// The last value of a series, from the file that collectd's plugin writes for each day.
fn last_value(values: &Path, beginning: &str) -> Option<f64> {
    let files = fs::read_dir(values.join("judge/statsd")).ok()?;
    let file = files.flatten().find(|file| file.file_name().to_string_lossy().starts_with(beginning))?;
    let text = fs::read_to_string(file.path()).ok()?;
    text.lines().last()?.split_once(',')?.1.parse().ok()
}

fn spawn(command: &mut Command, log: &Path) -> Result<Running, String> {
    let output = File::create(log).map_err(|error| format!("`{}`: {error}", log.display()))?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    child
        .map(Running)
        .map_err(|error| format!("`{}` cannot be started: {error}", command.get_program().display()))
}

/// Waits until something holds.
fn eventually(otherwise: &str, holds: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let begin = Instant::now();
    while !holds()? {
        if begin.elapsed() > PATIENCE {
            return Err(otherwise.to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A UDP port on loopback that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let socket = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.map(|address| address.port()).map_err(|error| error.to_string())
}

fn free_tcp_port() -> Result<u16, String> {
    let socket = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.map(|address| address.port()).map_err(|error| error.to_string())
}
