//! Dashboards as written: boards, rows, panels.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::model::{Choice, Color, PanelKind};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DashboardSpec {
    pub(crate) title: String,
    pub(crate) help: String,
    #[serde(default = "hour")]
    pub(crate) range: String,
    #[serde(default)]
    pub(crate) choose: Choice,
    pub(crate) rows: Vec<RowSpec>,
}

fn hour() -> String {
    "1h".to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowSpec {
    pub(crate) title: String,
    pub(crate) panels: Vec<PanelSpec>,
}

/// The name of a metric, or a panel with what differs from what follows of the metric's type.
#[derive(Clone, Debug)]
pub(crate) enum PanelSpec {
    Metric(String),
    Full(Box<FullPanelSpec>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullPanelSpec {
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) metrics: Vec<String>,
    pub(crate) expr: Option<String>,
    pub(crate) legend: Option<String>,
    #[serde(default)]
    pub(crate) queries: Vec<QuerySpec>,
    pub(crate) kind: Option<PanelKind>,
    pub(crate) unit: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) window: Option<String>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) thresholds: Option<ThresholdsSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuerySpec {
    pub(crate) expr: String,
    pub(crate) legend: Option<String>,
}

/// Colors, each by the value from which it holds, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct ThresholdsSpec(pub(crate) Vec<(String, Color)>);

impl<'de> Deserialize<'de> for ThresholdsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Thresholds;

        impl<'de> Visitor<'de> for Thresholds {
            type Value = ThresholdsSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from `base` and numbers to colors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ThresholdsSpec, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, color)) = map.next_entry::<Key, Color>()? {
                    entries.push((key.text(), color));
                }
                Ok(ThresholdsSpec(entries))
            }
        }

        deserializer.deserialize_map(Thresholds)
    }
}

/// A key that YAML may read as a number.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected `base` or a number")]
enum Key {
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Key {
    fn text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// By hand, because an untagged enum would swallow the place and the name of an unknown key.
impl<'de> Deserialize<'de> for PanelSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Panel;

        impl<'de> Visitor<'de> for Panel {
            type Value = PanelSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of a metric, or a panel with `title`, and `metrics`, `expr` or `queries`",
                )
            }

            fn visit_str<E: serde::de::Error>(self, metric: &str) -> Result<PanelSpec, E> {
                Ok(PanelSpec::Metric(metric.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PanelSpec, A::Error> {
                let panel = FullPanelSpec::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PanelSpec::Full(Box::new(panel)))
            }
        }

        deserializer.deserialize_any(Panel)
    }
}
