//! The loop that accepts connections, and who gets a place.

use std::net::TcpListener;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answer::Answerer;
use super::connection;
use super::watch::Watch;
use super::{Counts, Limits};
use crate::Source;
use crate::health::{self, Rejection};

/// How long to wait when the system has no connection to give, as when file descriptors have run out.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Clients that may be hearing why they are turned away, for each connection that is served; each takes a descriptor
/// for a quarter of a second at most. Whoever comes when there are as many is closed without a word.
const FAREWELLS: usize = 7;

/// Everything a connection needs to know.
pub(super) struct Server<S> {
    pub(super) answerer: Arc<Answerer<S>>,
    pub(super) counts: Arc<Counts>,
    pub(super) limits: Limits,
    pub(super) stopped: tokio::sync::watch::Receiver<bool>,
}

/// The connections there are.
#[derive(Default)]
struct Places {
    tasks: JoinSet<()>,
    /// Those being served. A connection that was told to go holds its watch no longer.
    watches: Vec<Weak<Watch>>,
}

impl<S: Source + 'static> Server<S> {
    /// Serves until stopped.
    pub(super) async fn run(mut self, listener: TcpListener) {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let mut places = Places::default();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped) => break,
                accepted = listener.accept() => accepted,
            };
            if let Ok((stream, _)) = accepted {
                self.admit(stream, &mut places);
            } else {
                Counts::add(&self.counts.accept_errors);
                health::METRICS.increment_rejected_connections(Rejection::AcceptFailed);
                sleep(BACK_OFF).await;
            }
            // Let those who have come send and be served before others come.
            tokio::task::yield_now().await;
        }
        drop(listener);
        let all = async { while places.tasks.join_next().await.is_some() {} };
        // Whoever has not read its answer by then is cut off.
        let _ = timeout(self.limits.grace, all).await;
    }

    /// Gives a newcomer a place: a free one, or that of whoever holds us up. If all are being served and take what
    /// they get, it is turned away.
    fn admit(&self, stream: TcpStream, places: &mut Places) {
        while places.tasks.try_join_next().is_some() {}
        places.watches.retain(|watch| watch.strong_count() > 0);
        if places.watches.len() >= self.limits.connections && !places.make_room() {
            Counts::add(&self.counts.refused);
            health::METRICS.increment_rejected_connections(Rejection::TooManyConnections);
            if places.tasks.len() < (1 + FAREWELLS) * self.limits.connections {
                places.tasks.spawn(connection::turn_away(stream));
            }
            return;
        }
        let watch = Arc::new(Watch::new());
        places.watches.push(Arc::downgrade(&watch));
        places.tasks.spawn(connection::serve(
            stream,
            watch,
            Arc::clone(&self.answerer),
            Arc::clone(&self.counts),
            self.limits,
            self.stopped.clone(),
        ));
    }
}

impl Places {
    /// Takes the place of whoever has kept us waiting longest; else of whoever has taken nothing of its answer for
    /// longest.
    fn make_room(&mut self) -> bool {
        self.displace(Watch::waiting_since) || self.displace(Watch::stalled_since)
    }

    fn displace(&mut self, since: impl Fn(&Watch) -> Option<tokio::time::Instant>) -> bool {
        let found = self.watches.iter().enumerate().filter_map(|(index, watch)| {
            let watch = watch.upgrade()?;
            Some((since(&watch)?, index, watch))
        });
        let Some((_, index, watch)) = found.min_by_key(|(since, index, _)| (*since, *index)) else {
            return false;
        };
        watch.displace();
        self.watches.swap_remove(index);
        true
    }
}
