//! The sending end of a connection: a bounded queue, and a thread that writes it and connects again.

use std::io::{self, BufWriter, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Addresses;
use vsr_metrics::sampler::register_thread;

use crate::message::ReplicaIndex;

/// A queue of frames to one replica.
pub(super) struct Outgoing {
    queue: Option<SyncSender<Vec<u8>>>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    /// The connection, to be closed by whoever stops.
    stream: Mutex<Option<TcpStream>>,
}

/// Frames that wait for the connection; at 50,000 operations a second they cover a pause of some 40 ms.
const QUEUE: usize = 1 << 12;
/// Longest wait for a connection, and for room in it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause before connecting again: doubled with each failure, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Outgoing {
    /// Connects to a replica, again and again if need be. `read` runs on a thread of its own for each connection,
    /// and returns when the connection is closed.
    pub(super) fn start(
        addresses: Addresses,
        to: ReplicaIndex,
        read: impl Fn(TcpStream) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, queue) = mpsc::sync_channel(QUEUE);
        let state = Arc::<State>::default();
        let writer = Writer { addresses, to, queue, state: Arc::clone(&state) };
        let thread = std::thread::Builder::new().name(format!("to-{to}")).spawn(move || {
            register_thread("network");
            writer.run(&read);
        })?;
        Ok(Self { queue: Some(sender), state, thread: Some(thread) })
    }

    /// Puts a frame into the queue; tells whether there was room.
    pub(super) fn send(&self, frame: Vec<u8>) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.try_send(frame).is_ok())
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        self.queue = None;
        self.state.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn close(&self) {
        if let Some(stream) = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // One that is closed already needs no closing.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Keeps a connection to close it later; one that comes too late is closed at once.
    fn keep(&self, stream: &TcpStream) -> io::Result<()> {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.try_clone()?);
        if self.stopped.load(Ordering::Relaxed) {
            self.close();
        }
        Ok(())
    }
}

struct Writer {
    addresses: Addresses,
    to: ReplicaIndex,
    queue: Receiver<Vec<u8>>,
    state: Arc<State>,
}

impl Writer {
    fn run(&self, read: &(impl Fn(TcpStream) + Clone + Send + 'static)) {
        let mut pause = SHORTEST_PAUSE;
        while !self.state.stopped.load(Ordering::Relaxed) {
            let Ok(stream) = self.connect() else {
                // What waited meanwhile is old news.
                while self.queue.try_recv().is_ok() {}
                if matches!(self.queue.recv_timeout(pause), Err(RecvTimeoutError::Disconnected)) {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            };
            pause = SHORTEST_PAUSE;
            let reader = stream.try_clone().and_then(|stream| {
                let read = read.clone();
                std::thread::Builder::new().name(format!("from-{}", self.to)).spawn(move || read(stream))
            });
            // Ends with an error when the connection does, and without one when the queue is closed.
            let is_over = self.write(&stream).is_ok();
            self.state.close();
            let _ = reader.map(JoinHandle::join);
            if is_over {
                return;
            }
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let address = self.addresses.of(self.to).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.state.keep(&stream)?;
        Ok(stream)
    }

    /// Writes all frames; what is there at once goes out at once.
    fn write(&self, stream: &TcpStream) -> io::Result<()> {
        let mut buffer = BufWriter::with_capacity(1 << 16, stream);
        while let Ok(frame) = self.queue.recv() {
            buffer.write_all(&frame)?;
            while let Ok(frame) = self.queue.try_recv() {
                buffer.write_all(&frame)?;
            }
            buffer.flush()?;
        }
        Ok(())
    }
}
