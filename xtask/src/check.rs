//! `cargo xtask check`: what is wrong with a catalog, as the macro would say it, or as JSON.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vsr_metrics_catalog::{Diagnostic, Level, Outcome as Compiled};

use crate::catalog;
use crate::outcome::{Outcome, Refused, Verdict};

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask check [--catalog FILE] [--overlay FILE] [--format human|json]

  --catalog FILE   another catalog than the committed ones
  --overlay FILE   what a deployment changes of metrics.yaml, or of the catalog that is named
  --format FORMAT  human (default) or json: a list of catalogs, each with its findings";

/// For whom the findings are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Human,
    Json,
}

/// Prints all findings of all catalogs.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut named, mut overlay, mut format) = (None, None, Format::Human);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("catalog") => named = Some(parser.value()?),
            lexopt::Arg::Long("overlay") => overlay = Some(PathBuf::from(parser.value()?)),
            lexopt::Arg::Long("format") => format = Format::read(&parser.value()?)?,
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    let compiled = match overlay {
        None => {
            let paths = catalog::named_or_committed(named);
            paths.iter().map(|path| catalog::read(path)).collect::<Result<Vec<_>, _>>()?
        }
        Some(overlay) => {
            let path = named.unwrap_or_else(|| catalog::COMMITTED[0].0.into());
            let (compiled, overlay) = catalog::read_with(Path::new(&path), Some(&overlay))?;
            // An overlay has no sizes to tell.
            let told = overlay.filter(|overlay| !overlay.diagnostics.is_empty());
            std::iter::once(compiled).chain(told).collect()
        }
    };
    match format {
        Format::Human => compiled.iter().for_each(|compiled| println!("{}", human(compiled))),
        Format::Json => println!("{:#}", compiled.iter().map(machine).collect::<Value>()),
    }
    Ok(Verdict::clean_if(compiled.iter().all(|compiled| compiled.diagnostics.is_empty())))
}

impl Format {
    fn read(word: &OsString) -> Result<Self, Refused> {
        match word.to_str() {
            Some("human") => Ok(Self::Human),
            Some("json") => Ok(Self::Json),
            _ => Err(Refused::new(format!(
                "unknown format `{}`, expected `human` or `json`",
                word.to_string_lossy()
            ))),
        }
    }
}

/// All findings, or the sizes of a catalog that has none.
fn human(compiled: &Compiled) -> String {
    let count = compiled.diagnostics.iter().count();
    if count > 0 {
        let findings = compiled.diagnostics.render_all(&compiled.source);
        return format!("{}\n\n{}: {count} findings", findings.trim_end(), compiled.source.path().display());
    }
    let catalog = &compiled.catalog;
    let series: u64 = catalog.families.iter().map(|family| catalog.series(family)).sum();
    let lines: u64 = catalog.families.iter().map(|family| catalog.sample_lines(family)).sum();
    format!(
        "{}: {} families, {series} series, {lines} sample lines of {} that the budget allows",
        compiled.source.path().display(),
        catalog.families.len(),
        catalog.series_budget,
    )
}

/// The findings of one catalog for a program.
fn machine(compiled: &Compiled) -> Value {
    let findings: Vec<Value> = compiled.diagnostics.iter().map(finding).collect();
    json!({ "file": compiled.source.path().display().to_string(), "findings": findings })
}

/// One finding for a program.
fn finding(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code,
        "level": match diagnostic.level { Level::Error => "error", Level::Warning => "warning" },
        "line": diagnostic.span.line,
        "column": diagnostic.span.column,
        "length": diagnostic.span.length,
        "message": diagnostic.message,
        "help": diagnostic.help,
    })
}
