//! The recording methods: one `impl` for each group of families.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use vsr_metrics_catalog::model::{Catalog, Family, GaugeValue, Instrument, LabelId};
use vsr_metrics_catalog::names::verbs;

use super::cells::Layout;
use super::docs::{self, FamilyDocs};
use super::tokens::doc;
use crate::names;
use crate::uses::Uses;

/// All methods, by group, in the order of the catalog.
pub(super) fn expand(catalog: &Catalog, layout: &Layout) -> TokenStream {
    let uses = Uses::new(catalog);
    catalog
        .groups()
        .into_iter()
        .map(|(name, families)| {
            let methods =
                families.into_iter().map(|family| Recording::new(catalog, layout, &uses, family).methods());
            let help = doc(&[docs::group(name)]);
            quote! {
                #help
                impl Metrics {
                    #(#methods)*
                }
            }
        })
        .collect()
}

/// The methods as a reader of the documentation sees them: `add_operations(status: Status, amount: u64)`.
#[cfg(feature = "render")]
pub(crate) fn signatures(catalog: &Catalog, family: &Family) -> Vec<String> {
    let signature = |verb: &&str| {
        let mut parameters: Vec<String> = family
            .labels
            .iter()
            .map(|id| catalog.label(*id))
            .map(|label| format!("{}: {}", label.key, names::label_type(label)))
            .collect();
        parameters.extend(number(catalog, family, verb));
        let returned = if *verb == "time" { " -> Timer<'_>" } else { "" };
        format!("{verb}_{}({}){returned}", family.stem, parameters.join(", "))
    };
    verbs(family).iter().map(signature).collect()
}

/// The parameter with the number, if the verb takes one.
#[cfg(feature = "render")]
fn number(catalog: &Catalog, family: &Family, verb: &str) -> Option<String> {
    let (name, kind) = match &family.instrument {
        _ if matches!(verb, "increment" | "time" | "unset") => return None,
        Instrument::Gauge(GaugeValue::States(_)) => ("state", names::state_type(family)),
        Instrument::Gauge(kind) => {
            let kind = match kind {
                GaugeValue::I64 => "i64",
                GaugeValue::F64 => "f64",
                GaugeValue::U64 | GaugeValue::States(_) => "u64",
            };
            (if verb == "set" { "value" } else { "amount" }, kind.to_owned())
        }
        _ if family.is_time() => ("duration", "Duration".to_owned()),
        Instrument::Counter => ("amount", "u64".to_owned()),
        Instrument::Histogram { .. } => ("value", "u64".to_owned()),
    };
    Some(format!("{}: {kind}", parameter(catalog, family, name)))
}

/// A name for the parameter with the number, one that no label has taken.
fn parameter(catalog: &Catalog, family: &Family, name: &str) -> String {
    let mut name = name.to_owned();
    while family.labels.iter().any(|id| catalog.label(*id).key == name) {
        name = format!("recorded_{name}");
    }
    name
}

/// What all methods of one family share.
struct Recording<'a> {
    catalog: &'a Catalog,
    layout: &'a Layout,
    family: &'a Family,
    docs: FamilyDocs<'a>,
    /// `status: Status,` for each label.
    labels: TokenStream,
}

impl<'a> Recording<'a> {
    fn new(catalog: &'a Catalog, layout: &'a Layout, uses: &Uses<'a>, family: &'a Family) -> Self {
        let labels = family.labels.iter().map(|id| {
            let label = catalog.label(*id);
            let (parameter, kind) = (names::ident(&label.key), names::ident(&names::label_type(label)));
            quote!(#parameter: #kind,)
        });
        let docs = FamilyDocs::new(catalog, uses, family);
        Self { catalog, layout, family, docs, labels: labels.collect() }
    }

    fn methods(&self) -> TokenStream {
        verbs(self.family).iter().enumerate().map(|(index, verb)| self.method(verb, index == 0)).collect()
    }

    fn method(&self, verb: &str, first: bool) -> TokenStream {
        let name = names::ident(&format!("{verb}_{}", self.family.stem));
        let help = doc(&self.docs.method(verb, first));
        let labels = &self.labels;
        let place = self.place();
        let (parameters, body) = match (verb, &self.family.instrument) {
            ("time", _) => {
                let buckets = self.layout.buckets(self.family);
                // Reading the clock is the caller's measurement; nothing is gained by inlining it.
                return quote! {
                    #help
                    pub fn #name(&self, #labels) -> ::vsr_metrics::Timer<'_> {
                        ::vsr_metrics::Timer::start(&self.cells, #place, &#buckets)
                    }
                };
            }
            ("increment", _) => (TokenStream::new(), quote!(self.cells.add(#place, 1))),
            ("unset", _) => (TokenStream::new(), quote!(self.gauges.unset(#place))),
            (_, Instrument::Counter) => {
                let (parameters, value) = self.amount("amount");
                (parameters, quote!(self.cells.add(#place, #value)))
            }
            (_, Instrument::Histogram { .. }) => {
                let buckets = self.layout.buckets(self.family);
                let (parameters, value) = self.amount("value");
                (parameters, quote!(self.cells.observe(#place, &#buckets, #value)))
            }
            (_, Instrument::Gauge(kind)) => {
                let (parameters, function, value) = self.gauge(verb, kind);
                (parameters, quote!(self.gauges.#function(#place, #value)))
            }
        };
        quote! {
            #help
            #[inline]
            pub fn #name(&self, #labels #parameters) {
                #body;
            }
        }
    }

    /// The parameter with the number, and the number as it is kept.
    fn amount(&self, name: &str) -> (TokenStream, TokenStream) {
        if self.family.is_time() {
            let duration = self.parameter("duration");
            return (
                quote!(#duration: ::core::time::Duration),
                quote!(::vsr_metrics::storage::nanoseconds(#duration)),
            );
        }
        let value = self.parameter(name);
        (quote!(#value: u64), quote!(#value))
    }

    fn gauge(&self, verb: &str, kind: &GaugeValue) -> (TokenStream, Ident, TokenStream) {
        let value = self.parameter(if verb == "set" { "value" } else { "amount" });
        let (kind, function, stored) = match kind {
            GaugeValue::U64 => (quote!(u64), verb.to_owned(), quote!(#value)),
            GaugeValue::I64 => (quote!(i64), format!("{verb}_i64"), quote!(#value)),
            GaugeValue::F64 => (quote!(f64), format!("{verb}_f64"), quote!(#value)),
            GaugeValue::States(_) => {
                let kind = names::ident(&names::state_type(self.family));
                let state = self.parameter("state");
                let stored = quote!(::core::convert::From::from(#state.value()));
                return (quote!(#state: #kind), names::ident(verb), stored);
            }
        };
        (quote!(#value: #kind), names::ident(&function), stored)
    }

    fn parameter(&self, name: &str) -> Ident {
        names::ident(&parameter(self.catalog, self.family, name))
    }

    /// The cell of the series: row by row, the first label slowest.
    fn place(&self) -> TokenStream {
        let constant = names::constant(&self.family.stem);
        let (module, stride) = match self.family.instrument {
            Instrument::Gauge(_) => (quote!(gauges), None),
            Instrument::Counter => (quote!(cells), None),
            Instrument::Histogram { .. } => (quote!(cells), Some(quote!(strides::#constant))),
        };
        let Some((first, rest)) = self.family.labels.split_first() else {
            return quote!(#module::#constant);
        };
        let mut series = self.offset(*first);
        for (index, label) in rest.iter().enumerate() {
            let count = names::ident(&names::label_type(self.catalog.label(*label)));
            let offset = self.offset(*label);
            let before = if index == 0 { series } else { quote!((#series)) };
            series = quote!(#before * #count::COUNT + #offset);
        }
        match stride {
            None => quote!(#module::#constant + #series),
            Some(stride) if rest.is_empty() => quote!(#module::#constant + #series * #stride),
            Some(stride) => quote!(#module::#constant + (#series) * #stride),
        }
    }

    fn offset(&self, label: LabelId) -> TokenStream {
        let parameter = names::ident(&self.catalog.label(label).key);
        quote!(#parameter.offset())
    }
}
