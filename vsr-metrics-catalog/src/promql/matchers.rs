//! Conditions on labels: the label exists, the value can be, and bounds are spelled so that both spellings match.

use promql_parser::label::MatchOp;

use super::Report;
use super::series::{Exported, Part, TARGET_LABELS};
use super::tree::Matcher;
use crate::model::{Bound, Form, LabelValues};
use crate::parse::suggestion;

/// Checks one condition.
pub(super) fn check(exported: Exported<'_>, matcher: &Matcher, report: &mut Report<'_, '_>) {
    let Matcher { label, value, value_at, .. } = matcher;
    if label == "le" && exported.part == Part::Bucket {
        bound(exported, matcher, report);
        return;
    }
    let Some(known) = exported.label(label) else {
        if !TARGET_LABELS.contains(&label.as_str()) {
            let names = exported.label_names();
            let known: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| !TARGET_LABELS.contains(name)).collect();
            let message = format!("`{}` has no label `{label}`", exported.family.name);
            report.push("query-label", &matcher.label_at, message, suggestion(label, &known));
        }
        return;
    };
    let words = alternatives(matcher);
    let unknown = match &known.values {
        LabelValues::Enum(values) => {
            let is_value = |word: &str| values.iter().any(|value| value.name == word);
            match (&words, &matcher.op) {
                (Some(words), _) => words.iter().find(|word| !word.is_empty() && !is_value(word)).copied(),
                (None, MatchOp::Re(pattern) | MatchOp::NotRe(pattern)) => {
                    let fits = values.iter().any(|value| pattern.is_match(&value.name));
                    (!fits).then_some(value.as_str())
                }
                (None, _) => None,
            }
        }
        LabelValues::Range { min, max } => {
            let is_value = |word: &str| word.parse().is_ok_and(|number: u32| (*min..=*max).contains(&number));
            words.iter().flatten().find(|word| !word.is_empty() && !is_value(word)).copied()
        }
    };
    if let Some(unknown) = unknown {
        let help = match &known.values {
            LabelValues::Enum(values) => {
                suggestion(unknown, &values.iter().map(|value| value.name.as_str()).collect::<Vec<_>>())
            }
            LabelValues::Range { min, max } => format!("a number from {min} to {max}"),
        };
        let message = format!("label `{label}` is never `{unknown}`");
        let at = value.find(unknown).map_or(0, |at| at.min(value_at.len())) + value_at.start;
        report.push("query-value", &(at..at + unknown.len().min(value_at.len())), message, help);
    }
}

/// The words between which a condition chooses; none if it is a pattern, or holds a dashboard's variable.
fn alternatives(matcher: &Matcher) -> Option<Vec<&str>> {
    let value = matcher.value.as_str();
    if value.contains('$') {
        return Some(Vec::new());
    }
    match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => Some(vec![value]),
        MatchOp::Re(_) | MatchOp::NotRe(_) => {
            let inner = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(value);
            let is_word = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let words: Vec<&str> = inner.split('|').collect();
            words.iter().all(is_word).then_some(words)
        }
    }
}

/// Matches both spellings of a whole number. Prometheus 3, and any that reads OpenMetrics, stores the bound `100` as `100.0`.
const BOTH: &str = r"(\.0)?";

/// Below it, Prometheus writes numbers with an exponent.
const SMALL: f64 = 1e-4;

fn bound(exported: Exported<'_>, matcher: &Matcher, report: &mut Report<'_, '_>) {
    let value = matcher.value.as_str();
    if value.contains('$') {
        return;
    }
    let is_exact = matches!(matcher.op, MatchOp::Equal | MatchOp::NotEqual);
    let words: Vec<&str> = if is_exact { vec![value] } else { value.split('|').collect() };
    for word in words {
        let number = word.strip_suffix(BOTH).unwrap_or(word);
        if number == "+Inf" || number == r"\+Inf" {
            continue;
        }
        let Ok(number) = number.replace("\\.", ".").parse::<f64>() else {
            if is_exact {
                report.push(
                    "query-bound",
                    &matcher.value_at,
                    format!("`{word}` is no bound"),
                    listed(exported.bounds()),
                );
            }
            continue;
        };
        if !exported.bounds().iter().any(|bound| bound.value.total_cmp(&number).is_eq()) {
            let message = format!("`{number}` is not a bucket bound of `{}`", exported.family.name);
            report.push("query-bound", &matcher.value_at, message, listed(exported.bounds()));
        } else if is_exact && report.expression.form == Form::Query {
            spelling(matcher, word, number, report);
        }
    }
}

/// A bound that is stored in another spelling where the server normalizes it.
fn spelling(matcher: &Matcher, word: &str, number: f64, report: &mut Report<'_, '_>) {
    let (other, pattern) = if number.fract() == 0.0 {
        (format!("{number:?}"), format!("{number}(\\\\.0)?"))
    } else if number < SMALL {
        // As Prometheus writes it: at least two digits in the exponent.
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once("e-").unwrap_or((&scientific, "0"));
        let other = format!("{digits}e-{exponent:0>2}");
        let pattern = format!("{number}|{other}").replace('.', "\\\\.");
        (other, pattern)
    } else {
        return;
    };
    let message =
        format!("`le=\"{word}\"` misses the bound where it is stored as `{other}`, or as `{number}`");
    let op = if matches!(matcher.op, MatchOp::Equal) { "=~" } else { "!~" };
    report.push("bound-spelling", &matcher.value_at, message, format!("write `le{op}\"{pattern}\"`"));
}

fn listed(bounds: &[Bound]) -> String {
    let bounds: Vec<String> = bounds.iter().map(|bound| bound.value.to_string()).collect();
    format!("take one of {}", bounds.join(", "))
}
