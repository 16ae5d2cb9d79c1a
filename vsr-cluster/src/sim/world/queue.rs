//! Events, and their order.

use std::cmp::Ordering;

use super::{ReplicaIndex, Reply, Request, Time};

/// What happens at some time.
#[derive(Debug)]
pub(super) enum Event {
    /// A frame arrives, perhaps damaged.
    Frame {
        to: ReplicaIndex,
        frame: Vec<u8>,
        is_damaged: bool,
    },
    Request {
        to: ReplicaIndex,
        request: Request,
    },
    Reply {
        from: ReplicaIndex,
        reply: Reply,
    },
    Tick {
        at: ReplicaIndex,
        life: u64,
    },
    Disk {
        at: ReplicaIndex,
        life: u64,
    },
    Client(usize),
    Step(usize),
    Sample,
    Scrape,
}

/// An event in the queue: the earliest first, and of one time the one that came about first.
#[derive(Debug)]
pub(super) struct Scheduled {
    pub(super) at: Time,
    pub(super) number: u64,
    pub(super) event: Event,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}
