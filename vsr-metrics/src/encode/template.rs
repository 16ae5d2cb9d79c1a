//! All bytes of an exposition but its numbers, laid out once.
//!
//! The text of all lines lies in one piece; a line's number goes where its text ends. Blocks say which numbers
//! follow: one block for each family and instance, so that the loop over a block's series decides nothing.

use std::collections::HashSet;

use super::number::{self, amount_line, integer_line, number_line};
use super::{Format, openmetrics, prometheus};
use crate::Snapshot;
use crate::descriptor::{CatalogDescriptor, Descriptor, Instrument};
use crate::snapshot::{Amount, Instance, LabelText, Part, label_text, number, own_labels};

/// Text is copied in pieces of this many bytes: without a call, most lines being one or two pieces long.
const PIECE: usize = 64;

/// The unchanging part of an exposition.
#[derive(Debug, Default)]
pub(super) struct Template {
    parts: Vec<Layout>,
    /// The text of all lines, and a piece more.
    text: Vec<u8>,
    /// Where each line's text ends.
    ends: Vec<usize>,
    /// What follows the last line.
    end: &'static [u8],
}

/// What a part of the snapshot looked like, and its blocks.
#[derive(Debug)]
struct Layout {
    catalog: &'static CatalogDescriptor,
    constants: Vec<Vec<Option<u32>>>,
    blocks: Vec<Block>,
}

/// One family's series of one instance.
#[derive(Debug)]
struct Block {
    family: &'static Descriptor,
    /// The instance, or none for the family's header.
    instance: Option<usize>,
}

impl Template {
    /// Whether the snapshot has the parts, instances and constant labels that were laid out.
    pub(super) fn fits(&self, snapshot: &Snapshot) -> bool {
        !self.text.is_empty()
            && snapshot.parts().count() == self.parts.len()
            && snapshot.parts().zip(&self.parts).all(|(part, layout)| {
                std::ptr::eq(part.catalog, layout.catalog)
                    && part.instances.iter().map(|instance| &instance.constants).eq(&layout.constants)
            })
    }

    /// Lays out everything that the snapshot could hold.
    pub(super) fn lay_out(format: Format, snapshot: &Snapshot) -> Self {
        let mut writer = Writer { format, text: Vec::new(), ends: Vec::new(), names: HashSet::new() };
        let parts = snapshot.parts().map(|part| writer.part(part)).collect();
        let mut text = writer.text;
        text.resize(text.len() + PIECE, 0);
        let end = match format {
            Format::Prometheus => &[],
            Format::OpenMetrics => openmetrics::END,
        };
        Self { parts, text, ends: writer.ends, end }
    }

    /// Appends the exposition: the text, with the snapshot's numbers.
    pub(super) fn fill(&self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        // As much as it could become, so that nothing grows on the way.
        out.reserve(self.text.len() + self.ends.len() * (number::LONGEST + 1) + PIECE + self.end.len());
        let mut lines = Lines { text: &self.text, ends: self.ends.iter(), start: 0 };
        for (part, layout) in snapshot.parts().zip(&self.parts) {
            for block in &layout.blocks {
                match block.instance {
                    None => lines.copy(out),
                    Some(instance) => lines.fill(block.family, &part.instances[instance], out),
                }
            }
        }
        out.extend_from_slice(self.end);
    }
}

/// The lines still to be copied.
struct Lines<'a> {
    text: &'a [u8],
    ends: std::slice::Iter<'a, usize>,
    start: usize,
}

impl Lines<'_> {
    fn fill(&mut self, family: &'static Descriptor, instance: &Instance, out: &mut Vec<u8>) {
        let scale = family.scale;
        let always = family.exported_from_start();
        let first = family.first;
        match &family.instrument {
            Instrument::Counter => {
                for stored in &instance.cells[first..first + family.series()] {
                    if *stored == 0 && !always {
                        self.skip(1);
                        continue;
                    }
                    self.copy(out);
                    amount_line(Amount { stored: *stored, scale }, out);
                }
            }
            Instrument::Gauge(kind) => {
                for bits in &instance.gauges[first..first + family.series()] {
                    let Some(bits) = bits else {
                        self.skip(1);
                        continue;
                    };
                    self.copy(out);
                    number_line(number(kind, *bits), out);
                }
            }
            Instrument::Histogram { bounds, .. } => {
                let stride = family.cells_per_series();
                for cells in instance.cells[first..first + family.series() * stride].chunks_exact(stride) {
                    // Text has the declared buckets alone.
                    self.histogram(&cells[..bounds.len() + 2], scale, always, out);
                }
            }
        }
    }

    /// The lines of one histogram: its buckets, its sum, its count.
    fn histogram(&mut self, cells: &[u64], scale: u64, always: bool, out: &mut Vec<u8>) {
        let Some((sum, buckets)) = cells.split_last() else { return };
        if !always && buckets.iter().all(|bucket| *bucket == 0) {
            return self.skip(cells.len() + 1);
        }
        let mut count = 0_u64;
        for bucket in buckets {
            count = count.wrapping_add(*bucket);
            self.copy(out);
            integer_line(count, out);
        }
        self.copy(out);
        amount_line(Amount { stored: *sum, scale }, out);
        self.copy(out);
        integer_line(count, out);
    }

    #[inline]
    fn copy(&mut self, out: &mut Vec<u8>) {
        let (start, end) = (self.start, self.end());
        let length = out.len() + (end - start);
        let mut piece = start;
        while piece < end {
            if let Some(bytes) = self.text[piece..].first_chunk::<PIECE>() {
                out.extend_from_slice(bytes);
            }
            piece += PIECE;
        }
        // The last piece is copied whole; what it has too much is taken back.
        out.truncate(length);
    }

    fn skip(&mut self, lines: usize) {
        for _ in 0..lines {
            self.end();
        }
    }

    fn end(&mut self) -> usize {
        self.start = self.ends.next().copied().unwrap_or(self.start);
        self.start
    }
}

/// A template being laid out.
struct Writer {
    format: Format,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Of the families so far.
    names: HashSet<&'static str>,
}

impl Writer {
    fn part(&mut self, part: &Part) -> Layout {
        let constants = part.instances.iter().map(|instance| instance.constants.clone()).collect();
        let mut blocks = Vec::new();
        for family in part.catalog.families {
            if !self.names.insert(family.name) {
                continue;
            }
            match self.format {
                Format::Prometheus => prometheus::header(family, &mut self.text),
                Format::OpenMetrics => openmetrics::header(family, &mut self.text),
            }
            self.end_line();
            blocks.push(Block { family, instance: None });
            for (index, instance) in part.instances.iter().enumerate() {
                self.series(part.catalog, family, instance);
                blocks.push(Block { family, instance: Some(index) });
            }
        }
        Layout { catalog: part.catalog, constants, blocks }
    }

    fn series(&mut self, catalog: &CatalogDescriptor, family: &'static Descriptor, instance: &Instance) {
        let fixed = catalog.constant_labels.iter().zip(&instance.constants);
        let constants: Vec<_> =
            fixed.filter_map(|(label, index)| Some((label.name, label_text(label, *index)?))).collect();
        for series in 0..family.series() {
            let labels: Vec<_> = constants.iter().copied().chain(own_labels(family, series)).collect();
            match &family.instrument {
                Instrument::Counter | Instrument::Gauge(_) => self.line(family.name, "", &labels, None),
                Instrument::Histogram { bound_names, .. } => {
                    for bound in *bound_names {
                        self.bucket(family, &labels, bound);
                    }
                    self.line(family.name, "_bucket", &labels, Some("+Inf"));
                    self.line(family.name, "_sum", &labels, None);
                    self.line(family.name, "_count", &labels, None);
                }
            }
        }
    }

    fn bucket(&mut self, family: &Descriptor, labels: &[(&str, LabelText)], bound: &str) {
        match self.format {
            Format::Prometheus => self.line(family.name, "_bucket", labels, Some(bound)),
            Format::OpenMetrics => {
                self.line(family.name, "_bucket", labels, Some(&openmetrics::canonical(bound)));
            }
        }
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &[(&str, LabelText)], bound: Option<&str>) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(suffix.as_bytes());
        let mut before = b'{';
        for (label, value) in labels {
            match value {
                LabelText::Name(text) => self.label(before, label, text),
                LabelText::Integer(value) => self.label(before, label, itoa::Buffer::new().format(*value)),
            }
            before = b',';
        }
        if let Some(bound) = bound {
            self.label(before, "le", bound);
            before = b',';
        }
        if before == b',' {
            self.text.push(b'}');
        }
        self.text.push(b' ');
        self.end_line();
    }

    fn label(&mut self, before: u8, name: &str, value: &str) {
        self.text.push(before);
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"=\"");
        prometheus::escape(value, &mut self.text);
        self.text.push(b'"');
    }

    fn end_line(&mut self) {
        self.ends.push(self.text.len());
    }
}
