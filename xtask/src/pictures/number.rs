//! Numbers as Grafana writes them, by unit.

/// A value with its unit, in about three digits.
pub fn with_unit(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match unit {
        "ms" => duration(value / 1e3),
        "s" => duration(value),
        "bytes" => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"]),
        "binBps" => scaled(value, 1024.0, &[" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"]),
        "ops" => format!("{} ops/s", short(value)),
        "cps" => format!("{} c/s", short(value)),
        "percent" => format!("{}%", digits(value)),
        "percentunit" => format!("{}%", digits(value * 100.0)),
        _ => short(value),
    }
}

/// The distance of about `count` lines of a scale that a person would draw.
pub fn step(span: f64, count: f64) -> f64 {
    let raw = (span / count).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(raw.log10().floor());
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * power >= raw);
    nice.unwrap_or(10.0) * power
}

fn short(value: f64) -> String {
    scaled(value, 1000.0, &["", " K", " Mil", " Bil", " Tri"])
}

fn duration(seconds: f64) -> String {
    let size = seconds.abs();
    match size {
        0.0 => "0 s".to_owned(),
        _ if size < 1e-3 => format!("{} µs", digits(seconds * 1e6)),
        _ if size < 1.0 => format!("{} ms", digits(seconds * 1e3)),
        _ if size < 60.0 => format!("{} s", digits(seconds)),
        _ if size < 3600.0 => format!("{} min", digits(seconds / 60.0)),
        _ => format!("{} h", digits(seconds / 3600.0)),
    }
}

fn scaled(mut value: f64, base: f64, names: &[&str]) -> String {
    let mut index = 0;
    while value.abs() >= base && index + 1 < names.len() {
        value /= base;
        index += 1;
    }
    format!("{}{}", digits(value), names[index])
}

/// Three digits, without zeros at the end.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.25, "ms", "250 µs"),
            (1500.0, "ms", "1.5 s"),
            (2048.0, "bytes", "2 KiB"),
            (1234.0, "short", "1.23 K"),
            (99.95, "percent", "100%"),
            (0.0, "cps", "0 c/s"),
            (f64::NAN, "s", "–"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(with_unit(value, unit), text);
        }
    }

    #[test]
    fn scales_have_round_steps() {
        assert!((step(97.0, 4.0) - 25.0).abs() < 1e-9);
        assert!((step(0.9, 4.0) - 0.25).abs() < 1e-9);
    }
}
