//! What an author of queries sees: one mistake in each file of `tests/queries`, named after it, and the findings
//! beside it. A file of several mistakes, or of none, says how many in its first line: `# findings: 0`.
//!
//! `BLESS=1 cargo test -p vsr-metrics-catalog --features promql --test queries` writes the findings anew; read them before committing.

#![cfg(feature = "promql")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use vsr_metrics_catalog::lint::QUERY_LINTS;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/queries");
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
    let outcome = vsr_metrics_catalog::load_with_queries(path, &[]);
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
        let outcome = vsr_metrics_catalog::load_with_queries(&path, &[]);
        let text = outcome.diagnostics.render_all(&outcome.source);
        assert_eq!(outcome.diagnostics.iter().count(), expected, "{}:\n{text}", path.display());
    }
}

#[test]
fn every_rule_has_a_mistake_to_its_name() {
    let mut codes = HashSet::new();
    for path in fixtures() {
        let outcome = vsr_metrics_catalog::load_with_queries(&path, &[]);
        codes.extend(outcome.diagnostics.iter().map(|finding| finding.code));
    }
    let missing: Vec<_> = QUERY_LINTS.iter().filter(|(name, _)| !codes.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Damages a query at random; the finding, if there is one, points into it.
#[test]
fn damaged_queries_are_told_with_a_place_in_the_text() {
    const PIECES: [&str; 14] =
        ["(", ")", "{", "}", "[", "]", "\\\"", "é", "by (", " offset ", "1e", "#", "'", "\\\\"];
    let sound = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/queries/sound.yaml"));
    let sound = sound.expect("a readable file");
    let query = "sum by (status) (increase(app_requests_total[1h]))";
    let harder = r#"sum by (status) (increase(app_requests_total{status=~\"fail.*|succ\\\\w+\"}[1h] offset 5m)) / -2e3 > bool on () up"#;
    let mut state: u64 = 11;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % end
    };
    for _ in 0..400 {
        let mut letters: Vec<char> = harder.chars().collect();
        for _ in 0..=below(3) {
            let at = below(letters.len());
            let to = (at + below(8)).min(letters.len());
            if below(2) == 0 {
                letters.drain(at..to);
            } else {
                letters.splice(at..at, PIECES[below(PIECES.len())].chars());
            }
        }
        let text = sound.replace(query, &letters.into_iter().collect::<String>());
        let source = vsr_metrics_catalog::SourceFile::new("damaged.yaml", text.as_str());
        let outcome = vsr_metrics_catalog::compile_with_queries(source, &[]);
        for finding in &outcome.diagnostics {
            let rendered = finding.render(&outcome.source);
            let line = outcome.source.line(finding.span.line).unwrap_or_default();
            let column = usize::try_from(finding.span.column).expect("small");
            assert!(column <= line.chars().count() + 1, "{rendered}");
        }
    }
}
