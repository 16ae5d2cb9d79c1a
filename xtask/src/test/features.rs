//! Steps about the features of `vsr-metrics`: none, each alone, all; and what each may weigh. The workspace's tests have
//! all of them on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{End, Step, output_of};
use crate::workspace::cargo;

/// The steps.
pub const STEPS: &[Step] = &[
    Step::fast("the bare runtime depends on nothing", bare),
    Step::fast("each feature weighs what it may", weights),
    Step::fast("the bare runtime passes its tests", bare_tests),
    Step::fast("each feature alone, and all, are free of warnings", each_and_all),
    Step::fast("what needs TLS or gRPC is refused without them", without_tls),
];

/// The most crates besides our own that a feature may bring, proc-macros not counted.
const LIMITS: &[(&str, usize)] = &[
    ("vsr", 0),
    ("text", 3),
    ("timer", 6), // see "The timer's clock" in ARCHITECTURE.md
    ("http", 20),
    ("statsd", 0),
    ("metrics", 6),
    ("system", 4),
    ("otel", 40),
    ("otel-grpc", 85),
    // On top of whichever exporter it is for.
    ("tls", 25),
];

/// The tests of the runtime without any feature; documented examples are run by the workspace's tests.
fn bare_tests() -> End {
    let mut test = cargo(["test", "--package", "vsr-metrics", "--lib", "--tests", "--quiet"]);
    End::of(test.arg("--no-default-features"))
}

/// The tree of the bare runtime is the runtime.
fn bare() -> End {
    End::from(tree("").and_then(|lines| match lines.len() {
        1 => Ok(()),
        _ => Err(format!("expected one line, found:\n{}", lines.join("\n"))),
    }))
}

/// Counts the crates that each feature brings.
fn weights() -> End {
    let features = match features() {
        Ok(features) => features,
        Err(error) => return End::Failed(error),
    };
    let mut findings = Vec::new();
    for feature in features {
        let Some((_, most)) = LIMITS.iter().find(|(name, _)| *name == feature) else {
            findings.push(format!("feature `{feature}` has no limit: add its row to the table"));
            continue;
        };
        match tree(&feature) {
            Ok(lines) => findings.extend(too_heavy(&feature, &lines, *most)),
            Err(error) => findings.push(error),
        }
    }
    End::from_findings(&findings)
}

/// What to say of a feature that brings more than it may.
fn too_heavy(feature: &str, lines: &[String], most: usize) -> Option<String> {
    let crates: BTreeSet<&str> = lines
        .iter()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.starts_with("vsr-metrics"))
        .collect();
    let list = crates.iter().copied().collect::<Vec<_>>().join(", ");
    (crates.len() > most)
        .then(|| format!("feature `{feature}` brings {} crates, {most} are the most: {list}", crates.len()))
}

/// The lines of `cargo tree` for one feature; the empty name stands for none.
fn tree(feature: &str) -> Result<Vec<String>, String> {
    let mut command = cargo(["tree", "--package", "vsr-metrics", "--no-default-features"]);
    command.args(["--features", feature, "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    Ok(output_of(&mut command)?.lines().filter(|line| !line.is_empty()).map(String::from).collect())
}

/// The exporter's own tests, in a build that has neither.
fn without_tls() -> End {
    let mut command = cargo(["test", "--package", "vsr-metrics", "--lib", "--quiet"]);
    End::of(command.args(["--no-default-features", "--features", "otel,vsr", "otlp"]))
}

/// Lints the runtime and its tests with each feature alone, and with all. Without the rest of the workspace, whose
/// packages switch on what their own use of a dependency needs.
fn each_and_all() -> End {
    let features = match features() {
        Ok(features) => features,
        Err(error) => return End::Failed(error),
    };
    let all = features.join(",");
    let mut findings = Vec::new();
    for features in features.iter().chain([&all]) {
        let mut clippy =
            cargo(["clippy", "--package", "vsr-metrics", "--all-targets", "--no-default-features"]);
        clippy.args(["--features", features, "--quiet", "--", "-D", "warnings"]);
        findings.extend(output_of(&mut clippy).err());
    }
    End::from_findings(&findings)
}

/// The features that `vsr-metrics` declares, as cargo sees them.
fn features() -> Result<Vec<String>, String> {
    let printed = output_of(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&printed).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.into_iter().find(|package| package["name"] == "vsr-metrics");
    let features =
        package.and_then(|package| package["features"].as_object()).ok_or("no features are declared")?;
    Ok(features.keys().filter(|name| *name != "default").cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_repeated_crates_are_not_counted() {
        let lines = ["vsr-metrics v0.1.0 (x)", "itoa v1.0.0", "itoa v1.0.0 (*)"].map(String::from);
        assert_eq!(too_heavy("text", &lines, 1), None);
        assert!(too_heavy("text", &lines, 0).is_some_and(|text| text.contains("brings 1 crates")));
    }
}
