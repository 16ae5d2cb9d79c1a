//! What the alerts compare with, as constants: a test of a deployment or a load shedder uses the operators' number.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use vsr_metrics_catalog::model::{Alert, Catalog, Threshold};
use vsr_metrics_catalog::names::snake;

use super::docs;
use super::tokens::{doc, float, number};
use crate::names;

/// The public module of one constant for each alert with a threshold; nothing without any.
pub(super) fn expand(catalog: &Catalog) -> TokenStream {
    let with = || catalog.alerts.iter().filter_map(|alert| Some((alert, alert.threshold?)));
    let count = with().count();
    if count == 0 {
        return TokenStream::new();
    }
    let constants = with().map(|(alert, threshold)| constant(catalog, alert, threshold));
    let names = with().map(|(alert, _)| name(catalog, alert));
    let count = number(count as u64);
    // A program may need none of them, and need not hear of it.
    quote! {
        /// What the alerts of the catalog compare with. Not what a deployment's overlay made of it.
        pub mod thresholds {
            #(#constants)*
        }
        const _: [f64; #count] = [#(thresholds::#names),*];
    }
}

fn constant(catalog: &Catalog, alert: &Alert, threshold: Threshold) -> TokenStream {
    let name = name(catalog, alert);
    let help = doc(&docs::threshold(alert, threshold));
    let value = float(threshold.value);
    quote! {
        #help
        pub const #name: f64 = #value;
    }
}

/// The alert's name without the catalog's prefix.
fn name(catalog: &Catalog, alert: &Alert) -> Ident {
    let name = snake(&alert.name);
    names::constant(name.strip_prefix(&catalog.prefix).filter(|stem| !stem.is_empty()).unwrap_or(&name))
}
