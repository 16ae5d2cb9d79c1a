//! Where each family's numbers stand: cells of counters and histograms, gauges, and the bounds of buckets.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use vsr_metrics_catalog::model::{Bound, Catalog, Family, Instrument};

use super::tokens::{doc, number, sum};
use crate::names;

/// The places of all families of a catalog.
#[derive(Default)]
pub(super) struct Layout {
    cells: Vec<Place>,
    gauges: Vec<Place>,
    bounds: Vec<Bounds>,
    /// Which of `bounds` a histogram has, by its exported name.
    bounds_of: HashMap<String, usize>,
    /// Which of `bounds` holds these numbers, as stored and as exported.
    known: HashMap<(Vec<u64>, Vec<String>), usize>,
    /// The names of the constants in `bounds`.
    taken: HashSet<String>,
    grids: Vec<Gridded>,
}

/// Where one family begins.
struct Place {
    constant: Ident,
    series: u64,
    /// Cells of one series.
    stride: u64,
    /// Whether those of a grid come on top.
    grid: bool,
    /// Whether recordings have to multiply by the stride.
    labelled: bool,
}

/// A histogram with a grid beside its bounds.
struct Gridded {
    constant: Ident,
    /// Which of the lists of bounds it has.
    bounds: usize,
    scale: u64,
}

/// One distinct list of bounds.
struct Bounds {
    constant: Ident,
    names: Ident,
    /// As stored: nanoseconds for time.
    stored: Vec<u64>,
    /// As exported.
    texts: Vec<String>,
}

impl Layout {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let mut layout = Self::default();
        for family in &catalog.families {
            let place = Place::new(catalog, family);
            match &family.instrument {
                Instrument::Gauge(_) => layout.gauges.push(place),
                Instrument::Counter => layout.cells.push(place),
                Instrument::Histogram { bounds, grid } => {
                    let index = layout.share(catalog, family, bounds);
                    if grid.is_some() {
                        let constant = names::constant(&family.stem);
                        layout.grids.push(Gridded { constant, bounds: index, scale: scale(family) });
                    }
                    layout.bounds_of.insert(family.name.clone(), index);
                    layout.cells.push(place);
                }
            }
        }
        layout
    }

    /// The constants with a histogram's bounds: as stored, and as exported.
    pub(super) fn bounds(&self, histogram: &Family) -> (&Ident, &Ident) {
        let bounds = &self.bounds[self.bounds_of[&histogram.name]];
        (&bounds.constant, &bounds.names)
    }

    /// Families with the same bounds in the same unit share one constant, named after the preset.
    fn share(&mut self, catalog: &Catalog, family: &Family, bounds: &[Bound]) -> usize {
        // Resolve has refused bounds that cannot be stored.
        let stored: Vec<u64> = bounds.iter().filter_map(|bound| bound.stored(family.unit)).collect();
        let texts: Vec<String> = bounds.iter().map(|bound| bound.value.to_string()).collect();
        let key = (stored, texts);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let preset = catalog.buckets.iter().find(|preset| preset.bounds == bounds);
        let name = preset.map_or(&family.stem, |preset| &preset.name).to_ascii_uppercase();
        let stem = family.stem.to_ascii_uppercase();
        // A preset may be named like the names of another; longer and longer names end that.
        let longer = (0..).map(|times| format!("{stem}_BOUNDS{}", "_".repeat(times)));
        let is_free = |name: &String| {
            [name, &format!("{name}_NAMES")].into_iter().all(|name| !self.taken.contains(name))
        };
        let name = std::iter::once(name).chain(longer).find(is_free).unwrap_or(stem);
        let constant = names::ident(&name);
        let texts_name = format!("{name}_NAMES");
        let names = names::ident(&texts_name);
        self.taken.extend([name, texts_name]);
        let index = self.bounds.len();
        self.known.insert(key.clone(), index);
        let (stored, texts) = key;
        self.bounds.push(Bounds { constant, names, stored, texts });
        index
    }

    /// What recordings of a histogram are sorted into: its bounds, or those with a grid beside them.
    pub(super) fn buckets(&self, histogram: &Family) -> TokenStream {
        if histogram.has_grid() {
            let constant = names::constant(&histogram.stem);
            quote!(grids::#constant)
        } else {
            let (bounds, _) = self.bounds(histogram);
            quote!(bounds::#bounds)
        }
    }

    /// Cells of all counters and histograms together: `47 + 2 * GRID`.
    pub(super) fn cell_count(&self) -> TokenStream {
        let cells = self
            .cells
            .iter()
            .map(|place| place.series.saturating_mul(place.stride))
            .fold(0, u64::saturating_add);
        let grids: u64 = self.cells.iter().filter(|place| place.grid).map(|place| place.series).sum();
        sum(cells, grids, &quote!(::vsr_metrics::storage::GRID))
    }

    /// All gauges together.
    pub(super) fn gauge_count(&self) -> u64 {
        self.gauges.iter().map(|place| place.series).fold(0, u64::saturating_add)
    }
}

impl Place {
    fn new(catalog: &Catalog, family: &Family) -> Self {
        let stride = match &family.instrument {
            Instrument::Histogram { bounds, .. } => bounds.len() as u64 + 2,
            Instrument::Counter | Instrument::Gauge(_) => 1,
        };
        let constant = names::constant(&family.stem);
        let (grid, labelled) = (family.has_grid(), !family.labels.is_empty());
        Self { constant, series: catalog.series(family), stride, grid, labelled }
    }

    /// How far the next family is: `2 * 11` for two series of a histogram.
    fn size(&self) -> TokenStream {
        let (series, stride) = (number(self.series), self.stride());
        match (self.series, self.stride) {
            (_, 1) => quote!(#series),
            (1, _) => stride,
            _ if self.grid => quote!(#series * (#stride)),
            _ => quote!(#series * #stride),
        }
    }

    /// Cells of one series: `11`, or `11 + storage::GRID`.
    fn stride(&self) -> TokenStream {
        sum(self.stride, u64::from(self.grid), &quote!(storage::GRID))
    }
}

/// Stored integers in one exported unit. Only time is kept in another unit than it is exported in; a gauge is
/// kept as it is exported.
pub(super) fn scale(family: &Family) -> u64 {
    match family.instrument {
        Instrument::Gauge(_) => 1,
        Instrument::Counter | Instrument::Histogram { .. } => {
            family.unit.and_then(vsr_metrics_catalog::model::Unit::nanoseconds).unwrap_or(1)
        }
    }
}

/// The private modules with the places and the bounds.
pub(super) fn expand(layout: &Layout) -> TokenStream {
    let cells =
        places("Where each counter and histogram begins: behind the one before it.", "cells", &layout.cells);
    let gauges = places("Which gauge is whose.", "gauges", &layout.gauges);
    let strides = strides(layout);
    let bounds = bounds(layout);
    let grids = grids(layout);
    quote!(#cells #gauges #strides #bounds #grids)
}

fn places(help: &str, name: &str, places: &[Place]) -> TokenStream {
    if places.is_empty() {
        return TokenStream::new();
    }
    let (name, help) = (names::ident(name), doc(&[help]));
    let mut before: Option<&Place> = None;
    let constants = places.iter().map(|place| {
        let constant = &place.constant;
        let first = match before {
            None => quote!(0),
            Some(before) => {
                let (last, size) = (&before.constant, before.size());
                quote!(#last + #size)
            }
        };
        before = Some(place);
        quote!(pub(super) const #constant: usize = #first;)
    });
    let grid = import(places.iter().rev().skip(1));
    quote! {
        #help
        mod #name {
            #grid
            #(#constants)*
        }
    }
}

/// Histograms with labels have several series, and a recording multiplies by the size of one.
fn strides(layout: &Layout) -> TokenStream {
    let labelled = || layout.cells.iter().filter(|place| place.labelled && place.stride > 1);
    if labelled().next().is_none() {
        return TokenStream::new();
    }
    let constants = labelled().map(|place| {
        let (constant, stride) = (&place.constant, place.stride());
        quote!(pub(super) const #constant: usize = #stride;)
    });
    let grid = import(labelled());
    quote! {
        /// Cells of one series of a histogram with labels: its bounds, `+Inf`, the sum, and the grid if it has one.
        mod strides {
            #grid
            #(#constants)*
        }
    }
}

/// The import for the grid's size, where one of the places has it in its stride. Not of the constant itself: a family
/// may be called that.
fn import<'a>(mut places: impl Iterator<Item = &'a Place>) -> TokenStream {
    if places.any(|place| place.grid) {
        quote!(
            use ::vsr_metrics::storage;
        )
    } else {
        TokenStream::new()
    }
}

/// Histograms with a grid: their bounds together with it.
fn grids(layout: &Layout) -> TokenStream {
    if layout.grids.is_empty() {
        return TokenStream::new();
    }
    let constants = layout.grids.iter().map(|Gridded { constant, bounds, scale }| {
        let Bounds { constant: bounds, stored, .. } = &layout.bounds[*bounds];
        let (count, scale) = (number(stored.len() as u64), number(*scale));
        quote!(pub(super) const #constant: Gridded<#count> = Gridded::new(super::bounds::#bounds, #scale);)
    });
    quote! {
        /// Bounds with an exponential grid beside them, in which as many stored integers make one exported unit.
        mod grids {
            use ::vsr_metrics::storage::Gridded;

            #(#constants)*
        }
    }
}

fn bounds(layout: &Layout) -> TokenStream {
    if layout.bounds.is_empty() {
        return TokenStream::new();
    }
    let constants = layout.bounds.iter().map(|Bounds { constant, names, stored, texts }| {
        let count = number(stored.len() as u64);
        let stored = stored.iter().map(|bound| number(*bound));
        quote! {
            pub(super) const #constant: [u64; #count] = [#(#stored),*];
            pub(super) const #names: [&str; #count] = [#(#texts),*];
        }
    });
    quote! {
        /// Upper bounds of buckets, as kept (nanoseconds for time) and as exported.
        mod bounds {
            #(#constants)*
        }
    }
}
