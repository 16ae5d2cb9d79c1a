//! Reads a metrics catalog: YAML in, a resolved [`Catalog`] or [`Diagnostics`] out.
//!
//! ```text
//! metrics.yaml ─parse─▶ *Spec ─resolve─▶ Catalog ─check─▶ Diagnostics
//! ```
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod lint;
pub mod model;
pub mod names;
pub mod source;

mod lost;
mod node;
#[cfg(feature = "promql")]
mod overlay;
mod parse;
mod places;
#[cfg(feature = "promql")]
pub mod promql;
mod resolve;
mod spec;
mod tree;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

pub use diagnostic::{Diagnostic, Diagnostics, Level};
pub use model::Catalog;
pub use source::{SourceFile, Span};

/// The largest file that is read; ten thousand metrics take less.
pub const MAX_BYTES: usize = 4 << 20;

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

impl Outcome {
    /// Whether there was no text to judge at all.
    pub fn is_unreadable(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|finding| matches!(finding.code, "file-not-found" | "not-utf8" | "too-large"))
    }
}

/// Reads and compiles a file. A file that cannot be read is a finding like any other.
pub fn load(path: &Path) -> Outcome {
    read(path).map_or_else(|refused| *refused, compile)
}

/// The same, with every query parsed and looked up. `beside` are catalogs exported by the same program.
#[cfg(feature = "promql")]
pub fn load_with_queries(path: &Path, beside: &[Catalog]) -> Outcome {
    read(path).map_or_else(|refused| *refused, |source| compile_with_queries(source, beside))
}

/// The same with what one deployment changes. The second outcome holds the overlay's text and its findings.
#[cfg(feature = "promql")]
pub fn load_with_overlay(path: &Path, overlay: &Path, beside: &[Catalog]) -> (Outcome, Outcome) {
    let outcome = |source, diagnostics| Outcome { source, catalog: Catalog::default(), diagnostics };
    let mut overlay = match read(overlay) {
        Ok(source) => overlay::Overlay::read(source),
        Err(refused) => return (load_with_queries(path, beside), *refused),
    };
    let compiled = match read(path) {
        Ok(source) => run(source, |spec| overlay.apply(spec), |subject| Some(promql::check(subject, beside))),
        Err(refused) => *refused,
    };
    (compiled, outcome(overlay.source, overlay.diagnostics))
}

/// The text of a file, or the one finding that there is none.
fn read(path: &Path) -> Result<SourceFile, Box<Outcome>> {
    let refused = |code, span, message: String, help: &str| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::error(code, span, message).help(help));
        Box::new(Outcome { source: SourceFile::new(path, ""), catalog: Catalog::default(), diagnostics })
    };
    // A path may lead to something that never ends.
    let most = MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if let Err(error) = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)) {
        let message = format!("`{}` cannot be read: {error}", path.display());
        let help = "check the path; the one in `catalog!` starts at the directory of the crate's Cargo.toml";
        return Err(refused("file-not-found", Span::default(), message, help));
    }
    if bytes.len() > MAX_BYTES {
        let (message, help) = too_large();
        return Err(refused("too-large", Span::default(), message, help));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(path, text)),
        Err(error) => {
            let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = sound.split(|byte| *byte == b'\n').count();
            let span = Span { line: u32::try_from(line).unwrap_or(u32::MAX), column: 1, length: 1 };
            Err(refused("not-utf8", span, "the catalog is not UTF-8".to_owned(), "save it as UTF-8"))
        }
    }
}

fn too_large() -> (String, &'static str) {
    (
        format!("the catalog has more than {MAX_BYTES} bytes"),
        "make several of it, each with a prefix of its own",
    )
}

/// Compiles a text: all stages, and all findings of all of them in the order of the file.
pub fn compile(source: SourceFile) -> Outcome {
    run(source, |_| {}, |_| None)
}

/// The same, with every query parsed and looked up. `beside` are catalogs exported by the same program.
#[cfg(feature = "promql")]
pub fn compile_with_queries(source: SourceFile, beside: &[Catalog]) -> Outcome {
    run(source, |_| {}, |subject| Some(promql::check(subject, beside)))
}

fn run(
    source: SourceFile,
    change: impl FnOnce(&mut spec::CatalogSpec),
    queries: impl FnOnce(&lint::Subject<'_>) -> Option<lint::Findings>,
) -> Outcome {
    let mut diagnostics = Diagnostics::default();
    let mut catalog = Catalog::default();
    if source.text().len() > MAX_BYTES {
        let (message, help) = too_large();
        diagnostics.push(Diagnostic::error("too-large", Span::default(), message).help(help));
    } else if let Some(mut parsed) = parse::parse(&source, &mut diagnostics) {
        change(&mut parsed.spec);
        catalog = resolve::resolve(&parsed.spec, &parsed.places, &mut parsed.lost, &mut diagnostics);
        let subject = lint::Subject { catalog: &catalog, source: &source, lost: &parsed.lost };
        lint::check(&subject, queries(&subject), &mut diagnostics);
    }
    diagnostics.sort();
    Outcome { source, catalog, diagnostics }
}
