//! Sources that take their time, panic, or never return.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vsr_metrics::{Snapshot, Source};

use crate::client::{ask, connect, eventually, local, nodes, request, scrape};

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

/// Does not return until it is let go.
struct Stuck(Arc<AtomicBool>);

impl Source for Stuck {
    fn collect(&self, snapshot: &mut Snapshot) {
        while self.0.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(5));
        }
        nodes().collect(snapshot);
    }
}

#[test]
fn a_stuck_source_holds_up_nobody_else() {
    let stuck = Arc::new(AtomicBool::new(true));
    let builder = local().collect_deadline(Duration::from_millis(300));
    let endpoint = builder.start(Stuck(Arc::clone(&stuck))).expect("a free port");
    let address = endpoint.address();
    let scrapes: Vec<_> = (0..3).map(|_| thread::spawn(move || scrape(address))).collect();
    for _ in 0..20 {
        assert_eq!(ask(address, "GET", "/healthz", "").expect("an answer").status, 200);
    }
    assert_eq!(endpoint.events().scrapes, 0);
    for answer in scrapes.into_iter().map(|scrape| scrape.join().expect("no panic").expect("an answer")) {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    assert_eq!(endpoint.events().stalled, 3);
    stuck.store(false, Ordering::Release);
    eventually("the source is back", || scrape(address).is_some_and(|answer| answer.status == 200));
}

#[test]
fn a_source_that_never_returns_does_not_hold_up_stop() {
    let endpoint = local().start(Stuck(Arc::new(AtomicBool::new(true)))).expect("a free port");
    let mut stream = connect(endpoint.address());
    stream.write_all(request("GET", "/metrics", "").as_bytes()).expect("it listens");
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    endpoint.stop();
    assert!(begun.elapsed() < Duration::from_secs(15));
}
