//! The static tables that encoders and tools read.

use proc_macro2::TokenStream;
use quote::quote;
use vsr_metrics_catalog::model::{
    Aggregate, Catalog, Family, GaugeValue, Instrument, LabelId, Stability, Unit,
};

use super::cells::{self, Layout};
use super::tokens::number;
use crate::names;

/// The private module with both tables, and the budget that holds when compiling.
pub(super) fn expand(catalog: &Catalog, layout: &Layout) -> TokenStream {
    let Catalog { name, prefix, version, .. } = catalog;
    let constants = labels(catalog, &catalog.constant_labels);
    let families = catalog.families.iter().map(|family| descriptor(catalog, layout, family));
    let count = number(catalog.families.len() as u64);
    quote! {
        /// What the catalog says, as data.
        mod descriptors {
            use ::vsr_metrics::descriptor;

            pub(super) static CATALOG: descriptor::CatalogDescriptor = descriptor::CatalogDescriptor {
                name: #name,
                prefix: #prefix,
                version: #version,
                constant_labels: &[#constants],
                families: &FAMILIES,
            };

            pub(super) static FAMILIES: [descriptor::Descriptor; #count] = [#(#families),*];
        }
    }
}

fn descriptor(catalog: &Catalog, layout: &Layout, family: &Family) -> TokenStream {
    let Family { name, help, group, .. } = family;
    let unit = family.unit.map_or("", Unit::suffix);
    let owner = family.owner.as_deref().unwrap_or("");
    let stable = family.stability == Stability::Stable;
    let labels = labels(catalog, &family.labels);
    let instrument = instrument(layout, family);
    let aggregate = match family.aggregate {
        None => quote!(::core::option::Option::None),
        Some(Aggregate::Sum) => quote!(::core::option::Option::Some(descriptor::Aggregate::Sum)),
        Some(Aggregate::Max) => quote!(::core::option::Option::Some(descriptor::Aggregate::Max)),
        Some(Aggregate::Min) => quote!(::core::option::Option::Some(descriptor::Aggregate::Min)),
    };
    let scale = number(cells::scale(family));
    let constant = names::constant(&family.stem);
    let module = match family.instrument {
        Instrument::Gauge(_) => quote!(gauges),
        Instrument::Counter | Instrument::Histogram { .. } => quote!(cells),
    };
    quote! {
        descriptor::Descriptor {
            name: #name,
            help: #help,
            unit: #unit,
            group: #group,
            owner: #owner,
            stable: #stable,
            labels: &[#labels],
            instrument: #instrument,
            aggregate: #aggregate,
            scale: #scale,
            first: super::#module::#constant,
        }
    }
}

fn labels(catalog: &Catalog, labels: &[LabelId]) -> TokenStream {
    let descriptors = labels.iter().map(|id| {
        let kind = names::ident(&names::label_type(catalog.label(*id)));
        quote!(&super::#kind::DESCRIPTOR)
    });
    quote!(#(#descriptors),*)
}

fn instrument(layout: &Layout, family: &Family) -> TokenStream {
    match &family.instrument {
        Instrument::Counter => quote!(descriptor::Instrument::Counter),
        Instrument::Gauge(kind) => {
            let kind = match kind {
                GaugeValue::U64 => quote!(U64),
                GaugeValue::I64 => quote!(I64),
                GaugeValue::F64 => quote!(F64),
                GaugeValue::States(states) => {
                    let names = states.iter().map(|state| &state.name);
                    let values = states.iter().map(|state| number(state.value.into()));
                    quote!(States(&[#((#names, #values)),*]))
                }
            };
            quote!(descriptor::Instrument::Gauge(descriptor::GaugeKind::#kind))
        }
        Instrument::Histogram { .. } => {
            let (bounds, names) = layout.bounds(family);
            let scale = number(cells::scale(family));
            let grid = if family.has_grid() {
                quote!(::core::option::Option::Some(::vsr_metrics::storage::Grid::of(#scale)))
            } else {
                quote!(::core::option::Option::None)
            };
            quote! {
                descriptor::Instrument::Histogram {
                    bounds: &super::bounds::#bounds,
                    bound_names: &super::bounds::#names,
                    grid: #grid,
                }
            }
        }
    }
}
