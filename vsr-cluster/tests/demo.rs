//! The program as users start it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vsr-cluster"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the demo on a free port and waits until it says which.
fn listening(arguments: &[&str]) -> (Child, BufReader<ChildStdout>, String) {
    let mut child =
        demo(&[&["--listen", "127.0.0.1:0"], arguments].concat()).spawn().expect("the demo starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("listening on http://").expect("the address").to_owned();
    (child, stdout, address)
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n").expect("asks");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    text
}

/// The number at the end of the sample that begins so.
fn sample(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(series));
    let line = line.unwrap_or_else(|| panic!("no `{series}` in:\n{text}"));
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Reads `replies N in S s`.
fn replies(stdout: &mut impl Read) -> (f64, f64) {
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("text");
    let words: Vec<&str> = rest.trim_end().lines().last().expect("a last line").split(' ').collect();
    assert_eq!((words[0], words[2], words[4]), ("replies", "in", "s"), "{rest}");
    (words[1].parse().expect("a count"), words[3].parse().expect("seconds"))
}

fn refused(output: &Output, code: i32, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn a_demo_serves_all_replicas_and_ends_by_itself() {
    let (mut child, mut stdout, address) = listening(&["--for", "2s", "--rate", "1000"]);
    std::thread::sleep(Duration::from_secs(1));
    let text = scrape(&address);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    for replica in 0..3 {
        let series = format!("vsr_operations_total{{replica_id=\"{replica}\",status=\"success\"}}");
        assert!((500.0..1500.0).contains(&sample(&text, &series)), "{text}");
    }
    assert!(sample(&text, "vsr_prepare_latency_ms_count{replica_id=\"0\"}") > 500.0);
    let (count, seconds) = replies(&mut stdout);
    assert!((0.95..1.05).contains(&(count / seconds / 1000.0)), "{count} replies in {seconds} s");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn signals_stop_the_demo_gracefully() {
    for signal in ["-INT", "-TERM"] {
        let (mut child, mut stdout, _) = listening(&[]);
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let (count, _) = replies(&mut stdout);
        assert!(count > 0.0);
        assert_eq!(child.wait().expect("an end").code(), Some(0), "after {signal}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_taken_port_is_an_error_with_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = demo(&["--listen", &address, "--for", "1s"]).output().expect("it runs");
    refused(&output, 1, &format!("`{address}`: "));
    refused(&output, 1, "; `--listen` takes another address, and with port 0 a free one");
    // Of processes, the second one serves on the next port.
    let taken = taken.local_addr().expect("an address");
    let before = format!("127.0.0.1:{}", taken.port() - 1);
    let output = demo(&["--listen", &before, "--processes", "--for", "1s"]).output().expect("it runs");
    refused(&output, 1, "does not start");
}

#[test]
fn a_port_too_high_for_all_replicas_is_an_error_with_a_remedy() {
    let output =
        demo(&["--listen", "127.0.0.1:65534", "--processes", "--for", "1s"]).output().expect("it runs");
    refused(&output, 1, "`127.0.0.1:65534` leaves no port for replica `2`; take a lower one, or port 0");
}

#[test]
fn a_directory_belongs_to_one_cluster_at_a_time() {
    let data = tempfile::tempdir().expect("a directory");
    let path = data.path().to_str().expect("a name");
    let (mut child, _stdout, _) = listening(&["--rate", "10", "--data", path]);
    for more in [&[][..], &["--processes"]] {
        let arguments = [&["--listen", "127.0.0.1:0", "--data", path, "--for", "1s"], more].concat();
        let output = demo(&arguments).output().expect("it runs");
        refused(&output, 1, "replica-0` is in use; stop the one that runs there, or take another directory");
    }
    // However it ends, the next one may begin.
    child.kill().expect("is killed");
    child.wait().expect("an end");
    let again = ["--listen", "127.0.0.1:0", "--data", path, "--for", "1s"];
    let output = demo(&again).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([signal, &to.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_fixed_list_of_requests() {
    let (mut child, mut stdout, _) = listening(&["--requests", "1000000"]);
    std::thread::sleep(Duration::from_millis(500));
    send("-INT", &child);
    assert!(replies(&mut stdout).0 < 1e6);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_demo_at_once_and_leaves_no_directory() {
    // Somebody who takes what is pushed and never answers keeps the first one waiting.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let temporary = tempfile::tempdir().expect("a directory");
    let mut command = demo(&["--listen", "127.0.0.1:0", "--rate", "10", "--otlp", &endpoint]);
    command.env("TMPDIR", temporary.path()).env("OTEL_EXPORTER_OTLP_TIMEOUT", "60000");
    let mut child = command.spawn().expect("it runs");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    let entries = || std::fs::read_dir(temporary.path()).expect("a directory").count();
    assert_eq!(entries(), 1);
    send("-INT", &child);
    std::thread::sleep(Duration::from_secs(1));
    assert!(child.try_wait().expect("a child").is_none(), "it waits for the receiver");
    send("-TERM", &child);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert_eq!(entries(), 0);
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    assert!(stderr.contains("ended at once, by a second signal"), "{stderr}");
}

#[test]
fn bad_usage_is_told_with_what_was_expected() {
    refused(
        &demo(&["--replicas", "10"]).output().expect("it runs"),
        2,
        "`--replicas` expects 1 to 9, not `10`",
    );
    refused(&demo(&["--speed", "1"]).output().expect("it runs"), 2, "--speed");
}

#[test]
fn a_demo_of_processes_serves_each_replica_by_itself() {
    let (mut child, mut stdout, first) =
        listening(&["--processes", "--for", "4s", "--rate", "500", "--replicas", "3"]);
    let mut addresses = vec![first];
    for _ in 0..2 {
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        addresses.push(line.trim_end().strip_prefix("listening on http://").expect("the address").to_owned());
    }
    std::thread::sleep(Duration::from_secs(2));
    for (replica, address) in addresses.iter().enumerate() {
        let text = scrape(address);
        let series = format!("vsr_operations_total{{replica_id=\"{replica}\",status=\"success\"}}");
        assert!(sample(&text, &series) > 100.0, "{text}");
        assert_eq!(text.matches("\nvsr_operations_total{").count(), 2, "its own series and no other's");
    }
    let (count, _) = replies(&mut stdout);
    assert!(count > 100.0);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

/// What chaos has to move.
const MOVED: [&str; 8] = [
    "vsr_view_changes_total",
    "vsr_recovery_latency_ms_count",
    "vsr_state_transfer_latency_ms_count",
    "vsr_repair_latency_ms_count",
    "vsr_scrub_corruptions_detected_total",
    "vsr_client_sessions_evicted_total",
    "vsr_reconfig_transitions_total",
    "vsr_standby_promotions_total",
];

/// Whether any series of a family is more than zero.
fn has_moved(text: &str, family: &str) -> bool {
    let lines = text.lines().filter_map(|line| line.strip_prefix(family));
    let mut numbers = lines.filter(|rest| rest.starts_with('{')).filter_map(|rest| rest.rsplit(' ').next());
    numbers.any(|number| number.parse::<f64>().is_ok_and(|number| number > 0.0))
}

/// Scrapes a disturbed demo until everything has moved, then stops it. A replica that is down cannot be scraped.
fn all_move(child: &Child, addresses: &[String]) {
    let mut still: Vec<&str> = MOVED.to_vec();
    let end = Instant::now() + Duration::from_secs(240);
    while !still.is_empty() {
        assert!(Instant::now() < end, "these never move: {still:?}");
        std::thread::sleep(Duration::from_millis(500));
        for address in addresses {
            let text = scrape_if_up(address);
            still.retain(|family| !has_moved(&text, family));
        }
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// What is served, as far as it comes: its replica may be stopped under way.
fn scrape_if_up(address: &str) -> String {
    let mut text = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n");
        let _ = asked.and_then(|()| stream.read_to_end(&mut text));
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(unix)]
#[test]
fn chaos_moves_what_it_should_and_a_signal_ends_it_well() {
    let (mut child, mut stdout, address) = listening(&["--chaos", "--rate", "500"]);
    all_move(&child, &[address]);
    assert!(replies(&mut stdout).0 > 0.0);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn chaos_among_processes_moves_the_same() {
    let (mut child, mut stdout, first) = listening(&["--chaos", "--processes", "--rate", "500"]);
    let mut addresses = vec![first];
    for _ in 0..3 {
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        addresses.push(line.trim_end().strip_prefix("listening on http://").expect("the address").to_owned());
    }
    all_move(&child, &addresses);
    assert!(replies(&mut stdout).0 > 0.0);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

/// Each process pushes by itself, under its own number.
#[test]
fn a_demo_of_processes_pushes_from_each_of_them() {
    let statsd = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    statsd.set_read_timeout(Some(Duration::from_millis(500))).expect("a time above zero");
    let otlp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addresses = [statsd.local_addr(), otlp.local_addr()].map(|address| address.expect("it is bound"));
    let bodies = std::thread::spawn(move || {
        let mut bodies = Vec::new();
        for stream in otlp.incoming().map_while(Result::ok) {
            // The last visitor is this test.
            match posted(&stream) {
                Some(body) => bodies.push(body),
                None => break,
            }
        }
        bodies
    });
    let lines = std::thread::spawn(move || {
        let (mut text, mut buffer, begin) = (String::new(), vec![0; 65_536], Instant::now());
        let are_all_there =
            |text: &str| (0..3).all(|replica| pushed_lines(replica).iter().all(|line| text.contains(line)));
        while !are_all_there(&text) && begin.elapsed() < Duration::from_secs(60) {
            if let Ok(length) = statsd.recv(&mut buffer) {
                text += std::str::from_utf8(&buffer[..length]).expect("lines are ASCII");
                text.push('\n');
            }
        }
        text
    });
    let [statsd, otlp] = addresses.map(|address| address.to_string());
    let mut command = demo(&["--listen", "127.0.0.1:0", "--processes", "--for", "3s", "--rate", "200"]);
    command.args(["--statsd", &statsd, "--otlp", &format!("http://{otlp}")]);
    // One export, at the end, that can be read as it is.
    command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "none").env("OTEL_METRIC_EXPORT_INTERVAL", "3600000");
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = lines.join().expect("it ends");
    drop(TcpStream::connect(otlp).expect("it listens"));
    let bodies = bodies.join().expect("it ends");
    for replica in 0..3_u8 {
        for line in pushed_lines(replica) {
            assert!(lines.contains(&line), "{line} in:\n{lines}");
        }
        // An attribute in protobuf: its key, and its value as a string.
        let attribute = [b"\x0a\x0areplica_id\x12\x03\x0a\x01", &[b'0' + replica][..]].concat();
        let told = bodies.iter().filter(|body| body.windows(attribute.len()).any(|bytes| bytes == attribute));
        assert!(told.count() >= 1, "replica {replica} in {} requests", bodies.len());
        let others = (0..3_u8).filter(|other| *other != replica);
        for other in others {
            let other = [b"\x0a\x0areplica_id\x12\x03\x0a\x01", &[b'0' + other][..]].concat();
            let has = |body: &Vec<u8>, bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
            assert!(!bodies.iter().any(|body| has(body, &attribute) && has(body, &other)), "two in one");
        }
    }
}

/// How lines begin that a replica pushes over StatsD: of a counter, and of what its exporters tell of themselves.
fn pushed_lines(replica: u8) -> [String; 2] {
    [
        format!("vsr_operations_total.replica_id.{replica}.status.success:"),
        format!("vsr_metrics_exporter_up.instance.{replica}.exporter.statsd:1|g"),
    ]
}

/// The body of a request, which is answered with success.
fn posted(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    Some(body)
}

#[cfg(target_os = "linux")]
#[test]
fn replicas_do_not_outlive_a_demo_that_is_killed() {
    let data = tempfile::tempdir().expect("a directory");
    let path = data.path().to_str().expect("a name");
    let (mut child, _stdout, _) = listening(&["--processes", "--rate", "10", "--data", path]);
    let replicas = || -> usize {
        let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&format!("{path}/replica-"))).count()
    };
    assert_eq!(replicas(), 3);
    child.kill().expect("is killed");
    child.wait().expect("an end");
    let end = Instant::now() + Duration::from_secs(20);
    while replicas() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(replicas(), 0);
}
