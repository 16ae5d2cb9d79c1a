//! The values that the walk makes of a text are those that `serde_yaml` makes of it, wherever both take the text.
//!
//! Two differences are meant: a key is always text here, and a number too large for a float is infinite and so refused
//! as a bound, where `serde_yaml` takes it for text.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_yaml::Value;

use super::read;
use crate::diagnostic::Diagnostics;

/// The value of a text to the walk; nothing if it found anything to complain of.
fn ours(text: &str) -> Option<Value> {
    let mut diagnostics = Diagnostics::default();
    let tree = read(text, &mut diagnostics);
    let is_clean = diagnostics.is_empty();
    tree.filter(|_| is_clean).map(|tree| Value::deserialize(&tree.root).expect("a value takes anything"))
}

/// Compares one text; `false` if only one of the readers takes it.
fn agree(name: &str, text: &str) -> bool {
    let (Some(ours), Ok(theirs)) = (ours(text), serde_yaml::from_str::<Value>(text)) else { return false };
    assert_eq!(difference(&ours, &theirs, "$"), None, "{name}");
    true
}

/// Where two values differ, and how; keys are compared as text.
fn difference(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Mapping(ours), Value::Mapping(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).find_map(|((key, ours), (other, theirs))| {
                let (key, other) = (key_text(key), key_text(other));
                if key != other {
                    return Some(format!("{path}: key `{key}`, not `{other}`"));
                }
                difference(ours, theirs, &format!("{path}.{key}"))
            })
        }
        (Value::Sequence(ours), Value::Sequence(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(index, (ours, theirs))| difference(ours, theirs, &format!("{path}[{index}]")))
        }
        (Value::Number(ours), Value::String(_)) if ours.is_infinite() => None,
        _ => (ours != theirs).then(|| format!("{path}: {ours:?}, not {theirs:?}")),
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn real_catalogs_and_fixtures_are_read_as_serde_yaml_reads_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        ["../metrics.yaml", "../vsr-metrics/exporter.yaml"].iter().map(|path| root.join(path)).collect();
    for directory in ["tests/ui", "tests/queries"] {
        let entries = fs::read_dir(root.join(directory)).expect("the fixtures are there");
        files.extend(entries.map(|entry| entry.expect("the directory can be read").path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let texts = files.iter().filter_map(|path| Some((path, fs::read_to_string(path).ok()?)));
    let agreed = texts.filter(|(path, text)| agree(&path.display().to_string(), text)).count();
    assert!(agreed * 10 > files.len() * 8, "both take only {agreed} of {} files", files.len());
}

#[test]
fn scalars_are_read_as_serde_yaml_reads_them() {
    let scalars = [
        "~",
        "null",
        "Null",
        "",
        "true",
        "False",
        "yes",
        "on",
        "0",
        "-0",
        "+1",
        "007",
        "0x1F",
        "0o17",
        "1_000",
        "18446744073709551615",
        "-9223372036854775808",
        "1.0",
        "-2.5",
        "1e3",
        "1.",
        ".5",
        ".inf",
        "-.INF",
        "+.inf",
        ".5e1",
        "1s",
        "2024-01-01",
        "a b",
        "'1'",
        "\"\\u00e9\\n\"",
        "1:30",
        "=",
        "<<",
        "1e",
        "+",
        "-",
    ];
    for scalar in scalars {
        let text = format!("key: {scalar}\n");
        if !agree(scalar, &text) {
            assert!(serde_yaml::from_str::<Value>(&text).is_err() || ours(&text).is_none(), "`{scalar}`");
        }
    }
}

#[test]
fn blocks_are_read_as_serde_yaml_reads_them() {
    let blocks = [
        "key: >-\n  one\n  two\n\n  three\n",
        "key: |\n  one\n   two\n",
        "key: |+\n  one\n\n\nother: 1\n",
        "key: one\n  two\n",
        "key: 'it''s\n  folded'\n",
        "[a, {b: c}, [1, 2.5, ~]]\n",
        "- a\n-\n  - b\n- {}\n",
    ];
    for block in blocks {
        assert!(agree(block, block), "both take it:\n{block}");
    }
}
