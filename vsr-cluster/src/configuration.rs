//! Who belongs to the cluster: its members, its standby replicas and, between two configurations, both (section 7
//! of the paper, with joint quorums instead of a pause between epochs).

use std::fmt;

use crate::message::{ReplicaIndex, ViewNumber};

/// The configuration's number; grows with every change, from stable to joint and from joint to stable.
pub type Epoch = u64;

/// A set of replicas, by index: 0 to [`ReplicaSet::CAPACITY`] - 1.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaSet(u64);

/// Version of the software, major and minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Differs when replicas may not work together.
    pub major: u16,
    /// Differs when they may.
    pub minor: u16,
}

/// A configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Its number; 0 for the first one.
    pub epoch: Epoch,
    /// Replicas that vote. The primary of a view is one of them.
    pub members: ReplicaSet,
    /// Members of the configuration that is to come; empty while the configuration is stable. As long as it is not,
    /// every quorum needs a majority of both.
    pub next: ReplicaSet,
    /// Replicas that hear everything and do not vote.
    pub standbys: ReplicaSet,
}

impl ReplicaSet {
    /// One more than the largest index that a set can hold.
    pub const CAPACITY: usize = 64;
    /// No replica.
    pub const EMPTY: Self = Self(0);

    /// The replicas 0 to `count` - 1.
    pub fn first(count: usize) -> Self {
        (0..count).collect()
    }

    /// The set as bits, replica 0 lowest.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set of which [`bits`](Self::bits) are given.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Adds a replica; tells whether it is new. One past the capacity is not added.
    pub fn insert(&mut self, replica: ReplicaIndex) -> bool {
        let is_new = replica < Self::CAPACITY && !self.contains(replica);
        if is_new {
            self.0 |= 1 << replica;
        }
        is_new
    }

    /// Whether a replica belongs to the set.
    pub fn contains(self, replica: ReplicaIndex) -> bool {
        replica < Self::CAPACITY && self.0 & (1 << replica) != 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All in one set or the other.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// All but those of another set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The replicas, in order.
    pub fn iter(self) -> impl Iterator<Item = ReplicaIndex> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let replica = bits.trailing_zeros() as usize;
            bits &= bits.checked_sub(1)?;
            Some(replica)
        })
    }

    /// Smallest number of votes that any two majorities of this set share a replica by.
    pub fn majority(self) -> usize {
        self.len() / 2 + 1
    }
}

impl FromIterator<ReplicaIndex> for ReplicaSet {
    fn from_iter<I: IntoIterator<Item = ReplicaIndex>>(replicas: I) -> Self {
        let mut set = Self::EMPTY;
        for replica in replicas {
            set.insert(replica);
        }
        set
    }
}

impl fmt::Debug for ReplicaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Configuration {
    /// The first configuration: replicas 0 to `members` - 1, and `standbys` after them.
    pub fn initial(members: usize, standbys: usize) -> Self {
        let set = ReplicaSet::first(members);
        let standbys = ReplicaSet::first(members + standbys).without(set);
        Self { epoch: 0, members: set, next: ReplicaSet::EMPTY, standbys }
    }

    /// Whether two sets of members count.
    pub fn is_joint(&self) -> bool {
        !self.next.is_empty()
    }

    /// The primary of a view: the members take turns (section 4).
    pub fn primary(&self, view: ViewNumber) -> ReplicaIndex {
        let turn = view.checked_rem(self.members.len() as u64).unwrap_or(0);
        // Cannot truncate: less than the number of members.
        self.members.iter().nth(usize::try_from(turn).unwrap_or(0)).unwrap_or(0)
    }

    /// Everyone who votes, in one of the configurations or in both.
    pub fn voters(&self) -> ReplicaSet {
        self.members.union(self.next)
    }

    /// Everyone who hears of operations: voters and standbys.
    pub fn everyone(&self) -> ReplicaSet {
        self.voters().union(self.standbys)
    }

    /// Whether these replicas are a quorum: f + 1 of 2f + 1 (section 2), of both configurations while two count.
    pub fn is_quorum(&self, replicas: ReplicaSet) -> bool {
        let of = |members: ReplicaSet| replicas.intersection(members).len() >= members.majority();
        of(self.members) && (!self.is_joint() || of(self.next))
    }

    /// The fewest replicas that can be a quorum.
    pub fn quorum_size(&self) -> usize {
        self.members.majority().max(if self.is_joint() { self.next.majority() } else { 0 })
    }

    /// The joint configuration on the way to other members.
    #[must_use]
    pub fn joint(self, members: ReplicaSet, standbys: ReplicaSet) -> Self {
        Self { epoch: self.epoch + 1, members: self.members, next: members, standbys }
    }

    /// The stable configuration that follows a joint one.
    #[must_use]
    pub fn settled(self) -> Self {
        let standbys = self.standbys.without(self.next);
        Self { epoch: self.epoch + 1, members: self.next, next: ReplicaSet::EMPTY, standbys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_take_turns_as_primary() {
        let mut configuration = Configuration::initial(3, 1);
        assert_eq!([0, 1, 2, 3].map(|view| configuration.primary(view)), [0, 1, 2, 0]);
        configuration.members = [1, 4, 6].into_iter().collect();
        assert_eq!([3, 4, 5].map(|view| configuration.primary(view)), [1, 4, 6]);
    }

    #[test]
    fn a_joint_quorum_is_one_of_both_sets() {
        let old = Configuration::initial(3, 2);
        assert_eq!(old.standbys, [3, 4].into_iter().collect());
        let joint = old.joint([2, 3, 4].into_iter().collect(), ReplicaSet::EMPTY);
        let quorum = |replicas: &[ReplicaIndex]| joint.is_quorum(replicas.iter().copied().collect());
        assert!(!quorum(&[0, 1]), "a majority of the old members alone");
        assert!(!quorum(&[3, 4]), "a majority of the new members alone");
        assert!(quorum(&[0, 2, 3]));
        assert!(quorum(&[0, 1, 3, 4]));
        let new = joint.settled();
        assert!(new.is_quorum([3, 4].into_iter().collect()) && !new.is_joint());
        assert_eq!((old.epoch, joint.epoch, new.epoch), (0, 1, 2));
        assert_eq!(joint.quorum_size(), 2);
    }

    #[test]
    fn sets_keep_within_their_capacity() {
        let mut set = ReplicaSet::EMPTY;
        assert!(set.insert(63) && !set.insert(63) && !set.insert(64) && !set.contains(64));
        assert_eq!(set.iter().collect::<Vec<_>>(), [63]);
        assert_eq!(ReplicaSet::first(4).majority(), 3);
    }
}
