//! The fixed ways in which a rule is made wrong: its threshold, its windows and its wait doubled and halved, a metric
//! replaced by a sibling, a matcher dropped.

use std::mem::discriminant;
use std::time::Duration;

use vsr_metrics_catalog::model::{AlertRule, Catalog, Instrument};

/// A rule made wrong in one way.
pub struct Mutant {
    /// What was done.
    pub what: String,
    /// The rule.
    pub rule: AlertRule,
}

/// Every mutant of a rule that differs from it.
pub fn mutants(catalog: &Catalog, rule: &AlertRule) -> Vec<Mutant> {
    let expr = &rule.expr;
    let mut found: Vec<(String, String)> = Vec::new();
    found.extend(numbers(expr));
    found.extend(windows(expr));
    found.extend(metrics(catalog, expr));
    found.extend(matchers(expr));
    found.retain(|(_, changed)| changed != expr);
    let mut mutants: Vec<Mutant> = found
        .into_iter()
        .map(|(what, expr)| Mutant { what, rule: AlertRule { expr, ..rule.clone() } })
        .collect();
    if !rule.hold.is_zero() {
        let held = |what: &str, hold: Duration| Mutant {
            what: what.to_owned(),
            rule: AlertRule { hold, ..rule.clone() },
        };
        mutants.push(held("wait doubled", rule.hold * 2));
        mutants.push(held("wait halved", rule.hold / 2));
    }
    mutants
}

/// Numbers that something is compared with, or that follow a comma: doubled and halved, and 0 becomes 1.
fn numbers(expr: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (begin, end) in number_places(expr) {
        let Ok(value) = expr[begin..end].parse::<f64>() else { continue };
        let others = if value == 0.0 { vec![1.0] } else { vec![value * 2.0, value / 2.0] };
        for other in others {
            let what = format!("{value} becomes {other}, at {begin}");
            found.push((what, format!("{}{other}{}", &expr[..begin], &expr[end..])));
        }
    }
    found
}

/// Where numbers stand after a comparison or a comma, outside of matchers.
fn number_places(expr: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut depth = 0_u32;
    for (at, letter) in expr.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '>' | '<' | '=' | ',' if depth == 0 => {
                let mut begin = at + 1;
                begin += expr[begin..].len() - expr[begin..].trim_start().len();
                if let Some(rest) = expr[begin..].strip_prefix("bool ") {
                    begin = expr.len() - rest.len();
                }
                let length = expr[begin..]
                    .find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
                    .unwrap_or(expr.len() - begin);
                if length > 0 {
                    places.push((begin, begin + length));
                }
            }
            _ => {}
        }
    }
    places
}

/// All windows at once, twice as long and half as long.
fn windows(expr: &str) -> Vec<(String, String)> {
    [("windows doubled", 2.0), ("windows halved", 0.5)]
        .into_iter()
        .map(|(what, factor)| {
            let mut pieces = expr.split('[');
            let before = pieces.next().unwrap_or_default().to_owned();
            let changed = pieces.map(|piece| {
                let (window, rest) = piece.split_once(']').unwrap_or((piece, ""));
                format!("[{}ms]{rest}", (milliseconds(window) * factor).round())
            });
            let text: Vec<String> = std::iter::once(before).chain(changed).collect();
            (what.to_owned(), text.concat())
        })
        .filter(|_| expr.contains('['))
        .collect()
}

/// A window such as `5m`.
fn milliseconds(window: &str) -> f64 {
    let (number, unit) = window.split_at(window.len().saturating_sub(1));
    let unit = match unit {
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        _ => 86_400e3,
    };
    number.parse::<f64>().unwrap_or(1.0) * unit
}

/// Each name replaced by the next one of its kind, one place at a time.
fn metrics(catalog: &Catalog, expr: &str) -> Vec<(String, String)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let mut found = Vec::new();
    let mut at = 0;
    while at < expr.len() {
        let begin = at + expr[at..].find(is_word).unwrap_or(expr.len() - at);
        let end = begin + expr[begin..].find(|letter| !is_word(letter)).unwrap_or(expr.len() - begin);
        let name = &expr[begin..end];
        if let Some(other) = sibling(catalog, name) {
            let what = format!("{name} becomes {other}, at {begin}");
            found.push((what, format!("{}{other}{}", &expr[..begin], &expr[end..])));
        }
        at = end.max(begin + 1);
    }
    found
}

/// The next family of the same type, or the next name that is recorded.
fn sibling(catalog: &Catalog, name: &str) -> Option<String> {
    if let Some(index) = catalog.rules.iter().position(|rule| rule.record == name) {
        let next = catalog.rules.get(index + 1).or(catalog.rules.first())?;
        return Some(next.record.clone());
    }
    let suffix = ["_bucket", "_sum", "_count"].into_iter().find(|suffix| {
        let base = name.strip_suffix(suffix).and_then(|base| catalog.family(base));
        base.is_some_and(|family| matches!(family.instrument, Instrument::Histogram { .. }))
    });
    let base = suffix.map_or(name, |suffix| name.trim_end_matches(suffix));
    let index = catalog.families.iter().position(|family| family.name == base)?;
    let kind = discriminant(&catalog.families[index].instrument);
    let (before, after) = catalog.families.split_at(index);
    let next = after[1..].iter().chain(before).find(|family| discriminant(&family.instrument) == kind)?;
    Some(format!("{}{}", next.name, suffix.unwrap_or_default()))
}

/// Each matcher left out.
fn matchers(expr: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (open, _) in expr.match_indices('{') {
        let Some(length) = expr[open..].find('}') else { continue };
        let inner = &expr[open + 1..open + length];
        let all: Vec<&str> = inner.split(',').collect();
        for (index, dropped) in all.iter().enumerate() {
            let others: Vec<&str> = all
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, matcher)| *matcher)
                .collect();
            let what = format!("{} dropped", dropped.trim());
            found.push((
                what,
                format!("{}{{{}}}{}", &expr[..open], others.join(","), &expr[open + length + 1..]),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(mutants: Vec<(String, String)>) -> Vec<String> {
        mutants.into_iter().map(|(_, expr)| expr).collect()
    }

    #[test]
    fn thresholds_are_doubled_and_halved_and_zero_becomes_one() {
        assert_eq!(changed(numbers("a{x=\"1\"} > 10")), ["a{x=\"1\"} > 20", "a{x=\"1\"} > 5"]);
        assert_eq!(changed(numbers("a == bool 0")), ["a == bool 1"]);
        assert_eq!(changed(numbers("f(a[1h], 4 * 3600) < b")).len(), 2);
    }

    #[test]
    fn windows_change_together() {
        assert_eq!(
            changed(windows("a[5m] / b[5m]")),
            ["a[600000ms] / b[600000ms]", "a[150000ms] / b[150000ms]"]
        );
        assert_eq!(windows("a > 1").len(), 0);
    }

    #[test]
    fn one_matcher_is_dropped_at_a_time() {
        assert_eq!(changed(matchers("a{x=\"1\",y=\"2\"}")), ["a{y=\"2\"}", "a{x=\"1\"}"]);
    }
}
