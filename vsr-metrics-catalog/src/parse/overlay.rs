//! From the text of an overlay to what it changes.

use super::Reader;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lost::Lost;
use crate::node::Node;
use crate::places::Places;
use crate::source::SourceFile;
use crate::spec::OverlaySpec;
use crate::tree;

/// Reads an overlay; `None` if it is no YAML map at all.
pub(crate) fn overlay(source: &SourceFile, diagnostics: &mut Diagnostics) -> Option<(OverlaySpec, Places)> {
    let tree = tree::read(source.text(), diagnostics)?;
    let Node::Map(document) = tree.root else {
        let error = Diagnostic::error("wrong-type", tree.places.value(""), "an overlay is a map of sections");
        diagnostics.push(error.help("begin with `alerts:`"));
        return None;
    };
    let mut reader = Reader { places: tree.places, diagnostics, lost: Lost::default() };
    let mut spec = OverlaySpec::default();
    for (key, value) in document {
        match key.as_str() {
            "links" => spec.links = reader.entry("links", "links", value),
            "alerts" => spec.alerts = reader.section("alerts", value),
            _ => reader.unknown_key(&key, &key, &["links", "alerts"]),
        }
    }
    Some((spec, reader.places))
}
