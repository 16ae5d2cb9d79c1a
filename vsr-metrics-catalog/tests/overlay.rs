//! What one deployment changes, and what it is told when it changes something wrong.
#![cfg(feature = "promql")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vsr_metrics_catalog::model::{Severity, Threshold, ThresholdUnit};
use vsr_metrics_catalog::{Outcome, load_with_overlay};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/overlay")
}

fn with(overlay: &str) -> (Outcome, Outcome) {
    load_with_overlay(&folder().join("catalog.yaml"), &folder().join(overlay), &[])
}

#[test]
fn an_overlay_changes_when_an_alert_fires_and_where_it_points_to() {
    let (compiled, overlay) = with("changes.yaml");
    assert!(overlay.diagnostics.is_empty(), "{}", overlay.diagnostics.render_all(&overlay.source));
    assert!(compiled.diagnostics.is_empty(), "{}", compiled.diagnostics.render_all(&compiled.source));
    let alert = &compiled.catalog.alerts[0];
    assert_eq!(alert.threshold, Some(Threshold { value: 5.0, unit: ThresholdUnit::PerSecond }));
    assert_eq!(alert.expr, "rate(app_requests_total{status=\"failure\"}[5m]) > 5");
    assert_eq!(alert.hold, Duration::from_secs(150));
    assert_eq!((alert.severity, alert.priority.as_str()), (Severity::Warning, "P2"));
    assert!(alert.changed, "its tests would judge another rule");
    assert_eq!(compiled.catalog.links.runbook, "https://wiki.example.org/runbook");
}

#[test]
fn mistakes_are_told_in_the_overlay() {
    let bless = std::env::var_os("BLESS").is_some();
    for name in ["mistakes", "unknown-keys"] {
        let (compiled, overlay) = with(&format!("{name}.yaml"));
        assert!(compiled.diagnostics.is_empty(), "the catalog is not to blame");
        let found = overlay.diagnostics.render_all(&overlay.source);
        let found = found.replace(&format!("{}/", folder().display()), "") + "\n";
        let expected = folder().join(format!("{name}.stderr"));
        if bless {
            fs::write(&expected, &found).expect("a writable folder");
        } else {
            assert_eq!(fs::read_to_string(&expected).unwrap_or_default(), found, "{name}");
        }
    }
}

#[test]
fn an_overlay_that_is_not_there_is_told() {
    let (_, overlay) = with("nowhere.yaml");
    assert!(overlay.is_unreadable());
}
