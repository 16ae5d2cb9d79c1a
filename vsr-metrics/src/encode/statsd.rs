//! Increments in, lines of StatsD out: the plain dialect and that of Datadog, packed into datagrams.
//!
//! | family | plain | DogStatsD |
//! | --- | --- | --- |
//! | counter | `name.label.value:5\|c` | `name:5\|c\|#label:value` |
//! | gauge | `name:7\|g`; below zero `name:0\|g` and `name:-7\|g` in one piece | `name:-7\|g` |
//! | histogram, [sampled](Histograms::Sampled) | `name:0.3\|ms\|@0.5` for each bucket that was hit, `name_sum:0.6\|c` | the same with `d` in place of `ms` |
//! | histogram, [buckets](Histograms::Buckets) | `name_bucket.le.1:2\|c`, `name_sum`, `name_count` | `name_bucket:2\|c\|#le:1`, `name_sum`, `name_count` |
//!
//! Counters leave as increments: StatsD adds up what it receives, so a running total would be counted again with
//! every emit. That is why the encoder takes a [`SnapshotDelta`] and nothing else. Counters and histograms that did
//! not change are left out; gauges are always sent, because a receiver that began anew knows none.
//!
//! Numbers are decimals without exponent, in the unit that the family's name says, also where the line says `ms`.
//! What StatsD cannot say (NaN, infinity) is dropped and counted. The plain dialect has no tags: labels become part
//! of the name.
//!
//! Names and values keep letters, digits and `_`; a byte that could end a line, a name or a tag is written as `-` and
//! its two hexadecimal digits. So two series never become one, whatever a label says.

mod line;
mod pack;
mod size;

use std::fmt;

use crate::{Snapshot, SnapshotDelta};
pub use pack::{Packet, Packets};
pub use size::{fits, longest};

/// The size of a datagram that an Ethernet frame carries in one piece.
pub const PACKET_SIZE: usize = 1432;

/// How much of a datagram the prefix and the constant tags may take.
pub const RESERVED: usize = 512;

/// Which StatsD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// What Etsy's `statsd` reads, and every other receiver: no tags.
    Plain,
    /// Datadog's, with tags.
    DogStatsD,
}

/// What becomes of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Histograms {
    /// For each bucket that was hit one value within it, with a sampling rate that says how often; and the sum as a
    /// counter. See [`Histogram::spread`](crate::snapshot::Histogram::spread) for which value. The receiver makes a
    /// distribution of them.
    Sampled,
    /// The buckets as counters, as Prometheus counts them: each holds those below it. Loses nothing.
    Buckets,
}

/// Writes increments as lines.
///
/// ```
/// use vsr_metrics::encode::statsd::{Dialect, Encoder};
/// use vsr_metrics::Snapshot;
///
/// let encoder = Encoder::new(Dialect::DogStatsD).prefix("shop.")?.tag("env", "test")?;
/// let nothing = Snapshot::new().delta_since(&Snapshot::new());
/// assert!(encoder.lines(&nothing).is_empty());
/// # Ok::<(), vsr_metrics::encode::statsd::TooLong>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    dialect: Dialect,
    histograms: Histograms,
    prefix: String,
    /// As they stand in a line: `.env.test`, or `env:test`.
    tags: String,
    /// Those of the lines that exporters tell about themselves.
    own_tags: String,
    packet_size: usize,
}

/// A prefix and tags that leave a line no room in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    length: usize,
}

/// The increments since the last time, as lines for a socket of one's own.
///
/// ```
/// use vsr_metrics::encode::statsd::{Dialect, Encoder, Increments};
/// use vsr_metrics::Snapshot;
///
/// let mut increments = Increments::new(Encoder::new(Dialect::Plain));
/// for line in increments.lines(Snapshot::new()) {
///     println!("{line}");
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Increments {
    encoder: Encoder,
    before: Snapshot,
}

impl Encoder {
    /// An encoder without prefix and tags. Histograms are sampled in the plain dialect, and buckets in DogStatsD.
    pub fn new(dialect: Dialect) -> Self {
        let histograms = match dialect {
            Dialect::Plain => Histograms::Sampled,
            Dialect::DogStatsD => Histograms::Buckets,
        };
        let (prefix, tags, own_tags) = (String::new(), String::new(), String::new());
        Self { dialect, histograms, prefix, tags, own_tags, packet_size: PACKET_SIZE }
    }

    /// What becomes of histograms.
    #[must_use]
    pub fn histograms(mut self, histograms: Histograms) -> Self {
        self.histograms = histograms;
        self
    }

    /// Text in front of every name, such as `shop.`.
    ///
    /// # Errors
    /// If prefix and tags are longer than [`RESERVED`].
    pub fn prefix(mut self, prefix: &str) -> Result<Self, TooLong> {
        let mut text = Vec::new();
        line::escape(prefix, b".", &mut text);
        self.prefix = line::text(text);
        self.checked()
    }

    /// A tag of every line, besides the labels. One whose name or value is empty is none.
    ///
    /// # Errors
    /// If prefix and tags are longer than [`RESERVED`].
    pub fn tag(mut self, name: &str, value: &str) -> Result<Self, TooLong> {
        let mut text = std::mem::take(&mut self.tags).into_bytes();
        line::tag(self.dialect, name, value, &mut text);
        self.tags = line::text(text);
        self.checked()
    }

    /// Names this process in what its exporters tell about themselves: those lines (`vsr_metrics_…`) have a tag `instance`
    /// more. StatsD knows no process, so where several send to one receiver, of their gauges the last one would stand.
    /// The lines of a catalog are told apart by its constant labels.
    ///
    /// # Errors
    /// If prefix and tags are longer than [`RESERVED`].
    pub fn instance(mut self, name: &str) -> Result<Self, TooLong> {
        let mut text = Vec::new();
        line::tag(self.dialect, "instance", name, &mut text);
        self.own_tags = line::text(text);
        self.checked()
    }

    /// The most bytes in a datagram, [`PACKET_SIZE`] by default; from 512, which every network carries, to 8,932, for
    /// jumbo frames. That each line fits is proved for the default; a longer one than a smaller datagram holds is dropped
    /// and counted.
    #[must_use]
    pub fn packet_size(mut self, bytes: usize) -> Self {
        self.packet_size = bytes.clamp(512, 8932);
        self
    }

    /// Everything that happened, each text to be sent in one datagram. Most are one line; a gauge below zero is two
    /// in the plain dialect, which must not be parted: between them the gauge is zero.
    pub fn lines(&self, delta: &SnapshotDelta) -> Vec<String> {
        let mut lines = Vec::new();
        self.each(delta, &mut |piece| lines.push(line::text(piece.to_vec())));
        lines
    }

    /// Everything that happened, in as few datagrams as hold it: whole lines, parted by line feeds.
    pub fn packets(&self, delta: &SnapshotDelta) -> Packets {
        let mut packets = Packets::new(self.packet_size);
        let dropped = self.each(delta, &mut |piece| packets.add(piece));
        packets.drop_points(dropped);
        packets
    }

    fn checked(self) -> Result<Self, TooLong> {
        // With a comma in front.
        let own = if self.own_tags.is_empty() { 0 } else { self.own_tags.len() + 1 };
        let length = self.prefix.len() + self.tags.len() + own;
        if length > RESERVED { Err(TooLong { length }) } else { Ok(self) }
    }
}

impl Increments {
    /// Everything that `snapshot` holds when first asked, and what was added from then on.
    pub fn new(encoder: Encoder) -> Self {
        Self { encoder, before: Snapshot::new() }
    }

    /// What happened since the last call, which this call becomes: a line that is then not sent is lost.
    pub fn lines(&mut self, now: Snapshot) -> Vec<String> {
        let lines = self.encoder.lines(&now.delta_since(&self.before));
        self.before = now;
        lines
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prefix and tags take {} bytes, expected at most {RESERVED}", self.length)
    }
}

impl std::error::Error for TooLong {}
