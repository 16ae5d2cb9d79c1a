//! The catalogs of this repository, and how a chore reads one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use vsr_metrics_catalog::{Catalog, Outcome};

use crate::outcome::Refused;
use crate::workspace;

/// Each committed catalog, and where the files generated from it go. Relative to the root.
pub const COMMITTED: [(&str, &str); 2] =
    [("metrics.yaml", "docs"), ("vsr-metrics/exporter.yaml", "docs/exporter")];

/// Reads and compiles a catalog; a relative path starts where cargo was called, or else at the root.
///
/// # Errors
/// If there is no text to judge.
pub fn read(path: &Path) -> Result<Outcome, Refused> {
    read_with(path, None).map(|(compiled, _)| compiled)
}

/// The same with an overlay, whose findings come second.
///
/// # Errors
/// If one of them has no text to judge.
pub fn read_with(path: &Path, overlay: Option<&Path>) -> Result<(Outcome, Option<Outcome>), Refused> {
    let place = if path.exists() { path.to_path_buf() } else { workspace::root().join(path) };
    let shown = place.strip_prefix(workspace::root()).unwrap_or(&place);
    // Diagnostics name the file as a person in the root would.
    let named = if shown.exists() { shown } else { &place };
    let beside = beside(path);
    let (outcome, overlay) = match overlay {
        None => (vsr_metrics_catalog::load_with_queries(named, &beside), None),
        Some(overlay) => {
            let (outcome, overlay) = vsr_metrics_catalog::load_with_overlay(named, overlay, &beside);
            (outcome, Some(overlay))
        }
    };
    let unreadable = std::iter::once(&outcome).chain(&overlay).find(|outcome| outcome.is_unreadable());
    match unreadable {
        Some(outcome) => Err(Refused::new(outcome.diagnostics.render_all(&outcome.source))),
        None => Ok((with_matrix(path, outcome)?, overlay)),
    }
}

/// The first catalog's alerts were tried; what they did is in a file of its own.
fn with_matrix(path: &Path, mut outcome: Outcome) -> Result<Outcome, Refused> {
    if path == Path::new(COMMITTED[0].0) {
        outcome.catalog.matrix = crate::matrix::read().map_err(Refused::new)?;
    }
    Ok(outcome)
}

/// What is exported beside a catalog, and may stand in its queries: the exporters' own families.
fn beside(path: &Path) -> Vec<Catalog> {
    let (exporters, _) = COMMITTED[1];
    if path == Path::new(exporters) {
        return Vec::new();
    }
    vec![vsr_metrics_catalog::load(&workspace::root().join(exporters)).catalog]
}

/// The catalogs to work on: the one that was named, or all that are committed.
pub fn named_or_committed(named: Option<OsString>) -> Vec<PathBuf> {
    named.map_or_else(|| COMMITTED.iter().map(|(path, _)| path.into()).collect(), |path| vec![path.into()])
}
