//! The log on disk: one append-only file per replica, every entry under checksums.
//!
//! The paper keeps the log in memory and recovers from peers (section 4.3); a log on disk lets a whole cluster
//! stop and start again. A file is a header and then entries, all numbers little-endian:
//!
//! ```text
//! file header    magic 8 · replica 4 · CRC-32 of these 12 bytes 4
//! entry header   CRC-32 of the rest of the header 4 · CRC-32 of the body 4 · body length 4
//!                · view 8 · op 8 · client 8 · request 8
//! entry body     the operation
//! ```
//!
//! The header has a checksum of its own, so that a damaged length is not mistaken for the end of the file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vsr_metrics::{ChecksumComponent, Metrics};

use crate::message::{Entry, OpNumber, ReplicaIndex};
use crate::state_machine::Operation;

mod format;

use format::FILE_HEADER;

/// When written entries are forced to the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Left to the operating system: survives the end of the process, not of the machine.
    #[default]
    Flush,
    /// Synchronized with each batch, before anything is said about its entries.
    Sync,
}

/// A replica's log, open for appending.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    durability: Durability,
    metrics: Arc<Metrics>,
    /// The latest entry appended.
    last_op: OpNumber,
    /// Bytes that the file holds for sure.
    size: u64,
    /// Bytes appended since the last flush.
    unflushed: u64,
    /// Where every [`STRIDE`]th entry begins, from the first one on.
    marks: Vec<u64>,
}

/// What a file held when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The log, appending after the last sound entry.
    pub log: Log,
    /// All sound entries up to the first damage, in order.
    pub entries: Vec<Arc<Entry>>,
    /// Where the entries stop making sense, if they do.
    pub damage: Option<Damage>,
}

/// An entry that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file.
    pub path: PathBuf,
    /// Where the entry begins.
    pub offset: u64,
    /// The operation that should be there.
    pub op: OpNumber,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Entries between two marks.
const STRIDE: u64 = 256;

impl Log {
    /// Opens a replica's log, creates it if need be, and verifies every entry.
    ///
    /// An entry cut short at the very end was never acknowledged, because entries are acknowledged after they
    /// are flushed: it is cut off. Any other mismatch is damage, counted as a checksum failure of the log, and
    /// left to the caller to judge; nothing after it is read.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is not a log of this replica.
    pub fn open(
        path: &Path,
        replica: ReplicaIndex,
        durability: Durability,
        metrics: Arc<Metrics>,
    ) -> io::Result<Opened> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let length = file.metadata()?.len();
        let created = length < FILE_HEADER as u64;
        if created {
            file.set_len(0)?;
            file.write_all(&format::file_header(replica))?;
            metrics.add_bytes_written(FILE_HEADER as u64);
        } else {
            let mut found = [0; FILE_HEADER];
            file.read_exact(&mut found)?;
            if found != format::file_header(replica) {
                metrics.increment_checksum_failures(ChecksumComponent::Log);
                return Err(not_our_log(path, replica));
            }
        }
        let scan = Scan::of(&file, length.max(FILE_HEADER as u64), path)?;
        if scan.damage.is_some() {
            metrics.increment_checksum_failures(ChecksumComponent::Log);
        } else {
            file.set_len(scan.sound)?;
        }
        file.seek(SeekFrom::Start(scan.sound))?;
        let log = Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 16, file),
            durability,
            metrics,
            last_op: scan.entries.len() as u64,
            size: scan.sound,
            unflushed: 0,
            marks: scan.marks,
        };
        log.measure();
        Ok(Opened { log, entries: scan.entries, damage: scan.damage })
    }

    /// Appends the next entry. It counts for nothing until [`flush`](Self::flush).
    ///
    /// # Errors
    /// If the entry does not follow the last one, or the file cannot be written.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.op != self.last_op + 1 {
            let (op, last) = (entry.op, self.last_op);
            return Err(io::Error::other(format!("entry `{op}` does not follow entry `{last}`")));
        }
        if self.last_op.is_multiple_of(STRIDE) {
            self.marks.push(self.size + self.unflushed);
        }
        let bytes = format::encode(entry);
        self.file.write_all(&bytes)?;
        self.unflushed += bytes.len() as u64;
        self.last_op = entry.op;
        Ok(())
    }

    /// Hands all appended entries to the operating system, and to the device if so asked. Returns the latest
    /// entry that is now safe, if there are new ones.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> io::Result<Option<OpNumber>> {
        if self.unflushed == 0 {
            return Ok(None);
        }
        self.file.flush()?;
        if self.durability == Durability::Sync {
            self.file.get_ref().sync_data()?;
        }
        self.metrics.add_bytes_written(self.unflushed);
        self.size += self.unflushed;
        self.unflushed = 0;
        self.measure();
        Ok(Some(self.last_op))
    }

    /// Reads flushed entries back, from `first` on and at most `limit`.
    ///
    /// # Errors
    /// If the file cannot be read, or an entry is damaged; the latter counts as a checksum failure.
    pub fn read(&mut self, first: OpNumber, limit: usize) -> io::Result<Vec<Arc<Entry>>> {
        let slot = usize::try_from(first.saturating_sub(1) / STRIDE).unwrap_or(usize::MAX);
        let Some(mark) = self.marks.get(slot) else { return Ok(Vec::new()) };
        let mut reader = BufReader::new(File::open(&self.path)?);
        reader.seek(SeekFrom::Start(*mark))?;
        let mut entries = Vec::new();
        for op in slot as u64 * STRIDE + 1..=self.last_op {
            match format::decode(&mut reader, op)? {
                format::Decoded::Entry(entry) if op >= first => entries.push(Arc::new(entry)),
                format::Decoded::Entry(_) => {}
                format::Decoded::Short => break,
                format::Decoded::Damaged(what) => {
                    self.metrics.increment_checksum_failures(ChecksumComponent::Log);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("entry `{op}`: {what}")));
                }
            }
            if entries.len() == limit {
                break;
            }
        }
        Ok(entries)
    }

    /// Puts the damaged rest of the file aside, so that its entries can be written anew. Returns where it went.
    ///
    /// # Errors
    /// If the rest cannot be copied or cut off.
    pub fn set_aside(&mut self, damage: &Damage) -> io::Result<PathBuf> {
        let aside = self.path.with_extension(format!("damaged-at-{}", damage.offset));
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(damage.offset))?;
        io::copy(&mut file, &mut File::create(&aside)?)?;
        self.file.get_ref().set_len(damage.offset)?;
        self.file.seek(SeekFrom::Start(damage.offset))?;
        Ok(aside)
    }

    fn measure(&self) {
        self.metrics.set_log_size(self.size);
        self.metrics.set_log_entry_count(self.last_op);
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, offset, op, what } = self;
        write!(f, "entry `{op}` at byte {offset} of `{}` is damaged: {what}", path.display())
    }
}

/// All that can be read from the start of a file.
struct Scan {
    entries: Vec<Arc<Entry>>,
    marks: Vec<u64>,
    /// Where the sound part ends.
    sound: u64,
    damage: Option<Damage>,
}

impl Scan {
    fn of(file: &File, length: u64, path: &Path) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut offset = FILE_HEADER as u64;
        reader.seek(SeekFrom::Start(offset))?;
        let mut scan = Self { entries: Vec::new(), marks: Vec::new(), sound: offset, damage: None };
        while offset < length {
            let op = scan.entries.len() as u64 + 1;
            match format::decode(&mut reader, op)? {
                format::Decoded::Entry(entry) => {
                    if (op - 1).is_multiple_of(STRIDE) {
                        scan.marks.push(offset);
                    }
                    scan.entries.push(Arc::new(entry));
                    offset += format::ENTRY as u64;
                    scan.sound = offset;
                }
                format::Decoded::Short => break,
                format::Decoded::Damaged(what) => {
                    scan.damage = Some(Damage { path: path.to_owned(), offset, op, what });
                    break;
                }
            }
        }
        Ok(scan)
    }
}

fn not_our_log(path: &Path, replica: ReplicaIndex) -> io::Error {
    let path = path.display();
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("`{path}` does not begin as a log of replica `{replica}`"),
    )
}

#[cfg(test)]
mod tests;
