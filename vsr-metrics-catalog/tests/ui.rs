//! What an author sees: one mistake in each file of `tests/ui`, named after it, and the findings beside it.
//!
//! A file of several mistakes says how many in its first line: `# findings: 5`.
//!
//! `BLESS=1 cargo test -p vsr-metrics-catalog --test ui` writes the findings anew; read them before committing.

mod mistakes;

use mistakes::Mistakes;

const MISTAKES: Mistakes = Mistakes { folder: "tests/ui", load: vsr_metrics_catalog::load };

#[test]
fn every_mistake_is_told_as_written_beside_it() {
    MISTAKES.are_told_as_written_beside_them();
}

#[test]
fn one_mistake_is_one_finding() {
    MISTAKES.are_one_finding_each();
}

#[test]
fn five_mistakes_have_five_right_lines() {
    let path = MISTAKES.folder().join("five-mistakes.yaml");
    let outcome = vsr_metrics_catalog::load(&path);
    let lines = ["version: one", "[0.5, 0.1, 1]", "[state]", "fortnights", "hepl"];
    for (finding, text) in outcome.diagnostics.iter().zip(lines) {
        let line = outcome.source.line(finding.span.line).expect("within the file");
        assert!(line.contains(text), "{} points at `{line}`", finding.code);
    }
}

#[test]
fn at_least_forty_kinds_are_covered() {
    let codes = MISTAKES.codes();
    assert!(codes.len() >= 40, "{}: {codes:?}", codes.len());
}
