//! A disk in memory that forgets in a crash what was not synchronized.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Name};

/// Files in memory. Its clones are the same disk, so it outlives the replica that crashes.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<Name, Content>>>);

/// A file.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// The file as the last sync left it, and what was written since. `None` while nothing is open.
    unsynced: Vec<Write>,
}

/// A write that is not synchronized, with what it takes to undo it.
#[derive(Clone, Debug)]
struct Write {
    offset: usize,
    bytes: Vec<u8>,
    /// What was there before, and how long the file was.
    before: Vec<u8>,
    length: usize,
}

impl Memory {
    /// The machine loses power: of each write that was not synchronized, only as many bytes are on the disk as
    /// `kept` says of its length. Writes of one file reach the disk in order, torn ones included.
    pub fn crash(&self, mut kept: impl FnMut(usize) -> usize) {
        for content in self.files().values_mut() {
            let unsynced = std::mem::take(&mut content.unsynced);
            for write in unsynced.iter().rev() {
                content.bytes.truncate(write.length);
                let end = write.offset + write.before.len();
                content.bytes[write.offset.min(write.length)..end.min(write.length)]
                    .copy_from_slice(&write.before);
            }
            for write in &unsynced {
                let kept = kept(write.bytes.len()).min(write.bytes.len());
                if kept > 0 {
                    put(&mut content.bytes, write.offset, &write.bytes[..kept]);
                }
            }
        }
    }

    /// Bytes of all files together.
    pub fn size(&self) -> usize {
        self.files().values().map(|content| content.bytes.len()).sum()
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<Name, Content>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for Memory {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        Ok(self.files().keys().copied().collect())
    }

    fn length(&mut self, name: Name) -> io::Result<u64> {
        Ok(self.files().get(&name).map_or(0, |content| content.bytes.len() as u64))
    }

    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let files = self.files();
        let bytes = files.get(&name).map_or(&[][..], |content| &content.bytes);
        let rest = bytes.get(index(offset)..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.files();
        let content = files.entry(name).or_default();
        let offset = index(offset);
        let length = content.bytes.len();
        let before = content.bytes.get(offset..length.min(offset + bytes.len())).unwrap_or_default().to_vec();
        content.unsynced.push(Write { offset, bytes: bytes.to_vec(), before, length });
        put(&mut content.bytes, offset, bytes);
        Ok(())
    }

    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        if let Some(content) = self.files().get_mut(&name) {
            content.bytes.truncate(index(length));
            content.unsynced.clear();
        }
        Ok(())
    }

    fn remove(&mut self, name: Name) -> io::Result<()> {
        self.files().remove(&name);
        Ok(())
    }

    fn sync(&mut self, name: Name) -> io::Result<()> {
        if let Some(content) = self.files().get_mut(&name) {
            content.unsynced.clear();
        }
        Ok(())
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// An offset that no memory could hold reads as the end of the file.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
