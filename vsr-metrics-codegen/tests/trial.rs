//! Adding a metric, a label value or a preset of buckets touches the catalog alone: everything else follows from it.

use vsr_metrics_catalog::{Outcome, SourceFile};
use vsr_metrics_codegen::expand::expand;

const CATALOG: &str = include_str!("../../metrics.yaml");

/// The catalog with something put before a line of it.
fn with(before: &str, added: &str) -> Outcome {
    let at = CATALOG.find(before).unwrap_or_else(|| panic!("the catalog has no `{before}`"));
    let text = format!("{}{added}{}", &CATALOG[..at], &CATALOG[at..]);
    vsr_metrics_catalog::compile(SourceFile::new("metrics.yaml", text))
}

/// The expansion without blanks, for looking up pieces of it.
fn expansion(outcome: &Outcome) -> String {
    assert!(outcome.diagnostics.is_empty(), "{}", outcome.diagnostics.render_all(&outcome.source));
    let tokens = expand(&outcome.catalog, None);
    syn::parse2::<syn::File>(tokens.clone()).expect("the expansion is Rust");
    tokens.to_string().replace(' ', "")
}

#[test]
fn a_metric() {
    let added = "  vsr_snapshots_taken_total: { type: counter, group: health, help: Snapshots written. }\n";
    let outcome = with("  vsr_operations_total:", added);
    assert!(expansion(&outcome).contains("pubfnincrement_snapshots_taken(&self,)"));
}

#[test]
fn a_label_value() {
    let outcome = with("      success: It was carried out.", "      refused: It was not even tried.\n");
    let expansion = expansion(&outcome);
    assert!(expansion.contains("pubenumStatus{#[doc=\"Itwasnoteventried.\"]Refused,"), "{expansion}");
    assert!(expansion.contains("Self::Refused=>\"refused\""));
}

#[test]
fn a_preset_of_buckets() {
    let added = "  vsr_flush_seconds: { type: histogram, unit: seconds, buckets: flush_seconds, group: latency, help: Time to flush. }\n";
    let preset = "  flush_seconds: [0.001, 0.01, 0.1]\n";
    let at = CATALOG.find("  quorum_ms: [").expect("the first preset");
    let text = format!("{}{preset}{}", &CATALOG[..at], &CATALOG[at..]);
    let text = text.replacen("  vsr_operations_total:", &format!("{added}  vsr_operations_total:"), 1);
    let outcome = vsr_metrics_catalog::compile(SourceFile::new("metrics.yaml", text));
    let expansion = expansion(&outcome);
    assert!(expansion.contains("FLUSH_SECONDS:[u64;3]=[1_000_000,10_000_000,100_000_000]"), "{expansion}");
    assert!(expansion.contains("pubfnrecord_flush(&self,duration:"));
}

/// What the compiler says of a call site then is pinned in `tests/ui/tests/call_sites/removed_metric.rs`.
#[test]
fn a_metric_that_is_removed_takes_its_methods_along() {
    let text = CATALOG.replacen("  vsr_duplicate_requests_total:", "  vsr_repeated_requests_total:", 1);
    assert_ne!(text, CATALOG);
    let outcome = vsr_metrics_catalog::compile(SourceFile::new("metrics.yaml", text));
    let expansion = expand(&outcome.catalog, None).to_string();
    assert!(!expansion.contains("increment_duplicate_requests"));
    // Whatever names it in the catalog is told as well.
    let named = CATALOG.matches("vsr_duplicate_requests_total").count() - 1;
    let told = outcome.diagnostics.iter().filter(|finding| finding.code == "unknown-metric").count();
    assert!(told > 0 && told <= named, "{told} of {named}");
}
