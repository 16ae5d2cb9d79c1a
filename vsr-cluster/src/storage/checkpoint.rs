//! Checkpoints: the state after an operation, one file each, so that the log before it can go.
//!
//! ```text
//! magic 8 · op 8 · length 8 · CRC-32 of the state 4 · CRC-32 of these 28 bytes 4 · state
//! ```

use std::io;

use vsr_metrics::{ChecksumComponent, Metrics};

use super::disk::{Disk, Name};
use super::format::{number32, number64};
use crate::message::OpNumber;

const MAGIC: &[u8; 8] = b"VSRCHK01";
const HEADER: usize = 32;

/// Writes a checkpoint. It counts for nothing until a superblock names it.
pub(super) fn write(disk: &mut impl Disk, op: OpNumber, state: &[u8]) -> io::Result<()> {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&op.to_le_bytes());
    header[16..24].copy_from_slice(&(state.len() as u64).to_le_bytes());
    header[24..28].copy_from_slice(&crc32fast::hash(state).to_le_bytes());
    let checksum = crc32fast::hash(&header[..28]);
    header[28..].copy_from_slice(&checksum.to_le_bytes());
    let name = Name::Checkpoint(op);
    // What a crash left of an earlier attempt.
    disk.remove(name)?;
    disk.write(name, 0, &header)?;
    disk.write(name, HEADER as u64, state)?;
    disk.sync(name)
}

/// Reads a checkpoint. One that is not what was written counts as a checksum failure, and is `None`.
pub(super) fn read(disk: &mut impl Disk, op: OpNumber, metrics: &Metrics) -> io::Result<Option<Vec<u8>>> {
    let state = sound(disk, op)?;
    if state.is_none() {
        metrics.increment_checksum_failures(ChecksumComponent::Checkpoint);
    }
    Ok(state)
}

fn sound(disk: &mut impl Disk, op: OpNumber) -> io::Result<Option<Vec<u8>>> {
    let name = Name::Checkpoint(op);
    let mut header = [0; HEADER];
    let is_header = disk.read(name, 0, &mut header)? == HEADER
        && header[..8] == *MAGIC
        && number32(&header, 28) == crc32fast::hash(&header[..28])
        && number64(&header, 8) == op;
    // The length of the file bounds what is read into memory, whatever the header says.
    if !is_header || number64(&header, 16) != disk.length(name)?.saturating_sub(HEADER as u64) {
        return Ok(None);
    }
    let Ok(length) = usize::try_from(number64(&header, 16)) else { return Ok(None) };
    let mut state = vec![0; length];
    let is_state = disk.read(name, HEADER as u64, &mut state)? == length
        && crc32fast::hash(&state) == number32(&header, 24);
    Ok(is_state.then_some(state))
}
