//! A whole board as a picture: its panels in their places.

use serde_json::Value;

use super::data::{Series, Span, series};
use super::graph;
use super::number::with_unit;
use super::svg::{Anchor, Area, BORDER, FAINT, PALETTE, PANEL, Svg, TEXT};
use crate::judges::Prometheus;

/// Pixels of a column and of a unit of height.
const COLUMN: f64 = 52.0;
const UNIT: f64 = 26.0;
/// Room for the board's title.
const HEAD: f64 = 44.0;
/// Room for a panel's title.
const TITLE: f64 = 24.0;

/// Draws a board with what Prometheus knows about the span.
///
/// # Errors
/// If Prometheus refuses a query.
pub fn draw(prometheus: &Prometheus, board: &Value, span: Span) -> Result<String, String> {
    let mut svg = Svg::default();
    let title = board["title"].as_str().unwrap_or_default();
    svg.text((16.0, 29.0), 18, TEXT, Anchor::Start, title);
    let mut bottom = 0.0_f64;
    for panel in board["panels"].as_array().into_iter().flatten() {
        let area = area(panel);
        bottom = bottom.max(area.bottom());
        let name = panel["title"].as_str().unwrap_or_default();
        if panel["type"] == "row" {
            svg.text((area.x + 4.0, area.y + 18.0), 14, TEXT, Anchor::Start, name);
        } else {
            let shown = series(prometheus, board, panel, span)?;
            svg.rectangle(area.inset(3.0, 3.0, 3.0, 3.0), PANEL, Some(BORDER));
            svg.text((area.x + 12.0, area.y + 19.0), 12, TEXT, Anchor::Start, name);
            let inner = area.inset(4.0, TITLE, 4.0, 6.0);
            content(&mut svg, inner, panel, &shown, span);
        }
    }
    Ok(svg.finish(24.0 * COLUMN, bottom + 6.0, title))
}

fn area(panel: &Value) -> Area {
    let at = |key: &str| panel["gridPos"][key].as_f64().unwrap_or_default();
    Area { x: at("x") * COLUMN, y: HEAD + at("y") * UNIT, width: at("w") * COLUMN, height: at("h") * UNIT }
}

/// The picture of a panel by its type.
fn content(svg: &mut Svg, area: Area, panel: &Value, series: &[Series], span: Span) {
    let shown: Vec<Series> = series.iter().filter(|one| !one.points.is_empty()).cloned().collect();
    if shown.is_empty() {
        let middle = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        svg.text(middle, 12, FAINT, Anchor::Middle, "No data");
        return;
    }
    match panel["type"].as_str().unwrap_or_default() {
        "stat" => stat(svg, area, panel, &shown, span),
        "bargauge" => bars(svg, area, panel, &shown),
        "state-timeline" => graph::states(svg, area, panel, &shown, span),
        "heatmap" => graph::heatmap(svg, area, panel, &shown, span),
        _ => graph::lines(svg, area, panel, &shown, span),
    }
}

/// One large number, on the color that it deserves.
fn stat(svg: &mut Svg, area: Area, panel: &Value, series: &[Series], span: Span) {
    let defaults = &panel["fieldConfig"]["defaults"];
    let unit = defaults["unit"].as_str().unwrap_or_default();
    let Some((_, value)) = series.first().and_then(|one| one.points.last()) else { return };
    let mut steps = defaults["thresholds"]["steps"].as_array().into_iter().flatten();
    let reached = steps.rfind(|step| step["value"].as_f64().is_none_or(|from| *value >= from));
    let color = graph::hue(reached.and_then(|step| step["color"].as_str()).unwrap_or("green"));
    let middle = (area.x + area.width / 2.0, area.y + area.height / 2.0 + 4.0);
    if panel["options"]["colorMode"] == "background" {
        svg.rectangle(area.inset(2.0, 0.0, 2.0, 0.0), color, None);
        svg.text(middle, 24, "#111217", Anchor::Middle, &with_unit(*value, unit));
        return;
    }
    let points = &series[0].points;
    let high = points.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let spark = |(at, value): &(f64, f64)| {
        let x = area.x + (at - span.start) / (span.end - span.start) * area.width;
        (x, area.bottom() - value / high * area.height * 0.4)
    };
    let line: Vec<(f64, f64)> = points.iter().map(spark).collect();
    let floor: Vec<(f64, f64)> = line.iter().map(|(x, _)| (*x, area.bottom())).collect();
    svg.band(&line, &floor, color, 0.2);
    svg.path(&line, color);
    svg.text(middle, 24, color, Anchor::Middle, &with_unit(*value, unit));
}

/// A bar for each series, as long as its last value.
fn bars(svg: &mut Svg, area: Area, panel: &Value, series: &[Series]) {
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
    let last = |one: &Series| one.points.last().map_or(0.0, |(_, value)| *value);
    let most = series.iter().map(last).fold(f64::MIN_POSITIVE, f64::max);
    let plot = area.inset(190.0, 4.0, 70.0, 4.0);
    let height = (plot.height / series.len() as f64).min(24.0);
    let mut y = plot.y;
    for one in series {
        let value = last(one);
        let bar =
            Area { x: plot.x, y: y + 3.0, width: (plot.width * value / most).max(1.0), height: height - 6.0 };
        svg.rectangle(bar, PALETTE[0], None);
        let line = y + height / 2.0 + 4.0;
        svg.text((plot.x - 6.0, line), 11, TEXT, Anchor::End, &one.name);
        svg.text((bar.right() + 6.0, line), 11, TEXT, Anchor::Start, &with_unit(value, unit));
        y += height;
    }
}
