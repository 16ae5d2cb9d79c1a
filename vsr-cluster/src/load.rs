//! An open-loop load: requests fall due by the clock, whether or not earlier ones were answered.
//!
//! Each session has one request under way (section 4.1 of the paper), so a request that falls due while all
//! sessions wait begins late, and the rate is made up for as soon as replies come.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use vsr_metrics::sampler::register_thread;

use crate::client::{RETRY, fresh_ids};
use crate::message::{ClientId, ReplicaIndex, Request};
use crate::network::{Answer, Requests};
use crate::state_machine::{Operation, Refusal};

/// A paced load under way.
#[derive(Debug)]
pub struct Load {
    thread: std::thread::JoinHandle<()>,
    shared: Arc<Shared>,
}

/// What clients did and saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions opened.
    pub opened: u64,
    /// Requests sent for the first time, those that open sessions not counted.
    pub issued: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests whose fate is unknown, because the session was lost before they were answered.
    pub lost: u64,
    /// Requests sent again, for want of an answer.
    pub repeated: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// Requests a second.
    rate: AtomicU64,
    /// Clients that are to come and never return.
    visitors: AtomicU64,
    /// Requests to send twice.
    twice: AtomicU64,
    /// The replica that answered last.
    primary: AtomicUsize,
    opened: AtomicU64,
    issued: AtomicU64,
    answered: AtomicU64,
    lost: AtomicU64,
    repeated: AtomicU64,
}

/// What the thread owns.
struct Generator {
    network: Arc<dyn Requests>,
    sender: Sender<Answer>,
    answers: Receiver<Answer>,
    shared: Arc<Shared>,
    pace: Pace,
    ids: std::ops::RangeFrom<ClientId>,
    sessions: Vec<Session>,
    by_client: HashMap<ClientId, usize>,
    free: VecDeque<usize>,
    /// The replica that answered last.
    primary: ReplicaIndex,
    next_retry: Instant,
}

/// How many requests are due: those of the present rate, and those from before it.
struct Pace {
    rate: u64,
    since: Instant,
    before: u64,
}

#[derive(Clone, Copy)]
struct Session {
    request: Request,
    /// When the request was sent last; nothing when it is answered.
    sent: Option<Instant>,
}

/// Requests under way at most. At 50,000 a second they cover replies that take 10 ms.
const SESSIONS: usize = 512;
/// The load's registers; few enough that memory does not grow with time.
const REGISTERS: u64 = 4096;
/// Visitors in one turn.
const VISITORS: u64 = 8;
/// How long the end waits for outstanding replies.
const DRAIN: Duration = Duration::from_secs(10);
/// Longest nap, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(20);

impl Load {
    /// Starts asking `rate` times a second.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(network: Arc<dyn Requests>, rate: u64) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { rate: AtomicU64::new(rate), ..Shared::default() });
        let (sender, answers) = mpsc::channel();
        let now = Instant::now();
        let generator = Generator {
            network,
            sender,
            answers,
            shared: Arc::clone(&shared),
            pace: Pace { rate, since: now, before: 0 },
            ids: fresh_ids(),
            sessions: Vec::new(),
            by_client: HashMap::new(),
            free: VecDeque::new(),
            primary: 0,
            next_retry: now + RETRY,
        };
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || {
            register_thread("client");
            generator.run();
        })?;
        Ok(Self { thread, shared })
    }

    /// Goes on with another rate.
    pub fn set_rate(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::Relaxed);
    }

    /// Has so many clients come that open sessions and never return.
    pub fn visit(&self, clients: u64) {
        self.shared.visitors.fetch_add(clients, Ordering::Relaxed);
    }

    /// Has so many requests sent twice, as by clients that cannot wait.
    pub fn ask_twice(&self, requests: u64) {
        self.shared.twice.store(requests, Ordering::Relaxed);
    }

    /// The replica that answered last.
    pub fn primary(&self) -> ReplicaIndex {
        self.shared.primary.load(Ordering::Relaxed)
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally()
    }

    /// Stops asking, waits a while for what is outstanding, and returns what happened.
    pub fn stop(self) -> Tally {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.shared.tally()
    }
}

impl Shared {
    fn tally(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            opened: read(&self.opened),
            issued: read(&self.issued),
            answered: read(&self.answered),
            lost: read(&self.lost),
            repeated: read(&self.repeated),
        }
    }
}

impl Generator {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.issue();
            self.take_answers(self.until_next().min(NAP));
            self.retry();
            self.visit();
        }
        let end = Instant::now() + DRAIN;
        while self.free.len() < self.sessions.len() && Instant::now() < end {
            self.take_answers(NAP);
            self.retry();
        }
    }

    /// Opens sessions for requests that wait, as far as there may be so many.
    fn open_more(&mut self, waiting: u64) {
        let opening = self.sessions.iter().filter(|session| session.request.number == 0).count();
        let missing = usize::try_from(waiting).unwrap_or(usize::MAX).saturating_sub(opening);
        for _ in 0..missing.min(SESSIONS - self.sessions.len()) {
            let request = Request { client: 0, number: 0, operation: Operation::OpenSession };
            self.sessions.push(Session { request, sent: None });
            self.open(self.sessions.len() - 1);
        }
    }

    /// Opens a session for a new client, in place of the one that is there.
    fn open(&mut self, index: usize) {
        let client = self.ids.next().unwrap_or_default();
        let session = &mut self.sessions[index];
        self.network.disconnect(session.request.client);
        self.by_client.remove(&session.request.client);
        session.request = Request { client, number: 0, operation: Operation::OpenSession };
        session.sent = Some(Instant::now());
        self.by_client.insert(client, index);
        self.network.connect(client, self.sender.clone());
        self.network.request(self.primary, session.request);
    }

    /// Sends everything that is due, as far as sessions are free.
    fn issue(&mut self) {
        let now = Instant::now();
        self.pace.follow(self.shared.rate.load(Ordering::Relaxed), now);
        let due = self.pace.due(now);
        let mut issued = self.shared.issued.load(Ordering::Relaxed);
        let asked_twice = self.shared.twice.load(Ordering::Relaxed);
        let mut twice = asked_twice;
        while issued < due {
            let Some(index) = self.free.pop_front() else {
                self.open_more(due - issued);
                break;
            };
            let session = &mut self.sessions[index];
            session.request.number += 1;
            session.request.operation = operation(issued);
            session.sent = Some(now);
            self.network.request(self.primary, session.request);
            if twice > 0 {
                twice -= 1;
                self.network.request(self.primary, session.request);
            }
            issued += 1;
        }
        if twice < asked_twice {
            self.shared.twice.store(twice, Ordering::Relaxed);
        }
        self.shared.issued.store(issued, Ordering::Relaxed);
    }

    /// Time until the next request is due; the longest nap when no session is free for it.
    fn until_next(&self) -> Duration {
        if self.free.is_empty() {
            return NAP;
        }
        self.pace.until(self.shared.issued.load(Ordering::Relaxed) + 1)
    }

    fn take_answers(&mut self, patience: Duration) {
        let mut next = self.answers.recv_timeout(patience).ok();
        while let Some(answer) = next {
            self.take(&answer);
            next = self.answers.try_recv().ok();
        }
    }

    fn take(&mut self, answer: &Answer) {
        let Answer { from, reply } = *answer;
        let Some(index) = self.by_client.get(&reply.client).copied() else { return };
        let session = &mut self.sessions[index];
        if session.sent.is_none() || session.request.number != reply.number {
            return;
        }
        self.primary = from;
        self.shared.primary.store(from, Ordering::Relaxed);
        session.sent = None;
        let is_opening = reply.number == 0;
        if reply.outcome == Err(Refusal::NoSession) {
            self.shared.lost.fetch_add(u64::from(!is_opening), Ordering::Relaxed);
            self.open(index);
        } else {
            let counter = if is_opening { &self.shared.opened } else { &self.shared.answered };
            counter.fetch_add(1, Ordering::Relaxed);
            self.free.push_back(index);
        }
    }

    /// Asks again where no reply came in time: everyone, because the primary may be another one by now.
    fn retry(&mut self) {
        let now = Instant::now();
        if now < self.next_retry {
            return;
        }
        self.next_retry = now + RETRY / 4;
        for session in &mut self.sessions {
            if session.sent.is_some_and(|sent| now - sent >= RETRY) {
                session.sent = Some(now);
                self.shared.repeated.fetch_add(1, Ordering::Relaxed);
                for replica in 0..self.network.replicas() {
                    self.network.request(replica, session.request);
                }
            }
        }
    }

    /// Lets some visitors in: not so many at once that those who stay lose their sessions to them.
    fn visit(&mut self) {
        let waiting = self.shared.visitors.load(Ordering::Relaxed);
        let visitors = waiting.min(VISITORS);
        self.shared.visitors.fetch_sub(visitors, Ordering::Relaxed);
        for _ in 0..visitors {
            let client = self.ids.next().unwrap_or_default();
            // Nobody waits for the answer.
            self.network
                .request(self.primary, Request { client, number: 0, operation: Operation::OpenSession });
        }
    }
}

impl Pace {
    /// Takes another rate from now on.
    fn follow(&mut self, rate: u64, now: Instant) {
        if rate != self.rate {
            *self = Self { rate, since: now, before: self.due(now) };
        }
    }

    /// Requests that are due since the beginning.
    fn due(&self, now: Instant) -> u64 {
        let since = (now - self.since).as_nanos() * u128::from(self.rate) / 1_000_000_000;
        self.before + u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// Time until a request falls due.
    fn until(&self, request: u64) -> Duration {
        let later = u128::from(request.saturating_sub(self.before));
        let nanoseconds = (later * 1_000_000_000).checked_div(u128::from(self.rate)).unwrap_or(u128::MAX);
        let at = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        at.saturating_sub(self.since.elapsed())
    }
}

/// A mix over all registers: one read for every two writes and sums.
pub(crate) fn operation(number: u64) -> Operation {
    let register = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % REGISTERS;
    match number % 3 {
        0 => Operation::Write { register, value: number },
        1 => Operation::Add { register, amount: 1 },
        _ => Operation::Read { register },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_rate_counts_from_its_beginning() {
        let now = Instant::now();
        let mut pace = Pace { rate: 100, since: now, before: 0 };
        let later = now + Duration::from_secs(2);
        pace.follow(10_000, later);
        assert_eq!(pace.due(later), 200);
        assert_eq!(pace.due(later + Duration::from_secs(1)), 10_200);
        pace.follow(0, later + Duration::from_secs(1));
        assert_eq!(pace.due(later + Duration::from_secs(9)), 10_200);
        assert!(pace.until(10_201) > Duration::from_secs(3600));
    }
}
