//! Catalog in, Rust out: what `catalog!` puts into the user's module.
//!
//! The tokens hold no `cfg`, no `unsafe` and nothing that panics while recording, and name everything outside
//! of themselves by absolute paths. Items that could clash with a family's name live in private modules.

mod cells;
mod descriptors;
mod docs;
mod instance;
mod labels;
pub(crate) mod methods;
mod thresholds;
mod tokens;

use proc_macro2::TokenStream;
use quote::quote;
use vsr_metrics_catalog::model::Catalog;

/// The whole expansion of a catalog. `tracked` is the path, from the manifest of the crate that is being
/// compiled, of a file whose change compiles the crate again.
pub fn expand(catalog: &Catalog, tracked: Option<&str>) -> TokenStream {
    let layout = cells::Layout::new(catalog);
    let stages = [
        tracked.map(track).unwrap_or_default(),
        labels::expand(catalog),
        instance::expand(catalog, &layout),
        methods::expand(catalog, &layout),
        cells::expand(&layout),
        descriptors::expand(catalog, &layout),
        thresholds::expand(catalog),
    ];
    stages.into_iter().collect()
}

/// Names the file to the compiler without naming this machine.
fn track(path: &str) -> TokenStream {
    let path = format!("/{path}");
    quote! {
        const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path));
    }
}
