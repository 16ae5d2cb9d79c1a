//! The receiving end of connections: frames in, deliveries out.

use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use vsr_metrics::Metrics;
use vsr_metrics::sampler::register_thread;

use super::{Back, Shared};
use crate::message::ClientId;
use crate::network::{Answer, Delivery};
use crate::replica::WireFault;
use crate::wire::{self, HEADER, Keyring, Parcel};

/// Connections at once; more are closed.
const MOST_CONNECTIONS: usize = 64;
/// Replies that wait for one connection.
const REPLIES: usize = 1 << 12;
/// Longest wait for a client that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is read from a connection.
enum Arrived {
    Frame(Vec<u8>),
    /// Not a frame, and no telling where the next one begins.
    Lost(WireFault),
}

/// Takes in connections until told to stop.
pub(super) fn accept(listener: TcpListener, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("accept".to_owned()).spawn(move || {
        let mut readers: Vec<JoinHandle<()>> = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            if shared.stopped.load(Ordering::Relaxed) {
                break;
            }
            readers.retain(|reader| !reader.is_finished());
            match stream {
                Ok(stream) if readers.len() < MOST_CONNECTIONS => {
                    readers.extend(serve(stream, number as u64, &shared).ok());
                }
                // Full, or out of descriptors: the peer tries again, and not at once.
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        for reader in readers {
            let _ = reader.join();
        }
    })
}

/// Reads a connection on a thread of its own.
fn serve(stream: TcpStream, number: u64, shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    shared.streams().insert(number, stream.try_clone()?);
    if shared.stopped.load(Ordering::Relaxed) {
        stream.shutdown(std::net::Shutdown::Both)?;
    }
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("incoming".to_owned()).spawn(move || {
        register_thread("network");
        read(&stream, number, &shared);
        shared.streams().remove(&number);
    })
}

/// Turns frames into deliveries until the connection or the replica ends.
fn read(stream: &TcpStream, connection: u64, shared: &Shared) {
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let mut back: Option<(Back, JoinHandle<()>)> = None;
    while let Ok(arrived) = next(&mut reader, &shared.metrics) {
        let (delivery, goes_on) = match arrived {
            Arrived::Lost(fault) => (Delivery::Refused(fault), false),
            Arrived::Frame(frame) => match shared.ring.open(&frame, &shared.metrics) {
                Ok(Parcel::Message(envelope)) if shared.links.is_cut(envelope.from) => continue,
                Ok(Parcel::Message(envelope)) => (Delivery::Message(envelope), true),
                Ok(Parcel::Request { request, .. }) => {
                    if back.is_none() {
                        back = write_back(stream, connection).ok();
                    }
                    if let Some((back, _)) = &back {
                        shared.remember(request.client, back);
                    }
                    (Delivery::Request(request), true)
                }
                Ok(Parcel::Reply { .. }) => (Delivery::Refused(WireFault::Forged), true),
                Err(fault) => (Delivery::Refused(fault), true),
            },
        };
        // Waits for room: the replica takes out of its inbox whatever else it does.
        if shared.inbox.send(delivery).is_err() || !goes_on {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
    if let Some((back, writer)) = back {
        shared.clients().retain(|_, other| other.connection != connection);
        drop(back);
        let _ = writer.join();
    }
}

/// Writes replies on a thread of its own, which ends when nobody can send any more.
fn write_back(stream: &TcpStream, connection: u64) -> io::Result<(Back, JoinHandle<()>)> {
    let (queue, replies): (_, Receiver<Vec<u8>>) = mpsc::sync_channel(REPLIES);
    let stream = stream.try_clone()?;
    let writer = std::thread::Builder::new().name("replies".to_owned()).spawn(move || {
        let mut buffer = BufWriter::with_capacity(1 << 16, &stream);
        while let Ok(frame) = replies.recv() {
            let more = std::iter::from_fn(|| replies.try_recv().ok());
            let written = std::iter::once(frame).chain(more).try_for_each(|frame| buffer.write_all(&frame));
            if written.and_then(|()| buffer.flush()).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
    })?;
    Ok((Back { connection, queue }, writer))
}

/// Hands replies to the clients that wait for them, until the connection ends.
pub(super) fn read_replies(
    stream: &TcpStream,
    ring: &Keyring,
    waiting: &Mutex<HashMap<ClientId, Sender<Answer>>>,
) {
    // Clients have no metrics to be exported: what is damaged is dropped, and asked for again.
    let metrics = Metrics::unidentified();
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    while let Ok(Arrived::Frame(frame)) = next(&mut reader, &metrics) {
        if let Ok(Parcel::Reply { from, reply }) = ring.open(&frame, &metrics)
            && let Some(answers) = waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&reply.client)
        {
            let _ = answers.send(Answer { from, reply });
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// The next frame. Memory grows with what arrives, not with what a header announces.
fn next(reader: &mut impl Read, metrics: &Metrics) -> io::Result<Arrived> {
    let mut header = [0; HEADER];
    reader.read_exact(&mut header)?;
    let length = match wire::read_header(&header) {
        Ok((length, _)) => length,
        Err(fault) => {
            if fault == WireFault::Damaged {
                metrics.increment_checksum_failures(vsr_metrics::ChecksumComponent::Frame);
            }
            return Ok(Arrived::Lost(fault));
        }
    };
    let mut frame = header.to_vec();
    frame.reserve(length.min(1 << 12));
    if reader.take(length as u64).read_to_end(&mut frame)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Arrived::Frame(frame))
}
