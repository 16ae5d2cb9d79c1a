//! Tests that documents name are there: `file.rs::test`, or `::test` where the file was named before.

use std::collections::HashSet;
use std::path::Path;

use super::{File, Finding};

/// Every test, or file of tests, that a page names and that is not there.
pub fn check(files: &[File]) -> Vec<Finding> {
    let sources: Vec<&File> = files.iter().filter(|file| is_a(&file.path, "rs")).collect();
    let functions: HashSet<&str> = sources.iter().flat_map(|file| functions(&file.text)).collect();
    let mut findings = Vec::new();
    for page in files.iter().filter(|file| is_a(&file.path, "md")) {
        for (number, line) in page.text.lines().enumerate() {
            // Every other piece stands between backticks.
            for (path, test) in line.split('`').skip(1).step_by(2).filter_map(named) {
                if !sources.iter().any(|file| file.path.ends_with(path)) {
                    findings.push(page.finding(number + 1, format!("names `{path}`, which is not there")));
                } else if !functions.contains(test) {
                    findings.push(
                        page.finding(number + 1, format!("names the test `{test}`, which is not there")),
                    );
                }
            }
        }
    }
    findings
}

fn is_a(path: &str, kind: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == kind)
}

/// The file, if it is said again, and the test.
fn named(code: &str) -> Option<(&str, &str)> {
    let (path, test) = code.rsplit_once("::")?;
    let is_test =
        !test.is_empty() && test.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_test && (path.is_empty() || is_a(path, "rs"))).then_some((path, test))
}

/// The names of all functions of a file.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("fn ").map(|(at, _)| {
        let rest = &text[at + 3..];
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_are_gone_are_found() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let files = [
            file("a/tests/b.rs", "fn kept() {}"),
            file(
                "c.md",
                "| `tests/b.rs::kept`, `::kept`, `b::Other`, `lint::kind`\n| `::gone`, `d.rs::kept`",
            ),
        ];
        let found: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["c.md:2: names the test `gone`, which is not there", "c.md:2: names `d.rs`, which is not there",]
        );
    }
}
