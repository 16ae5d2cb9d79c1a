//! What an author sees: one mistake in each file of `tests/ui`, and in each of `tests/queries` that it takes a parser of
//! queries to see. A file is named after its mistake, and the findings stand beside it.
//!
//! A file of several mistakes, or of none, says how many in its first line: `# findings: 5`.
//!
//! `BLESS=1 cargo test -p vsr-metrics-catalog --features promql --test mistakes` writes the findings anew; read them
//! before committing.

mod folder;
#[cfg(feature = "promql")]
mod queries;

use folder::Folder;

const UI: Folder = Folder { name: "tests/ui", load: vsr_metrics_catalog::load };

/// All folders that can be judged.
const FOLDERS: &[Folder] = &[
    UI,
    #[cfg(feature = "promql")]
    queries::QUERIES,
];

#[test]
fn every_mistake_is_told_as_written_beside_it() {
    for folder in FOLDERS {
        folder.is_told_as_written();
    }
}

#[test]
fn one_mistake_is_one_finding() {
    for folder in FOLDERS {
        folder.is_one_finding_each();
    }
}

#[test]
fn every_finding_has_a_place_and_a_remedy() {
    for (path, finding) in FOLDERS.iter().flat_map(|folder| folder.findings()) {
        assert!(finding.help.is_some(), "{}: {}", path.display(), finding.message);
        assert!(finding.span.line > 0, "{}: {}", path.display(), finding.message);
    }
}

#[test]
fn five_mistakes_have_five_right_lines() {
    let path = UI.path().join("five-mistakes.yaml");
    let outcome = vsr_metrics_catalog::load(&path);
    let lines = ["version: one", "[0.5, 0.1, 1]", "[state]", "fortnights", "hepl"];
    for (finding, text) in outcome.diagnostics.iter().zip(lines) {
        let line = outcome.source.line(finding.span.line).expect("within the file");
        assert!(line.contains(text), "{} points at `{line}`", finding.code);
    }
}

#[test]
fn at_least_forty_kinds_are_covered() {
    let codes = UI.codes();
    assert!(codes.len() >= 40, "{}: {codes:?}", codes.len());
}
