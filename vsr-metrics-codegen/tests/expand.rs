//! What a small catalog expands to.

mod sample;

use vsr_metrics_codegen::expand::expand;

fn pretty(catalog: &vsr_metrics_catalog::Catalog, tracked: Option<&str>) -> String {
    let file = syn::parse2(expand(catalog, tracked)).expect("the expansion is Rust");
    prettyplease::unparse(&file)
}

#[test]
fn every_kind_of_family() {
    insta::assert_snapshot!(pretty(&sample::catalog(), Some("metrics.yaml")));
}

/// The committed expansion of metrics.yaml, to be read by people when it changes.
#[test]
fn the_vsr_catalog() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics.yaml");
    let outcome = vsr_metrics_catalog::load(&path);
    assert!(!outcome.diagnostics.has_errors(), "{}", outcome.diagnostics.render_all(&outcome.source));
    insta::assert_snapshot!(pretty(&outcome.catalog, Some("metrics.yaml")));
}
