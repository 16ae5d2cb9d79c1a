//! Faults of a disk, put in at will while it is in use.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::disk::{Disk, Name};

/// What goes wrong with a disk. Its clones are the same faults: keep one, and give the other to the disk.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    failing: u32,
    failing_syncs: u32,
    /// How many writes are whole before one is torn, and how much of that one is written.
    torn: Option<(u32, usize)>,
    slow: Duration,
    room: Option<u64>,
    /// Writes and syncs that failed for one of these.
    failures: u64,
}

/// A disk with faults.
#[derive(Debug)]
pub struct Faulty<D> {
    disk: D,
    faults: Faults,
}

/// Flips one bit of a file, as a disk does that forgets. Nothing happens past the end of the file.
///
/// # Errors
/// If the disk cannot be read or written.
pub fn rot(disk: &mut impl Disk, name: Name, offset: u64) -> io::Result<()> {
    let mut byte = [0];
    if disk.read(name, offset, &mut byte)? == 1 {
        byte[0] ^= 0x10;
        disk.write(name, offset, &byte)?;
        disk.sync(name)?;
    }
    Ok(())
}

impl Faults {
    /// The next writes fail, so many of them.
    pub fn fail_writes(&self, count: u32) {
        self.plan().failing = count;
    }

    /// The next syncs fail, so many of them. What was written may or may not be kept.
    pub fn fail_syncs(&self, count: u32) {
        self.plan().failing_syncs = count;
    }

    /// After `whole` writes, of one only `kept` bytes are written, and it and all after it fail, as when the process
    /// dies under way.
    pub fn tear_write_after(&self, whole: u32, kept: usize) {
        self.plan().torn = Some((whole, kept));
    }

    /// Each sync takes so much longer.
    pub fn slow_down(&self, by: Duration) {
        self.plan().slow = by;
    }

    /// Files can grow by only so many more bytes; `None` for as many as there is room for. What is written in place
    /// takes no room, and what is removed or cut off makes some.
    pub fn leave_room(&self, room: Option<u64>) {
        self.plan().room = room;
    }

    /// The process that used the disk has ended: what failed for it alone fails no longer. Full and slow disks stay so.
    pub fn end_process(&self) {
        let mut plan = self.plan();
        (plan.failing, plan.failing_syncs, plan.torn) = (0, 0, None);
    }

    /// Writes and syncs that failed so far.
    pub fn failures(&self) -> u64 {
        self.plan().failures
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// How many bytes of a write are written that makes its file so much longer, and how it ends.
    fn write(&mut self, length: usize, growth: u64) -> (usize, io::Result<()>) {
        let (kept, ended) = self.attempt(length, growth);
        self.failures += u64::from(ended.is_err());
        (kept, ended)
    }

    fn attempt(&mut self, length: usize, growth: u64) -> (usize, io::Result<()>) {
        match &mut self.torn {
            Some((0, kept)) => {
                let kept = std::mem::take(kept).min(length);
                return (kept, Err(io::Error::other("the write was torn")));
            }
            Some((whole, _)) => *whole -= 1,
            None => {}
        }
        if self.failing > 0 {
            self.failing -= 1;
            return (0, Err(io::Error::other("the disk failed to write")));
        }
        match &mut self.room {
            Some(room) if *room < growth => (0, Err(io::ErrorKind::StorageFull.into())),
            Some(room) => {
                *room -= growth;
                (length, Ok(()))
            }
            None => (length, Ok(())),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.failing_syncs == 0 {
            return Ok(());
        }
        self.failing_syncs -= 1;
        self.failures += 1;
        Err(io::Error::other("the disk failed to synchronize"))
    }

    /// Bytes are free again.
    fn make_room(&mut self, bytes: u64) {
        self.room = self.room.map(|room| room.saturating_add(bytes));
    }
}

impl<D: Disk> Faulty<D> {
    /// A disk that has these faults.
    pub fn new(disk: D, faults: Faults) -> Self {
        Self { disk, faults }
    }

    /// A file's length where it matters for the room that is left.
    fn length_if_limited(&mut self, name: Name) -> io::Result<u64> {
        let is_limited = self.faults.plan().room.is_some();
        if is_limited { self.disk.length(name) } else { Ok(0) }
    }
}

impl<D: Disk> Disk for Faulty<D> {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        self.disk.names()
    }

    fn length(&mut self, name: Name) -> io::Result<u64> {
        self.disk.length(name)
    }

    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read(name, offset, buffer)
    }

    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        let growth = end.saturating_sub(self.length_if_limited(name)?);
        let (kept, ended) = self.faults.plan().write(bytes.len(), growth);
        if kept > 0 {
            self.disk.write(name, offset, &bytes[..kept])?;
        }
        ended
    }

    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        let before = self.length_if_limited(name)?;
        self.disk.cut(name, length)?;
        self.faults.plan().make_room(before.saturating_sub(length));
        Ok(())
    }

    fn remove(&mut self, name: Name) -> io::Result<()> {
        let before = self.length_if_limited(name)?;
        self.disk.remove(name)?;
        self.faults.plan().make_room(before);
        Ok(())
    }

    fn sync(&mut self, name: Name) -> io::Result<()> {
        let slow = self.faults.plan().slow;
        if !slow.is_zero() {
            std::thread::sleep(slow);
        }
        self.faults.plan().sync()?;
        self.disk.sync(name)
    }
}
