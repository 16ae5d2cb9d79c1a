//! Texts of alerts: templates that Prometheus can expand, and whose labels the condition leaves.

use std::ops::Range;

use super::facts::Facts;
use super::series::TARGET_LABELS;
use super::{Graph, Report, tree};
use crate::model::{Alert, Condition};
use crate::names::{closest, words};
use crate::parse::suggestion;

/// Keywords and functions of Go's templates.
const LANGUAGE: &str = "if else end range with define template block break continue nil true false and or not eq ne lt le gt ge \
                        len index slice print printf println html js urlquery call tmpl";
/// What Prometheus adds to them.
const FUNCTIONS: &str = "query first label value strvalue sortByLabel safeHtml args reReplaceAll match title toUpper toLower \
                         graphLink tableLink stripPort stripDomain humanize humanize1024 humanizeDuration \
                         humanizePercentage humanizeTimestamp toTime toDuration now pathPrefix externalURL parseDuration";
/// Variables that Prometheus defines.
const VARIABLES: [&str; 4] = ["labels", "value", "externalLabels", "externalURL"];

/// What stands between `{{` and `}}`.
struct Action<'a> {
    text: &'a str,
    /// Where it begins in the whole.
    start: usize,
}

/// Checks the summary or the description of an alert.
pub(super) fn check(graph: &Graph<'_>, alert: &Alert, report: &mut Report<'_, '_>) {
    let text = report.expression.text.clone();
    match actions(&text) {
        Ok(actions) => actions.iter().for_each(|action| known(alert, &text, action, report)),
        Err(at) => report.push(
            "template-syntax",
            &at,
            "`{{` and `}}` do not belong together here".to_owned(),
            "write `{{ $value }}`, `{{ $labels.NAME }}` or `{{ $value | humanize }}`",
        ),
    }
    labels(graph, alert, &text, report);
}

/// All actions of a text; the place of a brace that has no partner.
fn actions(text: &str) -> Result<Vec<Action<'_>>, Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    loop {
        let rest = &text[from..];
        let (open, close) = (rest.find("{{"), rest.find("}}"));
        match (open, close) {
            (None, None) => return Ok(found),
            (Some(open), Some(close)) if open < close => {
                let inner = &rest[open + 2..close];
                if let Some(again) = inner.rfind("{{") {
                    let at = from + open + 2 + again;
                    return Err(at..at + 2);
                }
                found.push(Action { text: inner, start: from + open + 2 });
                from += close + 2;
            }
            (_, Some(at)) | (Some(at), None) => return Err(from + at..from + at + 2),
        }
    }
}

/// Every word of an action is one that Prometheus knows, or that is replaced before Prometheus sees it.
fn known(alert: &Alert, whole: &str, action: &Action<'_>, report: &mut Report<'_, '_>) {
    let replaced: &[&str] = match &alert.condition {
        Condition::Burn { .. } => &["window", "factor"],
        Condition::Missing { .. } => &["metric"],
        Condition::Expression if alert.threshold.is_some() => &["threshold"],
        Condition::Expression => &[],
    };
    let is_replaced =
        |text: &str| replaced.iter().any(|word| text.strip_prefix(' ') == Some(&format!("{word} ")));
    if is_replaced(action.text) {
        return;
    }
    for (at, word) in words(action.text) {
        let before = action.text[..at].chars().next_back();
        let is_number = word.starts_with(|first: char| first.is_ascii_digit());
        let place = action.start + at..action.start + at + word.len();
        match before {
            // A field of whatever stands before it.
            Some('.') => {}
            _ if is_number => {}
            Some('$') => {
                let is_own = whole.contains(&format!("${word} :=")) || whole.contains(&format!("${word},"));
                if !VARIABLES.contains(&word) && !is_own {
                    let help = match closest(word, VARIABLES) {
                        Some(close) => format!("did you mean `${close}`?"),
                        None => "use `$value` or `$labels.NAME`".to_owned(),
                    };
                    report.push("template-syntax", &place, format!("no variable is called `${word}`"), help);
                }
            }
            _ if all().any(|known| known == word) => {}
            _ => {
                let message = format!("templates of Prometheus have no function `{word}`");
                let help = if replaced.contains(&word) {
                    format!("write `{{{{ {word} }}}}`, with one space on each side and nothing else")
                } else if let Some(close) = closest(word, all()) {
                    format!("did you mean `{close}`?")
                } else {
                    "use `humanize`, `humanizeDuration`, `humanizePercentage` or `printf`".to_owned()
                };
                report.push("template-syntax", &place, message, help);
            }
        }
    }
}

/// Every word that needs no `$` and no `.` before it.
fn all() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.split_whitespace().chain(LANGUAGE.split_whitespace())
}

/// Labels in a text survive what the condition makes of its series.
fn labels(graph: &Graph<'_>, alert: &Alert, text: &str, report: &mut Report<'_, '_>) {
    let named = named_labels(text);
    if named.is_empty() || matches!(alert.condition, Condition::Missing { .. }) {
        return;
    }
    for rule in alert.rules() {
        let Ok(expr) = tree::parse(&rule.expr) else { continue };
        let facts = Facts::of(&expr, &graph.names);
        for (label, at) in &named {
            if !facts.open && !facts.labels.contains(label) {
                let message = format!("`$labels.{label}` is empty: the condition has no such label left");
                let own = facts.labels.iter().map(String::as_str);
                let known: Vec<&str> = own.filter(|label| !TARGET_LABELS.contains(label)).collect();
                let help = match known.as_slice() {
                    [] => "keep the label in the condition, or leave it out of the text".to_owned(),
                    known => suggestion(label, known),
                };
                report.push("template-label", at, message, help);
            }
        }
    }
}

/// Every `$labels.name`, with the place of the name.
fn named_labels(text: &str) -> Vec<(String, Range<usize>)> {
    const BEFORE: &str = "$labels.";
    let places = text.match_indices(BEFORE).map(|(at, _)| at + BEFORE.len());
    places
        .map(|start| {
            let rest = &text[start..];
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            (rest[..length].to_owned(), start..start + length)
        })
        .collect()
}
