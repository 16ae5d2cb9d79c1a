//! What storage needs of a disk: a few named files with reads, writes and a sync that means it.

use std::fmt;
use std::io;

use crate::message::OpNumber;

/// A file of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The superblock, in copies.
    Superblock,
    /// The state after an operation.
    Checkpoint(OpNumber),
    /// A stretch of the log, counted from 0.
    Segment(u64),
}

/// Files by name. A file that does not exist is empty, and writing to it creates it.
///
/// What was written may be lost or torn by a crash until it is synchronized; cutting and removing take effect in
/// order with writes.
pub trait Disk: Send {
    /// All files that exist.
    ///
    /// # Errors
    /// If the disk cannot be read.
    fn names(&mut self) -> io::Result<Vec<Name>>;

    /// A file's length in bytes.
    ///
    /// # Errors
    /// If the disk cannot be read.
    fn length(&mut self, name: Name) -> io::Result<u64>;

    /// Reads from an offset on. Returns how much of the buffer is filled: less than all at the end of the file.
    ///
    /// # Errors
    /// If the disk cannot be read.
    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes at an offset; a gap before it reads as zeros.
    ///
    /// # Errors
    /// If the disk cannot be written; part of the bytes may have been.
    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off.
    ///
    /// # Errors
    /// If the disk cannot be written.
    fn cut(&mut self, name: Name, length: u64) -> io::Result<()>;

    /// Removes a file, if it exists.
    ///
    /// # Errors
    /// If the disk cannot be written.
    fn remove(&mut self, name: Name) -> io::Result<()>;

    /// Returns once all that was written to a file survives a crash.
    ///
    /// # Errors
    /// If the disk cannot promise that.
    fn sync(&mut self, name: Name) -> io::Result<()>;
}

impl Name {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse().ok();
        match text {
            "superblock" => Some(Self::Superblock),
            _ => match text.split_once('-')? {
                ("checkpoint", op) => number(op).map(Self::Checkpoint),
                ("log", segment) => number(segment).map(Self::Segment),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superblock => write!(f, "superblock"),
            Self::Checkpoint(op) => write!(f, "checkpoint-{op:012}"),
            Self::Segment(segment) => write!(f, "log-{segment:08}"),
        }
    }
}

impl<D: Disk + ?Sized> Disk for Box<D> {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        (**self).names()
    }
    fn length(&mut self, name: Name) -> io::Result<u64> {
        (**self).length(name)
    }
    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read(name, offset, buffer)
    }
    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()> {
        (**self).write(name, offset, bytes)
    }
    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        (**self).cut(name, length)
    }
    fn remove(&mut self, name: Name) -> io::Result<()> {
        (**self).remove(name)
    }
    fn sync(&mut self, name: Name) -> io::Result<()> {
        (**self).sync(name)
    }
}
