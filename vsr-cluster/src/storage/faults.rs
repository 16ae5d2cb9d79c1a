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
    /// How many writes are whole before one is torn, and how much of that one is written.
    torn: Option<(u32, usize)>,
    slow: Duration,
    room: Option<u64>,
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

    /// After `whole` writes, of one only `kept` bytes are written, and it and all after it fail, as when the process
    /// dies under way.
    pub fn tear_write_after(&self, whole: u32, kept: usize) {
        self.plan().torn = Some((whole, kept));
    }

    /// Each sync takes so much longer.
    pub fn slow_down(&self, by: Duration) {
        self.plan().slow = by;
    }

    /// Only so many more bytes can be written; `None` for as many as there is room for.
    pub fn leave_room(&self, room: Option<u64>) {
        self.plan().room = room;
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// How many bytes of a write are written, and how it ends.
    fn write(&mut self, length: usize) -> (usize, io::Result<()>) {
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
            Some(room) if *room < length as u64 => (0, Err(io::ErrorKind::StorageFull.into())),
            Some(room) => {
                *room -= length as u64;
                (length, Ok(()))
            }
            None => (length, Ok(())),
        }
    }
}

impl<D: Disk> Faulty<D> {
    /// A disk that has these faults.
    pub fn new(disk: D, faults: Faults) -> Self {
        Self { disk, faults }
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
        let (kept, ended) = self.faults.plan().write(bytes.len());
        if kept > 0 {
            self.disk.write(name, offset, &bytes[..kept])?;
        }
        ended
    }

    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        self.disk.cut(name, length)
    }

    fn remove(&mut self, name: Name) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync(&mut self, name: Name) -> io::Result<()> {
        let slow = self.faults.plan().slow;
        if !slow.is_zero() {
            std::thread::sleep(slow);
        }
        self.disk.sync(name)
    }
}
