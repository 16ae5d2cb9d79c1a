//! The committed catalogs' dashboards, held to the rules of Grafana's dashboard linter and to this project's own.
#![cfg(feature = "render")]

mod grid;
mod rules;

use std::path::Path;

use serde_json::Value;
use vsr_metrics_catalog::{Catalog, SourceFile};
use vsr_metrics_codegen::render::render;

/// The catalogs of this repository.
fn catalogs() -> Vec<Catalog> {
    ["metrics.yaml", "vsr-metrics/exporter.yaml"].map(compiled).into()
}

fn compiled(path: &str) -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let outcome = vsr_metrics_catalog::load(&root.join(path));
    assert!(!outcome.diagnostics.has_errors(), "{}", outcome.diagnostics.render_all(&outcome.source));
    outcome.catalog
}

/// A catalog from a text that has no mistakes.
fn written(text: &str) -> Catalog {
    let outcome = vsr_metrics_catalog::compile(SourceFile::new("test.yaml", text));
    assert!(!outcome.diagnostics.has_errors(), "{}", outcome.diagnostics.render_all(&outcome.source));
    outcome.catalog
}

/// The boards of a catalog, by uid.
fn boards(catalog: &Catalog) -> Vec<Value> {
    let files = render(catalog).into_iter();
    let boards = files.filter(|file| file.path.starts_with("dashboards/"));
    boards.map(|file| serde_json::from_str(&file.contents).expect("a board is JSON")).collect()
}

/// All boards of this repository.
fn committed() -> Vec<Value> {
    catalogs().iter().flat_map(boards).collect()
}

/// The panels of a board that show something.
fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().into_iter().flatten().filter(|panel| panel["type"] != "row")
}

/// The queries of a panel.
fn queries(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"].as_array().into_iter().flatten().filter_map(|target| target["expr"].as_str())
}

/// Where in which board something was found.
fn place(board: &Value, panel: &Value) -> String {
    format!("{}: {}", board["title"], panel["title"])
}

#[test]
fn every_family_is_in_a_panel() {
    for catalog in catalogs() {
        let boards = boards(&catalog);
        let queries: Vec<&str> = boards.iter().flat_map(panels).flat_map(queries).collect();
        for family in &catalog.families {
            let histogram = format!("{}_bucket{{", family.name);
            let plain = format!("{}{{", family.name);
            let is_shown = queries.iter().any(|query| query.contains(&plain) || query.contains(&histogram));
            assert!(is_shown, "no panel shows `{}`", family.name);
        }
    }
}

const SMALL: &str = "
catalog: { name: app, prefix: app_, version: 1.0.0, constant_labels: [host] }
labels:
  host: { range: [0, 9], help: Which machine it is. }
metrics:
  app_jobs_total: { type: counter, group: jobs, help: Jobs that ended. }
  app_queue: { type: gauge, group: jobs, help: Jobs that wait. }
  app_lost_total: { type: counter, group: losses, help: Jobs that were lost. }
alerts:
  AppQueueLong:
    severity: warning
    priority: P2
    expr: app_queue > 100
    summary: Jobs wait.
    description: Jobs wait.
    runbook: { meaning: Jobs wait., impact: None., diagnosis: [Look.], mitigation: [Wait.], resolved_when: It is over. }
    tests:
      - { name: many, series: { 'app_queue{host=\"0\"}': 200x9 2x9 }, fires_at: 1m, quiet_again_at: 4m }
      - { name: few, series: { 'app_queue{host=\"0\"}': 2x9 }, quiet_at: 1m }
dashboards:
  app-overview:
    title: App / Overview
    help: The whole of it.
    rows:
      - title: Jobs
        panels: [app_jobs_total, PANEL]
";

/// Adding a metric takes one line: a board of its own shows what no other board does.
#[test]
fn family_that_no_board_shows_gets_a_board() {
    let boards = boards(&written(&SMALL.replace("PANEL", "app_queue")));
    let more = boards.iter().find(|board| board["uid"] == "app-more").expect("a board of leftovers");
    let shown: Vec<&str> = panels(more).flat_map(queries).collect();
    assert_eq!(
        shown,
        [
            "sum by (job, host) (rate(app_lost_total{job=~\"$job\",instance=~\"$instance\",host=~\"$host\"}[$__rate_interval]))"
        ]
    );
}

/// The lines of the panel that stands in the small catalog.
fn lines(panel: &str) -> Vec<f64> {
    let boards = boards(&written(&SMALL.replace("PANEL", panel)));
    let panel = panels(&boards[0]).nth(1).expect("two panels");
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().expect("steps");
    steps.iter().filter_map(|step| step["value"].as_f64()).collect()
}

/// A line at a number of something else would mislead.
#[test]
fn threshold_is_drawn_where_its_number_is_shown() {
    assert_eq!(lines("app_queue"), [100.0]);
    assert_eq!(lines("{ title: Q, expr: max by (job) (app_queue) }"), [100.0]);
    for other in ["sum by (job) (app_queue)", "app_queue offset 1w", "app_queue / 2", "deriv(app_queue[5m])"]
    {
        assert_eq!(lines(&format!("{{ title: Q, expr: '{other}' }}")), [0.0; 0], "{other}");
    }
}

/// The panel that stands in the small catalog, as it is drawn.
fn drawn(panel: &str) -> Value {
    let boards = boards(&written(&SMALL.replace("PANEL", panel)));
    let panel = panels(&boards[0]).nth(1).expect("two panels");
    panel["fieldConfig"]["defaults"].clone()
}

/// A rate that wavers by a hundredth is no saw; a number that only grows would be a flat line from zero.
#[test]
fn axes_of_rates_begin_at_zero() {
    let axis = |panel: &str| drawn(panel)["custom"]["axisSoftMin"].clone();
    assert_eq!(axis("app_lost_total"), 0);
    assert_eq!(axis("{ title: Q, expr: app_queue, unit: milliseconds }"), 0);
    assert_eq!(axis("app_queue"), Value::Null);
}

/// A quotient of two rates is no number while nothing happens; red or green would say something of it.
#[test]
fn number_of_nothing_says_so() {
    let mapping = |panel: &str| drawn(panel)["mappings"].clone();
    let shown = mapping("{ title: Q, expr: app_queue / app_queue, kind: stat }");
    assert_eq!(shown[0]["options"]["match"], "nan");
    assert_eq!(shown[0]["options"]["result"]["text"], "no traffic");
    assert_eq!(mapping("app_queue"), serde_json::json!([]));
}

/// A panel leads to alerts about what it shows, and not to the one about everything that may be missing.
#[test]
fn what_may_be_missing_is_no_link_of_every_panel() {
    let catalog = compiled("metrics.yaml");
    let boards = boards(&catalog);
    let led = boards.iter().flat_map(panels).filter(|panel| {
        links(panel).any(|link| link["title"] == "Runbook: VsrMetricMissing")
            && !queries(panel).any(|query| query.contains("vsr_replica_status"))
    });
    let led: Vec<&Value> = led.map(|panel| &panel["title"]).collect();
    assert!(led.is_empty(), "{led:?}");
    let files = render(&catalog);
    let reference = &files.iter().find(|file| file.path == "metrics.md").expect("a reference").contents;
    assert!(reference.contains("| If it is missing | `VsrMetricMissing` |"));
    assert!(!reference.contains("| Alerts | `VsrSlowReplication`, `VsrMetricMissing` |"));
}

/// A panel leads to a section that is there.
#[test]
fn panels_lead_to_sections_of_the_runbook() {
    for catalog in catalogs() {
        let files = render(&catalog);
        let runbook = &files.iter().find(|file| file.path == "runbook.md").expect("a runbook").contents;
        let boards = boards(&catalog);
        let links: Vec<&Value> = boards.iter().flat_map(panels).flat_map(links).collect();
        assert!(!links.is_empty(), "{} has no link", catalog.name);
        for link in links {
            let alert = link["title"].as_str().and_then(|title| title.strip_prefix("Runbook: "));
            let alert = alert.expect("the name of an alert");
            assert_eq!(link["url"], format!("{}#{}", catalog.links.runbook, alert.to_lowercase()).as_str());
            let is_there = runbook.lines().any(|line| line.trim_start_matches('#').trim() == alert);
            assert!(is_there, "{alert} has no section");
        }
    }
}

/// The links of a panel.
fn links(panel: &Value) -> impl Iterator<Item = &Value> {
    panel["links"].as_array().into_iter().flatten()
}
