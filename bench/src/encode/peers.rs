//! The same families in each peer, made from our descriptors.

use measured::label::{LabelGroup, LabelGroupVisitor, LabelName};
use measured::metric::group::Encoding as _;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::metric::{Metric, MetricEncoding};
use measured::text::TextEncoder;
use metrics::Recorder as _;
use metrics_exporter_prometheus::Matcher;
use prometheus::Encoder as _;
use prometheus_client::metrics::family::Family;
use vsr_metrics::descriptor::{CatalogDescriptor, Descriptor, Instrument};

use super::{Label, OBSERVED, Scrape, bounds, series};

/// All peers, by name.
pub fn all(catalog: &'static CatalogDescriptor) -> Vec<(&'static str, Scrape)> {
    vec![
        ("prometheus", prometheus(catalog.families)),
        ("prometheus-client", client(catalog.families)),
        ("measured", measured(catalog.families)),
        ("metrics + exporter", exporter(catalog.families)),
    ]
}

/// The families of a catalog.
type Families = &'static [Descriptor];

fn prometheus(families: Families) -> Scrape {
    let registry = prometheus::Registry::new();
    for family in families {
        let all = series(family);
        let names: Vec<&str> = all[0].iter().map(|(name, _)| *name).collect();
        let values = |labels: &[Label]| labels.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
        let options = prometheus::Opts::new(family.name, family.help);
        let collector: Box<dyn prometheus::core::Collector> = match &family.instrument {
            Instrument::Counter => {
                let vec = prometheus::IntCounterVec::new(options, &names).expect("valid names");
                all.iter().for_each(|labels| vec.with_label_values(&values(labels)).inc_by(12_345));
                Box::new(vec)
            }
            Instrument::Gauge(_) => {
                let vec = prometheus::IntGaugeVec::new(options, &names).expect("valid names");
                all.iter().for_each(|labels| vec.with_label_values(&values(labels)).set(1));
                Box::new(vec)
            }
            Instrument::Histogram { bound_names, .. } => {
                let options = prometheus::HistogramOpts::from(options).buckets(bounds(bound_names));
                let vec = prometheus::HistogramVec::new(options, &names).expect("valid names");
                for labels in &all {
                    OBSERVED.iter().for_each(|value| vec.with_label_values(&values(labels)).observe(*value));
                }
                Box::new(vec)
            }
        };
        registry.register(collector).expect("names differ");
    }
    let encoder = prometheus::TextEncoder::new();
    Box::new(move |out| encoder.encode(&registry.gather(), out).expect("memory takes all"))
}

fn client(families: Families) -> Scrape {
    use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};
    let mut registry = prometheus_client::registry::Registry::default();
    for family in families {
        let all = series(family);
        // The library appends the suffix itself.
        let name = family.name.trim_end_matches("_total");
        match &family.instrument {
            Instrument::Counter => {
                let vec = Family::<Vec<Label>, Counter>::default();
                for labels in &all {
                    vec.get_or_create(labels).inc_by(12_345);
                }
                registry.register(name, family.help, vec);
            }
            Instrument::Gauge(_) => {
                let vec = Family::<Vec<Label>, Gauge>::default();
                for labels in &all {
                    vec.get_or_create(labels).set(1);
                }
                registry.register(name, family.help, vec);
            }
            Instrument::Histogram { bound_names, .. } => {
                let bounds = bounds(bound_names);
                let vec = Family::<Vec<Label>, Histogram, _>::new_with_constructor(move || {
                    Histogram::new(bounds.iter().copied())
                });
                for labels in &all {
                    OBSERVED.iter().for_each(|value| vec.get_or_create(labels).observe(*value));
                }
                registry.register(name, family.help, vec);
            }
        }
    }
    Box::new(move |out| {
        // It writes to a `String`; the buffer goes there and back, so that it is used again here too.
        let mut text = String::from_utf8(std::mem::take(out)).unwrap_or_default();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("memory takes all");
        *out = text.into_bytes();
    })
}

/// Labels as this library's encoder visits them.
struct Labels(Vec<Label>);

impl LabelGroup for Labels {
    fn visit_values(&self, visitor: &mut impl LabelGroupVisitor) {
        for (name, value) in &self.0 {
            visitor.write_value(LabelName::from_str(name), value);
        }
    }
}

/// Its encoder, writing to a buffer that can be swapped for another.
type MeasuredText = TextEncoder<Vec<u8>>;

/// Writes one family; the number of bounds is part of a histogram's type.
type Collect = Box<dyn Fn(&mut MeasuredText) -> std::io::Result<()> + Send>;

/// Below its derives, which want a struct of metrics known when compiling: labels here are text that is ready, so
/// this is rather faster than its usual path.
fn measured(families: Families) -> Scrape {
    let families: Vec<Collect> = families.iter().map(measured_family).collect();
    let mut encoder = TextEncoder::new(Vec::new());
    Box::new(move |out| {
        std::mem::swap(&mut encoder.writer, out);
        for collect in &families {
            collect(&mut encoder).expect("memory takes all");
        }
        encoder.flush().expect("memory takes all");
        std::mem::swap(&mut encoder.writer, out);
    })
}

fn measured_family(family: &'static Descriptor) -> Collect {
    match &family.instrument {
        Instrument::Counter => measured_series(family, || {
            let counter = measured::Counter::new();
            counter.inc_by(12_345);
            counter
        }),
        Instrument::Gauge(_) => measured_series(family, || {
            let gauge = measured::Gauge::new();
            gauge.set(1);
            gauge
        }),
        Instrument::Histogram { bound_names, .. } => {
            let bounds = bounds(bound_names);
            match bounds.len() {
                5 => measured_histogram::<5>(family, &bounds),
                6 => measured_histogram::<6>(family, &bounds),
                7 => measured_histogram::<7>(family, &bounds),
                8 => measured_histogram::<8>(family, &bounds),
                9 => measured_histogram::<9>(family, &bounds),
                10 => measured_histogram::<10>(family, &bounds),
                other => panic!("`{}` has {other} bounds, for which there is no arm here yet", family.name),
            }
        }
    }
}

fn measured_histogram<const N: usize>(family: &'static Descriptor, bounds: &[f64]) -> Collect {
    measured_series(family, || {
        let bounds = bounds.try_into().expect("the caller counted them");
        let histogram = measured::Histogram::<N>::with_metadata(Thresholds::with_buckets(bounds));
        OBSERVED.iter().for_each(|value| histogram.get_metric().observe(*value));
        histogram
    })
}

fn measured_series<M>(family: &'static Descriptor, make: impl Fn() -> Metric<M>) -> Collect
where
    M: MetricEncoding<MeasuredText> + Send + 'static,
    M::Metadata: Send,
{
    let all: Vec<_> = series(family).into_iter().map(|labels| (Labels(labels), make())).collect();
    Box::new(move |encoder| {
        let name = MetricName::from_str(family.name);
        encoder.write_help(name, family.help)?;
        M::write_type(name, encoder)?;
        for (labels, metric) in &all {
            let metric = metric.get_metric();
            M::collect_into(&metric, metric.metadata(), labels, name, encoder)?;
        }
        Ok(())
    })
}

fn exporter(families: Families) -> Scrape {
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let recorder = families
        .iter()
        .fold(builder, |builder, family| match &family.instrument {
            Instrument::Histogram { bound_names, .. } => builder
                .set_buckets_for_metric(Matcher::Full(family.name.to_owned()), &bounds(bound_names))
                .expect("there are bounds"),
            Instrument::Counter | Instrument::Gauge(_) => builder,
        })
        .build_recorder();
    let metadata = metrics::Metadata::new("bench", metrics::Level::INFO, None);
    for family in families {
        for labels in series(family) {
            let labels: Vec<_> =
                labels.into_iter().map(|(name, value)| metrics::Label::new(name, value)).collect();
            let key = metrics::Key::from_parts(family.name, labels);
            match &family.instrument {
                Instrument::Counter => {
                    recorder.describe_counter(family.name.into(), None, family.help.into());
                    recorder.register_counter(&key, &metadata).increment(12_345);
                }
                Instrument::Gauge(_) => {
                    recorder.describe_gauge(family.name.into(), None, family.help.into());
                    recorder.register_gauge(&key, &metadata).set(1.0);
                }
                Instrument::Histogram { .. } => {
                    recorder.describe_histogram(family.name.into(), None, family.help.into());
                    let histogram = recorder.register_histogram(&key, &metadata);
                    OBSERVED.iter().for_each(|value| histogram.record(*value));
                }
            }
        }
    }
    let handle = recorder.handle();
    Box::new(move |out| handle.render_to_write(out).expect("memory takes all"))
}
