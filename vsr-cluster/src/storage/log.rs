//! The log: entries of one size, in segments of one length, so that each has its place.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use vsr_metrics::{ChecksumComponent, Metrics};

use super::disk::{Disk, Name};
use super::format::{self, ENTRY, SEGMENT_HEADER};
use super::{Durability, Entry, Layout, OpNumber};

/// What stands in an entry's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The entry, verified.
    Sound(Arc<Entry>),
    /// Not what was written, and why.
    Damaged(&'static str),
}

/// What is known of the log without reading it.
#[derive(Debug)]
pub(super) struct Log {
    layout: Layout,
    metrics: Arc<Metrics>,
    /// The first entry, or the one that would be.
    first: OpNumber,
    /// The last entry appended.
    last: OpNumber,
    /// The last entry flushed.
    flushed: OpNumber,
    /// Entries that are not flushed, encoded.
    pending: Vec<u8>,
    /// Segments that exist.
    segments: BTreeSet<u64>,
}

/// What was found when the log was opened.
pub(super) struct Found {
    pub(super) entries: Vec<(OpNumber, Slot)>,
    /// Headers of segments that were damaged, and are whole again.
    pub(super) damaged_headers: u64,
}

/// Entries that are read at once.
const CHUNK: u64 = 512;

/// The file and the offset of an entry.
pub(super) fn place(layout: Layout, op: OpNumber) -> (Name, u64) {
    let index = op.saturating_sub(1);
    let offset = SEGMENT_HEADER as u64 + index % layout.segment * ENTRY as u64;
    (Name::Segment(index / layout.segment), offset)
}

impl Log {
    /// Reads and verifies everything from `first` on, 0 for all there is, and removes segments before it.
    pub(super) fn open(
        disk: &mut impl Disk,
        layout: Layout,
        first: OpNumber,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, Found)> {
        let mut segments = BTreeSet::new();
        let mut damaged_headers = 0;
        for name in disk.names()? {
            let Name::Segment(segment) = name else { continue };
            if (segment + 1) * layout.segment < first || disk.length(name)? < SEGMENT_HEADER as u64 {
                disk.remove(name)?;
            } else {
                damaged_headers += u64::from(!verify_header(disk, layout, segment, &metrics)?);
                segments.insert(segment);
            }
        }
        let begin = segments.first().map_or(1, |segment| segment * layout.segment + 1);
        let first = if first == 0 { begin } else { first };
        let last = match segments.last() {
            Some(segment) => cut_tail(disk, layout, *segment, first)?,
            None => first - 1,
        };
        let mut log = Self { layout, metrics, first, last, flushed: last, pending: Vec::new(), segments };
        let entries = log.read(disk, first, usize::MAX)?;
        log.measure();
        Ok((log, Found { entries, damaged_headers }))
    }

    pub(super) fn first(&self) -> OpNumber {
        self.first
    }

    pub(super) fn last(&self) -> OpNumber {
        self.last
    }

    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.op != self.last + 1 {
            let (op, last) = (entry.op, self.last);
            return Err(io::Error::other(format!("entry `{op}` does not follow entry `{last}`")));
        }
        format::encode(entry, &mut self.pending);
        self.last = entry.op;
        Ok(())
    }

    pub(super) fn flush(&mut self, disk: &mut impl Disk) -> io::Result<Option<OpNumber>> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let mut done = 0;
        let mut ended = Ok(());
        while done < self.pending.len() && ended.is_ok() {
            ended = self.flush_segment(disk, done).map(|length| done += length);
        }
        self.pending.drain(..done);
        self.measure();
        ended?;
        Ok(Some(self.flushed))
    }

    /// Writes what belongs into one segment, from an offset of the pending bytes on. Returns how many bytes.
    fn flush_segment(&mut self, disk: &mut impl Disk, from: usize) -> io::Result<usize> {
        let bytes = &self.pending[from..];
        let op = self.flushed + 1;
        let (name, offset) = place(self.layout, op);
        let segment = (op - 1) / self.layout.segment;
        let room = usize::try_from((segment + 1) * self.layout.segment - (op - 1)).unwrap_or(usize::MAX);
        let length = bytes.len().min(room.saturating_mul(ENTRY));
        if !self.segments.contains(&segment) {
            disk.write(name, 0, &format::segment_header(self.layout.replica, segment))?;
            self.metrics.add_bytes_written(SEGMENT_HEADER as u64);
            self.segments.insert(segment);
        }
        disk.write(name, offset, &bytes[..length])?;
        self.metrics.add_bytes_written(length as u64);
        if self.layout.durability == Durability::Sync {
            disk.sync(name)?;
        }
        self.flushed += (length / ENTRY) as u64;
        Ok(length)
    }

    pub(super) fn read(
        &mut self,
        disk: &mut impl Disk,
        first: OpNumber,
        limit: usize,
    ) -> io::Result<Vec<(OpNumber, Slot)>> {
        let mut slots = Vec::new();
        let mut op = first.max(self.first);
        let last = self.flushed.min(op.saturating_add(limit as u64).saturating_sub(1));
        let mut buffer = Vec::new();
        while op <= last {
            let (name, offset) = place(self.layout, op);
            let room = self.layout.segment - (op - 1) % self.layout.segment;
            let count = room.min(last - op + 1).min(CHUNK);
            buffer.resize(usize::try_from(count).unwrap_or(0) * ENTRY, 0);
            let filled = disk.read(name, offset, &mut buffer)?;
            for bytes in buffer.chunks(ENTRY).enumerate().map(|(i, bytes)| &bytes[..within(filled, i)]) {
                let slot = format::decode(bytes, op)
                    .map_or_else(Slot::Damaged, |entry| Slot::Sound(Arc::new(entry)));
                if matches!(slot, Slot::Damaged(_)) {
                    self.metrics.increment_checksum_failures(ChecksumComponent::Log);
                }
                slots.push((op, slot));
                op += 1;
            }
        }
        Ok(slots)
    }

    pub(super) fn rewrite(&mut self, disk: &mut impl Disk, entry: &Entry) -> io::Result<()> {
        if !(self.first..=self.flushed).contains(&entry.op) {
            return Err(io::Error::other(format!("the log has no entry `{}` to write anew", entry.op)));
        }
        let (name, offset) = place(self.layout, entry.op);
        let mut bytes = Vec::with_capacity(ENTRY);
        format::encode(entry, &mut bytes);
        disk.write(name, offset, &bytes)?;
        self.metrics.add_bytes_written(ENTRY as u64);
        disk.sync(name)
    }

    pub(super) fn truncate(&mut self, disk: &mut impl Disk, last: OpNumber) -> io::Result<()> {
        let last = last.max(self.first - 1);
        if last >= self.last {
            return Ok(());
        }
        if last < self.flushed {
            self.pending.clear();
            let (end, length) = place(self.layout, last + 1);
            for segment in self.segments.clone().into_iter().rev() {
                let name = Name::Segment(segment);
                if name > end || (name == end && last.is_multiple_of(self.layout.segment)) {
                    disk.remove(name)?;
                    self.segments.remove(&segment);
                } else if name == end {
                    disk.cut(name, length)?;
                }
            }
            self.flushed = last;
        } else {
            self.pending.truncate(usize::try_from(last - self.flushed).unwrap_or(usize::MAX) * ENTRY);
        }
        self.last = last;
        self.measure();
        Ok(())
    }

    /// The first entry of the log once the segments are gone that end at `op` or before.
    pub(super) fn first_kept(&self, op: OpNumber) -> OpNumber {
        self.first.max(op / self.layout.segment * self.layout.segment + 1).min(self.flushed + 1)
    }

    /// Drops everything before `first`. A log that ends before it starts anew there.
    pub(super) fn begin_at(&mut self, disk: &mut impl Disk, first: OpNumber) -> io::Result<()> {
        let starts_anew = first > self.last;
        for segment in self.segments.clone() {
            if starts_anew || (segment + 1) * self.layout.segment < first {
                disk.remove(Name::Segment(segment))?;
                self.segments.remove(&segment);
            }
        }
        self.first = first;
        if starts_anew {
            self.last = first - 1;
            self.pending.clear();
        }
        if first > self.flushed + 1 {
            // Nobody needs those any more that wait and come before it.
            let before =
                usize::try_from(first - 1 - self.flushed).unwrap_or(usize::MAX).saturating_mul(ENTRY);
            self.pending.drain(..before.min(self.pending.len()));
            self.flushed = first - 1;
        }
        self.measure();
        Ok(())
    }

    pub(super) fn measure(&self) {
        let entries = self.flushed + 1 - self.first;
        self.metrics.set_log_size((self.segments.len() * SEGMENT_HEADER) as u64 + entries * ENTRY as u64);
        self.metrics.set_log_entry_count(entries);
    }
}

/// How many bytes of the `i`th entry of a buffer are among the first `filled` ones.
fn within(filled: usize, i: usize) -> usize {
    filled.saturating_sub(i * ENTRY).min(ENTRY)
}

/// A segment of somebody else must not be taken for one's own. A damaged header is written anew: all it says is
/// known. Tells whether it was sound.
fn verify_header(disk: &mut impl Disk, layout: Layout, segment: u64, metrics: &Metrics) -> io::Result<bool> {
    let name = Name::Segment(segment);
    let expected = format::segment_header(layout.replica, segment);
    let mut found = [0; SEGMENT_HEADER];
    disk.read(name, 0, &mut found)?;
    if found == expected {
        return Ok(true);
    }
    let checksum = format::number32(&found, SEGMENT_HEADER - 4);
    if checksum == crc32fast::hash(&found[..SEGMENT_HEADER - 4]) {
        let replica = layout.replica;
        let message = format!("`{name}` is not segment `{segment}` of the log of replica `{replica}`");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    metrics.increment_checksum_failures(ChecksumComponent::Log);
    disk.write(name, 0, &expected)?;
    metrics.add_bytes_written(expected.len() as u64);
    disk.sync(name)?;
    Ok(false)
}

/// The last entry of the last segment. What was never acknowledged is cut off: part of an entry, and places that
/// were never written at all.
fn cut_tail(disk: &mut impl Disk, layout: Layout, segment: u64, first: OpNumber) -> io::Result<OpNumber> {
    let name = Name::Segment(segment);
    let length = disk.length(name)?;
    let mut count = (length - SEGMENT_HEADER as u64) / ENTRY as u64;
    let before = segment * layout.segment;
    let mut bytes = [0; ENTRY];
    while count > 0 && before + count >= first {
        disk.read(name, SEGMENT_HEADER as u64 + (count - 1) * ENTRY as u64, &mut bytes)?;
        if bytes != [0; ENTRY] {
            break;
        }
        count -= 1;
    }
    let end = SEGMENT_HEADER as u64 + count * ENTRY as u64;
    if end < length {
        disk.cut(name, end)?;
    }
    Ok((before + count).max(first - 1))
}
