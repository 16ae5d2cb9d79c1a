//! A scraper that does only what it is told, and endpoints to try it on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vsr_metrics::export::http::{Builder, Endpoint};

use crate::catalog::{EVENTS, Node};

pub fn local() -> Builder {
    Endpoint::builder().listen(([127, 0, 0, 1], 0))
}

pub fn nodes() -> Vec<Node> {
    let node = Node::new(1);
    node.cells.add(EVENTS, 3);
    vec![node]
}

pub fn start() -> Endpoint {
    local().start(nodes()).expect("a free port")
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// Reads one answer and leaves the connection open. `None` when the server closed it instead.
pub fn read_answer(stream: &mut TcpStream, has_body: bool) -> Option<Answer> {
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

pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Option<Answer> {
    let mut stream = connect(address);
    stream.write_all(request(method, path, headers).as_bytes()).ok()?;
    read_answer(&mut stream, method != "HEAD")
}

pub fn scrape(address: SocketAddr) -> Option<Answer> {
    ask(address, "GET", "/metrics", "")
}

/// Waits for what another thread is about to do.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}
