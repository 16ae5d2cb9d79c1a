//! Numbers as both formats spell them: integers exactly, sums as exact decimals, floats in their shortest form
//! that reads back to the same bits.

use crate::snapshot::{Amount, Number};

/// No number that is written here is longer.
pub(super) const LONGEST: usize = 24;

/// Writes an integer and the end of its line.
#[inline]
pub(super) fn integer_line(value: u64, out: &mut Vec<u8>) {
    if let Ok(digit @ 0..10) = u8::try_from(value) {
        return out.extend_from_slice(&[b'0' + digit, b'\n']);
    }
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.push(b'\n');
}

/// Writes an exact decimal and the end of its line.
#[inline]
pub(super) fn amount_line(Amount { stored, scale }: Amount, out: &mut Vec<u8>) {
    if scale == 1 || stored == 0 {
        return integer_line(stored, out);
    }
    out.extend_from_slice(itoa::Buffer::new().format(stored / scale).as_bytes());
    let fraction = stored % scale;
    if fraction != 0 {
        // A digit in front of the fraction keeps its leading zeros; the point takes that digit's place.
        let start = out.len();
        out.extend_from_slice(itoa::Buffer::new().format(scale + fraction).as_bytes());
        out[start] = b'.';
        let zeros = out[start..].iter().rev().take_while(|digit| **digit == b'0').count();
        out.truncate(out.len() - zeros);
    }
    out.push(b'\n');
}

/// Writes a gauge's value and the end of its line.
pub(super) fn number_line(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::U64(value) => integer_line(value, out),
        Number::I64(value) => {
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            out.push(b'\n');
        }
        Number::F64(value) => {
            float(value, out);
            out.push(b'\n');
        }
    }
}

fn float(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    // Whole numbers stand without a point.
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("only ASCII")
    }

    #[test]
    fn integers_are_exact_past_what_floats_hold() {
        for value in [0, 9, 10, 99, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, u64::MAX] {
            assert_eq!(line(|out| integer_line(value, out)), format!("{value}\n"));
        }
    }

    #[test]
    fn sums_are_exact_decimals() {
        for (stored, scale, text) in [
            (845_320_000, 1_000_000, "845.32\n"),
            (1, 1_000_000, "0.000001\n"),
            (0, 1_000_000, "0\n"),
            (5_000_000, 1_000_000, "5\n"),
            (u64::MAX, 1_000_000_000, "18446744073.709551615\n"),
            (u64::MAX, 1, "18446744073709551615\n"),
        ] {
            assert_eq!(line(|out| amount_line(Amount { stored, scale }, out)), text);
        }
    }

    #[test]
    fn sums_agree_with_the_plain_way_to_print_them() {
        let mut stored = 1_u64;
        for _ in 0..2_000 {
            stored = stored.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for scale in [1, 1_000, 1_000_000, 1_000_000_000] {
                let amount = Amount { stored: stored >> (stored % 64), scale };
                assert_eq!(line(|out| amount_line(amount, out)), format!("{amount}\n"));
            }
        }
    }

    #[test]
    fn floats_are_spelled_as_the_formats_say() {
        for (value, text) in [
            (f64::INFINITY, "+Inf\n"),
            (f64::NEG_INFINITY, "-Inf\n"),
            (f64::NAN, "NaN\n"),
            (0.0, "0\n"),
            (-0.0, "-0\n"),
            (1.0, "1\n"),
            (-12.5, "-12.5\n"),
            (0.1, "0.1\n"),
        ] {
            assert_eq!(line(|out| number_line(Number::F64(value), out)), text);
        }
        assert_eq!(line(|out| number_line(Number::I64(i64::MIN), out)), format!("{}\n", i64::MIN));
    }

    #[test]
    fn floats_read_back_to_the_same_bits_and_stay_short() {
        let mut bits = 7_u64;
        let extremes = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, 1e300, 1e-300, f64::EPSILON];
        let random = (0..20_000).map(|_| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(bits ^ (bits >> 29))
        });
        for value in extremes.into_iter().chain(random).filter(|value| value.is_finite()) {
            let text = line(|out| number_line(Number::F64(value), out));
            let read: f64 = text.trim_end().parse().expect("a number");
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            assert!(text.len() <= LONGEST + 1, "{text}");
        }
    }
}
