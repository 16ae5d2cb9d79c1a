//! The endpoint against clients that behave and clients that don't. Each test is named by what happens.

mod catalog;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use catalog::{EVENTS, Node};
use vsr_metrics::export::http::{Builder, Endpoint};
use vsr_metrics::{Snapshot, Source};

fn local() -> Builder {
    Endpoint::builder().listen(([127, 0, 0, 1], 0))
}

fn nodes() -> Vec<Node> {
    let node = Node::new(1);
    node.cells.add(EVENTS, 3);
    vec![node]
}

fn start() -> Endpoint {
    local().start(nodes()).expect("a free port")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// Reads one answer and leaves the connection open. `None` when the server closed it instead.
fn read_answer(stream: &mut TcpStream, has_body: bool) -> Option<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).expect("a header is text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut answer = Answer { status, head, body: Vec::new() };
    if has_body {
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body).ok()?;
    }
    Some(answer)
}

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Option<Answer> {
    let mut stream = connect(address);
    stream.write_all(request(method, path, headers).as_bytes()).ok()?;
    read_answer(&mut stream, method != "HEAD")
}

fn scrape(address: SocketAddr) -> Option<Answer> {
    ask(address, "GET", "/metrics", "")
}

/// Waits for what another thread is about to do.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_scrape() {
    let endpoint = start();
    let answer = scrape(endpoint.address()).expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert!(
        answer.text().contains("\ntest_events_total{node=\"1\",kind=\"read\",status=\"ok\"} 3\n"),
        "{}",
        answer.text()
    );
    let open = ask(endpoint.address(), "GET", "/metrics", "Accept: application/openmetrics-text\r\n");
    let open = open.expect("an answer");
    assert!(open.text().ends_with("\n# EOF\n"));
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(endpoint.events().scrapes, 2);
}

#[test]
fn the_endpoint_tells_about_itself() {
    let endpoint = start();
    let count = |text: &str| -> u64 {
        let line = "vsr_metrics_scrapes_total{format=\"text\",outcome=\"success\"} ";
        let number = text.lines().find_map(|known| known.strip_prefix(line));
        number.expect("its own families").parse().expect("a number")
    };
    let first = count(scrape(endpoint.address()).expect("an answer").text());
    // Tests beside this one scrape too, into the same counter.
    assert!(count(scrape(endpoint.address()).expect("an answer").text()) > first);
}

#[test]
fn methods_and_paths_that_are_not_served() {
    let endpoint = start();
    for (method, path, status) in [
        ("GET", "/metrics", 200),
        ("GET", "/metrics?name[]=x", 200),
        ("GET", "/healthz", 200),
        ("GET", "/", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/metrics/", 404),
        ("GET", "/Metrics", 404),
        ("GET", "//metrics", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", "/elsewhere", 404),
        ("POST", "/metrics", 405),
        ("PUT", "/metrics", 405),
        ("DELETE", "/", 405),
        ("OPTIONS", "/metrics", 405),
        ("PATCH", "/healthz", 405),
        ("FROBNICATE", "/metrics", 405),
    ] {
        let answer = ask(endpoint.address(), method, path, "").expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}");
        let allowed = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[test]
fn head_tells_the_length_and_sends_nothing() {
    let endpoint = start();
    let mut stream = connect(endpoint.address());
    for _ in 0..2 {
        stream.write_all(request("HEAD", "/metrics", "").as_bytes()).expect("it listens");
        let answer = read_answer(&mut stream, false).expect("an answer");
        let length: usize = answer.header("content-length").expect("a length").parse().expect("a number");
        assert!(length > 100, "{answer:?}");
    }
}

/// The nodes' lines: the endpoint's own counters move from scrape to scrape.
fn own(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("test_")).collect()
}

#[test]
fn gzip_when_asked_for_and_only_then() {
    let endpoint = start();
    let plain = scrape(endpoint.address()).expect("an answer");
    assert_eq!(plain.header("content-encoding"), None);
    for (header, zipped) in
        [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("identity", false), ("br", false)]
    {
        let headers = format!("Accept-Encoding: {header}\r\n");
        let answer = ask(endpoint.address(), "GET", "/metrics", &headers).expect("an answer");
        assert_eq!(answer.header("content-encoding"), zipped.then_some("gzip"), "{header}");
        let mut body = Vec::new();
        if zipped {
            flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut body).expect("gzip");
        } else {
            body = answer.body;
        }
        let body = String::from_utf8(body).expect("text");
        assert_eq!(own(&body), own(plain.text()), "{header}");
    }
}

#[test]
fn a_thousand_scrapes_over_one_connection() {
    let endpoint = start();
    let mut stream = connect(endpoint.address());
    let mut scrape = || {
        stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("still open");
        assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    };
    for _ in 0..1_000 {
        scrape();
    }
    assert_eq!(endpoint.events().scrapes, 1_000);
    assert_eq!(endpoint.events().displaced + endpoint.events().expired, 0);
}

#[test]
fn half_open_requests_hold_nobody_up() {
    let endpoint = start();
    let address = endpoint.address();
    let storm: Vec<_> = (0..400)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").ok()?;
            Some(stream)
        })
        .collect();
    assert!(storm.len() > 16);
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(scrape(address).expect("an answer").status, 200);
        // Ten times what the design asks of a quiet machine.
        assert!(begun.elapsed() < Duration::from_millis(2_500));
    }
    assert!(endpoint.events().displaced >= 384, "{:?}", endpoint.events());
}

#[test]
fn a_request_that_trickles_in() {
    let deadline = Duration::from_millis(200);
    let endpoint = local().header_deadline(deadline).start(nodes()).expect("a free port");
    let mut stream = connect(endpoint.address());
    let begun = Instant::now();
    // A byte now and then must not extend the deadline.
    for byte in request("GET", "/metrics", &"X-Slow: 1\r\n".repeat(100)).bytes() {
        if stream.write_all(&[byte]).is_err() || endpoint.events().expired == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(begun.elapsed() >= deadline);
    assert_eq!(endpoint.events().expired, 1);
    assert_eq!(read_answer(&mut stream, false).expect("an answer").status, 408);
}

#[test]
fn an_idle_connection_is_closed() {
    let deadline = Duration::from_millis(100);
    let endpoint = local().idle_deadline(deadline).start(nodes()).expect("a free port");
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    assert!(read_answer(&mut stream, false).is_none(), "closed without a word");
    assert_eq!(endpoint.events().expired, 1);
}

#[test]
fn a_request_that_begins_after_idling_has_the_header_deadline() {
    let endpoint = local().header_deadline(Duration::from_millis(100)).start(nodes()).expect("a free port");
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(endpoint.events().expired, 0, "idling has a deadline of its own");
    stream.write_all(b"GET /me").expect("still open");
    assert_eq!(read_answer(&mut stream, false).expect("an answer").status, 408);
}

#[test]
fn a_client_that_stops_reading() {
    let many = (1..=9).map(Node::new).collect::<Vec<_>>();
    let endpoint = local().write_deadline(Duration::from_millis(200)).start(many).expect("a free port");
    let stream = connect(endpoint.address());
    // Requests sent ahead, answers never read: the buffers fill.
    let requests = request("GET", "/metrics", "").repeat(200);
    stream.set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    eventually("the connection is cut", || {
        let mut stream = &stream;
        let _ = stream.write_all(requests.as_bytes());
        endpoint.events().expired == 1
    });
    assert_eq!(scrape(endpoint.address()).expect("others are served").status, 200);
    drop(stream.shutdown(std::net::Shutdown::Both));
}

#[test]
fn a_hundred_scrapes_at_once() {
    let endpoint = start();
    let address = endpoint.address();
    let scrapes: Vec<_> = (0..100).map(|_| thread::spawn(move || scrape(address))).collect();
    let mut served = 0;
    for answer in scrapes.into_iter().map(|scrape| scrape.join().expect("no panic")) {
        let answer = answer.expect("an answer, whatever it is");
        match answer.status {
            200 => served += 1,
            503 => assert_eq!(answer.header("retry-after"), Some("1")),
            other => panic!("neither served nor turned away: {other}"),
        }
    }
    assert!(served >= 4, "{served}");
}

#[test]
fn garbage() {
    let endpoint = start();
    let long_line = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    let many_headers = request("GET", "/metrics", &"A: b\r\n".repeat(10_000));
    for bytes in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET /met\0rics HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n: empty\r\n\r\n",
        long_line.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let mut stream = connect(endpoint.address());
        // The server may close while we still write.
        let _ = stream.write_all(bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        if let Some(answer) = read_answer(&mut stream, false) {
            assert!([400, 413, 414, 431, 505].contains(&answer.status), "{shown}: {answer:?}");
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(endpoint.events().scrapes, 0);
    assert_eq!(scrape(endpoint.address()).expect("still there").status, 200);
}

#[test]
fn random_bytes() {
    let endpoint = local().header_deadline(Duration::from_millis(50)).start(nodes()).expect("a free port");
    let mut state = 11_u64;
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..64)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Half of them characters that mean something in a request.
                if state >> 63 == 0 {
                    b"GET /HTP1.:\r\n "[(state >> 40) as usize % 14]
                } else {
                    state.to_be_bytes()[3]
                }
            })
            .collect();
        let mut stream = connect(endpoint.address());
        let _ = stream.write_all(&bytes);
    }
    assert_eq!(scrape(endpoint.address()).expect("still there").status, 200);
}

#[test]
fn a_body_where_none_is_expected() {
    let endpoint = start();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", chunked).as_bytes()).expect("it listens");
    stream.write_all(b"5\r\nhello\r\n0\r\n\r\n").expect("it listens");
    assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    let endless = ask(endpoint.address(), "POST", "/metrics", "Content-Length: 1000000000000\r\n");
    assert_eq!(endless.expect("an answer").status, 405);
}

#[test]
fn the_client_breaks_off_within_the_answer() {
    let endpoint = start();
    for _ in 0..100 {
        let mut stream = connect(endpoint.address());
        stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
        let _ = stream.read(&mut [0; 10]);
    }
    eventually("all were served", || endpoint.events().scrapes == 100);
    assert_eq!(scrape(endpoint.address()).expect("still there").status, 200);
}

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

/// Takes its time to collect, and tells when it has begun.
struct Slow(Arc<AtomicBool>);

impl Source for Slow {
    fn collect(&self, snapshot: &mut Snapshot) {
        self.0.store(true, Ordering::Release);
        thread::sleep(Duration::from_millis(200));
        nodes().collect(snapshot);
    }
}

#[test]
fn stopped_during_a_scrape() {
    let begun = Arc::new(AtomicBool::new(false));
    let endpoint = local().start(Slow(Arc::clone(&begun))).expect("a free port");
    let address = endpoint.address();
    let client = thread::spawn(move || scrape(address));
    eventually("the scrape begins", || begun.load(Ordering::Acquire));
    endpoint.stop();
    assert_eq!(client.join().expect("no panic").expect("the answer is complete").status, 200);
}

/// Panics at every second scrape.
struct Moody(AtomicBool);

impl Source for Moody {
    fn collect(&self, snapshot: &mut Snapshot) {
        assert!(!self.0.fetch_xor(true, Ordering::Relaxed), "this source panics on purpose");
        nodes().collect(snapshot);
    }
}

#[test]
fn the_source_panics() {
    let endpoint = local().start(Moody(AtomicBool::new(false))).expect("a free port");
    for scraped in 0..100 {
        let expected = if scraped % 2 == 0 { 200 } else { 500 };
        assert_eq!(scrape(endpoint.address()).expect("an answer").status, expected);
    }
    assert_eq!((endpoint.events().scrapes, endpoint.events().panics), (50, 50));
}

#[test]
fn a_source_that_never_returns_does_not_hold_up_stop() {
    struct Stuck;
    impl Source for Stuck {
        fn collect(&self, _: &mut Snapshot) {
            thread::sleep(Duration::from_secs(3_600));
        }
    }
    let endpoint = local().start(Stuck).expect("a free port");
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    endpoint.stop();
    assert!(begun.elapsed() < Duration::from_secs(15));
}
