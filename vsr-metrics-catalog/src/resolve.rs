//! [`CatalogSpec`] to [`Catalog`]: references bound, defaults filled in, names and units typed.
//!
//! What is sound stays, whatever is wrong beside it; so one mistake in the catalog is one error at the build and
//! not a hundred at the call sites of other metrics.

mod alerts;
mod collisions;
mod dashboards;
mod expressions;
mod header;
mod labels;
mod metrics;
mod operators;
mod playbook;
mod rules;

use std::collections::HashMap;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lost::Lost;
use crate::model::{Catalog, LabelId};
use crate::names;
use crate::places::Places;
use crate::source::Span;
use crate::spec::CatalogSpec;

/// A line of StatsD holds a few such names and has to fit into a datagram.
const LONGEST_NAME: usize = 128;

/// Binds everything to everything.
pub(crate) fn resolve(
    spec: &CatalogSpec,
    places: &Places,
    lost: &mut Lost,
    diagnostics: &mut Diagnostics,
) -> Catalog {
    let catalog = Catalog::default();
    let mut resolver = Resolver { catalog, places, diagnostics, labels: HashMap::new(), lost };
    resolver.header(spec);
    resolver.labels(spec);
    resolver.constant_labels(spec);
    resolver.buckets(spec);
    resolver.metrics(spec);
    resolver.constant_label_methods();
    resolver.operators(spec);
    resolver.expressions(spec);
    resolver.catalog
}

struct Resolver<'a> {
    catalog: Catalog,
    places: &'a Places,
    diagnostics: &'a mut Diagnostics,
    labels: HashMap<String, LabelId>,
    /// What is unknown may be among what could not be read; its own finding says so already.
    lost: &'a mut Lost,
}

impl Resolver<'_> {
    /// How many findings there are; more of them later means that something was wrong in between.
    fn told(&self) -> usize {
        self.diagnostics.iter().count()
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    /// Whether a name is lower-case words, and no longer than what carries it allows; else what it is not.
    fn is_name(&mut self, code: &'static str, span: Span, what: &str, name: &str) -> bool {
        if !names::is_snake(name) {
            self.error(code, span, format!("`{name}` is not {what}"), names::snake_remedy(name));
            return false;
        }
        if name.len() > LONGEST_NAME {
            let message = format!("`{name}` has {} characters", name.len());
            self.error("name-too-long", span, message, format!("use at most {LONGEST_NAME} of them"));
            return false;
        }
        true
    }

    fn duration(&mut self, path: &str, text: &str) -> Duration {
        names::duration(text).unwrap_or_else(|| {
            let span = self.places.value(path);
            let message = format!("`{text}` is not a duration");
            self.error(
                "bad-duration",
                span,
                message,
                "write a number and a unit: `250ms`, `15s`, `5m`, `1h`, `30d`",
            );
            Duration::ZERO
        })
    }

    /// A duration of which nothing is left if it is zero.
    fn positive_duration(&mut self, path: &str, text: &str) -> Duration {
        let told = self.told();
        let duration = self.duration(path, text);
        if duration.is_zero() && self.told() == told {
            let span = self.places.value(path);
            self.error("zero-duration", span, format!("`{text}` is no time at all"), "write a longer one");
        }
        duration
    }

    /// Binds the label keys listed at `path`.
    fn label_ids(&mut self, path: &str, keys: &[String]) -> Vec<LabelId> {
        let mut ids = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let span = self.places.value(&format!("{path}[{index}]"));
            match self.labels.get(key) {
                Some(id) if ids.contains(id) => {
                    self.error(
                        "duplicate-label",
                        span,
                        format!("label `{key}` is listed twice"),
                        "keep one of them",
                    );
                }
                Some(id) => ids.push(*id),
                None if self.lost.may_define(key) => {}
                None => {
                    let known: Vec<&str> =
                        self.catalog.labels.iter().map(|label| label.key.as_str()).collect();
                    let help = crate::parse::suggestion(key, &known);
                    self.error("unknown-label", span, format!("label `{key}` is not defined"), help);
                }
            }
        }
        ids
    }
}
