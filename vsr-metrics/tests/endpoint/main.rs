//! The endpoint against clients and sources that behave, and others that don't. Each test is named by what happens.

#[path = "../catalog/mod.rs"]
mod catalog;
mod client;
mod hostile;
mod sources;
mod starting;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vsr_metrics::export::http::Endpoint;

use catalog::{EVENTS, LATENCY, LATENCY_BOUNDS, Node};
use client::{ask, connect, local, nodes, read_answer, request, scrape, start};

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
fn the_endpoint_tells_whether_it_runs_and_when_it_last_delivered() {
    let endpoint = start();
    let address = endpoint.address();
    assert_eq!(scrape(address).expect("an answer").status, 200);
    let second = scrape(address).expect("an answer");
    let number = |name: &str| -> f64 {
        let line = second.text().lines().find_map(|line| line.strip_prefix(name)).expect("it is exported");
        line.trim().parse().expect("a number")
    };
    let exact = |name: &str| number(&format!("{name}{{exporter=\"prometheus\"}}"));
    // Other tests start endpoints too, and none that could not start takes the mark from those that run.
    assert!(Endpoint::builder().listen(address).start(nodes()).is_err());
    assert!((exact("vsr_metrics_exporter_up") - 1.0).abs() < f64::EPSILON);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
    let last = exact("vsr_metrics_last_success_timestamp_seconds");
    assert!((now - 60.0..=now).contains(&last), "{last} where it is {now}");
    assert!(number("vsr_metrics_encode_duration_seconds_count") >= 1.0);
}

/// Totals as four scrapers read them while eight threads record: none falls, and every histogram agrees with itself.
#[test]
fn scrapes_at_once_while_threads_record() {
    const EACH: u64 = 20_000;
    let node = Arc::new(Node::new(1));
    let endpoint = local().start(Arc::clone(&node)).expect("a free port");
    let address = endpoint.address();
    let done = AtomicBool::new(false);
    let number = |text: &str, name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("it is exported");
        line.trim().parse().expect("a number")
    };
    thread::scope(|scope| {
        let scrapers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = [0; 3];
                    while !done.load(Ordering::Acquire) {
                        let answer = scrape(address).expect("an answer");
                        let counts = [
                            "test_events_total{node=\"1\",kind=\"read\",status=\"ok\"}",
                            "test_latency_ms_bucket{node=\"1\",le=\"+Inf\"}",
                            "test_latency_ms_count{node=\"1\"}",
                        ]
                        .map(|name| number(answer.text(), name));
                        assert_eq!(counts[1], counts[2], "the histogram contradicts itself");
                        assert!(
                            counts.iter().zip(last).all(|(now, last)| *now >= last),
                            "{last:?} {counts:?}"
                        );
                        last = counts;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    for value in 0..EACH {
                        node.cells.add(EVENTS, 1);
                        node.cells.observe(LATENCY, &LATENCY_BOUNDS, value * 100);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        done.store(true, Ordering::Release);
        for scraper in scrapers {
            scraper.join().expect("nothing fell");
        }
    });
    let answer = scrape(address).expect("an answer");
    assert_eq!(number(answer.text(), "test_latency_ms_count{node=\"1\"}"), 8 * EACH);
}
