//! Scalable vector graphics, as far as pictures of boards need them.

use std::fmt::Write as _;

/// Colors of Grafana's dark theme.
pub const GROUND: &str = "#111217";
pub const PANEL: &str = "#181b1f";
pub const BORDER: &str = "#2c3036";
pub const GRID: &str = "#2a2e35";
pub const TEXT: &str = "#ccccdc";
pub const FAINT: &str = "#8e8f99";

/// Colors of series, in order.
pub const PALETTE: [&str; 10] = [
    "#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffb357", "#96d98d",
    "#ca95e5",
];

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where a text begins, ends or has its middle.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture that grows.
#[derive(Default)]
pub struct Svg(String);

impl Area {
    /// The same with less on each side.
    pub fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(1.0),
            height: (self.height - top - bottom).max(1.0),
        }
    }

    pub fn right(self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(self) -> f64 {
        self.y + self.height
    }
}

impl Svg {
    /// A filled rectangle, perhaps with a border.
    pub fn rectangle(&mut self, area: Area, fill: &str, border: Option<&str>) {
        let Area { x, y, width, height } = area;
        let border = border.map_or_else(String::new, |color| format!(" stroke=\"{color}\""));
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"{border}/>"
        );
    }

    /// A text of one line.
    pub fn text(&mut self, (x, y): (f64, f64), size: u32, color: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{color}\"{anchor}>{}</text>",
            escaped(text)
        );
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, dashes: Option<&str>) {
        let dashes = dashes.map_or_else(String::new, |dashes| format!(" stroke-dasharray=\"{dashes}\""));
        let _ = writeln!(
            self.0,
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{color}\"{dashes}/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through points.
    pub fn path(&mut self, points: &[(f64, f64)], color: &str) {
        if points.len() > 1 {
            let _ = writeln!(self.0, "<path d=\"{}\" stroke=\"{color}\" fill=\"none\"/>", track(points));
        }
    }

    /// The area between a line and another one below it.
    pub fn band(&mut self, upper: &[(f64, f64)], lower: &[(f64, f64)], color: &str, opacity: f64) {
        if upper.len() > 1 {
            let back: Vec<(f64, f64)> = lower.iter().rev().copied().collect();
            let back = track(&back).replacen('M', "L", 1);
            let _ = writeln!(
                self.0,
                "<path d=\"{}{back}Z\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>",
                track(upper)
            );
        }
    }

    /// The whole picture.
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" font-family=\"Inter, 'DejaVu Sans', Helvetica, sans-serif\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{GROUND}\"/>\n{}</svg>\n",
            escaped(title),
            self.0
        )
    }
}

/// A path without the points that lie on a level line: most series stay where they are for most of the time.
fn track(points: &[(f64, f64)]) -> String {
    let mut track = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let level = |other: Option<&(f64, f64)>| other.is_some_and(|(_, other)| (other - y).abs() < 0.05);
        let before = index.checked_sub(1).and_then(|before| points.get(before));
        if !(level(before) && level(points.get(index + 1))) {
            let _ = write!(track, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        }
    }
    track
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_line_is_its_ends() {
        assert_eq!(track(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 5.0)]), "M0.0 1.0L2.0 1.0L3.0 5.0");
    }

    #[test]
    fn text_cannot_become_a_tag() {
        let mut svg = Svg::default();
        svg.text((0.0, 0.0), 12, TEXT, Anchor::Start, "a < b & c");
        assert!(svg.finish(10.0, 10.0, "<x>").contains("a &lt; b &amp; c"));
    }
}
