//! The bytes of the log; all numbers little-endian.
//!
//! ```text
//! segment header   magic 8 · replica 4 · segment 8 · CRC-32 of these 20 bytes 4
//! entry            CRC-32 of the rest of the header 4 · CRC-32 of the body 4 · body length 4
//!                  · view 8 · op 8 · client 8 · request 8 · body: the operation
//! ```
//!
//! All entries have one length, so an entry's place follows from its op number, and a damaged one hides no other.

use super::{Entry, OpNumber, Operation, ReplicaIndex};
use crate::state_machine::ENCODED;

const MAGIC: &[u8; 8] = b"VSRLOG02";
/// Bytes before the first entry of a segment.
pub(super) const SEGMENT_HEADER: usize = 24;
/// Bytes before an entry's body.
const ENTRY_HEADER: usize = 44;
/// Bytes of a whole entry.
pub(super) const ENTRY: usize = ENTRY_HEADER + ENCODED;
/// The length of every body, as the header spells it.
#[allow(clippy::cast_possible_truncation)] // a few dozen
const LENGTH: u32 = ENCODED as u32;

pub(super) fn segment_header(replica: ReplicaIndex, segment: u64) -> [u8; SEGMENT_HEADER] {
    let mut bytes = [0; SEGMENT_HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    // Cannot truncate: there are at most 255 replicas.
    bytes[8..12].copy_from_slice(&u32::try_from(replica).unwrap_or(u32::MAX).to_le_bytes());
    bytes[12..20].copy_from_slice(&segment.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

pub(super) fn encode(entry: &Entry, into: &mut Vec<u8>) {
    let body = entry.operation.encode();
    let mut header = [0; ENTRY_HEADER];
    header[4..8].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
    header[8..12].copy_from_slice(&LENGTH.to_le_bytes());
    for (at, number) in [(12, entry.view), (20, entry.op), (28, entry.client), (36, entry.request)] {
        header[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32fast::hash(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_le_bytes());
    into.extend_from_slice(&header);
    into.extend_from_slice(&body);
}

/// Reads the entry that should be of operation `op`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(bytes: &[u8], op: OpNumber) -> Result<Entry, &'static str> {
    let Some((header, body)) = bytes.split_at_checked(ENTRY_HEADER) else { return Err("it is cut short") };
    if number32(header, 0) != crc32fast::hash(&header[4..]) {
        return Err("the checksum of its header does not match");
    }
    if number32(header, 8) != LENGTH {
        return Err("its body has an unknown length");
    }
    if body.len() != ENCODED {
        return Err("it is cut short");
    }
    if number32(header, 4) != crc32fast::hash(body) {
        return Err("the checksum of its body does not match");
    }
    if number64(header, 20) != op {
        return Err("it holds another operation than its place says");
    }
    let operation = Operation::decode(body).ok_or("its operation is unknown")?;
    let (view, client, request) = (number64(header, 12), number64(header, 28), number64(header, 36));
    Ok(Entry { view, op, client, request, operation })
}

/// The number of four bytes at some place; the caller has made sure that they are there.
pub(super) fn number32(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The number of eight bytes at some place; the caller has made sure that they are there.
pub(super) fn number64(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
