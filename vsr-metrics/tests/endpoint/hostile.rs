//! Clients that mean harm, or are broken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::catalog::Node;
use crate::client::{ask, connect, eventually, local, nodes, read_answer, request, scrape, start};

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
    let endpoint = local().header_deadline(Duration::from_millis(500)).start(nodes()).expect("a free port");
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    assert_eq!(read_answer(&mut stream, true).expect("an answer").status, 200);
    thread::sleep(Duration::from_millis(700));
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
    // As soon as the machine lets a scrape be served within the deadline.
    eventually("others are served", || scrape(endpoint.address()).is_some_and(|answer| answer.status == 200));
    drop(stream.shutdown(std::net::Shutdown::Both));
}

/// As many clients as there are places, all served and none reading, make room for one that reads.
#[test]
fn clients_that_take_nothing_make_room() {
    let many = (1..=9).map(Node::new).collect::<Vec<_>>();
    let builder = local().max_connections(4).write_deadline(Duration::from_secs(3_600));
    let endpoint = builder.start(many).expect("a free port");
    // Requests sent ahead, answers never read: the buffers fill.
    let requests = request("GET", "/metrics", "").repeat(200);
    let greedy: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = connect(endpoint.address());
            stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
            while stream.write_all(requests.as_bytes()).is_ok() {}
            stream
        })
        .collect();
    eventually("a scrape gets a place", || {
        scrape(endpoint.address()).is_some_and(|answer| answer.status == 200)
    });
    assert_eq!(endpoint.events().expired, 0);
    assert!(endpoint.events().displaced >= 1, "{:?}", endpoint.events());
    drop(greedy);
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
    // As soon as the machine lets a request be sent within the deadline.
    eventually("still there", || scrape(endpoint.address()).is_some_and(|answer| answer.status == 200));
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
