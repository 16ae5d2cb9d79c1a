//! The superblock: what a replica must know of itself before it may speak, in four copies.
//!
//! A copy is a page of its own, so that a torn write damages no other. Two copies are written and synchronized
//! before the other two are touched: at every moment two copies are whole, of the old or of the new state. The
//! sound copy with the highest sequence number counts, and opening writes it over the others before anything else
//! happens, so that a state once seen cannot be lost again.

use std::io;

use vsr_metrics::{ChecksumComponent, Metrics};

use super::ReplicaIndex;
use super::disk::{Disk, Name};
use super::format::{number32, number64};
use crate::configuration::{Configuration, ReplicaSet, Version};
use crate::message::{OpNumber, ViewNumber};

/// What a replica must remember (section 4.3 of the paper does without, and pays with a recovery at every start).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Superblock {
    /// Grows by one with each write. Storage sets it.
    pub sequence: u64,
    /// The latest view that this replica took part in.
    pub view: ViewNumber,
    /// The latest view in which it was in normal operation.
    pub last_normal_view: ViewNumber,
    /// An operation that is committed for sure; later ones may be as well.
    pub commit: OpNumber,
    /// The operation of the checkpoint; 0 for none.
    pub checkpoint: OpNumber,
    /// The first operation that the log holds. Storage sets it.
    pub log_first: OpNumber,
    /// How often the replica has started.
    pub boot: u64,
    /// The configuration in force.
    pub configuration: Configuration,
    /// Version of the software that wrote it.
    pub version: Version,
}

const MAGIC: &[u8; 8] = b"VSRSUP01";
pub(super) const COPIES: u64 = 4;
/// Offset between copies: no smaller than what a disk writes at once.
pub(super) const PAGE: u64 = 4096;
const LENGTH: usize = 112;

/// What the copies said.
pub(super) struct Read {
    pub(super) superblock: Option<Superblock>,
    /// Copies that are not what was written.
    pub(super) damaged: u64,
}

/// Writes all copies, two by two.
pub(super) fn write(disk: &mut impl Disk, replica: ReplicaIndex, superblock: &Superblock) -> io::Result<()> {
    let bytes = encode(replica, superblock);
    for copy in 0..COPIES {
        disk.write(Name::Superblock, copy * PAGE, &bytes)?;
        if copy % 2 == 1 {
            disk.sync(Name::Superblock)?;
        }
    }
    Ok(())
}

/// Reads all copies and brings them to one state. Damaged copies count as checksum failures.
pub(super) fn read(disk: &mut impl Disk, replica: ReplicaIndex, metrics: &Metrics) -> io::Result<Read> {
    if disk.length(Name::Superblock)? == 0 {
        return Ok(Read { superblock: None, damaged: 0 });
    }
    let mut copies = Vec::new();
    for copy in 0..COPIES {
        let mut bytes = [0; LENGTH];
        disk.read(Name::Superblock, copy * PAGE, &mut bytes)?;
        copies.push(decode(replica, &bytes));
    }
    let damaged = copies.iter().filter(|copy| copy.is_none()).count() as u64;
    for _ in 0..damaged {
        metrics.increment_checksum_failures(ChecksumComponent::Superblock);
    }
    let superblock = copies.iter().flatten().max_by_key(|copy| copy.sequence).copied();
    if let Some(latest) = &superblock
        && copies.iter().any(|copy| copy.as_ref() != Some(latest))
    {
        write(disk, replica, latest)?;
    }
    Ok(Read { superblock, damaged })
}

fn encode(replica: ReplicaIndex, superblock: &Superblock) -> [u8; LENGTH] {
    let Superblock { sequence, view, last_normal_view, commit, checkpoint, log_first, boot, .. } =
        *superblock;
    let Configuration { epoch, members, next, standbys } = superblock.configuration;
    let Version { major, minor } = superblock.version;
    let mut bytes = [0; LENGTH];
    bytes[..8].copy_from_slice(MAGIC);
    // Cannot truncate: there are at most 255 replicas.
    bytes[8..12].copy_from_slice(&u32::try_from(replica).unwrap_or(u32::MAX).to_le_bytes());
    bytes[12..14].copy_from_slice(&major.to_le_bytes());
    bytes[14..16].copy_from_slice(&minor.to_le_bytes());
    let sets = [members, next, standbys].map(ReplicaSet::bits);
    let numbers = [sequence, view, last_normal_view, commit, checkpoint, log_first, boot, epoch];
    let numbers = numbers.into_iter().chain(sets);
    for (place, number) in bytes[16..].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes[..LENGTH - 4]);
    bytes[LENGTH - 4..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The superblock of this replica, if it is one.
fn decode(replica: ReplicaIndex, bytes: &[u8; LENGTH]) -> Option<Superblock> {
    let is_sound = bytes[..8] == *MAGIC
        && number32(bytes, LENGTH - 4) == crc32fast::hash(&bytes[..LENGTH - 4])
        && u32::try_from(replica) == Ok(number32(bytes, 8));
    is_sound.then(|| Superblock {
        sequence: number64(bytes, 16),
        view: number64(bytes, 24),
        last_normal_view: number64(bytes, 32),
        commit: number64(bytes, 40),
        checkpoint: number64(bytes, 48),
        log_first: number64(bytes, 56),
        boot: number64(bytes, 64),
        configuration: Configuration {
            epoch: number64(bytes, 72),
            members: ReplicaSet::from_bits(number64(bytes, 80)),
            next: ReplicaSet::from_bits(number64(bytes, 88)),
            standbys: ReplicaSet::from_bits(number64(bytes, 96)),
        },
        version: Version {
            major: u16::from_le_bytes([bytes[12], bytes[13]]),
            minor: u16::from_le_bytes([bytes[14], bytes[15]]),
        },
    })
}
