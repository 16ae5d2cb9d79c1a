//! Pieces of YAML that read as if a person had written them.

/// A scalar on one line, quoted if it has to be.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&text);
    if is_plain {
        text.to_owned()
    } else if text.contains('\'') || text.contains('\n') || text.contains('\\') {
        // What JSON takes for a string, YAML takes too.
        serde_json::Value::from(text).to_string()
    } else {
        format!("'{text}'")
    }
}

/// `key: value` at a depth, the value as a block of its own lines, so that quotes in it need no escapes.
pub(super) fn block(indent: usize, key: &str, text: &str) -> String {
    let pad = " ".repeat(indent);
    let lines = text.trim().lines().map(|line| format!("{pad}  {}\n", line.trim_end()));
    std::iter::once(format!("{pad}{key}: |-\n")).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_read_back_as_they_were() {
        for (text, written) in [
            ("vsr-data.1", "vsr-data.1"),
            ("no", "'no'"),
            ("5m", "'5m'"),
            ("a: b", "'a: b'"),
            ("it's {{ $value }}", "\"it's {{ $value }}\""),
            ("{a=\"b\"}", "'{a=\"b\"}'"),
        ] {
            assert_eq!(scalar(text), written);
        }
        assert_eq!(block(2, "expr", "a\n b"), "  expr: |-\n    a\n     b\n");
    }
}
