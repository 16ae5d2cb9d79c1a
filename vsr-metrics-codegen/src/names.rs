//! Rust names made from the catalog's names.

use proc_macro2::{Ident, Span};
use vsr_metrics_catalog::model::Family;
pub(crate) use vsr_metrics_catalog::names::{label_type, pascal};

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
    fn keywords_become_raw_identifiers() {
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(ident("status").to_string(), "status");
    }
}
