//! What exporters do at the edges of a process: flush and shutdown from wherever they may be called, a fork, a restart,
//! and everything that is logged. Each case is a process of its own, started by this program from itself.
//!
//! Flush and shutdown promise to return 50 ms after their timeout at the latest. The test leaves tenfold slack; the
//! figures, on a machine that does nothing else:
//!
//! ```text
//! cargo test --package otlp-tests --test processes -- --figures 5
//! ```

mod contexts;
mod descriptors;
mod edges;
mod logs;
mod marks;
mod routes;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use contexts::{CONTEXTS, Call, Measured, Setup};
use routes::ROUTES;
use vsr_metrics::export::otlp::BackOff;
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, Status};

/// What a case may take before it counts as hung.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What is promised beyond the timeout, and what a machine gets that does other things, too.
const PROMISED: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_millis(500);

/// What the child is to do: its name, and the address of a receiver.
type Case = (&'static str, fn(&str));

const CASES: &[Case] = &[
    ("a fork exports nothing until it is started there", edges::forked),
    ("a fork sends no StatsD", edges::forked_statsd),
    ("a fork waits for no endpoint and no sampler", edges::forked_with_endpoint_and_sampler),
    ("without file descriptors", descriptors::used_up),
    ("an exporter that cannot start says so", marks::could_not_start),
    ("a start is a process of its own", edges::restarted),
    ("a restart is another one", edges::restarted),
    ("secrets are in no log, debug or error", logs::secrets),
    ("a minute of failures is one line", logs::one_line),
    ("what exports is not reported to tracing", logs::silence),
    ("a logger may export what it hears", logs::logger_that_exports),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--case", name, address] => {
            let case = CASES.iter().find(|(known, _)| *known == name).expect("the parent knows the cases");
            (case.1)(address);
        }
        ["--context", context, route, directory] => {
            let (_, run, _) = CONTEXTS.iter().find(|(known, ..)| *known == context).expect("it is known");
            let route = *ROUTES.iter().find(|(known, _)| *known == route).expect("it is known");
            run(Setup { route, directory: Box::leak(Path::new(directory).into()) });
        }
        ["--figures", rounds] => figures(rounds.parse().expect("a number of rounds")),
        ref words if words.contains(&"--list") => {}
        _ => return parent(),
    }
    ExitCode::SUCCESS
}

/// Runs every case and every context of every route.
fn parent() -> ExitCode {
    let mut failed = 0;
    let mut judge = |name: &str, ended: Result<(), String>| match ended {
        Ok(()) => println!("ok      {name}"),
        Err(why) => {
            failed += 1;
            println!("FAILED  {name}\n{why}");
        }
    };
    let mut starts = Vec::new();
    for (name, _) in CASES {
        let ended = case(name);
        if name.contains("start is a") {
            starts.extend(ended.clone());
        }
        judge(name, ended.map(drop));
    }
    let are_told_apart = matches!(&starts[..], [one, other] if one != other && !one.trim().is_empty());
    judge("two starts are told apart", are_told_apart.then_some(()).ok_or(format!("{starts:?}")));

    let directory = tempfile::tempdir().expect("a directory");
    // The routes side by side: they wait most of the time.
    let ended = std::thread::scope(|scope| {
        let of_route = |route| {
            let directory = directory.path();
            move || CONTEXTS.map(|context| (context.0, route, measure(context, route, directory)))
        };
        let threads = ROUTES.map(|(route, _)| scope.spawn(of_route(route)));
        threads.map(|thread| thread.join().expect("it does not panic"))
    });
    for (context, route, measured) in ended.into_iter().flatten() {
        let in_time = measured.and_then(|measured| {
            let is_late = |measured: &&Measured| measured.took > measured.limit + SLACK;
            measured.iter().find(is_late).map_or(Ok(()), |late| Err(format!("{late:?}")))
        });
        judge(&format!("{route}, from {context}"), in_time);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures how late flush, shutdown and drop return, one after the other, and prints the worst of each.
fn figures(rounds: u32) {
    let directory = tempfile::tempdir().expect("a directory");
    println!(
        "the latest return after the timeout in {rounds} rounds, in milliseconds; promised: {PROMISED:?}"
    );
    for (route, _) in ROUTES {
        println!("{route}");
        for context in CONTEXTS {
            let mut worst = [Duration::ZERO; 3];
            for _ in 0..rounds {
                for measured in measure(context, route, directory.path()).expect("it ends well") {
                    let late = &mut worst[measured.call as usize];
                    *late = (*late).max(measured.took.saturating_sub(measured.limit));
                }
            }
            let cell = |call: Call| {
                let is_made = context.2.contains(&call);
                is_made.then(|| format!("{:.2}", worst[call as usize].as_secs_f64() * 1e3))
            };
            let [flush, shut_down, drop] =
                [Call::Flush, Call::ShutDown, Call::Drop].map(|call| cell(call).unwrap_or("-".to_owned()));
            let is_kept = worst.iter().all(|late| *late <= PROMISED);
            let word = if is_kept { "" } else { "  LATE" };
            println!("  {:<28} flush {flush:>7}  shutdown {shut_down:>7}  drop {drop:>7}{word}", context.0);
        }
    }
}

/// Runs one context in a process: what it measured, if it made all of its calls.
fn measure(context: contexts::Context, route: &str, directory: &Path) -> Result<Vec<Measured>, String> {
    let directory = directory.to_str().expect("a name of ours");
    let said = child(&["--context", context.0, route, directory])?;
    let measured: Vec<_> = said.lines().filter_map(Measured::read).collect();
    let calls: Vec<_> = measured.iter().map(|measured| measured.call).collect();
    if calls == context.2 { Ok(measured) } else { Err(format!("{:?} expected, said:\n{said}", context.2)) }
}

/// Runs one case against a receiver that takes connections and never says a word.
fn case(name: &str) -> Result<String, String> {
    let hole = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = hole.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let mut open: Vec<TcpStream> = Vec::new();
        open.extend(hole.incoming().map_while(Result::ok));
    });
    child(&["--case", name, &address])
}

/// Runs this program again under a watchdog: what it printed, if it ended well.
fn child(arguments: &[&str]) -> Result<String, String> {
    let program = std::env::current_exe().expect("this program is somewhere");
    let mut child = Command::new(program)
        .args(arguments)
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
    match status {
        Some(status) if status.success() => Ok(said),
        Some(status) => Err(format!("{said}ended with {status}")),
        None => Err(format!("{said}did not end within {WATCHDOG:?}")),
    }
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
