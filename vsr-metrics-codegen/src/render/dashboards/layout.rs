//! Grafana's grid: 24 columns, filled line by line, without gaps and overlaps by construction.

use vsr_metrics_catalog::model::PanelKind;

use super::chart::Chart;

/// Columns of the grid.
const COLUMNS: u32 = 24;

/// Place and size of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Places for the charts of a row that begins at `y`, and where the next row begins.
pub(super) fn places(charts: &[Chart<'_>], mut y: u32) -> (Vec<Place>, u32) {
    let mut places = Vec::with_capacity(charts.len());
    let mut rest = charts;
    while !rest.is_empty() {
        let widths = if charts.iter().any(|chart| chart.width.is_some()) {
            filled(rest)
        } else {
            shared(rest, most(charts, rest))
        };
        let (line, after) = rest.split_at(widths.len());
        let height = line.iter().map(height).max().unwrap_or_default();
        let mut x = 0;
        for width in widths {
            places.push(Place { x, y, width, height });
            x += width;
        }
        y += height;
        rest = after;
    }
    (places, y)
}

/// How many charts share a line: pairs of a histogram stay side by side.
fn most(row: &[Chart<'_>], rest: &[Chart<'_>]) -> usize {
    if row.iter().any(|chart| chart.kind == PanelKind::Heatmap) {
        2
    } else if rest.first().is_some_and(|chart| chart.kind == PanelKind::Stat) {
        6
    } else {
        3
    }
}

/// Equal widths for the charts of the next line, which are all numbers or all pictures.
fn shared(rest: &[Chart<'_>], most: usize) -> Vec<u32> {
    let is_stat = |chart: &Chart<'_>| chart.kind == PanelKind::Stat;
    let alike = rest.iter().take_while(|chart| is_stat(chart) == is_stat(&rest[0])).count();
    // Four in lines of three are two and two.
    let lines = alike.div_ceil(most);
    let count = u32::try_from(alike.div_ceil(lines)).unwrap_or(COLUMNS);
    (0..count).map(|index| COLUMNS / count + u32::from(index < COLUMNS % count)).collect()
}

/// The widths that were asked for, as many as fit; the last one takes what is left.
fn filled(rest: &[Chart<'_>]) -> Vec<u32> {
    let mut widths = Vec::new();
    let mut used = 0;
    for chart in rest {
        let usual = if chart.kind == PanelKind::Stat { 4 } else { 8 };
        let width = chart.width.unwrap_or(usual).min(COLUMNS);
        if used + width > COLUMNS {
            break;
        }
        used += width;
        widths.push(width);
    }
    if let Some(last) = widths.last_mut() {
        *last += COLUMNS - used;
    }
    widths
}

fn height(chart: &Chart<'_>) -> u32 {
    chart.height.unwrap_or(match chart.kind {
        PanelKind::Stat => 4,
        PanelKind::States => 6,
        _ => 8,
    })
}
