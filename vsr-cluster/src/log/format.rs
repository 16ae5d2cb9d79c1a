//! The bytes of the log file; `log.rs` shows the layout.

use std::io::{self, Read};

use super::{Entry, OpNumber, Operation, ReplicaIndex};
use crate::state_machine::ENCODED;

const MAGIC: &[u8; 8] = b"VSRLOG01";
/// Bytes before the first entry.
pub(super) const FILE_HEADER: usize = 16;
/// Bytes before an entry's body.
pub(super) const ENTRY_HEADER: usize = 44;
/// Bytes of a whole entry: all operations have one length.
pub(super) const ENTRY: usize = ENTRY_HEADER + ENCODED;

/// What stands at some place of the file.
pub(super) enum Decoded {
    Entry(Entry),
    /// The file ends before the entry does.
    Short,
    /// Not what was written, and why.
    Damaged(&'static str),
}

pub(super) fn file_header(replica: ReplicaIndex) -> [u8; FILE_HEADER] {
    let mut bytes = [0; FILE_HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    // Cannot truncate: there are at most 255 replicas.
    bytes[8..12].copy_from_slice(&u32::try_from(replica).unwrap_or(u32::MAX).to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

pub(super) fn encode(entry: &Entry) -> [u8; ENTRY] {
    let body = entry.operation.encode();
    let mut bytes = [0; ENTRY];
    bytes[4..8].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes[8..12].copy_from_slice(&LENGTH.to_le_bytes());
    for (at, number) in [(12, entry.view), (20, entry.op), (28, entry.client), (36, entry.request)] {
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes[4..ENTRY_HEADER]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes[ENTRY_HEADER..].copy_from_slice(&body);
    bytes
}

/// Reads the entry that should be of operation `op`.
pub(super) fn decode(reader: &mut impl Read, op: OpNumber) -> io::Result<Decoded> {
    let mut header = [0; ENTRY_HEADER];
    if !fill(reader, &mut header)? {
        return Ok(Decoded::Short);
    }
    if number32(&header, 0) != crc32fast::hash(&header[4..]) {
        return Ok(Decoded::Damaged("the checksum of its header does not match"));
    }
    if number32(&header, 8) != LENGTH {
        return Ok(Decoded::Damaged("its body has an unknown length"));
    }
    let mut body = [0; ENCODED];
    if !fill(reader, &mut body)? {
        return Ok(Decoded::Short);
    }
    if number32(&header, 4) != crc32fast::hash(&body) {
        return Ok(Decoded::Damaged("the checksum of its body does not match"));
    }
    if number64(&header, 20) != op {
        return Ok(Decoded::Damaged("it holds another operation than its place says"));
    }
    let Some(operation) = Operation::decode(&body) else {
        return Ok(Decoded::Damaged("its operation is unknown"));
    };
    let (view, client, request) = (number64(&header, 12), number64(&header, 28), number64(&header, 36));
    Ok(Decoded::Entry(Entry { view, op, client, request, operation }))
}

/// The length of every body, as the header spells it.
#[allow(clippy::cast_possible_truncation)] // 25
const LENGTH: u32 = ENCODED as u32;

/// Fills the whole buffer, or says that the file ended first.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn number32(bytes: &[u8; ENTRY_HEADER], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn number64(bytes: &[u8; ENTRY_HEADER], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
