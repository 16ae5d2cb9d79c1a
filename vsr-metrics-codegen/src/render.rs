//! Catalog in, files out: what operators, editors and other tools read.
//!
//! Renderers are pure. They know neither the disk nor the clock, and the same catalog gives the same bytes. The
//! first line of each file says what it was made from and by which command.

mod alerts;
mod dashboards;
mod deploy;
mod json;
mod markdown;
mod methods;
mod playbook;
mod reference;
mod runbook;
mod schema;
mod yaml;

use vsr_metrics_catalog::model::Catalog;

/// A file to write below the directory of generated files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where, from that directory, with `/` between names.
    pub path: String,
    /// What it says.
    pub contents: String,
}

/// One row of [`RENDERERS`].
pub struct Renderer {
    /// Short name, for messages.
    pub name: &'static str,
    /// The files that it makes of a catalog.
    pub render: fn(&Catalog) -> Vec<GeneratedFile>,
}

/// All renderers. A new one is its file and a row here.
pub const RENDERERS: &[Renderer] = &[
    Renderer { name: "reference", render: reference::render },
    Renderer { name: "methods", render: methods::render },
    Renderer { name: "schema", render: schema::render },
    Renderer { name: "json", render: json::render },
    Renderer { name: "dashboards", render: dashboards::render },
    Renderer { name: "deploy", render: deploy::render },
    Renderer { name: "alerts", render: alerts::render },
    Renderer { name: "recording", render: alerts::render_recording },
    Renderer { name: "alert-tests", render: alerts::render_tests },
    Renderer { name: "thresholds", render: alerts::render_thresholds },
    Renderer { name: "runbook", render: runbook::render },
    Renderer { name: "playbook", render: playbook::render },
];

/// All files of a catalog, in the order of [`RENDERERS`].
pub fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    RENDERERS.iter().flat_map(|renderer| (renderer.render)(catalog)).collect()
}

/// The rules of a catalog's alerts and their tests alone.
pub fn render_alerts(catalog: &Catalog) -> Vec<GeneratedFile> {
    [alerts::render, alerts::render_recording, alerts::render_tests]
        .iter()
        .flat_map(|render| render(catalog))
        .collect()
}

/// The first line of each file, without the marks of a comment.
pub(crate) fn origin(catalog: &Catalog) -> String {
    format!("Generated from the catalog `{}` by `cargo xtask gen`. Edit the catalog instead.", catalog.name)
}

fn file(path: &str, contents: String) -> Vec<GeneratedFile> {
    vec![GeneratedFile { path: path.to_owned(), contents }]
}
