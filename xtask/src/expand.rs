//! `cargo xtask expand`: what `catalog!` makes of a catalog, to be read by a person.

use std::ffi::OsString;
use std::path::Path;

use crate::catalog;
use crate::outcome::{Outcome, Refused, Verdict};

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask expand [--catalog FILE]

  --catalog FILE   another catalog than metrics.yaml";

/// Prints the expansion; findings go to standard error.
pub fn run(arguments: &[OsString]) -> Outcome {
    let mut named = OsString::from(catalog::COMMITTED[0].0);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("catalog") => named = parser.value()?,
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    let compiled = catalog::read(Path::new(&named))?;
    if !compiled.diagnostics.is_empty() {
        eprintln!("{}", compiled.diagnostics.render_all(&compiled.source));
    }
    if compiled.diagnostics.has_errors() {
        return Ok(Verdict::Findings);
    }
    let file = Path::new(&named).file_name().and_then(|name| name.to_str());
    let tokens = vsr_metrics_codegen::expand::expand(&compiled.catalog, file);
    let parsed = syn::parse2(tokens).map_err(|error| {
        Refused::new(format!("the expansion of `{}` is not Rust: {error}", Path::new(&named).display()))
    })?;
    print!("{}", prettyplease::unparse(&parsed));
    Ok(Verdict::Clean)
}
