//! When each alert fires, as one table.

use vsr_metrics_catalog::model::{Catalog, Condition, Threshold};

use super::duration;
use crate::promql::both_spellings;
use crate::render::markdown::{anchor, code, head, prose, row};
use crate::render::{GeneratedFile, file, origin};

pub(in crate::render) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    if catalog.alerts.is_empty() {
        return Vec::new();
    }
    let mut text = format!("<!-- {} -->\n\n# Alert thresholds of `{}`\n\n", origin(catalog), catalog.name);
    text += INTRODUCTION;
    text += &head(&["Alert", "Condition", "Threshold", "For", "Severity", "Priority"]);
    for alert in &catalog.alerts {
        let rules = alert.rules();
        let threshold = match &alert.condition {
            // One row for all metrics.
            Condition::Missing { metrics, .. } => format!("{} metrics", metrics.len()),
            _ => alert.threshold.map(Threshold::words).unwrap_or_default(),
        };
        let shown = if matches!(alert.condition, Condition::Missing { .. }) { 1 } else { rules.len() };
        for rule in &rules[..shown] {
            text += &row(&[
                format!("[{0}](../runbook.md#{1})", alert.name, anchor(&alert.name)),
                code(&both_spellings(&one_line(&rule.expr))),
                prose(&threshold),
                duration(rule.hold),
                rule.severity.name().to_owned(),
                alert.priority.clone(),
            ]);
        }
    }
    file("alerts/thresholds.md", text)
}

const INTRODUCTION: &str = "\
A threshold with a name of its own can be changed for one deployment, and so can the time for which the condition
must hold, the severity and the priority. Write an overlay, `cargo xtask check --overlay FILE`, then
`cargo xtask gen --overlay FILE --out DIR`:

```yaml
alerts:
  NAME: { threshold: { value: 250, unit: milliseconds }, for: 5m, severity: warning }
```

Code that needs one of these numbers finds it in the module `thresholds` beside the recording methods.

";

fn one_line(expr: &str) -> String {
    expr.split_whitespace().collect::<Vec<_>>().join(" ")
}
