//! What one module must not name: the picture in ARCHITECTURE.md, held.

use super::{File, Finding};

/// A directory or file, words that must not stand in it, and the reason.
struct Layer {
    place: &'static str,
    words: &'static [&'static str],
    why: &'static str,
}

const LAYERS: &[Layer] = &[
    Layer {
        place: "vsr-metrics/src/encode",
        words: &["storage::", "Sharded", "Cell"],
        why: "encoders see only a snapshot, so that no exporter can leave a metric out",
    },
    Layer {
        place: "vsr-metrics-catalog/src/model",
        words: &["spec::", "crate::spec", "super::spec"],
        why: "the model says what a catalog means, not how it was written",
    },
    Layer {
        place: "vsr-metrics-codegen/src",
        words: &["std::fs", "File::"],
        why: "renderers are pure: the same catalog gives the same files",
    },
];

/// Every line that names what its layer must not know.
pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for layer in LAYERS {
        for file in files.iter().filter(|file| file.is_rust() && is_within(&file.path, layer.place)) {
            for (number, line) in file.text.lines().enumerate() {
                // Documentation may say what the code may not use.
                let code = line.split("//").next().unwrap_or_default();
                for word in layer.words.iter().filter(|word| names(code, word)) {
                    findings.push(file.finding(number + 1, format!("names `{word}`: {}", layer.why)));
                }
            }
        }
    }
    findings
}

/// Whether a path is a module (`encode.rs`) or lies in its directory.
fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether code names a word, and not a longer one that ends with it.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&[File { path: path.into(), text: text.into() }]).len()
    }

    #[test]
    fn encoder_that_names_a_cell_is_found() {
        assert_eq!(count("vsr-metrics/src/encode/text.rs", "use crate::storage::Sharded;\n"), 2);
        assert_eq!(count("vsr-metrics/src/encode.rs", "use crate::storage::read;\n"), 1);
    }

    #[test]
    fn the_same_words_are_free_elsewhere_and_in_comments() {
        assert_eq!(count("vsr-metrics/src/snapshot.rs", "use crate::storage::Sharded;\n"), 0);
        assert_eq!(count("vsr-metrics/src/encode.rs", "/// Never sees `storage::Sharded`.\n"), 0);
    }

    #[test]
    fn longer_word_is_another_word() {
        assert_eq!(count("vsr-metrics-codegen/src/render.rs", "struct GeneratedFile::new\n"), 0);
        assert_eq!(count("vsr-metrics-codegen/src/render.rs", "let f = File::open(path);\n"), 1);
    }
}
