//! What an exporter does at the edges of a process: flush and shutdown from wherever they may be called, a fork, a
//! restart, and everything that is logged. Each case is a process of its own, started by this program from itself.

mod contexts;
mod logs;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use vsr_metrics::export::otlp::{BackOff, OtelError};
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, Status};

/// What a case may take before it counts as hung.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What the child is to do: its name, and the address of a receiver.
type Case = (&'static str, fn(&str));

const CASES: [Case; 14] = [
    ("flush without a runtime", contexts::without_a_runtime),
    ("flush in a current-thread runtime", contexts::in_current_thread),
    ("flush in a runtime with one worker", contexts::in_one_worker),
    ("flush in a runtime with many workers", contexts::in_many_workers),
    ("flush in spawn_blocking", contexts::in_spawn_blocking),
    ("shutdown in drop", contexts::in_drop),
    ("shutdown in a panic hook", contexts::in_panic_hook),
    ("shutdown in a destructor of a thread", contexts::in_thread_local),
    ("shutdown after main", contexts::after_main),
    ("a fork exports nothing until it is started there", contexts::forked),
    ("a start is a process of its own", contexts::restarted),
    ("a restart is another one", contexts::restarted),
    ("secrets are in no log, debug or error", logs::secrets),
    ("a minute of failures is one line", logs::one_line),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next().filter(|argument| argument == "--case").and_then(|_| arguments.next())
    else {
        return if std::env::args().any(|argument| argument == "--list") {
            ExitCode::SUCCESS
        } else {
            parent()
        };
    };
    let address = arguments.next().unwrap_or_default();
    let case = CASES.iter().find(|(known, _)| *known == name).expect("the parent knows the cases");
    (case.1)(&address);
    ExitCode::SUCCESS
}

/// Runs every case, against a receiver that takes connections and never says a word.
fn parent() -> ExitCode {
    let mut failed = 0;
    let mut starts = Vec::new();
    for (name, _) in CASES {
        let hole = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = hole.local_addr().expect("it is bound").to_string();
        let silent: std::thread::JoinHandle<()> = std::thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            open.extend(hole.incoming().map_while(Result::ok));
        });
        let (said, is_ended_well) = child(name, &address);
        drop(silent);
        if is_ended_well {
            println!("ok      {name}");
        } else {
            failed += 1;
            println!("FAILED  {name}\n{said}");
        }
        if name.contains("start is a") || name.contains("restart") {
            starts.push(said);
        }
    }
    if starts.len() != 2 || starts[0] == starts[1] || starts[0].trim().is_empty() {
        println!("FAILED  two starts are told apart\n{starts:?}");
        failed += 1;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one case under a watchdog: what it printed, and whether it ended well.
fn child(name: &str, address: &str) -> (String, bool) {
    let program = std::env::current_exe().expect("this program is somewhere");
    let mut child = Command::new(program)
        .args(["--case", name, address])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it can be started again");
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break Some(status);
        }
        if began.elapsed() > WATCHDOG {
            let _ = child.kill();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut said = String::new();
    let _ = child.stdout.take().map(|mut output| output.read_to_string(&mut said));
    (said, status.is_some_and(|status| status.success()))
}

/// Pauses that a test has time for.
fn config(address: &str) -> OtelConfig {
    OtelConfig {
        otlp_endpoint: Some(format!("http://{address}")),
        export_interval: Duration::ZERO,
        timeout: Duration::from_secs(5),
        back_off: BackOff { first: Duration::from_millis(10), ..BackOff::default() },
        ..OtelConfig::built_in()
    }
}

/// An exporter that has something to tell.
fn exporter(address: &str) -> OtelExporter {
    METRICS.increment_operations(Status::Success);
    let mut exporter = OtelExporter::new(config(address)).expect("the configuration works");
    exporter.init_otlp().expect("there is a thread");
    exporter
}

/// What is promised is the timeout and 50 ms; a machine that does other things, too, gets ten times as much.
fn is_in_time(timeout: Duration, act: impl FnOnce() -> Result<(), OtelError>) {
    let began = Instant::now();
    let ended = act();
    let took = began.elapsed();
    assert!(ended.is_err(), "nobody answers");
    assert!(took <= timeout + Duration::from_millis(500), "{took:?} of {timeout:?}");
}
