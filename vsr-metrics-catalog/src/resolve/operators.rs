//! What operators read, in the order in which one names the other.

use super::Resolver;
use crate::model::Exception;
use crate::spec::CatalogSpec;

impl Resolver<'_> {
    pub(super) fn operators(&mut self, spec: &CatalogSpec) {
        self.catalog.exceptions = spec
            .exceptions
            .iter()
            .map(|entry| Exception {
                lint: entry.spec.lint.clone(),
                metrics: entry.spec.metrics.clone(),
                reason: entry.spec.reason.clone(),
                span: entry.span,
            })
            .collect();
        self.rules(spec);
        self.catalog.dashboards = spec.dashboards.iter().map(|entry| self.dashboard(entry)).collect();
        // Alerts name objectives and dashboards.
        self.alerts(spec);
        self.playbook(spec);
    }
}
