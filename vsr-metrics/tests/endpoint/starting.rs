//! Starting, stopping, and what the system has to give for it: ports, threads, file descriptors.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vsr_metrics::export::http::Endpoint;

use crate::client::{connect, eventually, local, nodes, read_answer, request, scrape, start};

#[test]
fn the_port_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let error = Endpoint::builder().listen(address).start(nodes()).expect_err("it is taken");
    assert!(error.is_address_in_use());
    assert_eq!(error.to_string(), format!("cannot serve metrics on `{address}`"));
    drop(taken);
    let endpoint = Endpoint::builder().listen(address).start(nodes()).expect("it is free again");
    assert_eq!(endpoint.address(), address);
}

#[test]
fn two_endpoints_on_one_port() {
    let first = start();
    let second = Endpoint::builder().listen(first.address()).start(nodes());
    assert!(second.expect_err("it is taken").is_address_in_use());
    assert_eq!(scrape(first.address()).expect("the first goes on").status, 200);
}

#[test]
fn stopped_and_started_a_hundred_times() {
    let mut builder = local();
    let before = threads();
    for _ in 0..100 {
        let endpoint = builder.clone().start(nodes()).expect("free");
        builder = builder.listen(endpoint.address());
        assert_eq!(scrape(endpoint.address()).expect("an answer").status, 200);
        endpoint.stop();
    }
    // Other tests run beside this one, each with a thread or two of its own.
    assert!(threads() < before + 90, "{before} then {}", threads());
}

#[test]
fn deadlines_without_end_are_no_panic() {
    let endpoint = local()
        .header_deadline(Duration::MAX)
        .collect_deadline(Duration::MAX)
        .write_deadline(Duration::MAX)
        .idle_deadline(Duration::MAX)
        .start(nodes())
        .expect("a free port");
    let mut stream = connect(endpoint.address());
    for _ in 0..2 {
        stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
        assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn stopped_with_connections_open() {
    let endpoint = start();
    let mut idle = connect(endpoint.address());
    idle.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    assert_eq!(read_answer(&mut idle, true).expect("an answer").status, 200);
    let mut half = connect(endpoint.address());
    half.write_all(b"GET /m").expect("it listens");
    let address = endpoint.address();
    let begun = Instant::now();
    endpoint.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(read_answer(&mut idle, false).is_none());
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

/// In a process of its own, with few file descriptors: see `file_descriptors_run_out`.
#[test]
#[ignore = "the next test runs it in a process of its own"]
fn with_few_file_descriptors() {
    let endpoint = start();
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    // One descriptor for the client, and none for the server's side of the connection.
    drop(taken.pop());
    let mut client = connect(endpoint.address());
    client.write_all(request("GET", "/metrics", "").as_bytes()).expect("the system took the connection");
    eventually("it tries again", || endpoint.events().accept_errors >= 3);
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(1));
    let pauses = begun.elapsed().as_millis() / 100;
    let tries = u128::from(endpoint.events().accept_errors);
    assert!(tries < 10 * pauses + 30, "{tries} tries in {pauses} pauses: it does not pause");
    drop(taken);
    assert_eq!(read_answer(&mut client, true).expect("an answer after all").status, 200);
}

#[test]
fn file_descriptors_run_out() {
    let program = std::env::current_exe().expect("this program has a path");
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact starting::with_few_file_descriptors --ignored"])
        .arg(program)
        .output()
        .expect("there is a shell");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
