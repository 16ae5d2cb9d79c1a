//! A catalog nobody would write, with texts that a careless encoder gets wrong.

use vsr_metrics::descriptor::{
    CatalogDescriptor, Descriptor, GaugeKind, Instrument, LabelDescriptor, LabelValues,
};
use vsr_metrics::storage::Grid;

/// Characters that mean something to a parser, or that parsers get wrong.
const HOSTILE: [char; 29] = [
    '\\',
    '"',
    '\n',
    '\r',
    '\t',
    '\0',
    '{',
    '}',
    ',',
    '=',
    '#',
    ' ',
    'n',
    'r',
    '0',
    'a',
    'ß',
    '\u{85}',
    '\u{2028}',
    '\u{feff}',
    '😀',
    '\u{10ffff}',
    '\'',
    '+',
    // What ends a field, a tag or a name of StatsD.
    '|',
    ':',
    '@',
    '.',
    '/',
];

/// Pseudo-random numbers from a seed.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next number; a step of `SplitMix64`.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Hostile text.
    fn text(&mut self, longest: usize) -> &'static str {
        let length = self.below(longest + 1);
        let text: String = (0..length).map(|_| HOSTILE[self.below(HOSTILE.len())]).collect();
        String::leak(text)
    }
}

/// Forty families of all kinds, two of them with a grid. It lives as long as the program: descriptors are static.
pub fn catalog(numbers: &mut Numbers) -> &'static CatalogDescriptor {
    let (mut cells, mut gauges) = (0, 0);
    let families: Vec<_> = (0..40).map(|index| family(numbers, index, &mut cells, &mut gauges)).collect();
    Box::leak(Box::new(CatalogDescriptor {
        name: "random",
        prefix: "random_",
        version: "1.0.0",
        constant_labels: leak(vec![label(numbers, "whole")]),
        families: leak(families),
    }))
}

fn family(numbers: &mut Numbers, index: usize, cells: &mut usize, gauges: &mut usize) -> Descriptor {
    let (suffix, scale, instrument) = match index % 6 {
        0 => ("_total", 1, Instrument::Counter),
        1 => ("_seconds_total", 1_000_000_000, Instrument::Counter),
        2 => ("", 1, Instrument::Gauge(GaugeKind::I64)),
        3 => ("", 1, Instrument::Gauge(GaugeKind::F64)),
        4 => (
            "_ms",
            1_000_000,
            Instrument::Histogram {
                bounds: &[1, 100_000, 1_000_000, 25_500_000, 1_000_000_000_000],
                bound_names: &["0.000001", "0.1", "1", "25.5", "1000000"],
                grid: (index == 4).then_some(Grid::of(1_000_000)),
            },
        ),
        _ => (
            "_bytes",
            1,
            Instrument::Histogram {
                bounds: &[0, 4_096, 1 << 40],
                bound_names: &["0", "4096", "1099511627776"],
                grid: (index == 5).then_some(Grid::of(1)),
            },
        ),
    };
    let unit = suffix.trim_end_matches("total").trim_matches('_');
    let names = ["first", "second", "third"];
    let labels: Vec<_> = names[..numbers.below(4)].iter().map(|name| label(numbers, name)).collect();
    let mut family = Descriptor {
        name: String::leak(format!("random_{index}{suffix}")),
        // Parsers trim white space at the ends of a help.
        help: String::leak(format!("<{}>", numbers.text(40))),
        unit,
        group: "random",
        owner: "",
        stable: true,
        labels: leak(labels),
        instrument,
        aggregate: None,
        scale,
        first: 0,
    };
    let place = if matches!(family.instrument, Instrument::Gauge(_)) { gauges } else { cells };
    family.first = *place;
    *place += family.series() * family.cells_per_series();
    family
}

fn label(numbers: &mut Numbers, name: &'static str) -> &'static LabelDescriptor {
    let values = if numbers.below(4) == 0 {
        LabelValues::Range { min: 3, max: 5 }
    } else {
        // A number in front makes each value another, whatever follows.
        let value = |index| &*String::leak(format!("{index}{}", numbers.text(12)));
        LabelValues::Enum(leak((0..3).map(value).collect()))
    };
    Box::leak(Box::new(LabelDescriptor { name, values }))
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    Vec::leak(items)
}
