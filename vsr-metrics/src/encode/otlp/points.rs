//! Data points: what a series says at one time.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use opentelemetry_proto::tonic::metrics::v1::{
    DataPointFlags, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ScopeMetrics, Sum,
};

use super::{Histograms, Temporality, attribute, counterpart, unit, wire};
use crate::Snapshot;
use crate::descriptor::{CatalogDescriptor, Descriptor, Instrument};
use crate::snapshot::{
    self, Amount, Exponential, ExponentialBuckets, Instance, Number, Part, Value, label_text, own_labels,
    value,
};

/// What all points of a collection share.
pub(super) struct Frame {
    pub(super) temporality: Temporality,
    pub(super) histograms: Histograms,
    pub(super) time: u64,
    /// Whether series without an increment are told.
    pub(super) has_zeros: bool,
}

/// The points of one family, by kind.
enum Points {
    Sum(Vec<NumberDataPoint>),
    Gauge(Vec<NumberDataPoint>),
    Histogram(Vec<HistogramDataPoint>),
    Exponential(Vec<ExponentialHistogramDataPoint>),
}

/// The families of a catalog that have a point.
pub(super) fn metrics<'a>(
    part: &'a Part,
    frame: &'a Frame,
    start: &'a dyn Fn(&Part, &Instance, usize) -> u64,
) -> impl Iterator<Item = Metric> + 'a {
    part.catalog.families.iter().filter_map(move |family| {
        let mut points = Points::of(family, frame);
        for instance in &part.instances {
            for index in 0..family.series() {
                let Some(value) = value(instance, family, index) else { continue };
                let cell = first_cell(family, index);
                let attributes = || attributes(part, instance, family, index);
                points.push(value, frame, || start(part, instance, cell), attributes);
            }
        }
        points.metric(family, frame)
    })
}

/// Marks series that the receiver knows and that are no more: told once, without a value.
pub(super) fn gone(known: &Snapshot, now: &Snapshot, frame: &Frame, scopes: &mut Vec<ScopeMetrics>) {
    for part in known.parts() {
        for instance in &part.instances {
            let still = counterpart(now, part, instance);
            for family in part.catalog.families {
                // An increment says all there is; only gauges and totals are believed until told otherwise.
                let is_delta = frame.temporality == Temporality::Delta;
                if is_delta && !matches!(family.instrument, Instrument::Gauge(_)) {
                    continue;
                }
                let mut points = Points::of(family, frame);
                for index in 0..family.series() {
                    let was = value(instance, family, index).is_some();
                    let is = still.is_some_and(|instance| value(instance, family, index).is_some());
                    if was && !is {
                        points.mark(frame.time, attributes(part, instance, family, index));
                    }
                }
                if let Some(metric) = points.metric(family, frame) {
                    merge(scopes, part.catalog, metric);
                }
            }
        }
    }
}

/// The first cells of the counters and histograms whose totals fell.
pub(super) fn fallen<'a>(
    part: &'a Part,
    before: &'a Instance,
    now: &'a Instance,
) -> impl Iterator<Item = usize> + 'a {
    let families = part.catalog.families.iter();
    families.filter(|family| !matches!(family.instrument, Instrument::Gauge(_))).flat_map(move |family| {
        (0..family.series()).filter_map(move |index| {
            let cell = first_cell(family, index);
            let total = |instance: &Instance| match &family.instrument {
                Instrument::Histogram { bounds, .. } => {
                    let buckets = instance.cells.get(cell..=cell + bounds.len()).unwrap_or_default();
                    buckets.iter().fold(0_u64, |sum, bucket| sum.wrapping_add(*bucket))
                }
                _ => instance.cells.get(cell).map_or(0, |stored| positive(*stored).cast_unsigned()),
            };
            (total(now) < total(before)).then_some(cell)
        })
    })
}

/// Families under the scope that their catalog is.
pub(super) fn scope(catalog: &'static CatalogDescriptor, metrics: Vec<Metric>) -> ScopeMetrics {
    let scope = InstrumentationScope {
        name: catalog.name.to_owned(),
        version: catalog.version.to_owned(),
        ..InstrumentationScope::default()
    };
    ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }
}

impl Points {
    fn of(family: &Descriptor, frame: &Frame) -> Self {
        match family.instrument {
            Instrument::Counter => Self::Sum(Vec::new()),
            Instrument::Gauge(_) => Self::Gauge(Vec::new()),
            Instrument::Histogram { grid: Some(_), .. } if frame.histograms == Histograms::AsDeclared => {
                Self::Exponential(Vec::new())
            }
            Instrument::Histogram { .. } => Self::Histogram(Vec::new()),
        }
    }

    fn push(
        &mut self,
        value: Value<'_>,
        frame: &Frame,
        start: impl Fn() -> u64,
        attributes: impl Fn() -> Vec<KeyValue>,
    ) {
        let time = frame.time;
        match (self, value) {
            (Self::Sum(points), Value::Counter(amount)) if frame.has_zeros || amount.stored != 0 => {
                points.push(number(amount_point(amount), start().min(time), time, attributes()));
            }
            (Self::Gauge(points), Value::Gauge(set)) => {
                points.push(number(gauge_point(set), 0, time, attributes()));
            }
            (Self::Histogram(points), Value::Histogram(read)) if frame.has_zeros || read.count() != 0 => {
                points.push(histogram(&read, start().min(time), time, attributes()));
            }
            (Self::Exponential(points), Value::Histogram(read)) => {
                let fine = read.exponential().filter(|fine| frame.has_zeros || fine.count() != 0);
                points.extend(
                    fine.map(|fine| exponential(&fine, read.sum(), start().min(time), time, attributes())),
                );
            }
            // An increment of nothing; a value of another kind than its family cannot be.
            _ => {}
        }
    }

    fn mark(&mut self, time: u64, attributes: Vec<KeyValue>) {
        let flags = DataPointFlags::NoRecordedValueMask as u32;
        match self {
            Self::Sum(points) | Self::Gauge(points) => points.push(NumberDataPoint {
                attributes,
                time_unix_nano: time,
                flags,
                ..NumberDataPoint::default()
            }),
            Self::Histogram(points) => points.push(HistogramDataPoint {
                attributes,
                time_unix_nano: time,
                flags,
                ..HistogramDataPoint::default()
            }),
            Self::Exponential(points) => points.push(ExponentialHistogramDataPoint {
                attributes,
                time_unix_nano: time,
                flags,
                ..ExponentialHistogramDataPoint::default()
            }),
        }
    }

    fn metric(self, family: &Descriptor, frame: &Frame) -> Option<Metric> {
        let aggregation_temporality = wire(frame.temporality);
        let data = match self {
            Self::Sum(points) if points.is_empty() => return None,
            Self::Gauge(points) if points.is_empty() => return None,
            Self::Histogram(points) if points.is_empty() => return None,
            Self::Exponential(points) if points.is_empty() => return None,
            Self::Sum(data_points) => {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
            }
            Self::Gauge(data_points) => Data::Gauge(Gauge { data_points }),
            Self::Histogram(data_points) => {
                Data::Histogram(Histogram { data_points, aggregation_temporality })
            }
            Self::Exponential(data_points) => {
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
        };
        Some(Metric {
            name: family.name.to_owned(),
            description: family.help.to_owned(),
            unit: unit::unit(family),
            metadata: Vec::new(),
            data: Some(data),
        })
    }
}

fn number(value: Point, start: u64, time: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(
    read: &snapshot::Histogram<'_>,
    start: u64,
    time: u64,
    attributes: Vec<KeyValue>,
) -> HistogramDataPoint {
    let bound = |stored: &u64| Amount { stored: *stored, scale: read.scale() }.as_f64();
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: read.count(),
        sum: Some(read.sum().as_f64()),
        bucket_counts: read.buckets().to_vec(),
        explicit_bounds: read.bounds().iter().map(bound).collect(),
        ..HistogramDataPoint::default()
    }
}

/// The count is that of these buckets and the zero count together, as the protocol demands.
fn exponential(
    read: &Exponential<'_>,
    sum: Amount,
    start: u64,
    time: u64,
    attributes: Vec<KeyValue>,
) -> ExponentialHistogramDataPoint {
    let ExponentialBuckets { scale, offset, counts } = read.buckets();
    ExponentialHistogramDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: read.count(),
        sum: Some(sum.as_f64()),
        scale,
        zero_count: read.zero_count(),
        zero_threshold: read.zero_threshold(),
        positive: Some(Buckets { offset, bucket_counts: counts }),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn amount_point(amount: Amount) -> Point {
    if amount.scale == 1 { Point::AsInt(positive(amount.stored)) } else { Point::AsDouble(amount.as_f64()) }
}

/// The protocol's integers are signed: a counter that grows past them begins anew, and is never negative.
fn positive(stored: u64) -> i64 {
    (stored & i64::MAX.cast_unsigned()).cast_signed()
}

fn gauge_point(set: Number) -> Point {
    match set {
        Number::U64(value) => {
            i64::try_from(value).map_or_else(|_| Point::AsDouble(set.as_f64()), Point::AsInt)
        }
        Number::I64(value) => Point::AsInt(value),
        Number::F64(value) => Point::AsDouble(value),
    }
}

/// Constant labels that are fixed, then the family's own.
fn attributes(part: &Part, instance: &Instance, family: &'static Descriptor, index: usize) -> Vec<KeyValue> {
    let constants = part.catalog.constant_labels.iter().zip(&instance.constants);
    let fixed = constants.filter_map(|(label, value)| Some((label.name, label_text(label, *value)?)));
    fixed.chain(own_labels(family, index)).map(|(name, text)| attribute(name, text.to_string())).collect()
}

fn first_cell(family: &Descriptor, series: usize) -> usize {
    family.first + series * family.cells_per_series()
}

/// Puts a family beside the others of its catalog.
fn merge(scopes: &mut Vec<ScopeMetrics>, catalog: &'static CatalogDescriptor, metric: Metric) {
    let is_same = |known: &&mut ScopeMetrics| {
        known
            .scope
            .as_ref()
            .is_some_and(|scope| scope.name == catalog.name && scope.version == catalog.version)
    };
    let Some(known) = scopes.iter_mut().find(is_same) else {
        return scopes.push(scope(catalog, vec![metric]));
    };
    let Some(family) = known.metrics.iter_mut().find(|known| known.name == metric.name) else {
        return known.metrics.push(metric);
    };
    match (&mut family.data, metric.data) {
        (Some(Data::Sum(known)), Some(Data::Sum(more))) => known.data_points.extend(more.data_points),
        (Some(Data::Gauge(known)), Some(Data::Gauge(more))) => known.data_points.extend(more.data_points),
        (Some(Data::Histogram(known)), Some(Data::Histogram(more))) => {
            known.data_points.extend(more.data_points);
        }
        (Some(Data::ExponentialHistogram(known)), Some(Data::ExponentialHistogram(more))) => {
            known.data_points.extend(more.data_points);
        }
        // A family has one kind.
        _ => {}
    }
}
