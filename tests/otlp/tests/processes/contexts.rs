//! Flush and shutdown from wherever they may be called, with a receiver that never answers.
//!
//! Each context runs in a process of its own and prints what it measured, a line a call: so a call that never came is
//! noticed, too.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::routes::{DROPPED_WITHIN, Pushing, Route};

/// Where flush and shutdown are called.
pub type Context = (&'static str, fn(Setup), &'static [Call]);

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Flush,
    ShutDown,
    Drop,
}

const BOTH: &[Call] = &[Call::Flush, Call::ShutDown];

pub const CONTEXTS: [Context; 9] = [
    ("no runtime", |setup| flush_and_shut_down(setup.start()), BOTH),
    ("a current-thread runtime", in_current_thread, BOTH),
    ("a runtime with one worker", |setup| in_workers(setup, 1), BOTH),
    ("a runtime with four workers", |setup| in_workers(setup, 4), BOTH),
    ("spawn_blocking", in_spawn_blocking, BOTH),
    ("drop", in_drop, &[Call::Drop]),
    ("a panic hook", in_panic_hook, BOTH),
    ("atexit", in_atexit, BOTH),
    ("after main", after_main, BOTH),
];

/// What was measured of one call.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub call: Call,
    /// What it may take, and what it took.
    pub limit: Duration,
    pub took: Duration,
}

/// What a context needs for an exporter.
#[derive(Clone, Copy)]
pub struct Setup {
    pub route: Route,
    pub directory: &'static Path,
}

const SHORT: Duration = Duration::from_millis(300);

impl Setup {
    fn start(self) -> Box<dyn Pushing> {
        (self.route.1)(self.directory)
    }
}

impl Measured {
    fn print(call: Call, limit: Duration, act: impl FnOnce()) {
        let began = Instant::now();
        act();
        let took = began.elapsed();
        println!("{call:?} {} {}", limit.as_micros(), took.as_micros());
    }

    /// Reads a line of [`print`](Self::print); nothing if it is another one.
    pub fn read(line: &str) -> Option<Self> {
        let (name, times) = line.split_once(' ')?;
        let call =
            [Call::Flush, Call::ShutDown, Call::Drop].into_iter().find(|call| name == format!("{call:?}"))?;
        let (limit, took) = times.split_once(' ')?;
        let time = |text: &str| text.parse().ok().map(Duration::from_micros);
        Some(Self { call, limit: time(limit)?, took: time(took)? })
    }
}

fn flush_and_shut_down(mut exporter: Box<dyn Pushing>) {
    Measured::print(Call::Flush, SHORT, || assert!(!exporter.flush(SHORT), "nobody answers"));
    Measured::print(Call::ShutDown, SHORT, || assert!(!exporter.shut_down(SHORT), "nobody answers"));
}

fn runtime(mut builder: Builder) -> Runtime {
    builder.enable_all().build().expect("there are threads")
}

fn in_current_thread(setup: Setup) {
    runtime(Builder::new_current_thread()).block_on(async { flush_and_shut_down(setup.start()) });
}

fn in_workers(setup: Setup, workers: usize) {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers);
    let runtime = runtime(builder);
    let task = runtime.spawn(async move { flush_and_shut_down(setup.start()) });
    runtime.block_on(task).expect("it does not panic");
}

fn in_spawn_blocking(setup: Setup) {
    runtime(Builder::new_current_thread()).block_on(async {
        let task = tokio::task::spawn_blocking(move || flush_and_shut_down(setup.start()));
        task.await.expect("it does not panic");
    });
}

fn in_drop(setup: Setup) {
    let exporter = setup.start();
    Measured::print(Call::Drop, DROPPED_WITHIN, || drop(exporter));
}

/// What a static holds until the last moment.
static LAST: Mutex<Option<Box<dyn Pushing>>> = Mutex::new(None);

fn keep(setup: Setup) {
    *LAST.lock().expect("nobody panicked") = Some(setup.start());
}

fn flush_what_was_kept() {
    let exporter = LAST.lock().ok().and_then(|mut kept| kept.take());
    flush_and_shut_down(exporter.expect("it was put there"));
}

fn in_panic_hook(setup: Setup) {
    keep(setup);
    std::panic::set_hook(Box::new(|_| flush_what_was_kept()));
    assert!(std::thread::spawn(|| panic!("meant to happen")).join().is_err());
}

fn in_atexit(setup: Setup) {
    extern "C" fn last() {
        flush_what_was_kept();
    }
    keep(setup);
    // SAFETY: the function is given to the C library to call, and unwinds into nothing: a panic in it aborts.
    assert_eq!(unsafe { libc::atexit(last) }, 0);
}

/// The main thread's own values are dropped once `main` has returned.
fn after_main(setup: Setup) {
    struct AtTheEnd(Option<Box<dyn Pushing>>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            flush_and_shut_down(self.0.take().expect("it is dropped once"));
        }
    }
    thread_local! {
        static KEPT: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    KEPT.set(Some(AtTheEnd(Some(setup.start()))));
}
