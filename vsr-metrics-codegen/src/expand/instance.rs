//! `Metrics` itself, the static of it, and what every instance can do whatever its families are.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use vsr_metrics_catalog::model::{Catalog, LabelValues};

use super::cells::Layout;
use super::docs;
use super::tokens::{doc, number};
use crate::names;

/// The struct, its static, constructors, constant labels and traits.
pub(super) fn expand(catalog: &Catalog, layout: &Layout) -> TokenStream {
    let constants: Vec<Constant> =
        catalog.constant_labels.iter().map(|id| Constant::new(catalog, id.0)).collect();
    let definition = definition(catalog, &constants);
    let home = home();
    let facts = facts(catalog, layout);
    let constructors = constructors(&constants);
    let setters = constants.iter().map(Constant::methods);
    let outputs = outputs();
    let traits = traits(catalog, &constants);
    let budget = budget(catalog);
    quote! {
        #definition

        #home

        impl Metrics {
            #facts
            #constructors
            #(#setters)*
            #outputs
        }

        #traits

        ::vsr_metrics::__with_text!(Metrics);

        #budget
    }
}

/// Holds the number of series within the catalog's budget, and lines of `StatsD` within a datagram, when compiling.
fn budget(catalog: &Catalog) -> TokenStream {
    let budget = number(catalog.series_budget);
    let message = format!(
        "the catalog `{}` exposes more sample lines than its `series_budget` of {} allows",
        catalog.name, catalog.series_budget
    );
    let too_long = format!(
        "names and label values of the catalog `{}` are so long that a line of StatsD exceeds a datagram",
        catalog.name
    );
    quote!(
        const _: () = ::core::assert!(Metrics::CATALOG.sample_lines() <= #budget, #message);
        const _: () = ::core::assert!(::vsr_metrics::encode::statsd::fits(Metrics::CATALOG), #too_long);
    )
}

/// A constant label.
struct Constant {
    key: String,
    name: String,
    /// Field, parameter and method.
    field: Ident,
    kind: Ident,
    /// The value of an `index`.
    value: TokenStream,
}

impl Constant {
    fn new(catalog: &Catalog, label: usize) -> Self {
        let label = &catalog.labels[label];
        let kind = names::ident(&names::label_type(label));
        let value = match label.values {
            LabelValues::Range { min: 0, .. } => quote!(map(#kind)),
            LabelValues::Range { .. } => quote!(map(|index| #kind(#kind::MIN + index))),
            LabelValues::Enum(_) => {
                quote!(and_then(|index| #kind::ALL.get(index as usize).copied()))
            }
        };
        let (key, name) = (label.key.clone(), label.name.clone());
        Self { field: names::ident(&key), key, name, kind, value }
    }

    fn methods(&self) -> TokenStream {
        let Self { key, name, field, kind, value } = self;
        let set = names::ident(&format!("set_{key}"));
        let set_help = doc(&[format!(
            "Fixes the label `{name}` of all series, and returns whether this call did it: the first one wins."
        )]);
        let help = doc(&[format!("The label `{name}` of all series, once it is fixed.")]);
        quote! {
            #set_help
            pub fn #set(&self, #field: #kind) -> bool {
                self.#field.fix(#field.index())
            }

            #help
            #[must_use]
            pub fn #field(&self) -> ::core::option::Option<#kind> {
                self.#field.index().#value
            }
        }
    }
}

fn definition(catalog: &Catalog, constants: &[Constant]) -> TokenStream {
    let help = doc(&docs::instance(catalog));
    let fields =
        constants.iter().map(|Constant { field, .. }| quote!(#field: ::vsr_metrics::label::ConstantLabel));
    let new = if constants.is_empty() { quote!(new) } else { quote!(unidentified) };
    let mut instance_help = vec!["The instance of this process.".to_owned()];
    if !constants.is_empty() {
        let names: Vec<String> = constants.iter().map(|label| format!("`{}`", label.name)).collect();
        let absent = format!("Its series are exported without {} until that is set.", names.join(", "));
        instance_help.extend([String::new(), absent]);
    }
    let instance_help = doc(&instance_help);
    quote! {
        #help
        pub struct Metrics {
            cells: ::vsr_metrics::storage::Sharded<{ Metrics::SHARD }, home::Static>,
            gauges: ::vsr_metrics::storage::Gauges<{ Metrics::GAUGES }>,
            #(#fields,)*
        }

        #instance_help
        pub static METRICS: Metrics = Metrics::#new();
    }
}

/// What lets a thread keep its shard of the static at hand.
fn home() -> TokenStream {
    quote! {
        mod home {
            use ::vsr_metrics::storage::{Home, Kept, Own};

            use super::{METRICS, Metrics};

            /// The static is the one instance that never moves: each thread keeps its shard of it at hand.
            pub(super) struct Static;

            ::std::thread_local! {
                static OWN: Own<{ Metrics::SHARD }> = const { Own::none() };
            }

            impl Home<{ Metrics::SHARD }> for Static {
                #[inline]
                fn kept() -> ::core::option::Option<Kept<{ Metrics::SHARD }, Self>> {
                    ::core::option::Option::Some(Kept { cells: &METRICS.cells, own: &OWN })
                }
            }
        }
    }
}

fn facts(catalog: &Catalog, layout: &Layout) -> TokenStream {
    let (cells, gauges) = (layout.cell_count(), number(layout.gauge_count()));
    let prefix = &catalog.prefix;
    let catalog_help = doc(&[format!("What the catalog says about itself and all `{prefix}` families.")]);
    quote! {
        /// Cells of all counters and histograms.
        const CELLS: usize = #cells;

        /// Cells of one thread's copy of them.
        const SHARD: usize =
            ::vsr_metrics::storage::PADDING + Self::CELLS + ::vsr_metrics::storage::PADDING;

        /// Series of all gauges.
        const GAUGES: usize = #gauges;

        #catalog_help
        pub const CATALOG: &'static ::vsr_metrics::descriptor::CatalogDescriptor = &descriptors::CATALOG;

        /// What the catalog says about each family, in its order.
        pub const DESCRIPTORS: &'static [::vsr_metrics::descriptor::Descriptor] = &descriptors::FAMILIES;
    }
}

fn constructors(constants: &[Constant]) -> TokenStream {
    let storage = quote! {
        cells: ::vsr_metrics::storage::Sharded::new(),
        gauges: ::vsr_metrics::storage::Gauges::new(),
    };
    if constants.is_empty() {
        return quote! {
            /// An instance of its own, with nothing recorded.
            #[must_use]
            pub const fn new() -> Self {
                Self { #storage }
            }
        };
    }
    let parameters = constants.iter().map(|Constant { field, kind, .. }| quote!(#field: #kind));
    let fixed = constants.iter().map(
        |Constant { field, .. }| quote!(#field: ::vsr_metrics::label::ConstantLabel::fixed(#field.index())),
    );
    let unset = constants
        .iter()
        .map(|Constant { field, .. }| quote!(#field: ::vsr_metrics::label::ConstantLabel::unset()));
    quote! {
        /// An instance of its own, with nothing recorded.
        #[must_use]
        pub const fn new(#(#parameters),*) -> Self {
            Self { #storage #(#fixed,)* }
        }

        /// An instance whose constant labels are not known yet.
        #[must_use]
        pub const fn unidentified() -> Self {
            Self { #storage #(#unset,)* }
        }
    }
}

/// Ways out. Whether there is text as well depends on a feature of the runtime, and is decided there.
fn outputs() -> TokenStream {
    quote! {
        /// All series now.
        #[must_use]
        pub fn snapshot(&self) -> ::vsr_metrics::Snapshot {
            ::vsr_metrics::Source::snapshot(self)
        }

        /// Withdraws all gauges, as when the replica they describe is gone: the next scrape lacks them, and each
        /// comes back when it is set again. Counters and histograms stay.
        pub fn retire(&self) {
            self.gauges.unset_all();
        }
    }
}

fn traits(catalog: &Catalog, constants: &[Constant]) -> TokenStream {
    let name = &catalog.name;
    let indices = constants.iter().map(|Constant { field, .. }| quote!(self.#field.index()));
    let shown = constants.iter().map(|Constant { key, field, .. }| quote!(.field(#key, &self.#field())));
    let default = constants.is_empty().then(|| {
        quote! {
            impl ::core::default::Default for Metrics {
                fn default() -> Self {
                    Self::new()
                }
            }
        }
    });
    quote! {
        impl ::vsr_metrics::Source for Metrics {
            fn collect(&self, snapshot: &mut ::vsr_metrics::Snapshot) {
                snapshot.record_instance(Self::CATALOG, &[#(#indices),*], &self.cells, &self.gauges);
            }
        }

        impl ::core::fmt::Debug for Metrics {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct("Metrics").field("catalog", &#name)#(#shown)*.finish_non_exhaustive()
            }
        }

        #default
    }
}
