//! Panels over time: lines, areas on top of each other, colored states, and heatmaps.

use serde_json::Value;

use super::data::{Series, Span};
use super::number::{step, with_unit};
use super::svg::{Anchor, Area, FAINT, GRID, PALETTE, Svg, TEXT};

/// Room for numbers on the left, and for times below.
const LEFT: f64 = 62.0;
const BELOW: f64 = 16.0;
/// Height of a line of the legend.
const LEGEND: f64 = 15.0;

/// Lines, or areas on top of each other, with thresholds across.
pub fn lines(svg: &mut Svg, area: Area, panel: &Value, series: &[Series], span: Span) {
    let defaults = &panel["fieldConfig"]["defaults"];
    let unit = defaults["unit"].as_str().unwrap_or_default();
    let is_stacked = defaults["custom"]["stacking"]["mode"] == "normal";
    let area = legend(svg, area, series, unit);
    let plot = area.inset(LEFT, 4.0, 8.0, BELOW);
    let layers =
        if is_stacked { stacked(series) } else { series.iter().map(|one| one.points.clone()).collect() };
    let (low, high) = bounds(&layers, &thresholds(defaults));
    let place = |(at, value): (f64, f64)| {
        (
            plot.x + (at - span.start) / (span.end - span.start) * plot.width,
            plot.bottom() - (value - low) / (high - low) * plot.height,
        )
    };
    scale(svg, plot, low, high, unit);
    times(svg, plot, span);
    let floor = |layer: &[(f64, f64)]| layer.iter().map(|(at, _)| place((*at, low))).collect::<Vec<_>>();
    let mut below: Option<&Vec<(f64, f64)>> = None;
    for (layer, color) in layers.iter().zip(PALETTE.iter().cycle()) {
        let points: Vec<(f64, f64)> = layer.iter().copied().map(place).collect();
        let base = match below.filter(|below| is_stacked && below.len() == layer.len()) {
            Some(below) => below.iter().copied().map(place).collect(),
            None => floor(layer),
        };
        // Nothing on top of something adds no picture.
        if !is_stacked || points != base {
            svg.band(&points, &base, color, if is_stacked { 0.4 } else { 0.08 });
            svg.path(&points, color);
        }
        below = Some(layer);
    }
    for (value, color) in thresholds(defaults) {
        if (low..=high).contains(&value) {
            svg.line(place((span.start, value)), place((span.end, value)), hue(&color), Some("6 4"));
        }
    }
}

/// A bar for each series, colored by the state that it is in.
pub fn states(svg: &mut Svg, area: Area, panel: &Value, series: &[Series], span: Span) {
    let names = &panel["fieldConfig"]["defaults"]["mappings"][0]["options"];
    let plot = area.inset(LEFT + 30.0, 4.0, 8.0, BELOW + LEGEND + 4.0);
    times(svg, plot, span);
    let height = plot.height / series.len().max(1) as f64;
    let mut y = plot.y;
    for one in series {
        let bar = Area { x: plot.x, y: y + 2.0, width: plot.width, height: height - 4.0 };
        svg.text((plot.x - 6.0, y + height / 2.0 + 4.0), 11, TEXT, Anchor::End, &one.name);
        for (from, to, value) in runs(&one.points, span) {
            let x = |at: f64| plot.x + (at - span.start) / (span.end - span.start) * plot.width;
            let state = &names[format!("{value}")];
            let color = hue(state["color"].as_str().unwrap_or("blue"));
            let part = Area { x: x(from), width: x(to) - x(from), ..bar };
            svg.rectangle(part, color, None);
            if part.width > 60.0 {
                let text = state["text"].as_str().unwrap_or_default();
                svg.text((part.x + 6.0, y + height / 2.0 + 4.0), 11, "#111217", Anchor::Start, text);
            }
        }
        y += height;
    }
    let mut x = area.x + 8.0;
    for state in names.as_object().into_iter().flatten().map(|(_, state)| state) {
        let text = state["text"].as_str().unwrap_or_default();
        let swatch = Area { x, y: area.bottom() - 12.0, width: 10.0, height: 4.0 };
        svg.rectangle(swatch, hue(state["color"].as_str().unwrap_or("blue")), None);
        svg.text((x + 14.0, area.bottom() - 6.0), 11, TEXT, Anchor::Start, text);
        x += 32.0 + wide(text);
    }
}

/// A row for each bucket, the brighter the more observations.
pub fn heatmap(svg: &mut Svg, area: Area, panel: &Value, series: &[Series], span: Span) {
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
    let plot = area.inset(LEFT, 4.0, 8.0, BELOW);
    times(svg, plot, span);
    let cells = differences(series);
    let most = cells.iter().flatten().map(|(_, value)| *value).fold(0.0, f64::max);
    let height = plot.height / cells.len().max(1) as f64;
    let width = span.step / (span.end - span.start) * plot.width;
    let mut y = plot.bottom();
    for (row, one) in cells.iter().zip(series) {
        y -= height;
        let bound = one.name.parse::<f64>().unwrap_or(f64::INFINITY);
        let label = if bound.is_finite() { with_unit(bound, unit) } else { "+Inf".to_owned() };
        svg.text((plot.x - 6.0, y + 4.0), 10, FAINT, Anchor::End, &label);
        for (at, value) in row.iter().filter(|(_, value)| *value > most * 1e-4) {
            let x = plot.x + (at - span.start) / (span.end - span.start) * plot.width;
            let cell = Area { x, y: y + 0.5, width: (width - 0.5).max(0.5), height: height - 1.0 };
            // The square root shows what is rare.
            svg.rectangle(cell, &shade((value / most).sqrt()), None);
        }
    }
}

/// The names of the series below the picture, each with its last value; what remains is for the picture.
fn legend(svg: &mut Svg, area: Area, series: &[Series], unit: &str) -> Area {
    let mut x = area.x + 8.0;
    let mut lines: Vec<Vec<(f64, String, &str)>> = vec![Vec::new()];
    for (one, color) in series.iter().zip(PALETTE.iter().cycle()) {
        let last = one.points.last().map_or(f64::NAN, |(_, value)| *value);
        let text = format!("{}  {}", one.name, with_unit(last, unit));
        let width = 28.0 + wide(&text);
        if x + width > area.right() && x > area.x + 8.0 {
            // Three lines are what Grafana shows without a scroll bar.
            if lines.len() == 3 {
                break;
            }
            lines.push(Vec::new());
            x = area.x + 8.0;
        }
        if let Some(line) = lines.last_mut() {
            line.push((x, text, color));
        }
        x += width;
    }
    let height = LEGEND * lines.len() as f64;
    let mut y = area.bottom() - height + 6.0;
    for line in lines {
        for (x, text, color) in line {
            svg.rectangle(Area { x, y: y - 2.0, width: 10.0, height: 3.0 }, color, None);
            svg.text((x + 14.0, y + 3.0), 11, TEXT, Anchor::Start, &text);
        }
        y += LEGEND;
    }
    area.inset(0.0, 0.0, 0.0, height + 2.0)
}

/// Horizontal lines with their numbers.
fn scale(svg: &mut Svg, plot: Area, low: f64, high: f64, unit: &str) {
    let distance = grid(high - low, unit);
    let mut value = (low / distance).ceil() * distance;
    while value <= high {
        let y = plot.bottom() - (value - low) / (high - low) * plot.height;
        svg.line((plot.x, y), (plot.right(), y), GRID, None);
        svg.text((plot.x - 6.0, y + 3.5), 10, FAINT, Anchor::End, &with_unit(value, unit));
        value += distance;
    }
}

/// The distance of two lines: a round number of the unit that is written, which for bytes is a power of 1024.
fn grid(span: f64, unit: &str) -> f64 {
    let size = if unit.starts_with('b') { 1024_f64.powf(span.log(1024.0).floor().max(0.0)) } else { 1.0 };
    step(span / size, 4.0) * size
}

/// Times of the day, in UTC.
fn times(svg: &mut Svg, plot: Area, span: Span) {
    let length = span.end - span.start;
    let nice = [10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0];
    let room = (plot.width / 70.0).max(1.0);
    let distance = nice.into_iter().find(|distance| length / distance <= room).unwrap_or(21_600.0);
    let mut at = (span.start / distance).ceil() * distance;
    while at <= span.end {
        let x = plot.x + (at - span.start) / length * plot.width;
        svg.text((x, plot.bottom() + 13.0), 10, FAINT, Anchor::Middle, &clock(at, distance < 60.0));
        at += distance;
    }
}

fn clock(at: f64, with_seconds: bool) -> String {
    let seconds = at as u64 % 86_400;
    let text = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if with_seconds { format!("{text}:{:02}", seconds % 60) } else { text }
}

/// Each series on top of those before it, at the times of the first one.
fn stacked(series: &[Series]) -> Vec<Vec<(f64, f64)>> {
    let mut times: Vec<f64> = series.iter().flat_map(|one| one.points.iter().map(|(at, _)| *at)).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mut sums = vec![0.0; times.len()];
    let mut layers = Vec::new();
    for one in series {
        let mut points = one.points.iter().peekable();
        for (at, sum) in times.iter().zip(&mut sums) {
            while points.peek().is_some_and(|(time, _)| time < at) {
                points.next();
            }
            *sum += points.peek().filter(|(time, _)| time <= at).map_or(0.0, |(_, value)| *value);
        }
        layers.push(times.iter().copied().zip(sums.iter().copied()).collect());
    }
    layers
}

/// Buckets hold what lies at or below their bound; a row shows what lies between two bounds.
fn differences(series: &[Series]) -> Vec<Vec<(f64, f64)>> {
    let mut rows = Vec::new();
    let mut below: &[(f64, f64)] = &[];
    for one in series {
        let mut lower = below.iter().peekable();
        let row = one.points.iter().map(|(at, value)| {
            while lower.peek().is_some_and(|(time, _)| time < at) {
                lower.next();
            }
            let less = lower.peek().filter(|(time, _)| time <= at).map_or(0.0, |(_, value)| *value);
            (*at, (value - less).max(0.0))
        });
        rows.push(row.collect());
        below = &one.points;
    }
    rows
}

/// The lowest and the highest number to show: from zero, and with room for a threshold that is near.
fn bounds(layers: &[Vec<(f64, f64)>], thresholds: &[(f64, String)]) -> (f64, f64) {
    let values = || layers.iter().flatten().map(|(_, value)| *value);
    let low = values().fold(0.0, f64::min);
    let mut high = values().fold(0.0, f64::max);
    if let Some((near, _)) = thresholds.iter().find(|(value, _)| *value <= high * 4.0) {
        high = high.max(near * 1.1);
    }
    if high - low < 1e-12 { (low, low + 1.0) } else { (low, high + (high - low) * 0.05) }
}

/// Stretches of time with one value.
fn runs(points: &[(f64, f64)], span: Span) -> Vec<(f64, f64, i64)> {
    let mut runs: Vec<(f64, f64, i64)> = Vec::new();
    for (at, value) in points {
        let (value, end) = (*value as i64, (at + span.step).min(span.end));
        match runs.last_mut() {
            Some((_, to, last)) if *last == value && at - *to < span.step => *to = end,
            _ => runs.push((*at, end, value)),
        }
    }
    runs
}

/// Thresholds that have a value, with their color.
fn thresholds(defaults: &Value) -> Vec<(f64, String)> {
    if defaults["custom"]["thresholdsStyle"]["mode"] != "dashed" {
        return Vec::new();
    }
    let steps = defaults["thresholds"]["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| Some((step["value"].as_f64()?, step["color"].as_str()?.to_owned()))).collect()
}

/// A color of Grafana's by name.
pub fn hue(name: &str) -> &'static str {
    match name {
        "green" => "#73bf69",
        "yellow" => "#f2cc0c",
        "orange" => "#ff9830",
        "red" => "#f2495c",
        "purple" => "#b877d9",
        _ => "#5794f2",
    }
}

/// From the panel's ground to a light blue.
fn shade(share: f64) -> String {
    let mix = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)) as u8;
    format!("#{:02x}{:02x}{:02x}", mix(24.0, 140.0), mix(34.0, 190.0), mix(52.0, 255.0))
}

/// About how wide a text is at the size of a legend.
pub fn wide(text: &str) -> f64 {
    text.chars().count() as f64 * 6.3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), points: points.into() }
    }

    #[test]
    fn areas_lie_on_each_other() {
        let series = [one("a", &[(1.0, 1.0), (2.0, 2.0)]), one("b", &[(2.0, 5.0)])];
        assert_eq!(stacked(&series), [vec![(1.0, 1.0), (2.0, 2.0)], vec![(1.0, 1.0), (2.0, 7.0)]]);
    }

    #[test]
    fn heatmap_rows_are_between_bounds() {
        let series = [one("1", &[(1.0, 3.0)]), one("+Inf", &[(1.0, 5.0)])];
        assert_eq!(differences(&series), [[(1.0, 3.0)], [(1.0, 2.0)]]);
    }

    #[test]
    fn bytes_have_round_lines() {
        assert!((grid(90.0 * 1024.0, "binBps") - 25.0 * 1024.0).abs() < 1e-6);
        assert!((grid(90.0, "short") - 25.0).abs() < 1e-9);
    }

    #[test]
    fn gap_ends_a_state() {
        let span = Span { start: 0.0, end: 10.0, step: 1.0 };
        let points = [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (6.0, 1.0)];
        assert_eq!(runs(&points, span), [(0.0, 2.0, 0), (2.0, 3.0, 1), (6.0, 7.0, 1)]);
    }
}
