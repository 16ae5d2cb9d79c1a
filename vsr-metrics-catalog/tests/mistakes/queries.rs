//! What only a parser of queries can tell.

use std::fs;

use vsr_metrics_catalog::lint::QUERY_LINTS;
use vsr_metrics_catalog::load_with_queries;

use crate::folder::Folder;

pub const QUERIES: Folder = Folder { name: "tests/queries", load: |path| load_with_queries(path, &[]) };

#[test]
fn every_rule_has_a_mistake_to_its_name() {
    let codes = QUERIES.codes();
    let missing: Vec<_> = QUERY_LINTS.iter().filter(|(name, _)| !codes.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Damages a query at random; the finding, if there is one, points into it.
#[test]
fn damaged_queries_are_told_with_a_place_in_the_text() {
    const PIECES: [&str; 14] =
        ["(", ")", "{", "}", "[", "]", "\\\"", "é", "by (", " offset ", "1e", "#", "'", "\\\\"];
    let sound = fs::read_to_string(QUERIES.path().join("sound.yaml"));
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
