//! An independent validator reads the JSON Schema: it takes the real catalogs, and rejects broken ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools;
use crate::catalog;
use crate::test::{End, output_of};
use crate::workspace;

/// The script that validates.
const SCRIPT: &str = include_str!("schema/validate.py");

/// Mistakes of the catalog's UI tests that a schema can express. The others need two places of the file at once, or
/// what no schema sees: the order of numbers, keys written twice, anchors.
const REJECTED: [&str; 76] = [
    "aggregate-of-a-counter",
    "alert-for",
    "alert-name",
    "alert-priority",
    "alert-several-conditions",
    "alert-severity",
    "alert-threshold-unit",
    "alert-without-expression",
    "alert-without-runbook",
    "alert-without-test",
    "bad-buckets-name",
    "bad-catalog-name",
    "bad-duration",
    "bad-group",
    "bad-label-name",
    "bad-metric-name",
    "bad-prefix",
    "bad-state-name",
    "bad-value-name",
    "bad-version",
    "bucket-duplicate",
    "bucket-negative",
    "bucket-none",
    "bucket-too-many",
    "buckets-missing",
    "buckets-of-a-gauge",
    "byte-order-mark",
    "counter-without-total",
    "dashboard-empty-panel",
    "dashboard-uid",
    "duplicate-label",
    "empty-enum",
    "empty-file",
    "exception-without-reason",
    "five-mistakes",
    "grid-of-a-gauge",
    "grid-unknown",
    "help-missing",
    "label-with-values-and-range",
    "label-without-values",
    "max-peers-zero",
    "missing-key",
    "missing-section",
    "misspelt-section",
    "nesting-too-deep",
    "not-a-map",
    "nothing-is-blamed-for-what-is-lost",
    "null-help",
    "number-past-u64",
    "only-comments",
    "panel-key",
    "panel-size",
    "panel-untitled",
    "reserved-label-with-underscores",
    "reserved-label",
    "reserved-suffix",
    "rule-name",
    "scrape-interval-zero",
    "several-in-one-entry",
    "slo-name",
    "slo-objective",
    "slo-window-zero",
    "state-out-of-range",
    "states-and-value",
    "states-none",
    "struct-from-a-list",
    "test-interval-zero",
    "total-without-counter",
    "unicode-before-the-culprit",
    "unicode-name",
    "unknown-key-in-a-step",
    "unknown-key",
    "unknown-section",
    "unknown-unit",
    "unknown-word",
    "wrong-type",
];

/// Catalogs without a mistake, beside the committed ones.
const ACCEPTED: [&str; 3] = [
    "vsr-metrics-catalog/tests/ui/sound.yaml",
    "vsr-metrics-catalog/tests/queries/sound.yaml",
    "tests/strict-user/catalog.yaml",
];

/// The schema accepts what is right and rejects what is wrong.
pub fn validate() -> End {
    let python = match tools::schema_python() {
        Ok(python) => python,
        Err(remedy) => return End::LeftOut(remedy),
    };
    let root = workspace::root();
    let broken = |name: &&str| root.join(format!("vsr-metrics-catalog/tests/ui/{name}.yaml"));
    let sound = catalog::COMMITTED.iter().map(|(path, _)| *path).chain(ACCEPTED).map(|path| root.join(path));
    let (sound, broken): (Vec<PathBuf>, Vec<PathBuf>) =
        (sound.collect(), REJECTED.iter().map(broken).collect());
    End::from(verdicts(&python, &sound).and_then(|sound| {
        let mut findings: Vec<String> =
            sound.into_iter().filter(|verdict| !verdict.contains("\taccepted\t")).collect();
        let taken = verdicts(&python, &broken)?;
        findings.extend(taken.into_iter().filter(|verdict| !verdict.contains("\trejected\t")));
        if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
    }))
}

/// A line for each file: name, verdict, reason.
fn verdicts(python: &Path, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let schema = workspace::root().join("docs/metrics.schema.json");
    let printed = output_of(Command::new(python).args(["-c", SCRIPT]).arg(schema).args(files))?;
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    if lines.len() == files.len() {
        Ok(lines)
    } else {
        Err(format!("{} verdicts on {} files", lines.len(), files.len()))
    }
}
