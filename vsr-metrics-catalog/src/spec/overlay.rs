//! What a deployment changes, as it writes it.

use serde::Deserialize;

use super::{Entry, LinksSpec, ThresholdSpec};
use crate::model::Severity;

/// A whole overlay.
#[derive(Clone, Debug, Default)]
pub(crate) struct OverlaySpec {
    pub(crate) links: Option<Entry<LinksSpec>>,
    pub(crate) alerts: Vec<Entry<AlertChangeSpec>>,
}

/// What a deployment changes of an alert.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertChangeSpec {
    pub(crate) threshold: Option<ThresholdSpec>,
    #[serde(rename = "for")]
    pub(crate) hold: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) priority: Option<String>,
}
