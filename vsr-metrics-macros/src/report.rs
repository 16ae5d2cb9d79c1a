//! Diagnostics as compiler errors: one error for each, with its place inside of the message.

use proc_macro2::TokenStream;
use quote::quote;
use vsr_metrics_catalog::{Level, Outcome};

/// One `compile_error!` for each mistake. Warnings are for `cargo xtask check`: on stable Rust a macro can't warn.
pub(crate) fn errors(outcome: &Outcome) -> TokenStream {
    let errors = outcome.diagnostics.iter().filter(|finding| finding.level == Level::Error);
    errors
        .map(|finding| {
            let message = finding.render(&outcome.source);
            // The compiler says that word itself.
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            quote!(::core::compile_error!(#message);)
        })
        .collect()
}
