//! The playbook: its texts as they are, and alerts that exist.

use super::Resolver;
use super::alerts::step;
use crate::model::{Playbook, Symptom};
use crate::spec::CatalogSpec;

impl Resolver<'_> {
    pub(super) fn playbook(&mut self, spec: &CatalogSpec) {
        let Some(entry) = &spec.playbook else { return };
        let book = &entry.spec;
        for (index, symptom) in book.symptoms.iter().enumerate() {
            for (alert_index, alert) in symptom.alerts.iter().enumerate() {
                self.known_alert(&format!("playbook.symptoms[{index}].alerts[{alert_index}]"), alert);
            }
        }
        let symptom = |spec: &crate::spec::SymptomSpec| Symptom {
            seen: spec.seen.clone(),
            query: spec.query.clone(),
            alerts: spec.alerts.clone(),
        };
        self.catalog.playbook = Some(Playbook {
            severities: book.severities.0.clone(),
            roles: book.roles.0.clone(),
            first_minutes: book.first_minutes.iter().map(|spec| step(spec, str::to_owned, "")).collect(),
            triage: book.triage.clone(),
            symptoms: book.symptoms.iter().map(symptom).collect(),
            communication: book.communication.clone(),
            over_when: book.over_when.clone(),
            review: book.review.clone(),
        });
    }

    fn known_alert(&mut self, path: &str, name: &str) {
        if self.catalog.alerts.iter().any(|alert| alert.name == name) || self.lost.may_define(name) {
            return;
        }
        let span = self.places.value(path);
        let known: Vec<&str> = self.catalog.alerts.iter().map(|alert| alert.name.as_str()).collect();
        let help = crate::parse::suggestion(name, &known);
        self.error("unknown-alert", span, format!("alert `{name}` is not defined"), help);
    }
}
