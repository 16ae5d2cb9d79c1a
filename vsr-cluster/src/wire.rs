//! Frames: what goes over a connection, under a checksum and a keyed code.
//!
//! ```text
//! magic 4 · length of the rest 4 · CRC-32 of the rest 4 · CRC-32 of these 12 bytes 4
//! · code 32 · kind 1 · content
//! ```
//!
//! The checksum finds accidents, and comes first: a damaged frame is no attack. The code (BLAKE3, keyed) covers
//! everything after it, sender and receiver included, under a key of its own for each pair and direction, so that a
//! frame cannot be turned against another replica or sent back. Content is written by hand, `codec.rs`.

use vsr_metrics::{ChecksumComponent, Metrics};

use crate::message::{Envelope, ReplicaIndex, Reply, Request};
use crate::replica::WireFault;
use codec::{Codec, Reader, Unreadable};

mod codec;

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// A replica tells another something.
    Message(Envelope),
    /// A client asks a replica.
    Request {
        /// Whom.
        to: ReplicaIndex,
        /// What.
        request: Request,
    },
    /// A replica answers a client.
    Reply {
        /// Who answers.
        from: ReplicaIndex,
        /// What.
        reply: Reply,
    },
}

/// The secret of a cluster. Whoever has it can speak for anyone in it.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// The keys of one replica, or of clients.
pub struct Keyring {
    own: Option<ReplicaIndex>,
    /// By other replica, to check what it sent us and to sign what we send it.
    from: Vec<Key>,
    to: Vec<Key>,
    /// Between us and clients, in both directions; for a client's ring see `from` and `to`.
    from_clients: Key,
    to_clients: Key,
}

type Key = [u8; 32];

/// Bytes before the code.
pub const HEADER: usize = 16;
/// Longest content, code included: a checkpoint that does not fit is not sent.
pub const LONGEST: usize = 16 << 20;
const MAGIC: &[u8; 4] = b"VSRF";
const CODE: usize = 32;
/// Stands for all clients where a key belongs to a pair.
const CLIENTS: u8 = 255;

impl Secret {
    /// A secret made of some text or bytes.
    pub fn new(material: &[u8]) -> Self {
        Self(blake3::derive_key("vsr-cluster cluster secret", material))
    }

    fn key(&self, from: u8, to: u8) -> Key {
        let mut material = [0; 34];
        material[..32].copy_from_slice(&self.0);
        material[32..].copy_from_slice(&[from, to]);
        blake3::derive_key("vsr-cluster frame key", &material)
    }
}

impl Keyring {
    /// The keys of a replica.
    pub fn of_replica(own: ReplicaIndex, secret: &Secret) -> Self {
        let number = byte(own);
        Self { own: Some(own), ..Self::of(number, secret) }
    }

    /// Whose keys they are; nothing for clients.
    pub fn own(&self) -> Option<ReplicaIndex> {
        self.own
    }

    /// The keys of clients.
    pub fn of_clients(secret: &Secret) -> Self {
        Self { own: None, ..Self::of(CLIENTS, secret) }
    }

    fn of(own: u8, secret: &Secret) -> Self {
        Self {
            own: None,
            from: (0..64).map(|other| secret.key(other, own)).collect(),
            to: (0..64).map(|other| secret.key(own, other)).collect(),
            from_clients: secret.key(CLIENTS, own),
            to_clients: secret.key(own, CLIENTS),
        }
    }

    /// Writes a frame. One that would be too long is not written, and is `None`.
    pub fn seal(&self, parcel: &Parcel) -> Option<Vec<u8>> {
        let mut frame = vec![0; HEADER + CODE];
        let key = match parcel {
            Parcel::Message(envelope) => self.to.get(envelope.to)?,
            Parcel::Request { to, .. } => self.to.get(*to)?,
            Parcel::Reply { .. } => &self.to_clients,
        };
        parcel.put(&mut frame);
        sign(key, frame)
    }

    /// A frame that this ring's owner signs for another replica, and that nobody can make sense of. For simulations.
    pub(crate) fn nonsense(&self, to: ReplicaIndex) -> Option<Vec<u8>> {
        let mut frame = vec![0; HEADER + CODE];
        frame.extend([codec::MESSAGE, byte(self.own?), u8::MAX]);
        sign(self.to.get(to)?, frame)
    }

    /// Reads a whole frame. One that is damaged counts as a checksum failure.
    ///
    /// # Errors
    /// Why it is refused, for the replica that counts rejections.
    pub fn open(&self, frame: &[u8], metrics: &Metrics) -> Result<Parcel, WireFault> {
        let opened = frame.split_first_chunk().ok_or(WireFault::Damaged).and_then(|(header, rest)| {
            let (length, checksum) = read_header(header)?;
            if rest.len() != length || crc32fast::hash(rest) != checksum {
                return Err(WireFault::Damaged);
            }
            self.open_sound(rest)
        });
        if opened == Err(WireFault::Damaged) {
            metrics.increment_checksum_failures(ChecksumComponent::Frame);
        }
        opened
    }

    fn open_sound(&self, rest: &[u8]) -> Result<Parcel, WireFault> {
        let (code, content) = rest.split_first_chunk::<CODE>().ok_or(WireFault::Forged)?;
        let key = self.key_of(content).ok_or(WireFault::Forged)?;
        // This comparison takes the same time wherever the difference is.
        if blake3::keyed_hash(key, content) != blake3::Hash::from_bytes(*code) {
            return Err(WireFault::Forged);
        }
        let mut reader = Reader::new(content);
        match Parcel::take(&mut reader) {
            Ok(parcel) if !self.is_for_us(&parcel) => Err(WireFault::Forged),
            Ok(parcel) if reader.is_at_end() => Ok(parcel),
            Ok(_) | Err(Unreadable) => Err(WireFault::UnknownOperation),
        }
    }

    /// The key under which the sender named must have written: kind and sender are the first two bytes.
    fn key_of(&self, content: &[u8]) -> Option<&Key> {
        match (content.first()?, content.get(1)?) {
            (&codec::MESSAGE | &codec::REPLY, from) => self.from.get(usize::from(*from)),
            (&codec::REQUEST, _) => Some(&self.from_clients),
            _ => None,
        }
    }

    fn is_for_us(&self, parcel: &Parcel) -> bool {
        match parcel {
            Parcel::Message(envelope) => self.own == Some(envelope.to),
            Parcel::Request { to, .. } => self.own == Some(*to),
            Parcel::Reply { .. } => self.own.is_none(),
        }
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("own", &self.own).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Length and checksum of what follows a header.
///
/// # Errors
/// If it is not a header, or announces more than a frame may hold. Where the next frame begins is not known then.
pub fn read_header(header: &[u8; HEADER]) -> Result<(usize, u32), WireFault> {
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if header[..4] != *MAGIC || number(12) != crc32fast::hash(&header[..12]) {
        return Err(WireFault::Damaged);
    }
    match usize::try_from(number(4)) {
        Ok(length) if length <= LONGEST => Ok((length, number(8))),
        _ => Err(WireFault::Forged),
    }
}

/// Puts a code and a header before content.
fn sign(key: &Key, mut frame: Vec<u8>) -> Option<Vec<u8>> {
    let code = blake3::keyed_hash(key, &frame[HEADER + CODE..]);
    frame[HEADER..HEADER + CODE].copy_from_slice(code.as_bytes());
    let length = frame.len() - HEADER;
    if length > LONGEST {
        return None;
    }
    frame[..4].copy_from_slice(MAGIC);
    frame[4..8].copy_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    let checksum = crc32fast::hash(&frame[HEADER..]);
    frame[8..12].copy_from_slice(&checksum.to_le_bytes());
    let checksum = crc32fast::hash(&frame[..12]);
    frame[12..HEADER].copy_from_slice(&checksum.to_le_bytes());
    Some(frame)
}

/// A replica's number in one byte: there are at most 64.
fn byte(replica: ReplicaIndex) -> u8 {
    u8::try_from(replica).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
