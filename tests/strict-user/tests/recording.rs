//! What is recorded through generated methods arrives in the series that the labels name.

use std::time::Duration;

use store::{HostId, Metrics, Mode, PeerId, Status, Zone};
use strict_user::{cache, store};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Snapshot, Source};

fn store() -> Metrics {
    Metrics::new(HostId::new(3).expect("in range"), Zone::South)
}

fn peer(value: u32) -> PeerId {
    PeerId::new(value).expect("in range")
}

/// The values of a family's series, with their labels.
fn series(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let family = snapshot.family(name).unwrap_or_else(|| panic!("no family `{name}`"));
    family
        .series()
        .map(|series| {
            let labels: Vec<String> =
                series.labels().map(|(name, value)| format!("{name}={value}")).collect();
            let value = match series.value() {
                Value::Counter(amount) => format!("{}", amount.stored),
                Value::Gauge(number) => format!("{number:?}"),
                Value::Histogram(histogram) => format!("{}", histogram.count()),
            };
            format!("{} {value}", labels.join(","))
        })
        .collect()
}

#[test]
fn each_combination_of_labels_is_a_series_of_its_own() {
    let metrics = store();
    for (index, status) in Status::ALL.into_iter().enumerate() {
        for number in PeerId::MIN..=PeerId::MAX {
            metrics.add_bytes_sent(status, peer(number), 1 + 10 * index as u64 + u64::from(number));
        }
    }
    let snapshot = metrics.snapshot();
    let expected: Vec<String> = ["success", "failure"]
        .into_iter()
        .enumerate()
        .flat_map(|(index, status)| {
            (0..3).map(move |peer| {
                format!("host=3,zone=south,status={status},peer={peer} {}", 1 + 10 * index + peer)
            })
        })
        .collect();
    assert_eq!(series(&snapshot, "store_bytes_sent_total"), expected);
}

#[test]
fn histograms_with_labels_do_not_overlap() {
    let metrics = store();
    for number in 0..3 {
        for status in Status::ALL {
            metrics.record_ask(peer(number), status, Duration::from_millis(300));
            drop(metrics.time_ask(peer(number), status));
        }
    }
    metrics.time_wait().discard();
    metrics.record_job_size(2000);
    let snapshot = metrics.snapshot();
    assert!(series(&snapshot, "store_ask_ms").iter().all(|series| series.ends_with(" 2")));
    assert_eq!(series(&snapshot, "store_ask_ms").len(), 6);
    assert_eq!(series(&snapshot, "store_wait_ms"), ["host=3,zone=south 0"]);
    assert_eq!(series(&snapshot, "store_job_size_bytes"), ["host=3,zone=south 1"]);
}

/// The grids lie between other cells, and each series has its own.
#[test]
fn grids_count_what_is_recorded_and_timed() {
    let metrics = store();
    metrics.record_ask(peer(0), Status::Success, Duration::from_millis(300));
    metrics.record_ask(peer(2), Status::Failure, Duration::from_millis(1));
    metrics.record_ask(peer(2), Status::Failure, Duration::from_millis(2));
    drop(metrics.time_ask(peer(2), Status::Failure));
    metrics.record_job_size(2000);
    metrics.add_busy(Duration::from_secs(1));
    let snapshot = metrics.snapshot();
    let exponential = |name, labels: &[(&str, &str)]| {
        let series = snapshot.family(name).and_then(|family| family.find(labels)).expect("it is there");
        let Value::Histogram(histogram) = series.value() else { panic!("`{name}` is a histogram") };
        assert_eq!(histogram.exponential().map(|it| it.count()), Some(histogram.count()), "{name}");
        histogram.exponential().expect("it has a grid").buckets()
    };
    let once = exponential("store_ask_ms", &[("peer", "0"), ("status", "success")]);
    // 300 ms are between 2^(131/16) and 2^(132/16).
    assert_eq!((once.scale, once.offset, once.counts), (4, 131, vec![1]));
    let thrice = exponential("store_ask_ms", &[("peer", "2"), ("status", "failure")]);
    assert_eq!(thrice.counts.last(), Some(&1));
    // 2,000 bytes are between 2^(175/16) and 2^(176/16) = 2,048.
    assert_eq!(exponential("store_job_size_bytes", &[]).offset, 175);
}

#[test]
fn gauges_keep_their_number_types() {
    let metrics = store();
    metrics.set_queue_length(5);
    metrics.add_queue_length(2);
    metrics.sub_queue_length(1);
    metrics.sub_offset(4);
    metrics.set_load(peer(2), 0.5);
    metrics.set_mode(Mode::AtWork);
    let snapshot = metrics.snapshot();
    assert_eq!(series(&snapshot, "store_queue_length"), ["host=3,zone=south U64(6)"]);
    assert_eq!(series(&snapshot, "store_offset_ms"), ["host=3,zone=south I64(-4)"]);
    assert_eq!(series(&snapshot, "store_load"), ["host=3,zone=south,peer=2 F64(0.5)"]);
    assert_eq!(series(&snapshot, "store_mode"), ["host=3,zone=south U64(7)"]);
}

#[test]
fn constant_labels_are_fixed_once() {
    let metrics = Metrics::unidentified();
    assert_eq!(metrics.zone(), None);
    assert!(metrics.set_host(HostId::new(9).expect("in range")));
    assert!(!metrics.set_host(HostId::new(1).expect("in range")));
    assert!(metrics.set_zone(Zone::North));
    assert_eq!(metrics.host().map(HostId::value), Some(9));
    assert_eq!(
        format!("{metrics:?}"),
        "Metrics { catalog: \"store\", host: Some(HostId(9)), zone: Some(North), .. }"
    );
}

#[test]
fn numbers_outside_of_a_range_are_refused() {
    assert_eq!(
        PeerId::new(3).map_err(|error| error.to_string()),
        Err("`peer` must be within 0..=2, not `3`".into())
    );
    assert!(HostId::try_from(0).is_err());
    assert_eq!(HostId::new(1).map(|host| host.to_string()), Ok("1".into()));
}

#[test]
fn a_second_catalog_keeps_to_itself() {
    let (cache, store) = (cache::Metrics::default(), store());
    cache.increment_lookups(cache::Status::Miss);
    store.increment_jobs(Status::Failure);
    store.add_jobs(Status::Failure, 2);
    let both = (&cache, &store).snapshot();
    assert_eq!(series(&both, "cache_lookups_total"), ["status=hit 0", "status=miss 1"]);
    assert_eq!(
        series(&both, "store_jobs_total"),
        ["host=3,zone=south,status=success 0", "host=3,zone=south,status=failure 3"]
    );
}
