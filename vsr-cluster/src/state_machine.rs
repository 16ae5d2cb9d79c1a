//! The replicated service: a map of registers. Deterministic, so that replicas that apply the same operations in
//! the same order agree (section 3 of the paper asks for no more).

use std::collections::BTreeMap;

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Answers with the register's value.
    Read {
        /// Which register.
        register: u64,
    },
    /// Sets a register and answers with what it held before.
    Write {
        /// Which register.
        register: u64,
        /// The new value.
        value: u64,
    },
    /// Adds to a register, which counts as 0 if it was never written, and answers with the sum.
    Add {
        /// Which register.
        register: u64,
        /// How much.
        amount: u64,
    },
    /// Sets a register that holds the expected value, and answers with that.
    CompareAndSet {
        /// Which register.
        register: u64,
        /// What it has to hold.
        expected: u64,
        /// The new value.
        value: u64,
    },
    /// Opens a session for the client, which is what its request number 0 is for.
    OpenSession,
    /// Changes who belongs to the cluster; sets of replicas as bits, replica 0 lowest.
    Reconfigure {
        /// Those who vote.
        members: u64,
        /// Those who hear everything and do not vote.
        standbys: u64,
    },
    /// Ends the joint configuration that a [`Reconfigure`](Self::Reconfigure) began. The primary's own operation.
    Settle,
}

/// Why an operation changed nothing. It is committed all the same: all replicas refuse it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A sum does not fit 64 bits.
    Overflow,
    /// The register holds something else than expected, or nothing.
    Mismatch,
    /// The client has no session, or lost it to newer ones; whether its latest request was executed is not known.
    NoSession,
    /// The client's session has seen a later request, or this one.
    Repeated,
    /// The cluster is between two configurations already, or asked for one that cannot be.
    NoSuchConfiguration,
}

impl Refusal {
    /// All of them; the place of each is its number in encoded form.
    pub const ALL: [Self; 5] =
        [Self::Overflow, Self::Mismatch, Self::NoSession, Self::Repeated, Self::NoSuchConfiguration];
}

/// The answer: a register's value, if it has one, or why nothing was done.
pub type Outcome = Result<Option<u64>, Refusal>;

/// All registers, and a digest of everything that led to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateMachine {
    registers: BTreeMap<u64, u64>,
    digest: u32,
}

/// Bytes of an encoded operation.
pub(crate) const ENCODED: usize = 25;

impl StateMachine {
    /// Executes one operation and takes it into the digest.
    ///
    /// # Errors
    /// If the operation is refused; then it changes nothing, on every replica alike.
    pub fn apply(&mut self, operation: Operation) -> Outcome {
        let outcome = self.execute(operation);
        self.note(operation, outcome);
        outcome
    }

    /// Takes an operation and what came of it into the digest.
    pub(crate) fn note(&mut self, operation: Operation, outcome: Outcome) {
        let mut digest = crc32fast::Hasher::new_with_initial(self.digest);
        digest.update(&operation.encode());
        digest.update(&match outcome {
            Ok(Some(value)) => value.to_le_bytes(),
            Ok(None) => *b"nothing.",
            Err(Refusal::Overflow) => *b"overflow",
            Err(Refusal::Mismatch) => *b"mismatch",
            Err(Refusal::NoSession) => *b"nosessio",
            Err(Refusal::Repeated) => *b"repeated",
            Err(Refusal::NoSuchConfiguration) => *b"noconfig",
        });
        self.digest = digest.finalize();
    }

    /// Checksum over all operations so far and their outcomes, in order.
    pub fn digest(&self) -> u32 {
        self.digest
    }

    /// All registers that were ever written, in order.
    pub(crate) fn registers(&self) -> impl Iterator<Item = (u64, u64)> {
        self.registers.iter().map(|(register, value)| (*register, *value))
    }

    pub(crate) fn restore(&mut self, register: u64, value: u64) {
        self.registers.insert(register, value);
    }

    pub(crate) fn restore_digest(&mut self, digest: u32) {
        self.digest = digest;
    }

    /// Does what an operation asks, and leaves the digest alone.
    ///
    /// # Errors
    /// If the operation is refused.
    pub(crate) fn execute(&mut self, operation: Operation) -> Outcome {
        let held = |register| self.registers.get(&register).copied();
        match operation {
            Operation::Read { register } => Ok(held(register)),
            Operation::Write { register, value } => Ok(self.registers.insert(register, value)),
            Operation::Add { register, amount } => {
                let sum = held(register).unwrap_or(0).checked_add(amount).ok_or(Refusal::Overflow)?;
                self.registers.insert(register, sum);
                Ok(Some(sum))
            }
            Operation::CompareAndSet { register, expected, value } => {
                if held(register) != Some(expected) {
                    return Err(Refusal::Mismatch);
                }
                Ok(self.registers.insert(register, value))
            }
            Operation::OpenSession | Operation::Reconfigure { .. } | Operation::Settle => Ok(None),
        }
    }
}

impl Operation {
    /// The operation as the log stores it: a tag and three little-endian numbers.
    pub(crate) fn encode(self) -> [u8; ENCODED] {
        let (tag, a, b, c) = match self {
            Self::Read { register } => (1, register, 0, 0),
            Self::Write { register, value } => (2, register, value, 0),
            Self::Add { register, amount } => (3, register, amount, 0),
            Self::CompareAndSet { register, expected, value } => (4, register, expected, value),
            Self::OpenSession => (5, 0, 0, 0),
            Self::Reconfigure { members, standbys } => (6, members, standbys, 0),
            Self::Settle => (7, 0, 0, 0),
        };
        let mut bytes = [0; ENCODED];
        bytes[0] = tag;
        bytes[1..9].copy_from_slice(&a.to_le_bytes());
        bytes[9..17].copy_from_slice(&b.to_le_bytes());
        bytes[17..25].copy_from_slice(&c.to_le_bytes());
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ENCODED] = bytes.try_into().ok()?;
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let register = number(1)?;
        match bytes[0] {
            1 => Some(Self::Read { register }),
            2 => Some(Self::Write { register, value: number(9)? }),
            3 => Some(Self::Add { register, amount: number(9)? }),
            4 => Some(Self::CompareAndSet { register, expected: number(9)?, value: number(17)? }),
            5 => Some(Self::OpenSession),
            6 => Some(Self::Reconfigure { members: register, standbys: number(9)? }),
            7 => Some(Self::Settle),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME_OF_EACH: [Operation; 7] = [
        Operation::Read { register: 7 },
        Operation::Write { register: 7, value: u64::MAX },
        Operation::Add { register: 7, amount: 1 },
        Operation::CompareAndSet { register: 7, expected: 3, value: 4 },
        Operation::OpenSession,
        Operation::Reconfigure { members: 7, standbys: 8 },
        Operation::Settle,
    ];

    #[test]
    fn operations_survive_the_log() {
        for operation in SOME_OF_EACH {
            assert_eq!(Operation::decode(&operation.encode()), Some(operation));
        }
        assert_eq!(Operation::decode(&[9; ENCODED]), None);
        assert_eq!(Operation::decode(&[1; 3]), None);
    }

    #[test]
    fn refused_operations_change_nothing() {
        let mut machine = StateMachine::default();
        let outcomes = SOME_OF_EACH.map(|operation| machine.apply(operation));
        assert_eq!(outcomes[..4], [Ok(None), Ok(None), Err(Refusal::Overflow), Err(Refusal::Mismatch)]);
        assert_eq!(machine.apply(SOME_OF_EACH[0]), Ok(Some(u64::MAX)));
    }

    #[test]
    fn the_digest_tells_orders_apart() {
        let [mut one, mut other] = [StateMachine::default(), StateMachine::default()];
        let (first, second) =
            (Operation::Write { register: 1, value: 1 }, Operation::Write { register: 2, value: 1 });
        let _ = one.apply(first);
        let _ = one.apply(second);
        let _ = other.apply(second);
        let _ = other.apply(first);
        assert_eq!(one.registers, other.registers);
        assert_ne!(one.digest(), other.digest());
    }
}
