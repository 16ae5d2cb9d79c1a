//! What a series can hold.

use std::fmt;

use super::Exponential;

/// The value of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A total.
    Counter(Amount),
    /// A gauge that was set.
    Gauge(Number),
    /// A distribution.
    Histogram(Histogram<'a>),
}

/// A stored integer and how many of it make one exported unit: nanoseconds exported as milliseconds have a
/// scale of 1,000,000. Printed exactly, as a decimal without exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The integer as stored.
    pub stored: u64,
    /// Stored integers in one exported unit; a power of ten.
    pub scale: u64,
}

/// The value of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Unsigned integer.
    U64(u64),
    /// Signed integer.
    I64(i64),
    /// Floating point; never NaN.
    F64(f64),
}

/// A distribution over fixed buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Histogram<'a> {
    pub(crate) bounds: &'static [u64],
    pub(crate) bound_names: &'static [&'static str],
    pub(crate) scale: u64,
    /// Observations of each bucket alone, `+Inf` last, then the sum.
    pub(crate) cells: &'a [u64],
    pub(crate) exponential: Option<Exponential<'a>>,
}

impl Amount {
    /// The exported number. Past 2^53 it is the nearest that `f64` can hold.
    #[allow(clippy::cast_precision_loss)] // said above; `Display` is exact
    pub fn as_f64(self) -> f64 {
        self.stored as f64 / self.scale as f64
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.stored / self.scale, self.stored % self.scale);
        write!(f, "{whole}")?;
        if fraction != 0 {
            let digits = self.scale.ilog10() as usize;
            let decimals = format!("{fraction:0digits$}");
            write!(f, ".{}", decimals.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl Number {
    /// The number as floating point. Integers past 2^53 become the nearest that `f64` can hold.
    #[allow(clippy::cast_precision_loss)] // said above
    pub fn as_f64(self) -> f64 {
        match self {
            Self::U64(value) => value as f64,
            Self::I64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}

impl<'a> Histogram<'a> {
    /// Upper bounds as stored integers, without `+Inf`.
    pub fn bounds(&self) -> &'static [u64] {
        self.bounds
    }

    /// Upper bounds as exported, without `+Inf`.
    pub fn bound_names(&self) -> &'static [&'static str] {
        self.bound_names
    }

    /// Stored integers in one exported unit.
    pub fn scale(&self) -> u64 {
        self.scale
    }

    /// Observations of each bucket alone, `+Inf` last.
    pub fn buckets(&self) -> &'a [u64] {
        &self.cells[..=self.bounds.len()]
    }

    /// All observations: the sum of the buckets, so that both always agree.
    pub fn count(&self) -> u64 {
        self.buckets().iter().fold(0, |count, bucket| count.wrapping_add(*bucket))
    }

    /// The same observations over finer buckets, where the catalog says `grid: exponential`.
    pub fn exponential(&self) -> Option<Exponential<'a>> {
        self.exponential
    }

    /// Sum of the observed values. While threads record it may be ahead of the buckets or behind them by the
    /// observations under way.
    pub fn sum(&self) -> Amount {
        Amount { stored: self.cells.last().copied().unwrap_or(0), scale: self.scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_print_exactly() {
        let text = |stored, scale| Amount { stored, scale }.to_string();
        assert_eq!(text(845_320_000, 1_000_000), "845.32");
        assert_eq!(text(1, 1_000_000), "0.000001");
        assert_eq!(text((1 << 53) + 1, 1), "9007199254740993");
        assert_eq!(text(u64::MAX, 1_000_000_000), "18446744073.709551615");
        assert_eq!(text(0, 1_000_000), "0");
    }
}
