//! Habits that show in the text of a single file, and the count of allowed lints over all of them.

use super::{File, Finding};

/// Lines after which a hand-written file has to be split.
const LONGEST: usize = 400;

/// Lints that may be allowed in the whole repository.
const MOST_ALLOWS: usize = 12;

/// Crates that are published: each forbids unsafe code.
const PUBLISHED: [&str; 4] =
    ["vsr-metrics-catalog", "vsr-metrics-codegen", "vsr-metrics-macros", "vsr-metrics"];

/// Words that must not be committed, and why. Split, so that this list does not find itself.
const BANNED: &[(&str, &str)] = &[
    (concat!("todo", "!("), "is unfinished work"),
    (concat!("unimplemented", "!("), "is unfinished work"),
    (concat!("dbg", "!("), "is left from debugging"),
    (concat!("FIX", "ME"), "belongs into an issue"),
    (concat!("W", "IP "), "belongs on a branch"),
    (concat!("/ho", "me/"), "is a path of one machine"),
    (concat!("/ro", "ot/"), "is a path of one machine"),
    (concat!("/Us", "ers/"), "is a path of one machine"),
    (concat!("/wo", "rk/"), "is a path of one machine"),
    (concat!("index", "-url"), "chooses a registry, which is up to each machine"),
    (concat!("replace", "-with"), "chooses a registry, which is up to each machine"),
    (concat!("sparse", "+http"), "chooses a registry, which is up to each machine"),
];

/// Where cargo's own lock file says that a crate comes from.
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Everything wrong with the text of these files.
pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.is_rust() {
            findings.extend(opening(file));
            findings.extend(length(file));
        }
        findings.extend(banned(file));
        findings.extend(foreign_sources(file));
    }
    findings.extend(allows(files));
    findings.extend(unsafe_code(files));
    findings
}

/// Each file opens with a sentence that says what it is for.
fn opening(file: &File) -> Option<Finding> {
    let first = file.text.lines().find(|line| !line.starts_with("#!["))?;
    let is_sentence = first.strip_prefix("//! ").is_some_and(|sentence| sentence.len() > 10);
    (!is_sentence).then(|| file.finding(1, "opens without a `//!` sentence that says what the file is for"))
}

/// Files stay short enough to be read in one go; generated ones and tests may be longer.
fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > LONGEST && !file.is_test())
        .then(|| file.finding(0, format!("has {lines} lines; {LONGEST} are the most, split it")))
}

/// Words that must not be committed.
fn banned(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (word, why) in BANNED {
            if line.contains(word) && !is_about_the_word(file, word) {
                findings.push(file.finding(number + 1, format!("`{}` {why}", word.trim_end())));
            }
        }
    }
    findings
}

/// Whether a document forbids a word, which takes naming it.
fn is_about_the_word(file: &File, word: &str) -> bool {
    file.path == "CONTRIBUTING.md" && !word.starts_with('/')
}

/// Crates come from the public registry, whatever this machine has in its place.
fn foreign_sources(file: &File) -> Vec<Finding> {
    if !file.path.ends_with("Cargo.lock") {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| line.starts_with("source = ") && *line != REGISTRY)
        .map(|(number, line)| file.finding(number + 1, format!("`{line}` is not the public registry")))
        .collect()
}

/// Few lints are allowed, and each with its reason.
fn allows(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if !opens_allow(line) {
                continue;
            }
            count += 1;
            let attribute = lines[number..].iter().take(6).copied().collect::<Vec<_>>().join("\n");
            let end = attribute.find(")]").map_or(attribute.len(), |end| end + 2);
            let rest = attribute[end..].lines().next().unwrap_or_default();
            if !attribute[..end].contains("reason =") && !rest.trim_start().starts_with("//") {
                findings.push(file.finding(number + 1, "allows a lint without a reason on the same line"));
            }
            if count == MOST_ALLOWS + 1 {
                findings
                    .push(file.finding(number + 1, format!("is one allowed lint more than {MOST_ALLOWS}")));
            }
        }
    }
    findings
}

/// Whether a line begins an attribute that silences a lint.
fn opens_allow(line: &str) -> bool {
    let attribute = line.trim_start();
    ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|opening| attribute.starts_with(opening))
}

/// Published crates forbid unsafe code.
fn unsafe_code(files: &[File]) -> Vec<Finding> {
    let roots = PUBLISHED.iter().filter_map(|name| {
        let path = format!("{name}/src/lib.rs");
        files.iter().find(|file| file.path == path)
    });
    roots
        .filter(|file| !file.text.contains("#![forbid(unsafe_code)]"))
        .map(|file| file.finding(0, "lacks `#![forbid(unsafe_code)]`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let file = File { path: path.into(), text: text.into() };
        check(&[file]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clean_file_is_left_alone() {
        assert_eq!(findings("a/src/b.rs", "//! Says what it is for.\n\nfn b() {}\n"), [""; 0]);
    }

    #[test]
    fn file_without_opening_sentence_is_found() {
        assert!(findings("a/src/b.rs", "fn b() {}\n")[0].contains("opens without"));
    }

    #[test]
    fn fixture_of_a_mistake_needs_no_opening_sentence() {
        assert_eq!(findings("a/tests/ui/b.rs", "fn b() {}\n"), [""; 0]);
    }

    #[test]
    fn long_file_is_found() {
        let text = format!("//! Says what it is for.\n{}", "// x\n".repeat(LONGEST));
        assert!(findings("a/src/b.rs", &text)[0].contains("401 lines"));
    }

    #[test]
    fn allow_without_reason_is_found() {
        let bare = "//! Says what it is for.\n#[allow(dead_code)]\nfn b() {}\n";
        assert_eq!(findings("a/src/b.rs", bare).len(), 1);
        let reasoned = "//! Says what it is for.\n#[allow(dead_code)] // read by the debugger\nfn b() {}\n";
        assert_eq!(findings("a/src/b.rs", reasoned), [""; 0]);
    }

    #[test]
    fn one_allow_too_many_is_found() {
        let text = format!("//! Says what it is for.\n{}", "#[allow(x)] // why\n".repeat(MOST_ALLOWS + 1));
        assert!(findings("a/src/b.rs", &text)[0].contains("one allowed lint more"));
    }

    #[test]
    fn path_of_a_machine_is_found() {
        let text = format!("see {}alice\n", concat!("/ho", "me/"));
        assert!(findings("README.md", &text)[0].contains("path of one machine"));
    }

    #[test]
    fn published_crate_without_forbid_is_found() {
        assert!(findings("vsr-metrics/src/lib.rs", "//! Says what it is for.\n")[0].contains("forbid"));
    }

    #[test]
    fn crate_from_elsewhere_is_found() {
        assert_eq!(findings("Cargo.lock", "source = \"git+https://example.org/x\"\n").len(), 1);
    }
}
