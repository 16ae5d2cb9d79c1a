//! Label values and states as Rust types.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use vsr_metrics_catalog::model::{
    Catalog, Family, GaugeValue, Instrument, Label, LabelId, LabelValue, LabelValues, State,
};

use super::docs;
use super::tokens::{doc, number};
use crate::names;

/// A type for each label that is recorded or constant, and for each gauge with states.
pub(super) fn expand(catalog: &Catalog) -> TokenStream {
    let recorded: HashSet<LabelId> =
        catalog.families.iter().flat_map(|family| &family.labels).copied().collect();
    let labels = catalog.labels.iter().enumerate().map(|(index, label)| {
        let id = LabelId(index);
        let usage =
            Usage { recorded: recorded.contains(&id), constant: catalog.constant_labels.contains(&id) };
        match &label.values {
            _ if !usage.recorded && !usage.constant => TokenStream::new(),
            LabelValues::Enum(values) => closed_set(label, values, usage),
            LabelValues::Range { min, max } => range(label, *min, *max, usage),
        }
    });
    let states = catalog.families.iter().filter_map(|family| match &family.instrument {
        Instrument::Gauge(GaugeValue::States(values)) => Some(states(family, values)),
        _ => None,
    });
    labels.chain(states).collect()
}

/// What a label is used for decides which private methods its type needs.
#[derive(Clone, Copy)]
struct Usage {
    recorded: bool,
    constant: bool,
}

fn closed_set(label: &Label, values: &[LabelValue], usage: Usage) -> TokenStream {
    let name = names::ident(&names::label_type(label));
    let help = doc(&[docs::prose(&label.help)]);
    let variants: Vec<_> = values.iter().map(|value| names::ident(&names::pascal(&value.name))).collect();
    let docs = values.iter().map(|value| doc(&[docs::prose(&value.help)]));
    let texts: Vec<_> = values.iter().map(|value| &value.name).collect();
    let exported = &label.name;
    let count = number(values.len() as u64);
    let offset = usage.recorded.then(|| {
        quote! {
            /// How many values stand before this one.
            const fn offset(self) -> usize {
                self as usize
            }
        }
    });
    let index = usage.constant.then(|| {
        quote! {
            /// Place of the value among all.
            const fn index(self) -> u32 {
                self as u32
            }
        }
    });
    let (as_str, display) = text(&name, &variants, &texts, "The value as exported.");
    quote! {
        #help
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum #name {
            #(#docs #variants,)*
        }

        impl #name {
            /// How many values there are.
            pub const COUNT: usize = #count;

            /// All values, in the order of the catalog.
            pub const ALL: [Self; Self::COUNT] = [#(Self::#variants),*];

            const DESCRIPTOR: ::vsr_metrics::descriptor::LabelDescriptor =
                ::vsr_metrics::descriptor::LabelDescriptor {
                    name: #exported,
                    values: ::vsr_metrics::descriptor::LabelValues::Enum(&[#(#texts),*]),
                };

            #as_str

            #offset
            #index
        }

        #display
    }
}

fn range(label: &Label, min: u32, max: u32, usage: Usage) -> TokenStream {
    let name = names::ident(&names::label_type(label));
    let help = doc(&[docs::prose(&label.help), String::new(), format!("A number from {min} to {max}.")]);
    let exported = &label.name;
    let key = &label.key;
    let (low, high) = (number(min.into()), number(max.into()));
    let offset = usage.recorded.then(|| {
        quote! {
            /// How many values stand before this one.
            const fn offset(self) -> usize {
                (self.0 - Self::MIN) as usize
            }
        }
    });
    let index = usage.constant.then(|| {
        quote! {
            /// Place of the value among all.
            const fn index(self) -> u32 {
                self.0 - Self::MIN
            }
        }
    });
    // A range from zero has no smaller number to refuse, and comparing with zero would be a lint.
    let outside =
        if min == 0 { quote!(value > Self::MAX) } else { quote!(value < Self::MIN || value > Self::MAX) };
    quote! {
        #help
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct #name(u32);

        impl #name {
            /// The smallest value.
            pub const MIN: u32 = #low;

            /// The largest value.
            pub const MAX: u32 = #high;

            /// How many values there are.
            pub const COUNT: usize = (Self::MAX - Self::MIN) as usize + 1;

            const DESCRIPTOR: ::vsr_metrics::descriptor::LabelDescriptor =
                ::vsr_metrics::descriptor::LabelDescriptor {
                    name: #exported,
                    values: ::vsr_metrics::descriptor::LabelValues::Range { min: Self::MIN, max: Self::MAX },
                };

            /// The label value of a number.
            ///
            /// # Errors
            /// If the number is outside of the range.
            pub const fn new(value: u32) -> ::core::result::Result<Self, ::vsr_metrics::OutOfRange> {
                if #outside {
                    return ::core::result::Result::Err(::vsr_metrics::OutOfRange::new(
                        #key, value, Self::MIN, Self::MAX,
                    ));
                }
                ::core::result::Result::Ok(Self(value))
            }

            /// The number.
            #[must_use]
            pub const fn value(self) -> u32 {
                self.0
            }

            #offset
            #index
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::core::convert::TryFrom<u32> for #name {
            type Error = ::vsr_metrics::OutOfRange;

            fn try_from(value: u32) -> ::core::result::Result<Self, Self::Error> {
                Self::new(value)
            }
        }
    }
}

fn states(family: &Family, states: &[State]) -> TokenStream {
    let name = names::ident(&names::state_type(family));
    let help = doc(&[docs::prose(&family.help)]);
    let variants: Vec<_> = states.iter().map(|state| names::ident(&names::pascal(&state.name))).collect();
    let docs = states.iter().map(|state| doc(&[docs::state(state)]));
    let texts: Vec<_> = states.iter().map(|state| &state.name).collect();
    let values = states.iter().map(|state| number(state.value.into()));
    let count = number(states.len() as u64);
    let (as_str, display) = text(&name, &variants, &texts, "The state's name in the catalog.");
    quote! {
        #help
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum #name {
            #(#docs #variants = #values,)*
        }

        impl #name {
            /// All states, in the order of the catalog.
            pub const ALL: [Self; #count] = [#(Self::#variants),*];

            /// The number as exported.
            #[must_use]
            pub const fn value(self) -> u32 {
                self as u32
            }

            #as_str
        }

        #display
    }
}

/// `as_str`, and `Display` by way of it.
fn text(name: &Ident, variants: &[Ident], texts: &[&String], help: &str) -> (TokenStream, TokenStream) {
    let help = doc(&[help]);
    let as_str = quote! {
        #help
        #[must_use]
        pub const fn as_str(self) -> &'static str {
            match self {
                #(Self::#variants => #texts,)*
            }
        }
    };
    let display = quote! {
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
    (as_str, display)
}
