//! Files to deploy from: who scrapes, who evaluates the rules, who stores, who is told, and what Grafana loads.
//!
//! Each is a template with the catalog's words in it, so that a job, an interval or a selector is written once.

use std::time::Duration;

use vsr_metrics_catalog::model::Catalog;

use super::{GeneratedFile, alerts, origin};

/// Path below the directory of generated files, and template.
const TEMPLATES: [(&str, &str); 9] = [
    ("README.md", include_str!("deploy/README.md")),
    ("alertmanager.yml", include_str!("deploy/alertmanager.yml")),
    ("grafana-dashboards.yml", include_str!("deploy/grafana-dashboards.yml")),
    ("grafana-datasources.yml", include_str!("deploy/grafana-datasources.yml")),
    ("otel-collector.yml", include_str!("deploy/otel-collector.yml")),
    ("prometheus.yml", include_str!("deploy/prometheus.yml")),
    ("remote-write.yml", include_str!("deploy/remote-write.yml")),
    ("servicemonitor.yml", include_str!("deploy/servicemonitor.yml")),
    ("vmagent.yml", include_str!("deploy/vmagent.yml")),
];

/// The object that ends in the list of groups.
const RULE_OBJECT: (&str, &str) = ("prometheusrule.yml", include_str!("deploy/prometheusrule.yml"));

/// Of a service's catalog, which names its instances or has objectives. One that does neither, such as that of the
/// exporters, stands beside a service's and is scraped with it.
pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    if catalog.constant_labels.is_empty() && catalog.slos.is_empty() {
        return Vec::new();
    }
    let words = words(catalog);
    let file = |(path, template): (&str, &str)| GeneratedFile {
        path: format!("deploy/{path}"),
        contents: words.iter().fold(template.to_owned(), |text, (mark, word)| text.replace(mark, word)),
    };
    let mut files: Vec<GeneratedFile> = TEMPLATES.into_iter().map(file).collect();
    let mut object = file(RULE_OBJECT);
    object.contents += &rule_groups(catalog);
    files.push(object);
    files
}

/// The groups of all rule files, as they stand there, one level deeper.
fn rule_groups(catalog: &Catalog) -> String {
    let files = alerts::render(catalog).into_iter().chain(alerts::render_recording(catalog));
    let mut text = String::new();
    for file in files {
        let groups = file.contents.split_once("groups:\n").map_or("", |(_, groups)| groups);
        for line in groups.lines() {
            text += if line.is_empty() { "" } else { "  " };
            text += line;
            text.push('\n');
        }
    }
    text
}

/// What stands in the templates, and what takes its place.
fn words(catalog: &Catalog) -> [(&'static str, String); 5] {
    let board = catalog.dashboards.first();
    let folder = board.and_then(|board| board.title.split(" / ").next()).unwrap_or(&catalog.name);
    [
        ("@ORIGIN@", origin(catalog)),
        ("@NAME@", catalog.name.replace('_', "-")),
        ("@PREFIX@", catalog.prefix.clone()),
        ("@INTERVAL@", interval(catalog.scrape_interval)),
        ("@FOLDER@", folder.to_owned()),
    ]
}

fn interval(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}
