//! Rust names made from the catalog's names.

use proc_macro2::{Ident, Span};
use vsr_metrics_catalog::model::{Family, Label, LabelValues};

/// `view_change_reason` → `ViewChangeReason`.
pub(crate) fn pascal(snake: &str) -> String {
    let mut name = String::with_capacity(snake.len());
    for word in snake.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// The Rust type of a label: `Status`; with `Id` for a range: `PeerId`.
pub(crate) fn label_type(label: &Label) -> String {
    let name = pascal(&label.key);
    match label.values {
        LabelValues::Range { .. } if !name.ends_with("Id") => name + "Id",
        _ => name,
    }
}

/// The Rust enum of a gauge with states.
pub(crate) fn state_type(family: &Family) -> String {
    pascal(&family.stem)
}

/// The constant that tells where a family begins.
pub(crate) fn constant(stem: &str) -> Ident {
    ident(&stem.to_ascii_uppercase())
}

/// An identifier; a keyword becomes a raw one.
pub(crate) fn ident(name: &str) -> Ident {
    if KEYWORDS.contains(&name) {
        Ident::new_raw(name, Span::call_site())
    } else {
        Ident::new(name, Span::call_site())
    }
}

/// Keywords in lower case that may be raw identifiers.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_pascal_case() {
        assert_eq!(pascal("start_view_change"), "StartViewChange");
        assert_eq!(pascal("http2_frames"), "Http2Frames");
    }

    #[test]
    fn keywords_become_raw_identifiers() {
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(ident("status").to_string(), "status");
    }
}
