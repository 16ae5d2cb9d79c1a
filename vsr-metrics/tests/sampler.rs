//! The sampler against an independent reader of `/proc`, known loads, and what can go wrong around it.
#![cfg(target_os = "linux")]

mod catalog;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::{Node, QUEUE, SHARE};
use procfs::process::Process;
use vsr_metrics::Source;
use vsr_metrics::sampler::{Resources, Sampler, Sink, register_thread};
use vsr_metrics::snapshot::{Number, Value};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;

/// Keeps what it is told.
#[derive(Default)]
struct Told {
    resources: Mutex<Vec<Resources>>,
    burnt: Mutex<Duration>,
}

impl Sink for Told {
    fn resources(&self, resources: &Resources) {
        self.resources.lock().expect("no panic").push(*resources);
    }

    fn cpu_time(&self, group: &'static str, used: Duration) {
        if group == "burner" {
            *self.burnt.lock().expect("no panic") += used;
        }
    }
}

impl Told {
    fn wait_for(&self, what: &str, holds: impl Fn(&Resources) -> bool) -> Resources {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(found) =
                self.resources.lock().expect("no panic").iter().rev().find(|told| holds(told))
            {
                return *found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{what}: {:?}", self.resources.lock().expect("no panic").last());
    }
}

fn fast(sink: Arc<Told>) -> vsr_metrics::sampler::Builder {
    Sampler::builder(sink).intervals(Duration::from_millis(20), Duration::from_millis(5))
}

#[test]
fn memory_that_was_taken_is_seen_as_another_reader_sees_it() {
    let told = Arc::new(Told::default());
    let sampler = fast(Arc::clone(&told)).start().expect("it starts");
    let before =
        told.wait_for("a sample", |told| told.memory_bytes.is_some()).memory_bytes.expect("it is there");
    let taken = vec![1_u8; usize::try_from(64 * MIB).expect("it fits")];
    let after =
        told.wait_for("64 MiB more", |told| told.memory_bytes.is_some_and(|bytes| bytes > before + 60 * MIB));
    let statm = Process::myself().and_then(|process| process.statm()).expect("it can be read");
    let independent = statm.resident * procfs::page_size();
    let ours = after.memory_bytes.expect("it is there");
    assert!(ours.abs_diff(independent) < 16 * MIB, "{ours} and {independent}");
    assert_eq!(taken[taken.len() / 2], 1);
    drop(sampler);
}

#[test]
fn cpu_time_that_was_burnt_is_seen_in_its_group() {
    let told = Arc::new(Told::default());
    let sampler = fast(Arc::clone(&told)).start().expect("it starts");
    let ticks = || {
        let stat = Process::myself().and_then(|process| process.stat()).expect("it can be read");
        Duration::from_millis(1_000 * (stat.utime + stat.stime) / procfs::ticks_per_second())
    };
    let before = ticks();
    // Two at once, and by turns: what a thread used is counted when it ends, at the latest.
    let burners: Vec<_> =
        (0..2).map(|_| std::thread::spawn(|| burn("burner", Duration::from_millis(200)))).collect();
    let burnt: Duration = burners.into_iter().map(|burner| burner.join().expect("it ends")).sum();
    let begin = Instant::now();
    while *told.burnt.lock().expect("no panic") < burnt && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ours = *told.burnt.lock().expect("no panic");
    let process = ticks().saturating_sub(before);
    assert!(ours >= burnt, "{ours:?} of {burnt:?}");
    assert!(ours < burnt + Duration::from_millis(100), "{ours:?} of {burnt:?}");
    // The whole process, in ticks of ten milliseconds, cannot have used less.
    assert!(ours < process + Duration::from_millis(50), "{ours:?} of {process:?}");
    let share = told.wait_for("a share above zero", |told| told.cpu_percent.is_some_and(|share| share > 0.0));
    assert!(share.cpu_percent.is_some_and(|share| share <= 100.0));
    drop(sampler);
}

/// Uses CPU time and says how much it was, by its own clock.
fn burn(group: &'static str, time: Duration) -> Duration {
    register_thread(group);
    let own = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("it can be read");
        let used = stat.split(' ').next().and_then(|used| used.parse().ok()).expect("nanoseconds");
        Duration::from_nanos(used)
    };
    let begin = own();
    let mut number = 1_u64;
    loop {
        for _ in 0..100_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        let used = own().saturating_sub(begin);
        if used >= time {
            return used;
        }
    }
}

/// What an independent reader says at the moment of each sample.
#[derive(Default)]
struct Beside(Mutex<Vec<(Instant, u64, Resources)>>);

impl Beside {
    fn total() -> u64 {
        let io = Process::myself().and_then(|process| process.io()).expect("it can be read");
        io.read_bytes + io.write_bytes - io.cancelled_write_bytes
    }
}

impl Sink for Beside {
    fn resources(&self, resources: &Resources) {
        self.0.lock().expect("no panic").push((Instant::now(), Self::total(), *resources));
    }
}

/// The rates over their intervals add up to the bytes that the other reader saw. That the readers themselves agree to the
/// byte is a test of the reader; here the sampler's times are in it, and those of a busy machine.
#[test]
fn rates_of_the_disk_add_up_to_what_was_written() {
    let beside = Arc::new(Beside::default());
    let directory = env!("CARGO_TARGET_TMPDIR");
    let every = Duration::from_millis(100);
    let sampler = Sampler::builder(Arc::clone(&beside)).intervals(every, every).data(directory);
    let sampler = sampler.start().expect("it starts");
    let count = || beside.0.lock().expect("no panic").len();
    eventually("two samples", || count() >= 2);
    let mut file = tempfile::tempfile_in(directory).expect("a file");
    for _ in 0..8 {
        std::io::Write::write_all(&mut file, &vec![7; usize::try_from(4 * MIB).expect("it fits")])
            .expect("written");
        file.sync_all().expect("it can be synchronized");
    }
    let written = count();
    eventually("two more samples", || count() >= written + 2);
    drop(sampler);
    let told = beside.0.lock().expect("no panic");
    // The last word says that nothing is known any more.
    let told = &told[..told.len() - 1];
    let ours: f64 = told
        .windows(2)
        .map(|pair| {
            let rate = pair[1].2.disk_bytes_per_second.expect("only the first has none");
            rate * (pair[1].0 - pair[0].0).as_secs_f64()
        })
        .sum();
    let independent = told[told.len() - 1].1 - told[0].1;
    if independent < 32 * MIB {
        // A directory in memory: nothing is written.
        return;
    }
    let share = ours / Number::U64(independent).as_f64();
    assert!((0.5..2.0).contains(&share), "{ours} of {independent}");
    let free = told[0].2.disk_free_bytes;
    assert!(free.is_some_and(|free| free > 0), "{free:?}");
}

/// One sets a gauge of any catalog, and takes it back.
struct Queue(Arc<Node>);

impl Sink for Queue {
    fn resources(&self, resources: &Resources) {
        match resources.network_bytes_per_second {
            Some(rate) => self.0.gauges.set_f64(SHARE, rate),
            None => self.0.gauges.unset(SHARE),
        }
    }
}

fn share(source: &impl Source) -> bool {
    let snapshot = source.snapshot();
    snapshot.family("test_share").is_some_and(|family| family.series().next().is_some())
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_sampler_that_hangs_does_not_leave_its_last_values_standing() {
    let node = Arc::new(Node::new(1));
    let (hangs, bytes) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let hung = Arc::clone(&hangs);
    let sampler = Sampler::builder(Queue(Arc::clone(&node)))
        .intervals(Duration::from_millis(50), Duration::from_millis(10))
        .network(move || {
            while hung.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Some(bytes.fetch_add(1_000, Ordering::SeqCst))
        })
        .start()
        .expect("it starts");
    let watched = sampler.watch(Arc::clone(&node));
    eventually("a rate is there", || share(&watched));
    hangs.store(true, Ordering::SeqCst);
    eventually("the rate is taken back", || !share(&watched));
    assert!(!share(&node), "for everybody");
    hangs.store(false, Ordering::SeqCst);
    eventually("the rate is back", || share(&watched));
    drop(sampler);
    assert!(!share(&node), "nobody measures any more");
}

#[test]
fn intervals_without_end_are_no_panic() {
    let told = Arc::new(Told::default());
    let builder = Sampler::builder(Arc::clone(&told)).intervals(Duration::MAX, Duration::MAX);
    let sampler = builder.start().expect("it starts");
    told.wait_for("the first sample", |told| told.memory_bytes.is_some());
    drop(sampler);
}

#[test]
fn hooks_that_panic_are_called_again_and_stop_nobody() {
    let node = Arc::new(Node::new(1));
    let calls = Arc::new(AtomicU64::new(0));
    let (called, set) = (Arc::clone(&calls), Arc::clone(&node));
    let told = Arc::new(Told::default());
    let sampler = fast(Arc::clone(&told))
        .each_second(move || {
            let call = called.fetch_add(1, Ordering::SeqCst);
            assert!(call % 2 == 1, "every second call");
        })
        .each_second(move || set.gauges.add(QUEUE, 1))
        .start()
        .expect("it starts");
    eventually("a hundred cycles", || calls.load(Ordering::SeqCst) >= 100);
    let queue = node.snapshot();
    let queue = queue.family("test_queue").and_then(|family| family.series().next()).expect("it is set");
    assert!(matches!(queue.value(), Value::Gauge(Number::U64(1..))), "the other hook was called as well");
    told.wait_for("samples go on", |told| told.memory_bytes.is_some());
    drop(sampler);
}

#[test]
fn a_sink_that_panics_is_told_again() {
    struct Moody(AtomicU64);
    impl Sink for Moody {
        fn resources(&self, resources: &Resources) {
            let call = self.0.fetch_add(1, Ordering::SeqCst);
            assert!(call % 2 == 1 || *resources == Resources::default(), "every second call");
        }
    }
    let sink = Arc::new(Moody(AtomicU64::new(0)));
    let every = Duration::from_millis(2);
    let sampler = Sampler::builder(Arc::clone(&sink)).intervals(every, every).start().expect("it starts");
    eventually("a hundred cycles", || sink.0.load(Ordering::SeqCst) >= 100);
    // Whichever call is next, this one says that nothing is known, at which the sink does not panic.
    drop(sampler);
}

#[cfg(feature = "vsr")]
#[test]
fn the_gauges_of_the_vsr_catalog() {
    use vsr_metrics::{MessageType, Metrics, ReplicaId};
    let metrics = Arc::new(Metrics::new(ReplicaId::new(0).expect("in range")));
    let sampler = Sampler::vsr(Arc::clone(&metrics))
        .data(env!("CARGO_TARGET_TMPDIR"))
        .intervals(Duration::from_millis(20), Duration::from_millis(20))
        .start()
        .expect("it starts");
    let is_set =
        |name: &str| metrics.snapshot().family(name).is_some_and(|family| family.series().next().is_some());
    let always = ["vsr_memory_used_bytes", "vsr_disk_free_bytes"];
    let rates = [
        "vsr_cpu_utilization_percent",
        "vsr_network_bandwidth_bytes_per_sec",
        "vsr_disk_bandwidth_bytes_per_sec",
    ];
    metrics.add_network_sent(MessageType::Prepare, 10);
    for name in always.into_iter().chain(rates) {
        eventually(name, || is_set(name));
    }
    std::thread::spawn(|| {
        burn("replica", Duration::from_millis(1));
    })
    .join()
    .expect("it ends");
    eventually("vsr_cpu_seconds_total", || {
        let snapshot = metrics.snapshot();
        let family = snapshot.family("vsr_cpu_seconds_total").expect("in the catalog");
        let series = family.find(&[("group", "replica")]).expect("there from the start");
        matches!(series.value(), Value::Counter(used) if used.stored > 0)
    });
    drop(sampler);
    for name in always.into_iter().chain(rates) {
        assert!(!is_set(name), "{name}: nobody measures any more");
    }
}
