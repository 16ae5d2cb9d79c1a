//! The playbook as an author writes it.

use serde::Deserialize;

use super::{Ordered, StepSpec};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaybookSpec {
    pub(crate) severities: Ordered<String>,
    pub(crate) roles: Ordered<String>,
    pub(crate) first_minutes: Vec<StepSpec>,
    pub(crate) triage: Vec<String>,
    pub(crate) symptoms: Vec<SymptomSpec>,
    pub(crate) communication: Vec<String>,
    pub(crate) over_when: Vec<String>,
    pub(crate) review: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SymptomSpec {
    pub(crate) seen: String,
    pub(crate) query: Option<String>,
    pub(crate) alerts: Vec<String>,
}
