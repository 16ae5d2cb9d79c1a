//! Reads a metrics catalog: YAML in, a resolved [`Catalog`] or [`Diagnostics`] out.
//!
//! ```text
//! metrics.yaml ─parse─▶ *Spec ─resolve─▶ Catalog ─check─▶ Diagnostics
//! ```

pub mod diagnostic;
pub mod model;
pub mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Level};
pub use model::Catalog;
pub use source::{SourceFile, Span};

/// What became of a catalog: everything sound in it, and everything to tell its author.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The text.
    pub source: SourceFile,
    /// What was sound. Complete if there are no errors.
    pub catalog: Catalog,
    /// What was not.
    pub diagnostics: Diagnostics,
}
