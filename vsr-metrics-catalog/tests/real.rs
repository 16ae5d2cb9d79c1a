//! The catalogs of this repository have nothing to complain about.

use std::path::Path;

#[test]
fn the_catalogs_of_this_repository_are_clean() {
    for path in ["../metrics.yaml", "../vsr-metrics/exporter.yaml"] {
        let outcome = vsr_metrics_catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        assert!(outcome.diagnostics.is_empty(), "{}", outcome.diagnostics.render_all(&outcome.source));
    }
}
