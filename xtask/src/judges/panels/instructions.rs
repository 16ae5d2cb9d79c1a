//! What runbook and playbook tell people to run: a real Prometheus takes every query.

use std::path::Path;

use vsr_metrics_catalog::model::{Form, Owner};

use crate::catalog;
use crate::judges::prometheus::Prometheus;

/// Runs each query once, and tells which are refused. That one returns nothing is no fault: many ask whether something is
/// wrong.
///
/// # Errors
/// If a catalog cannot be read, or names no query.
pub fn refused(prometheus: &Prometheus, at: f64) -> Result<Vec<String>, String> {
    let mut refused = Vec::new();
    for (path, _) in catalog::COMMITTED {
        let compiled = catalog::read(Path::new(path)).map_err(|error| error.to_string())?;
        let is_instruction = |owner| matches!(owner, Owner::Runbook(_) | Owner::Playbook);
        let written = compiled.catalog.expressions.iter();
        let queries: Vec<&str> = written
            .filter(|expression| expression.form == Form::Query && is_instruction(expression.owner))
            .map(|expression| expression.text.as_str())
            .collect();
        if queries.is_empty() {
            return Err(format!("the runbook of `{path}` has no query"));
        }
        let answers = queries.iter().map(|query| prometheus.ask("query", query, &[("time", at)]));
        refused.extend(answers.filter_map(Result::err).map(|error| format!("runbook or playbook: {error}")));
    }
    Ok(refused)
}
