//! The `catalog!` macro of vsr-metrics: arguments, load, report, expand.
//!
//! What a catalog means is decided by `vsr-metrics-catalog`, and what it becomes by `vsr-metrics-codegen`; both
//! are libraries, because a crate of macros can export nothing else.
#![forbid(unsafe_code)]

mod args;
mod report;

use args::Input;
use proc_macro::TokenStream;
use vsr_metrics_catalog::{Outcome, SourceFile};

/// Compiles a catalog into typed metrics: label types, `Metrics` and its recording methods, and the static
/// `METRICS`.
///
/// The argument is the path of a YAML file, starting at the manifest of the crate that calls, or the YAML itself:
///
/// ```ignore
/// vsr_metrics::catalog!("metrics.yaml");
/// vsr_metrics::catalog!(source = "catalog: …");
/// ```
///
/// Each mistake in the catalog is one error, all of them in one build, with line and column. What is sound is
/// still generated, so that a mistake does not spread to call sites.
///
/// It stands in a module, not in a function, and two catalogs of one crate each have a module of their own: beside the
/// types it makes `Metrics`, `METRICS`, and modules such as `cells`, `gauges`, `bounds` and `descriptors`. The crate is
/// known as `vsr_metrics` where it is used, and no other one there as `core` or `std`.
#[proc_macro]
pub fn catalog(input: TokenStream) -> TokenStream {
    let input = match syn::parse::<Input>(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error().into(),
    };
    let (mut outcome, tracked) = match &input {
        Input::Source(text) => (vsr_metrics_catalog::compile(SourceFile::new("source", text.as_str())), None),
        Input::Path(path) => (load(path), Some(path.as_str())),
    };
    let mut tokens = report::errors(&outcome);
    if outcome.diagnostics.has_errors() {
        // Said already if that is the mistake; half a catalog proves nothing.
        outcome.catalog.series_budget = u64::MAX;
    }
    let tracked = tracked.filter(|_| !outcome.is_unreadable());
    tokens.extend(vsr_metrics_codegen::expand::expand(&outcome.catalog, tracked));
    tokens.into()
}

fn load(path: &str) -> Outcome {
    vsr_metrics_catalog::load(&args::from_here(path))
}
