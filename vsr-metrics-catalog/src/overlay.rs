//! What one deployment changes of a catalog's alerts: thresholds, waits, severities, priorities, and where they
//! point to. It is checked like the catalog, and can change nothing else.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::names;
use crate::parse;
use crate::places::Places;
use crate::source::SourceFile;
use crate::spec::{AlertChangeSpec, AlertSpec, CatalogSpec, Entry, OverlaySpec};

/// An overlay, and what is wrong with it.
pub(crate) struct Overlay {
    pub(crate) source: SourceFile,
    pub(crate) diagnostics: Diagnostics,
    read: Option<(OverlaySpec, Places)>,
}

impl Overlay {
    /// Reads the text; what it means shows when it is applied.
    pub(crate) fn read(source: SourceFile) -> Self {
        let mut diagnostics = Diagnostics::default();
        let read = parse::overlay(&source, &mut diagnostics);
        Self { source, diagnostics, read }
    }

    /// Changes a catalog.
    pub(crate) fn apply(&mut self, catalog: &mut CatalogSpec) {
        let Some((overlay, places)) = &self.read else { return };
        if let (Some(links), Some(header)) = (&overlay.links, &mut catalog.header) {
            let given = &links.spec;
            let ours = &mut header.spec.links;
            ours.runbook = given.runbook.clone().or_else(|| ours.runbook.take());
            ours.dashboards = given.dashboards.clone().or_else(|| ours.dashboards.take());
        }
        let known: Vec<String> = catalog.alerts.iter().map(|alert| alert.name.clone()).collect();
        for change in &overlay.alerts {
            if let Some(alert) = catalog.alerts.iter_mut().find(|alert| alert.name == change.name) {
                Changer { places, diagnostics: &mut self.diagnostics, change }.change(&mut alert.spec);
            } else {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let message = format!("alert `{}` is not defined", change.name);
                let error = Diagnostic::error("unknown-alert", change.span, message);
                self.diagnostics.push(error.help(parse::suggestion(&change.name, &known)));
            }
        }
        self.diagnostics.sort();
    }
}

/// Applies the changes of one alert.
struct Changer<'a> {
    places: &'a Places,
    diagnostics: &'a mut Diagnostics,
    change: &'a Entry<AlertChangeSpec>,
}

impl Changer<'_> {
    fn change(&mut self, alert: &mut AlertSpec) {
        let change = &self.change.spec;
        self.threshold(alert);
        if let Some(hold) = &change.hold {
            if names::duration(hold).is_none() {
                let message = format!("`{hold}` is not a duration");
                self.refuse(
                    "bad-duration",
                    "for",
                    message,
                    "write a number and a unit: `30s`, `5m`, `1h30m`",
                );
            } else if *hold != alert.hold {
                alert.hold.clone_from(hold);
                alert.changed = true;
            }
        }
        if let Some(severity) = change.severity {
            alert.severity = severity;
        }
        if let Some(priority) = &change.priority {
            if ["P0", "P1", "P2"].contains(&priority.as_str()) {
                alert.priority.clone_from(priority);
            } else {
                self.refuse(
                    "alert-priority",
                    "priority",
                    format!("`{priority}` is not a priority"),
                    "use P0, P1 or P2",
                );
            }
        }
    }

    fn threshold(&mut self, alert: &mut AlertSpec) {
        let Some(given) = &self.change.spec.threshold else { return };
        let name = &self.change.name;
        let Some(ours) = &mut alert.threshold else {
            let message = format!("`{name}` has no threshold that could be changed");
            self.refuse(
                "threshold-missing",
                "threshold",
                message,
                "change `for` or `severity`, or remove it",
            );
            return;
        };
        if given.unit != ours.unit {
            let message = format!("the threshold of `{name}` is in `{}`, not in `{}`", ours.unit, given.unit);
            let help = format!("convert it and write `unit: {}`", ours.unit);
            self.refuse("threshold-unit", "threshold.unit", message, &help);
        } else if !given.value.is_finite() {
            self.refuse(
                "threshold-value",
                "threshold.value",
                "a threshold is a finite number".into(),
                "give a number",
            );
        } else if given.value.total_cmp(&ours.value).is_ne() {
            ours.value = given.value;
            alert.changed = true;
        }
    }

    fn refuse(&mut self, code: &'static str, key: &str, message: String, help: &str) {
        let span = self.places.value(&format!("{}.{key}", self.change.path));
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }
}
