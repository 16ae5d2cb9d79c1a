//! An open-loop load: requests fall due by the clock, whether or not earlier ones were answered.
//!
//! Each session has one request under way (section 4.1 of the paper), so a request that falls due while all
//! sessions wait begins late, and the rate is made up for as soon as replies come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::client::{PRIMARY, RETRY, earlier_number};
use crate::message::{Reply, Request};
use crate::network::Network;
use crate::state_machine::Operation;

/// A paced load under way.
#[derive(Debug)]
pub struct Load {
    thread: std::thread::JoinHandle<()>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    replies: AtomicU64,
}

/// What the thread owns.
struct Generator {
    network: Arc<Network>,
    replies: Receiver<Reply>,
    shared: Arc<Shared>,
    rate: u64,
    began: Instant,
    issued: u64,
    sessions: Vec<Session>,
    free: VecDeque<usize>,
    next_retry: Instant,
}

#[derive(Clone, Copy)]
struct Session {
    request: Request,
    /// When the request was sent last; nothing when it is answered.
    sent: Option<Instant>,
}

/// Requests under way at most. At 20,000 a second they cover replies that take 25 ms.
const SESSIONS: usize = 512;
/// The load's registers; few enough that memory does not grow with time.
const REGISTERS: u64 = 4096;
/// How long the end waits for outstanding replies.
const DRAIN: Duration = Duration::from_secs(2);
/// Longest nap, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(20);

impl Load {
    /// Starts asking `rate` times a second.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(network: &Arc<Network>, rate: u64) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (sender, replies) = mpsc::channel();
        let idle = |id: usize| {
            network.connect(id as u64, sender.clone());
            let operation = Operation::Read { register: 0 };
            Session {
                request: Request { client: id as u64, number: earlier_number(), operation },
                sent: None,
            }
        };
        let now = Instant::now();
        let generator = Generator {
            network: Arc::clone(network),
            replies,
            shared: Arc::clone(&shared),
            rate,
            began: now,
            issued: 0,
            sessions: (0..SESSIONS).map(idle).collect(),
            free: (0..SESSIONS).collect(),
            next_retry: now + RETRY,
        };
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || generator.run())?;
        Ok(Self { thread, shared })
    }

    /// Replies so far.
    pub fn replies(&self) -> u64 {
        self.shared.replies.load(Ordering::Relaxed)
    }

    /// Stops asking, waits a while for what is outstanding, and returns how many replies came.
    pub fn stop(self) -> u64 {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.shared.replies.load(Ordering::Relaxed)
    }
}

impl Generator {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.issue();
            self.take_replies(self.until_next().min(NAP));
            self.retry();
        }
        let end = Instant::now() + DRAIN;
        while self.free.len() < self.sessions.len() && Instant::now() < end {
            self.take_replies(NAP);
            self.retry();
        }
    }

    /// Sends everything that is due, as far as sessions are free.
    fn issue(&mut self) {
        let now = Instant::now();
        let due = due(now - self.began, self.rate);
        while self.issued < due {
            let Some(index) = self.free.pop_front() else { return };
            let session = &mut self.sessions[index];
            session.request.number += 1;
            session.request.operation = operation(self.issued);
            session.sent = Some(now);
            self.network.request(PRIMARY, session.request);
            self.issued += 1;
        }
    }

    /// Time until the next request is due; the longest nap when no session is free for it.
    fn until_next(&self) -> Duration {
        if self.free.is_empty() {
            return NAP;
        }
        let nanoseconds = u128::from(self.issued + 1) * 1_000_000_000 / u128::from(self.rate);
        let at = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        at.saturating_sub(self.began.elapsed())
    }

    fn take_replies(&mut self, patience: Duration) {
        let mut next = self.replies.recv_timeout(patience).ok();
        while let Some(reply) = next {
            self.take(reply);
            next = self.replies.try_recv().ok();
        }
    }

    fn take(&mut self, reply: Reply) {
        let Ok(index) = usize::try_from(reply.client) else { return };
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.sent.is_some() && session.request.number == reply.number {
            session.sent = None;
            self.free.push_back(index);
            self.shared.replies.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks again where no reply came in time.
    fn retry(&mut self) {
        let now = Instant::now();
        if now < self.next_retry {
            return;
        }
        self.next_retry = now + RETRY / 4;
        for session in &mut self.sessions {
            if session.sent.is_some_and(|sent| now - sent >= RETRY) {
                session.sent = Some(now);
                self.network.request(PRIMARY, session.request);
            }
        }
    }
}

/// Requests that fall due in some time.
fn due(elapsed: Duration, rate: u64) -> u64 {
    u64::try_from(elapsed.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// A mix over all registers: one read for every two writes and sums.
fn operation(number: u64) -> Operation {
    let register = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % REGISTERS;
    match number % 3 {
        0 => Operation::Write { register, value: number },
        1 => Operation::Add { register, amount: 1 },
        _ => Operation::Read { register },
    }
}
