//! Messages that no receiver finds too large, in the order of the collection.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ScopeMetrics, Sum,
};
use prost::Message;

/// Receivers take 4 MiB before compression unless told otherwise; a quarter is left for the resource.
const MOST_BYTES: usize = 3 << 20;

/// Splits a collection so that no message has more points than that, nor more bytes than receivers take.
pub(crate) fn batches(scopes: Vec<ScopeMetrics>, most_points: usize) -> Vec<Vec<ScopeMetrics>> {
    let mut batches = vec![Vec::new()];
    let mut room = most_points.max(1);
    for scope in scopes {
        let mut rest = scope.metrics;
        rest.reverse();
        let mut taken = Vec::new();
        while let Some(mut metric) = rest.pop() {
            if let Some(more) = split(&mut metric, room) {
                rest.push(more);
            }
            room = room.saturating_sub(points_of_metric(&metric));
            taken.push(metric);
            if room == 0 {
                push(&mut batches, scope.scope.as_ref(), &mut taken);
                batches.push(Vec::new());
                room = most_points.max(1);
            }
        }
        push(&mut batches, scope.scope.as_ref(), &mut taken);
    }
    batches.retain(|batch| !batch.is_empty());
    batches.into_iter().flat_map(fitting).collect()
}

/// The same points in two messages, or in one if there is but one point.
pub(crate) fn halves(scopes: Vec<ScopeMetrics>) -> Vec<Vec<ScopeMetrics>> {
    let points = points_of(&scopes);
    batches(scopes, points.div_ceil(2))
}

/// The number of data points.
pub(crate) fn points_of(scopes: &[ScopeMetrics]) -> usize {
    scopes.iter().flat_map(|scope| &scope.metrics).map(points_of_metric).sum()
}

fn fitting(batch: Vec<ScopeMetrics>) -> Vec<Vec<ScopeMetrics>> {
    let bytes: usize = batch.iter().map(Message::encoded_len).sum();
    if bytes <= MOST_BYTES || points_of(&batch) < 2 { vec![batch] } else { halves(batch) }
}

fn push(batches: &mut [Vec<ScopeMetrics>], scope: Option<&InstrumentationScope>, metrics: &mut Vec<Metric>) {
    if let (false, Some(batch)) = (metrics.is_empty(), batches.last_mut()) {
        let metrics = std::mem::take(metrics);
        batch.push(ScopeMetrics { scope: scope.cloned(), metrics, schema_url: String::new() });
    }
}

/// Cuts off the points that have no room.
fn split(metric: &mut Metric, room: usize) -> Option<Metric> {
    if points_of_metric(metric) <= room {
        return None;
    }
    let data = match metric.data.as_mut()? {
        Data::Sum(sum) => {
            let data_points = sum.data_points.split_off(room);
            Data::Sum(Sum { data_points, ..*sum })
        }
        Data::Gauge(gauge) => {
            let data_points = gauge.data_points.split_off(room);
            Data::Gauge(Gauge { data_points })
        }
        Data::Histogram(histogram) => {
            let data_points = histogram.data_points.split_off(room);
            Data::Histogram(Histogram { data_points, ..*histogram })
        }
        Data::ExponentialHistogram(histogram) => {
            let data_points = histogram.data_points.split_off(room);
            Data::ExponentialHistogram(ExponentialHistogram { data_points, ..*histogram })
        }
        Data::Summary(_) => return None,
    };
    let (name, description, unit) = (metric.name.clone(), metric.description.clone(), metric.unit.clone());
    Some(Metric { name, description, unit, metadata: Vec::new(), data: Some(data) })
}

fn points_of_metric(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    }
}
