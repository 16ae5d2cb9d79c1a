//! What an author sees: one mistake in each file of `tests/ui`, named after it, and the findings beside it.
//!
//! A file of several mistakes says how many in its first line: `# findings: 5`.
//!
//! `BLESS=1 cargo test -p vsr-metrics-catalog --test ui` writes the findings anew; read them before committing.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    paths
}

/// The findings, with paths as the author of this folder would see them.
fn findings(path: &Path) -> String {
    let folder = format!("{}/", path.parent().expect("a file in a folder").display());
    let outcome = vsr_metrics_catalog::load(path);
    let text = outcome.diagnostics.render_all(&outcome.source).replace(&folder, "");
    if text.is_empty() { text } else { text + "\n" }
}

#[test]
fn every_mistake_is_told_as_written_beside_it() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut differing = Vec::new();
    for path in fixtures() {
        let expected = path.with_extension("stderr");
        let found = findings(&path);
        if bless {
            fs::write(&expected, &found).expect("a writable folder");
        } else if fs::read_to_string(&expected).unwrap_or_default() != found {
            differing.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn one_mistake_is_one_finding() {
    for path in fixtures() {
        let text = fs::read(&path).expect("a readable file");
        let text = String::from_utf8_lossy(&text);
        let told = text.lines().next().and_then(|line| line.split("# findings: ").nth(1));
        let expected = told.map_or(1, |count| count.parse().expect("a number"));
        let outcome = vsr_metrics_catalog::load(&path);
        let text = outcome.diagnostics.render_all(&outcome.source);
        assert_eq!(outcome.diagnostics.iter().count(), expected, "{}:\n{text}", path.display());
    }
}

#[test]
fn five_mistakes_have_five_right_lines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/five-mistakes.yaml");
    let outcome = vsr_metrics_catalog::load(&path);
    let lines = ["version: one", "[0.5, 0.1, 1]", "[state]", "fortnights", "hepl"];
    for (finding, text) in outcome.diagnostics.iter().zip(lines) {
        let line = outcome.source.line(finding.span.line).expect("within the file");
        assert!(line.contains(text), "{} points at `{line}`", finding.code);
    }
}

#[test]
fn at_least_forty_kinds_are_covered() {
    let mut codes = HashSet::new();
    for path in fixtures() {
        codes.extend(vsr_metrics_catalog::load(&path).diagnostics.iter().map(|finding| finding.code));
    }
    assert!(codes.len() >= 40, "{}: {codes:?}", codes.len());
}
