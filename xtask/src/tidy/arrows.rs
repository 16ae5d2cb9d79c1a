//! Which of our crates may depend on which.

use serde_json::Value;

use super::Finding;
use crate::outcome::Refused;
use crate::workspace;

/// The arrows: a crate, and those of ours that it may name. Tests of a crate may use more.
const ARROWS: &[(&str, &[&str])] = &[
    ("vsr-metrics-catalog", &[]),
    ("vsr-metrics-codegen", &["vsr-metrics-catalog"]),
    ("vsr-metrics-macros", &["vsr-metrics-codegen", "vsr-metrics-catalog"]),
    ("vsr-metrics", &["vsr-metrics-macros"]),
    ("vsr-cluster", &["vsr-metrics"]),
    ("xtask", &["vsr-metrics-catalog", "vsr-metrics-codegen"]),
];

/// Every dependency between our crates that is not an arrow.
///
/// # Errors
/// If cargo cannot describe the workspace.
pub fn check() -> Result<Vec<Finding>, Refused> {
    let output = workspace::cargo(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| Refused::new(format!("`cargo` cannot be started: {error}")))?;
    if !output.status.success() {
        return Err(Refused::new(format!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Refused::new(format!("`cargo metadata` printed no JSON: {error}")))?;
    Ok(compare(&metadata))
}

/// Compares what cargo says with the arrows.
fn compare(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let allowed = ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let is_ours = ARROWS.iter().any(|(ours, _)| *ours == on);
            let is_for_tests = dependency["kind"] == "dev";
            // A crate without a row (one that holds tests) points where it likes, and nobody points at it.
            if is_ours && !is_for_tests && allowed.is_some_and(|allowed| !allowed.contains(&on)) {
                findings.push(Finding {
                    path: format!("{name}/Cargo.toml"),
                    line: 0,
                    message: format!(
                        "depends on `{on}`: no arrow in ARCHITECTURE.md leads from `{name}` there"
                    ),
                });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(from: &str, on: &str, kind: &Value) -> usize {
        let dependency = serde_json::json!({ "name": on, "kind": kind });
        compare(&serde_json::json!({ "packages": [{ "name": from, "dependencies": [dependency] }] })).len()
    }

    #[test]
    fn wrong_arrow_is_found() {
        assert_eq!(count("xtask", "vsr-metrics", &Value::Null), 1);
        assert_eq!(count("vsr-metrics", "vsr-cluster", &Value::Null), 1);
    }

    #[test]
    fn right_arrow_and_test_dependency_are_left_alone() {
        assert_eq!(count("vsr-metrics", "vsr-metrics-macros", &Value::Null), 0);
        assert_eq!(count("vsr-metrics-macros", "vsr-metrics", &"dev".into()), 0);
    }
}
