//! Dashboards for Grafana: each board of the catalog, and one for the families that no board shows.
//!
//! A panel of the catalog becomes one chart or two (`chart`), a chart gets its place on the grid (`layout`), its
//! thresholds from the alerts (`alerts`), and is written as Grafana reads it (`draw`).

mod alerts;
mod board;
mod chart;
mod draw;
mod layout;
mod query;
mod units;

use std::collections::HashMap;

use vsr_metrics_catalog::model::{Catalog, Choice, Dashboard, Family, Panel, Row};
use vsr_metrics_catalog::names::title;

use super::{GeneratedFile, origin};
use crate::uses::{Graph, Uses, series_names};

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let series = Series::new(catalog);
    let alerts = alerts::Alerts::new(catalog, &series);
    let selection = query::Selection::new(catalog);
    let context = Context { catalog, alerts, series: &series, selection, uses: Uses::new(catalog) };
    let boards = catalog.dashboards.iter().map(|board| file(&context, board));
    boards.chain(leftovers(&context).iter().map(|board| file(&context, board))).collect()
}

/// What charts are made from, read once.
struct Context<'a> {
    catalog: &'a Catalog,
    alerts: alerts::Alerts<'a>,
    series: &'a Series,
    selection: query::Selection,
    uses: Uses<'a>,
}

/// From each name that is queried to its family's place in the catalog.
struct Series(HashMap<String, usize>);

impl Series {
    fn new(catalog: &Catalog) -> Self {
        let families = catalog.families.iter().enumerate();
        Self(
            families
                .flat_map(|(index, family)| series_names(family).into_iter().map(move |name| (name, index)))
                .collect(),
        )
    }

    fn family<'a>(&self, catalog: &'a Catalog, name: &str) -> Option<&'a Family> {
        self.0.get(name).map(|index| &catalog.families[*index])
    }
}

fn file(context: &Context<'_>, dashboard: &Dashboard) -> GeneratedFile {
    let board = board::board(context, dashboard);
    // Grafana keeps no comments, so the origin stands in the description, and that first.
    let description = format!("{} {}", dashboard.help, origin(context.catalog));
    let rest = format!("{board:#}");
    let rest = rest.strip_prefix("{\n").unwrap_or(&rest);
    let contents = format!("{{\n  \"description\": {},\n{rest}\n", serde_json::Value::from(description));
    GeneratedFile { path: format!("dashboards/{}.json", dashboard.uid), contents }
}

/// The families that no board shows, by group: so adding a metric takes its own line and nothing else.
fn leftovers(context: &Context<'_>) -> Option<Dashboard> {
    let catalog = context.catalog;
    let first = catalog.dashboards.first()?;
    let mut rows: Vec<Row> = Vec::new();
    let graph = Graph::new(catalog);
    for family in catalog.families.iter().filter(|family| graph.panels(family).is_empty()) {
        let panel = Panel { metrics: vec![family.name.clone()], ..Panel::default() };
        let name = title(&family.group.replace('-', "_"));
        match rows.iter_mut().find(|row| row.title == name) {
            Some(row) => row.panels.push(panel),
            None => rows.push(Row { title: name, panels: vec![panel] }),
        }
    }
    let folder = first.title.split(" / ").next().unwrap_or_default();
    (!rows.is_empty()).then(|| Dashboard {
        uid: format!("{}-more", catalog.name.replace('_', "-")),
        title: format!("{folder} / More"),
        help: "Families that no other board shows.".to_owned(),
        range: first.range,
        choice: Choice::Many,
        rows,
        span: first.span,
    })
}
