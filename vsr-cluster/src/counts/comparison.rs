//! What a comparison with the metrics found.

use std::collections::BTreeMap;

/// How many numbers were compared, by family, and which differ.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Numbers that were compared.
    pub by_family: BTreeMap<&'static str, usize>,
    /// Those that are not what was counted, in words.
    pub differing: Vec<String>,
}

impl Comparison {
    /// Numbers that were compared.
    pub fn numbers(&self) -> usize {
        self.by_family.values().sum()
    }

    /// Takes in another comparison.
    pub fn join(&mut self, other: Self) {
        for (family, numbers) in other.by_family {
            self.add(family, numbers);
        }
        self.differing.extend(other.differing);
    }

    /// Takes note of numbers that were compared.
    pub fn add(&mut self, family: &'static str, numbers: usize) {
        *self.by_family.entry(family).or_default() += numbers;
    }
}
