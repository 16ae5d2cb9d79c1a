//! Alerts, recording rules and objectives as an author writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Ordered, ShortOrFull};
use crate::model::Severity;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSpec {
    pub(crate) expr: String,
    pub(crate) help: Option<String>,
    /// Words in braces that the rule is repeated for.
    pub(crate) each: Option<Ordered<Vec<WordSpec>>>,
}

/// A word or a number; numbers are written as they stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a word or a whole number")]
pub(crate) enum WordSpec {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SloSpec {
    pub(crate) help: String,
    pub(crate) objective: f64,
    pub(crate) window: String,
    pub(crate) good: String,
    pub(crate) total: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertSpec {
    pub(crate) severity: Severity,
    pub(crate) priority: String,
    pub(crate) group: Option<String>,
    pub(crate) expr: Option<String>,
    pub(crate) burn: Option<String>,
    pub(crate) missing: Option<MissingSpec>,
    pub(crate) threshold: Option<ThresholdSpec>,
    #[serde(default = "zero", rename = "for")]
    pub(crate) hold: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) note: Option<String>,
    pub(crate) dashboard: Option<String>,
    pub(crate) runbook: Option<RunbookSpec>,
    #[serde(default)]
    pub(crate) tests: Vec<AlertTestSpec>,
    /// Set by an overlay, not by the file.
    #[serde(skip)]
    pub(crate) changed: bool,
}

fn zero() -> String {
    "0s".to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MissingSpec {
    pub(crate) beside: String,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThresholdSpec {
    pub(crate) value: f64,
    pub(crate) unit: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunbookSpec {
    pub(crate) meaning: String,
    pub(crate) impact: String,
    pub(crate) diagnosis: Vec<StepSpec>,
    pub(crate) mitigation: Vec<StepSpec>,
    #[serde(default)]
    pub(crate) avoid: Vec<String>,
    pub(crate) resolved_when: String,
}

pub(crate) type StepSpec = ShortOrFull<String, FullStepSpec>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullStepSpec {
    pub(crate) text: String,
    pub(crate) query: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertTestSpec {
    pub(crate) name: String,
    pub(crate) interval: Option<String>,
    pub(crate) series: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) quiet_at: OneOrMany,
    #[serde(default)]
    pub(crate) fires_at: OneOrMany,
    #[serde(default)]
    pub(crate) quiet_again_at: OneOrMany,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a duration such as `5m`, or a list of durations")]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
