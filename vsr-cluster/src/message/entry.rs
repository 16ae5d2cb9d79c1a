//! Entries of the log, and the end of a log under a hash.

use std::sync::Arc;

use super::{ClientId, OpNumber, RequestNumber, ViewNumber};
use crate::state_machine::Operation;

/// A request in the order that the primary gave it: what the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// View in which the primary assigned the op number.
    pub view: ViewNumber,
    /// Place in the order.
    pub op: OpNumber,
    /// Who asked.
    pub client: ClientId,
    /// Which of the client's requests this is.
    pub request: RequestNumber,
    /// What to do.
    pub operation: Operation,
}

/// The end of a log, as view changes and recoveries hand it over (section 5.3: not the whole log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The op number of the first entry, or of the entry to come if there is none.
    pub first: OpNumber,
    /// How many entries there are.
    pub length: u64,
    /// Checksum over all entries in order.
    pub hash: u32,
    /// The entries.
    pub entries: Vec<Arc<Entry>>,
}

/// Checksum of some bytes: against accidents. Against forgery there is the code of the frame.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

impl Entry {
    /// Checksum over everything in the entry.
    pub fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        self.hash_into(&mut hasher);
        hasher.finalize()
    }

    fn hash_into(&self, hasher: &mut crc32fast::Hasher) {
        let mut numbers = [0; 32];
        for (place, number) in
            numbers.chunks_exact_mut(8).zip([self.view, self.op, self.client, self.request])
        {
            place.copy_from_slice(&number.to_le_bytes());
        }
        hasher.update(&numbers);
        hasher.update(&self.operation.encode());
    }
}

impl Tail {
    /// The tail that consists of these entries; `first` is the op number of the first one or of the one to come.
    pub fn new(first: OpNumber, entries: Vec<Arc<Entry>>) -> Self {
        let hash = Self::hash(&entries);
        Self { first, length: entries.len() as u64, hash, entries }
    }

    /// Whether the entries are those that were hashed.
    pub fn matches_hash(&self) -> bool {
        self.hash == Self::hash(&self.entries)
    }

    /// Whether op numbers follow each other from `first` on, and views never fall.
    pub fn is_ordered(&self) -> bool {
        let ops = self.entries.iter().map(|entry| entry.op);
        ops.eq((self.first..).take(self.entries.len())) && self.entries.is_sorted_by_key(|entry| entry.view)
    }

    fn hash(entries: &[Arc<Entry>]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for entry in entries {
            entry.hash_into(&mut hasher);
        }
        hasher.finalize()
    }
}
