//! The content of frames: numbers little-endian, variants by a leading byte, sequences by a leading count.
//!
//! Written by hand rather than derived: the table of messages below is all there is to it, nothing is allocated that
//! the bytes at hand do not pay for, and the layout is ours to keep when types change.

use std::sync::Arc;

use super::{Parcel, byte};
use crate::configuration::{Configuration, ReplicaSet, Version};
use crate::message::{
    Checkpoint, ClockEcho, Entry, Envelope, Lack, Message, ReplicaIndex, Reply, Request, Tail,
};
use crate::state_machine::{ENCODED, Operation, Refusal};

/// Bytes that say nothing this software knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What can be written and read.
pub(super) trait Codec: Sized {
    /// The fewest bytes that one takes.
    const LEAST: usize;
    fn put(&self, bytes: &mut Vec<u8>);
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable>;
}

/// Bytes that were not read yet.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// Kinds of parcels.
pub(super) const MESSAGE: u8 = 1;
pub(super) const REQUEST: u8 = 2;
pub(super) const REPLY: u8 = 3;

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A count of things that take at least so many bytes each, as far as there are bytes for them.
    fn count(&mut self, least: usize) -> Result<usize, Unreadable> {
        let count = usize::try_from(u32::take(self)?).map_err(|_| Unreadable)?;
        if count.checked_mul(least).is_some_and(|bytes| bytes <= self.0.len()) {
            Ok(count)
        } else {
            Err(Unreadable)
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Codec for $number {
            const LEAST: usize = size_of::<Self>();
            fn put(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
                let mut number = [0; size_of::<Self>()];
                number.copy_from_slice(reader.bytes(size_of::<Self>())?);
                Ok(Self::from_le_bytes(number))
            }
        }
    )* };
}

numbers!(u8, u16, u32, u64);

/// Structures whose fields follow each other.
macro_rules! structures {
    ($($name:ident { $($field:ident: $kind:ty),* })*) => { $(
        impl Codec for $name {
            const LEAST: usize = $(<$kind as Codec>::LEAST +)* 0;
            fn put(&self, bytes: &mut Vec<u8>) {
                $(self.$field.put(bytes);)*
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(Self { $($field: Codec::take(reader)?),* })
            }
        }
    )* };
}

structures! {
    Version { major: u16, minor: u16 }
    Configuration { epoch: u64, members: ReplicaSet, next: ReplicaSet, standbys: ReplicaSet }
    Entry { view: u64, op: u64, client: u64, request: u64, operation: Operation }
    Tail { first: u64, length: u64, hash: u32, entries: Vec<Arc<Entry>> }
    Checkpoint { op: u64, root: u32, state: Arc<[u8]> }
    ClockEcho { asked: u64, received: u64, sent: u64 }
    Request { client: u64, number: u64, operation: Operation }
}

/// The table of messages: each with its byte and its fields, in order. A message or a field that is missing here does
/// not compile.
macro_rules! messages {
    ($($tag:literal $name:ident { $($field:ident),* })*) => {
        impl Codec for Message {
            const LEAST: usize = 1;
            fn put(&self, bytes: &mut Vec<u8>) {
                match self {
                    $(Self::$name { $($field),* } => {
                        bytes.push($tag);
                        $($field.put(bytes);)*
                    })*
                }
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
                match u8::take(reader)? {
                    $($tag => Ok(Self::$name { $($field: Codec::take(reader)?),* }),)*
                    _ => Err(Unreadable),
                }
            }
        }
    };
}

messages! {
    1 Prepare { view, commit, checksum, entry }
    2 PrepareOk { view, op }
    3 Commit { view, op, commit }
    4 Heartbeat { view, op, commit, log_first, ping, clock }
    5 HeartbeatOk { view, op, commit, ping, asked }
    6 StartViewChange { view, configuration }
    7 DoViewChange { view, last_normal_view, op, commit, configuration, tail }
    8 StartView { view, op, commit, log_first, configuration, tail }
    9 RecoveryRequest { nonce, view }
    10 RecoveryResponse { nonce, view, op, commit, log_first, configuration, tail }
    11 RepairRequest { nonce, first, last }
    12 RepairResponse { nonce, entries }
    13 Nack { nonce, lack, log_first }
    14 StateTransferRequest { nonce, commit }
    15 StateTransferResponse { nonce, checkpoint }
    16 WriteReorderGapRequest { view, nonce, first, last }
    17 WriteReorderGapResponse { view, nonce, entries }
}

impl Codec for Parcel {
    const LEAST: usize = 2;

    /// Kind and sender come first: the code's key follows from them.
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Message(Envelope { from, to, boot, sequence, epoch, version, message }) => {
                bytes.extend_from_slice(&[MESSAGE, byte(*from), byte(*to)]);
                boot.put(bytes);
                sequence.put(bytes);
                epoch.put(bytes);
                version.put(bytes);
                message.put(bytes);
            }
            Self::Request { to, request } => {
                bytes.extend_from_slice(&[REQUEST, byte(*to)]);
                request.put(bytes);
            }
            Self::Reply { from, reply: Reply { view, client, number, outcome } } => {
                bytes.extend_from_slice(&[REPLY, byte(*from)]);
                view.put(bytes);
                client.put(bytes);
                number.put(bytes);
                outcome.put(bytes);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::take(reader)? {
            MESSAGE => Ok(Self::Message(Envelope {
                from: index(reader)?,
                to: index(reader)?,
                boot: Codec::take(reader)?,
                sequence: Codec::take(reader)?,
                epoch: Codec::take(reader)?,
                version: Codec::take(reader)?,
                message: Codec::take(reader)?,
            })),
            REQUEST => Ok(Self::Request { to: index(reader)?, request: Codec::take(reader)? }),
            REPLY => Ok(Self::Reply {
                from: index(reader)?,
                reply: Reply {
                    view: Codec::take(reader)?,
                    client: Codec::take(reader)?,
                    number: Codec::take(reader)?,
                    outcome: Codec::take(reader)?,
                },
            }),
            _ => Err(Unreadable),
        }
    }
}

impl Codec for ReplicaSet {
    const LEAST: usize = 8;
    fn put(&self, bytes: &mut Vec<u8>) {
        self.bits().put(bytes);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u64::take(reader).map(Self::from_bits)
    }
}

impl Codec for Operation {
    const LEAST: usize = ENCODED;
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.encode());
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Self::decode(reader.bytes(ENCODED)?).ok_or(Unreadable)
    }
}

impl Codec for Lack {
    const LEAST: usize = 1;
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(match self {
            Self::NotYet => 1,
            Self::Compacted => 2,
            Self::Damaged => 3,
        });
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::take(reader)? {
            1 => Ok(Self::NotYet),
            2 => Ok(Self::Compacted),
            3 => Ok(Self::Damaged),
            _ => Err(Unreadable),
        }
    }
}

/// An outcome: 0 for no value, 1 for one, and past that a refusal by its place among all.
impl Codec for Result<Option<u64>, Refusal> {
    const LEAST: usize = 1;
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Ok(None) => bytes.push(0),
            Ok(Some(value)) => {
                bytes.push(1);
                value.put(bytes);
            }
            Err(refusal) => {
                let place =
                    Refusal::ALL.iter().position(|other| other == refusal).unwrap_or(Refusal::ALL.len());
                bytes.push(u8::try_from(place + 2).unwrap_or(u8::MAX));
            }
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::take(reader)? {
            0 => Ok(Ok(None)),
            1 => Ok(Ok(Some(u64::take(reader)?))),
            place => Refusal::ALL.get(usize::from(place) - 2).map(|refusal| Err(*refusal)).ok_or(Unreadable),
        }
    }
}

impl<T: Codec> Codec for Option<T> {
    const LEAST: usize = 1;
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.is_some()));
        if let Some(some) = self {
            some.put(bytes);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::take(reader)? {
            0 => Ok(None),
            1 => T::take(reader).map(Some),
            _ => Err(Unreadable),
        }
    }
}

impl<T: Codec> Codec for Vec<T> {
    const LEAST: usize = 4;
    fn put(&self, bytes: &mut Vec<u8>) {
        length(self.len()).put(bytes);
        for one in self {
            one.put(bytes);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        (0..reader.count(T::LEAST)?).map(|_| T::take(reader)).collect()
    }
}

impl Codec for Arc<[u8]> {
    const LEAST: usize = 4;
    fn put(&self, bytes: &mut Vec<u8>) {
        length(self.len()).put(bytes);
        bytes.extend_from_slice(self);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let count = reader.count(1)?;
        Ok(reader.bytes(count)?.into())
    }
}

impl<T: Codec> Codec for Arc<T> {
    const LEAST: usize = T::LEAST;
    fn put(&self, bytes: &mut Vec<u8>) {
        (**self).put(bytes);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        T::take(reader).map(Arc::new)
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    const LEAST: usize = A::LEAST + B::LEAST;
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
        self.1.put(bytes);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok((A::take(reader)?, B::take(reader)?))
    }
}

/// A replica's number, of which there are 64.
fn index(reader: &mut Reader<'_>) -> Result<ReplicaIndex, Unreadable> {
    let index = usize::from(u8::take(reader)?);
    if index < ReplicaSet::CAPACITY { Ok(index) } else { Err(Unreadable) }
}

/// The count of a sequence. One that does not fit makes a frame that is too long to be sent.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
