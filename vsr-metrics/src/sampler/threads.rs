//! Which threads count as the program's own, by group, and how much CPU time each group has used.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts the running thread as one of a group from here to its end. A second call moves it to another group.
///
/// ```
/// std::thread::spawn(|| {
///     vsr_metrics::sampler::register_thread("replica");
///     // … its work
/// });
/// ```
///
/// Of other systems than Linux only the process as a whole is known.
pub fn register_thread(group: &'static str) {
    // A thread that is being torn down is not worth counting any more.
    let _ = OWN.try_with(|own| {
        let mut own = own.borrow_mut();
        drop(own.take());
        *own = Registration::new(group);
    });
}

thread_local! {
    static OWN: RefCell<Option<Registration>> = const { RefCell::new(None) };
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry::new());

/// The number by which the system knows a thread.
pub(super) type Id = i32;

/// Ends with its thread.
struct Registration(Id);

/// The threads that are registered, and what the others used before they ended.
pub(super) struct Registry {
    groups: Vec<Group>,
    threads: Vec<Thread>,
}

struct Group {
    name: &'static str,
    /// Of threads that ended.
    ended: Duration,
}

struct Thread {
    id: Id,
    group: usize,
    /// What it had used before it was registered.
    before: Duration,
    /// What it has used at least.
    used: Duration,
}

impl Registration {
    fn new(group: &'static str) -> Option<Self> {
        let (id, used) = clock::own()?;
        registry().begin(id, group, used);
        Some(Self(id))
    }
}

impl Drop for Registration {
    /// While the registry knows a thread, the thread lives: it waits here. So no other can have taken its number.
    fn drop(&mut self) {
        let used = clock::own().map(|(_, used)| used);
        registry().end(self.0, used);
    }
}

/// The registry of this process.
pub(super) fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    const fn new() -> Self {
        Self { groups: Vec::new(), threads: Vec::new() }
    }

    fn begin(&mut self, id: Id, name: &'static str, before: Duration) {
        let known = self.groups.iter().position(|group| group.name == name);
        let group = known.unwrap_or_else(|| {
            self.groups.push(Group { name, ended: Duration::ZERO });
            self.groups.len() - 1
        });
        // One that never ended, as in a process that forked, is not this thread.
        self.end(id, None);
        self.threads.push(Thread { id, group, before, used: before });
    }

    fn end(&mut self, id: Id, used: Option<Duration>) {
        let Some(place) = self.threads.iter().position(|thread| thread.id == id) else { return };
        let thread = self.threads.swap_remove(place);
        let used = used.map_or(thread.used, |used| used.max(thread.used));
        self.groups[thread.group].ended += used.saturating_sub(thread.before);
    }

    /// Reads the clocks of all threads. A clock that cannot be read, or went back, leaves its thread where it was.
    pub(super) fn sample(&mut self, clock: impl Fn(Id) -> Option<Duration>) {
        for thread in &mut self.threads {
            if let Some(used) = clock(thread.id) {
                thread.used = thread.used.max(used);
            }
        }
    }

    /// What each group has used as of the last sample. Never falls. Groups keep their places.
    pub(super) fn totals(&self) -> impl Iterator<Item = (&'static str, Duration)> + '_ {
        self.groups.iter().enumerate().map(|(index, group)| {
            let threads = self.threads.iter().filter(|thread| thread.group == index);
            let alive: Duration = threads.map(|thread| thread.used.saturating_sub(thread.before)).sum();
            (group.name, group.ended + alive)
        })
    }
}

#[cfg(target_os = "linux")]
pub(super) mod clock {
    //! The CPU clocks of threads and of the process.

    use std::time::Duration;

    use nix::time::ClockId;
    use nix::unistd::gettid;

    use super::Id;

    /// The running thread and what it has used.
    pub(in crate::sampler) fn own() -> Option<(Id, Duration)> {
        Some((gettid().as_raw(), ClockId::CLOCK_THREAD_CPUTIME_ID.now().ok()?.into()))
    }

    /// What a thread of this process has used; `None` if there is none of that number.
    ///
    /// The system names the clock of a thread by its number: inverted, above three bits that say "of a thread" and "time
    /// on the CPU". `pthread_getcpuclockid` makes the same of the handle of a thread.
    pub(in crate::sampler) fn of(thread: Id) -> Option<Duration> {
        // Numbers beyond what the system gives to threads would name other clocks; zero is whoever asks.
        let thread = Some(thread).filter(|thread| (1..1 << 28).contains(thread))?;
        Some(ClockId::from_raw((!thread << 3) | 0b110).now().ok()?.into())
    }

    /// What the process has used.
    pub(in crate::sampler) fn process() -> Option<Duration> {
        Some(ClockId::CLOCK_PROCESS_CPUTIME_ID.now().ok()?.into())
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) mod clock {
    //! Nothing is known of single threads.

    use std::time::Duration;

    pub(in crate::sampler) fn own() -> Option<(super::Id, Duration)> {
        None
    }

    pub(in crate::sampler) fn of(_: super::Id) -> Option<Duration> {
        None
    }

    pub(in crate::sampler) fn process() -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn totals(registry: &Registry) -> Vec<(&'static str, u128)> {
        registry.totals().map(|(name, time)| (name, time.as_millis())).collect()
    }

    #[test]
    fn a_clock_that_goes_back_and_one_that_is_gone() {
        let mut registry = Registry::new();
        registry.begin(1, "replica", 5 * MS);
        registry.begin(2, "network", Duration::ZERO);
        registry.sample(|id| Some(if id == 1 { 25 * MS } else { 7 * MS }));
        assert_eq!(totals(&registry), [("replica", 20), ("network", 7)]);
        registry.sample(|id| (id == 2).then_some(3 * MS));
        assert_eq!(totals(&registry), [("replica", 20), ("network", 7)]);
    }

    #[test]
    fn the_number_of_a_thread_that_ended_is_taken_again() {
        let mut registry = Registry::new();
        registry.begin(1, "replica", MS);
        registry.end(1, Some(31 * MS));
        registry.begin(1, "network", Duration::ZERO);
        registry.sample(|_| Some(2 * MS));
        assert_eq!(totals(&registry), [("replica", 30), ("network", 2)]);
        // Never told of the end of that one.
        registry.begin(1, "replica", Duration::ZERO);
        registry.sample(|_| Some(5 * MS));
        assert_eq!(totals(&registry), [("replica", 35), ("network", 2)]);
    }

    /// Threads that come, work and go between two samples, and are never seen alive.
    #[cfg(target_os = "linux")]
    #[test]
    fn threads_that_end_between_two_samples_are_counted() {
        let mut expected = Duration::ZERO;
        for _ in 0..20 {
            let thread = std::thread::spawn(|| {
                register_thread("churn");
                let begin = clock::own().expect("a clock").1;
                while clock::own().expect("a clock").1 < begin + 2 * MS {}
            });
            thread.join().expect("it ends");
            expected += 2 * MS;
            let total = registry().totals().find(|(name, _)| *name == "churn").map(|(_, total)| total);
            assert!(total.expect("registered") >= expected, "{total:?} of {expected:?}");
        }
        let registry = registry();
        let group = registry.groups.iter().position(|group| group.name == "churn");
        assert!(registry.threads.iter().all(|thread| Some(thread.group) != group), "none is left behind");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_clock_of_another_thread_is_its_own() {
        let (id, before) = clock::own().expect("a clock");
        let seen = std::thread::spawn(move || clock::of(id)).join().expect("it ends").expect("same process");
        let after = clock::own().expect("a clock").1;
        assert!((before..=after).contains(&seen), "{before:?} {seen:?} {after:?}");
        // The system gives no thread a number beyond 2^22.
        for nobody in [i32::MIN, -1, 0, 1 << 23, i32::MAX] {
            assert_eq!(clock::of(nobody), None, "{nobody}");
        }
    }
}
