//! What the metrics' exporter sends: a source, frozen and encoded, for a resource that is named once.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::config::OtelConfig;
use super::resource;
use super::transport::Message;
use super::worker::{Feed, Undelivered};
use crate::encode::otlp::{Encoder, Temporality, batches, request};
use crate::{Snapshot, Source, health};

/// A source of metrics on its way out.
pub(super) struct Metrics {
    source: Arc<dyn Source>,
    config: OtelConfig,
    snapshot: Snapshot,
    encoder: Encoder,
    /// Named by the first collection, the same ever after.
    resource: Option<Vec<KeyValue>>,
}

impl Metrics {
    pub(super) fn new(source: Arc<dyn Source>, config: OtelConfig, start: SystemTime) -> Self {
        let encoder = Encoder::new(config.temporality, start).with(config.histograms);
        Self { source, config, snapshot: Snapshot::new(), encoder, resource: None }
    }
}

impl Feed for Metrics {
    fn gather(&mut self, most_points: usize) -> Vec<Message> {
        self.snapshot.clear();
        self.source.collect(&mut self.snapshot);
        let is_empty = self.snapshot.parts().next().is_none();
        let resource =
            self.resource.get_or_insert_with(|| resource::attributes(&self.config, &self.snapshot));
        // How the exporters do is told beside what they export, not in place of it.
        if !is_empty && !self.snapshot.parts().any(|part| part.catalog.name == health::Metrics::CATALOG.name)
        {
            health::METRICS.collect(&mut self.snapshot);
        }
        let scopes = self.encoder.encode(&self.snapshot, SystemTime::now());
        let batches = batches(scopes, most_points);
        batches.into_iter().map(|scopes| Message::Metrics(request(resource.clone(), scopes))).collect()
    }

    fn accept(&mut self) {
        self.encoder.accept();
    }

    fn undelivered(&self) -> Undelivered {
        match self.config.temporality {
            Temporality::Cumulative => Undelivered::Superseded,
            Temporality::Delta => Undelivered::Merged,
        }
    }
}
