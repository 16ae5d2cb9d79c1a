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
