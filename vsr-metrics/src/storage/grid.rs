//! A fine grid of buckets beside a histogram's declared ones, for quantiles that mean something.
//!
//! Its bounds are the powers of 2^(1/16) *in the exported unit*, kept as whole stored integers: `OpenTelemetry`'s
//! exponential histogram of scale 4, and Prometheus's native one of schema 4. The middle of such a bucket is within
//! 2.2 % of everything in it.
//!
//! It covers thirty octaves: about 120 ns to 130 s for time, 1 to 2^29 for other units. Values below count as zero;
//! those above go into buckets of a whole octave each, which the same histogram at scale 0 has. So whatever is
//! recorded is in a bucket whose bounds are true, and none is without an upper bound.

/// Buckets of an octave; the bounds of one grow by the factor 2^(1/16).
pub(crate) const PARTS: usize = 16;

/// Fine buckets of thirty octaves.
pub(crate) const FINE: usize = 30 * PARTS;

/// Octaves above them, up to the largest integer that is stored.
const OCTAVES: usize = 35;

/// Cells of a grid: zero, the fine buckets, the octaves above.
pub const GRID: usize = 1 + FINE + OCTAVES;

/// 2^(k/16) for each k of an octave, times 2^63, rounded down.
const POWERS: [u64; PARTS] = [
    0x8000_0000_0000_0000,
    0x85aa_c367_cc48_7b14,
    0x8b95_c1e3_ea8b_d6e6,
    0x91c3_d373_ab11_c336,
    0x9837_f051_8db8_a96f,
    0x9ef5_3260_91a1_11ad,
    0xa5fe_d6a9_b151_38ea,
    0xad58_3eea_42a1_4ac6,
    0xb504_f333_f9de_6484,
    0xbd08_a39f_580c_36be,
    0xc567_2a11_5506_dadd,
    0xce24_8c15_1f84_80e3,
    0xd744_fcca_d69d_6af4,
    0xe0cc_deec_2a94_e111,
    0xeac0_c6e7_dd24_392e,
    0xf525_7d15_2486_cc2c,
];

/// Where in a grid a value is counted, and which values a cell counts.
#[derive(Debug, PartialEq)]
pub struct Grid {
    /// Stored integers in one exported unit.
    scale: u64,
    /// The lowest bound is two to minus this power, in the exported unit.
    bottom: u32,
    /// What is added to sixteen times a value's octave: how many bounds are below the part of an octave that its
    /// first six bits name, counted from the lowest bound, wrapping. No part
    /// holds two bounds.
    offset: [usize; 64],
    /// The first bound that is not below the part, as the first 64 bits of a number; the largest where there is none.
    bound: [u64; 64],
}

impl Grid {
    /// The grid for numbers of which `scale` make one exported unit.
    ///
    /// # Panics
    /// If the scale is none of 1, 1,000,000 and 1,000,000,000, which are those of catalogs. It is called when
    /// compiling.
    #[must_use]
    pub const fn of(scale: u64) -> &'static Self {
        const UNIT: &Grid = &Grid::new(1);
        const MILLISECONDS: &Grid = &Grid::new(1_000_000);
        const SECONDS: &Grid = &Grid::new(1_000_000_000);
        match scale {
            1 => UNIT,
            1_000_000 => MILLISECONDS,
            1_000_000_000 => SECONDS,
            _ => panic!("a grid is for numbers kept in nanoseconds or in the exported unit"),
        }
    }

    const fn new(scale: u64) -> Self {
        // The scale's own octave has `split` bounds, from the scale itself on; the others are in the next.
        let octave = scale.ilog2();
        let (mut ordered, mut split) = ([0; PARTS], 0);
        while split < PARTS && bits(scale, split).0 == octave {
            split += 1;
        }
        let mut index = 0;
        while index < PARTS {
            ordered[index] = bits(scale, (split + index) % PARTS).1;
            index += 1;
        }
        // From about 120 stored integers on, or from a half, so that one has a bucket of its own.
        let bottom = if octave > 6 { octave - 6 } else { 1 };
        // Bounds from that of the smallest integer to the lowest.
        let below = PARTS * (octave + 2 - bottom) as usize - split;
        let (mut offset, mut bound) = ([0; 64], [u64::MAX; 64]);
        let mut part = 0;
        while part < 64 {
            let start = (part as u64) << 58;
            // Every number but zero begins with a one; zero is below all octaves.
            let mut count = if part < 32 { 0 } else { PARTS };
            while part >= 32 && count < 2 * PARTS && ordered[count - PARTS] < start {
                count += 1;
            }
            if part >= 32 && count < 2 * PARTS {
                bound[part] = ordered[count - PARTS];
            }
            offset[part] = count.wrapping_sub(below);
            part += 1;
        }
        Self { scale, bottom, offset, bound }
    }

    /// The cell that counts a value: the first whose bound is not below it.
    #[inline]
    pub(super) fn cell(&self, value: u64) -> usize {
        let octave = (value | 1).ilog2();
        let first_bits = value << (63 - octave);
        let part = (first_bits >> 58) as usize;
        let below = (PARTS * octave as usize).wrapping_add(self.offset[part]);
        let cell = below.wrapping_add(usize::from(first_bits > self.bound[part]));
        if cell <= FINE { cell } else { outside(cell).min(GRID - 1) }
    }

    /// The lowest bound is two to this power, in the exported unit: what is not above it counts as zero.
    pub(crate) const fn bottom(&self) -> i32 {
        0_i32.saturating_sub_unsigned(self.bottom)
    }

    /// The largest stored integer that a cell counts.
    pub(crate) fn bound(&self, cell: usize) -> u64 {
        let (part, octave) =
            if cell <= FINE { (cell % PARTS, cell / PARTS) } else { (0, FINE / PARTS + cell - FINE) };
        // At most 2^94, and an octave is at most 65.
        let bound = u128::from(POWERS[part]) * u128::from(self.scale);
        let shift = 63 + self.bottom as usize;
        let (down, up) = (shift.saturating_sub(octave), octave.saturating_sub(shift));
        u64::try_from(bound >> down << up).unwrap_or(u64::MAX)
    }
}

/// The cell of a value that is not in the fine buckets.
#[cold]
const fn outside(cell: usize) -> usize {
    // Below them, the subtraction wrapped.
    if cell > usize::MAX / 2 { 0 } else { FINE + (cell - FINE).div_ceil(PARTS) }
}

/// The octave of a bound, and its first 64 bits.
const fn bits(scale: u64, part: usize) -> (u32, u64) {
    let bound = POWERS[part] as u128 * scale as u128;
    let length = 128 - bound.leading_zeros();
    let bytes = (bound >> (length - 64)).to_le_bytes();
    let first = match bytes.first_chunk() {
        Some(first) => u64::from_le_bytes(*first),
        None => 0,
    };
    (length - 64, first)
}

#[cfg(test)]
mod tests;
