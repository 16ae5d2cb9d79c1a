//! One series as its lines.

use std::collections::HashSet;
use std::io::Write as _;

use super::{Dialect, Encoder, Histograms, size};
use crate::SnapshotDelta;
use crate::health;
use crate::snapshot::{Amount, Histogram, LabelText, Number, Series, Value};

/// The name and the labels of a series.
struct Key<'a> {
    encoder: &'a Encoder,
    name: &'static str,
    /// Whether exporters tell about themselves.
    is_own: bool,
    labels: Vec<(&'static str, LabelText)>,
}

/// What stands behind a name.
struct Ending<'a> {
    values: &'a [String],
    kind: &'static str,
    /// How many observations each value stands for.
    weight: u64,
}

impl Encoder {
    /// Hands every piece to `take`, and returns how many values were dropped. Of families that share a name, the
    /// first is written.
    pub(super) fn each(&self, delta: &SnapshotDelta, take: &mut dyn FnMut(&[u8])) -> u64 {
        if delta.has_twins() {
            return self.each(&delta.merge_twins(), take);
        }
        let mut dropped = 0;
        let mut names = HashSet::new();
        let mut piece = Vec::new();
        for family in delta.families() {
            let descriptor = family.descriptor();
            if !names.insert(descriptor.name) {
                continue;
            }
            let is_own = family.catalog().name == health::Metrics::CATALOG.name;
            for series in family.series() {
                let labels = series.labels().collect();
                let key = Key { encoder: self, name: descriptor.name, is_own, labels };
                dropped += self.series(&key, &series, &mut piece, take);
            }
        }
        dropped
    }

    fn series(
        &self,
        key: &Key<'_>,
        series: &Series<'_>,
        piece: &mut Vec<u8>,
        take: &mut dyn FnMut(&[u8]),
    ) -> u64 {
        let mut take = |piece: &mut Vec<u8>| {
            take(piece);
            piece.clear();
        };
        match series.value() {
            Value::Counter(amount) if amount.stored == 0 => {}
            Value::Counter(amount) => {
                key.line("", None, &Ending::counter(&[amount.to_string()]), piece);
                take(piece);
            }
            Value::Gauge(number) => {
                let Some(text) = decimal(number) else { return 1 };
                if self.dialect == Dialect::Plain && text.starts_with('-') {
                    // A sign in front means a step; from zero, a step down is a value below zero.
                    key.line("", None, &Ending::gauge(&["0".to_owned()]), piece);
                    piece.push(b'\n');
                }
                key.line("", None, &Ending::gauge(&[text]), piece);
                take(piece);
            }
            Value::Histogram(histogram) => match self.histograms {
                Histograms::Sampled => key.sampled(&histogram, piece, &mut take),
                Histograms::Buckets => key.buckets(&histogram, piece, &mut take),
            },
        }
        0
    }
}

impl Key<'_> {
    /// A value for each bucket that was hit; buckets that were hit equally often share a line in DogStatsD.
    fn sampled(&self, histogram: &Histogram<'_>, piece: &mut Vec<u8>, take: &mut dyn FnMut(&mut Vec<u8>)) {
        let (kind, most) = match self.encoder.dialect {
            Dialect::Plain => ("ms", 1),
            Dialect::DogStatsD => ("d", size::VALUES),
        };
        let mut values: Vec<(u64, String)> =
            histogram.spread().map(|(value, count)| (count, value.to_string())).collect();
        if most > 1 {
            // Stable, so that values stay in order.
            values.sort_by_key(|(count, _)| *count);
        }
        for alike in values.chunk_by(|(a, _), (b, _)| a == b) {
            for line in alike.chunks(most) {
                let weight = line[0].0;
                let values: Vec<String> = line.iter().map(|(_, value)| value.clone()).collect();
                self.line("", None, &Ending { values: &values, kind, weight }, piece);
                take(piece);
            }
        }
        self.sum(histogram, piece, take);
    }

    /// Each bucket holds those below it, as in Prometheus.
    fn buckets(&self, histogram: &Histogram<'_>, piece: &mut Vec<u8>, take: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut count = 0_u64;
        let bounds = histogram.bound_names().iter().copied().chain(["inf"]);
        for (bound, bucket) in bounds.zip(histogram.buckets()) {
            count = count.wrapping_add(*bucket);
            if count > 0 {
                self.line("_bucket", Some(bound), &Ending::counter(&[count.to_string()]), piece);
                take(piece);
            }
        }
        self.sum(histogram, piece, take);
        if count > 0 {
            self.line("_count", None, &Ending::counter(&[count.to_string()]), piece);
            take(piece);
        }
    }

    fn sum(&self, histogram: &Histogram<'_>, piece: &mut Vec<u8>, take: &mut dyn FnMut(&mut Vec<u8>)) {
        let sum = histogram.sum();
        if sum.stored > 0 {
            self.line("_sum", None, &Ending::counter(&[sum.to_string()]), piece);
            take(piece);
        }
    }

    fn line(&self, suffix: &str, bound: Option<&str>, ending: &Ending<'_>, out: &mut Vec<u8>) {
        let encoder = self.encoder;
        out.extend_from_slice(encoder.prefix.as_bytes());
        escape(self.name, b"", out);
        out.extend_from_slice(suffix.as_bytes());
        if encoder.dialect == Dialect::Plain {
            self.tags(bound, out);
        }
        for value in ending.values {
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'|');
        out.extend_from_slice(ending.kind.as_bytes());
        if ending.weight > 1 {
            let weight = Amount { stored: ending.weight, scale: 1 };
            // Writing to memory does not fail.
            let _ = write!(out, "|@{}", 1.0 / weight.as_f64());
        }
        if encoder.dialect == Dialect::DogStatsD {
            let before = out.len();
            out.extend_from_slice(b"|#");
            self.tags(bound, out);
            if out.len() == before + 2 {
                out.truncate(before);
            }
        }
    }

    fn tags(&self, bound: Option<&str>, out: &mut Vec<u8>) {
        let dialect = self.encoder.dialect;
        out.extend_from_slice(self.encoder.tags.as_bytes());
        if self.is_own && !self.encoder.own_tags.is_empty() {
            if dialect == Dialect::DogStatsD && !self.encoder.tags.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(self.encoder.own_tags.as_bytes());
        }
        for (name, value) in &self.labels {
            match value {
                LabelText::Name(text) => tag(dialect, name, text, out),
                LabelText::Integer(value) => tag(dialect, name, &value.to_string(), out),
            }
        }
        if let Some(bound) = bound {
            tag(dialect, "le", bound, out);
        }
    }
}

impl<'a> Ending<'a> {
    fn counter(values: &'a [String]) -> Self {
        Self { values, kind: "c", weight: 1 }
    }

    fn gauge(values: &'a [String]) -> Self {
        Self { values, kind: "g", weight: 1 }
    }
}

/// Appends a tag to those that are there: `.name.value`, or `name:value` behind a comma. A label without a value is none,
/// as in Prometheus; no receiver knows one without a name.
pub(super) fn tag(dialect: Dialect, name: &str, value: &str, out: &mut Vec<u8>) {
    if name.is_empty() || value.is_empty() {
        return;
    }
    match dialect {
        Dialect::Plain => {
            out.push(b'.');
            escape(name, b"", out);
            out.push(b'.');
            escape(value, b"", out);
        }
        Dialect::DogStatsD => {
            if !matches!(out.last(), None | Some(b'#')) {
                out.push(b',');
            }
            escape(name, b"", out);
            out.push(b':');
            escape(value, b"./", out);
        }
    }
}

/// Writes letters, digits, `_` and what is `allowed`; `-` unless two hexadecimal digits follow; and of any other byte
/// `-` and its digits. The text can be told from that, so different texts stay different.
pub(super) fn escape(text: &str, allowed: &[u8], out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    for (index, byte) in bytes.iter().enumerate() {
        let means_itself = match byte {
            b'-' => !(is_digit(bytes.get(index + 1)) && is_digit(bytes.get(index + 2))),
            _ => byte.is_ascii_alphanumeric() || *byte == b'_' || allowed.contains(byte),
        };
        if means_itself {
            out.push(*byte);
        } else {
            // Writing to memory does not fail.
            let _ = write!(out, "-{byte:02x}");
        }
    }
}

/// The number without exponent; `None` if it is not finite. Zero has no sign: a receiver takes `-0` for a step.
fn decimal(number: Number) -> Option<String> {
    match number {
        Number::U64(value) => Some(value.to_string()),
        Number::I64(value) => Some(value.to_string()),
        Number::F64(0.0) => Some("0".to_owned()),
        Number::F64(value) => value.is_finite().then(|| value.to_string()),
    }
}

/// Lines are ASCII, whatever came in.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
