//! Functions, aggregations and operators that fit what they are applied to.

use std::ops::Range;

use super::facts::{COUNTER_FUNCTIONS, Facts, GAUGE_FUNCTIONS};
use super::series::{Meaning, TARGET_LABELS};
use super::tree::{Binary, Expr, Grouping, Node, Selector};
use super::{Graph, Report, matchers, matching};
use crate::model::Form;
use crate::names::{closest, shown};
use crate::parse::suggestion;

/// Fewer samples than this in a window, and one lost scrape leaves nothing to compare.
const SCRAPES: u32 = 4;

/// Checks a query from the outside to the inside.
pub(super) fn check(graph: &Graph<'_>, expr: &Expr, report: &mut Report<'_, '_>) {
    expr.walk(&mut |expr| match &expr.node {
        Node::Selector(one) => selector(graph, one, &expr.at, report),
        Node::Call { function, arguments } => call(graph, function, arguments, &expr.at, report),
        Node::Aggregate { operation, grouping, inner, .. } => {
            aggregate(graph, operation, grouping.as_ref(), inner, &expr.at, report);
        }
        Node::Binary(operation) => binary(graph, operation, &expr.at, report),
        Node::Number(_) | Node::Text(_) | Node::Subquery(_) => {}
    });
    // A label that does not exist explains why sides differ.
    if report.is_clean() {
        expr.walk(&mut |expr| {
            if let Node::Binary(binary) = &expr.node {
                matching::check(graph, binary, &expr.at, report);
            }
        });
    }
}

fn selector(graph: &Graph<'_>, selector: &Selector, at: &Range<usize>, report: &mut Report<'_, '_>) {
    if let Some((_, window)) = &selector.window {
        unit_of_window(window, report);
    }
    let Some(name) = &selector.name else { return };
    match graph.names.meaning(name) {
        Meaning::Exported(exported) => {
            for matcher in &selector.matchers {
                matchers::check(exported, matcher, report);
            }
        }
        Meaning::Unknown => {
            let catalog = graph.subject.catalog;
            if catalog.family(name).is_some() {
                let message = format!("`{name}` is a histogram, and has no series of that name");
                let help = format!("take `{name}_bucket`, `{name}_sum` or `{name}_count`");
                report.push("unknown-metric", at, message, help);
            } else if !name.starts_with(&catalog.prefix) || crate::lint::is_exporters(catalog, name) {
                // The others are told by the lint that the macro has as well.
                let help = match closest(name, graph.names.all()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "name a metric of the catalog, or a recorded series".to_owned(),
                };
                report.push("unknown-metric", at, format!("nothing exports or records `{name}`"), help);
            }
        }
        Meaning::Recorded(_) | Meaning::Outside => {}
    }
}

/// `[60]` is a minute to Prometheus 3 and a mistake to older ones.
fn unit_of_window(at: &Range<usize>, report: &mut Report<'_, '_>) {
    let text = report.expression.text.get(at.clone()).unwrap_or_default();
    let inner = text.trim_start_matches('[').trim_end_matches(']').trim();
    if !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let message = format!("the window `{inner}` has no unit");
        report.push("window-unit", at, message, format!("write `[{inner}s]` if seconds are meant"));
    }
}

fn call(
    graph: &Graph<'_>,
    function: &str,
    arguments: &[Expr],
    at: &Range<usize>,
    report: &mut Report<'_, '_>,
) {
    if function == "histogram_quantile" {
        quantile(graph, arguments, at, report);
    }
    let is_of_counters = COUNTER_FUNCTIONS.contains(&function);
    let is_of_gauges = GAUGE_FUNCTIONS.contains(&function);
    let inner = arguments.iter().find_map(|argument| match &argument.node {
        Node::Selector(selector) => Some((selector, &argument.at)),
        _ => None,
    });
    let Some((selector, selector_at)) = inner.filter(|_| is_of_counters || is_of_gauges) else { return };
    if let Some((window, window_at)) = &selector.window {
        let shortest = graph.subject.catalog.scrape_interval * SCRAPES;
        if *window < shortest {
            let message = format!("`{function}` over {} sees fewer than {SCRAPES} scrapes", shown(*window));
            report.push("short-window", window_at, message, format!("take at least {}", shown(shortest)));
        }
    }
    let Some(name) = &selector.name else { return };
    let Meaning::Exported(exported) = graph.names.meaning(name) else { return };
    if is_of_counters && !exported.is_counter() {
        let message = format!("`{function}` takes every fall of the gauge `{name}` for a restart");
        report.push("rate-of-gauge", selector_at, message, "use `deriv` or `delta`");
    }
    if is_of_gauges && exported.is_counter() {
        let message = format!("`{function}` takes every restart of the counter `{name}` for a fall");
        report.push("delta-of-counter", selector_at, message, "use `rate` or `increase`");
    }
}

fn quantile(graph: &Graph<'_>, arguments: &[Expr], at: &Range<usize>, report: &mut Report<'_, '_>) {
    let [share, buckets] = arguments else { return };
    if let Node::Number(share_value) = share.node
        && !(0.0..=1.0).contains(&share_value)
    {
        let message = format!("`{share_value}` is no share of all observations");
        report.push("quantile-share", &share.at, message, "give a number from 0 to 1, such as 0.99");
    }
    let facts = Facts::of(buckets, &graph.names);
    if facts.open {
        return;
    }
    if facts.buckets.is_none() {
        let message = "`histogram_quantile` needs the buckets of a histogram".to_owned();
        report.push("quantile-without-buckets", at, message, "give it the `rate` of a `…_bucket`");
    } else if !facts.labels.contains("le") {
        let message = "`histogram_quantile` cannot tell buckets apart without the label `le`".to_owned();
        report.push("quantile-without-le", at, message, "keep `le` in the aggregation");
    }
}

fn aggregate(
    graph: &Graph<'_>,
    operation: &str,
    grouping: Option<&Grouping>,
    inner: &Expr,
    at: &Range<usize>,
    report: &mut Report<'_, '_>,
) {
    if let (Node::Binary(quotient), "sum" | "avg") = (&inner.node, operation)
        && quotient.operator == "/"
        && ![&quotient.left, &quotient.right].iter().any(|side| Facts::of(side, &graph.names).is_constant)
    {
        let message = format!("`{operation}` of a quotient weighs idle and busy series alike");
        report.push(
            "aggregated-quotient",
            at,
            message,
            "aggregate numerator and denominator apart, then divide",
        );
    }
    if let Some(grouping) = grouping {
        labels(grouping, &[&Facts::of(inner, &graph.names)], report);
    }
}

/// Labels that an operation names exist on either side.
fn labels(grouping: &Grouping, sides: &[&Facts], report: &mut Report<'_, '_>) {
    if sides.iter().any(|side| side.open) {
        return;
    }
    for (label, at) in &grouping.labels {
        if !sides.iter().any(|side| side.labels.contains(label)) {
            let is_own = |name: &&str| !TARGET_LABELS.contains(name);
            let known: Vec<&str> =
                sides.iter().flat_map(|side| &side.labels).map(String::as_str).filter(is_own).collect();
            let message = format!("no series here has the label `{label}`");
            report.push("query-label", at, message, suggestion(label, &known));
        }
    }
}

fn binary(graph: &Graph<'_>, binary: &Binary, at: &Range<usize>, report: &mut Report<'_, '_>) {
    let (left, right) = (Facts::of(&binary.left, &graph.names), Facts::of(&binary.right, &graph.names));
    if let Some(grouping) = &binary.matching {
        labels(grouping, &[&left, &right], report);
    }
    if !binary.is_comparison {
        return;
    }
    if left.total.is_some() != right.total.is_some()
        && let Some(name) = left.total.as_ref().or(right.total.as_ref())
        && report.expression.form == Form::Query
    {
        let message =
            format!("a comparison of the running total `{name}` holds for ever, or until a restart");
        report.push("raw-counter", at, message, "compare its `rate` or `increase`");
    }
    for (facts, other, is_left) in [(&left, &binary.right, true), (&right, &binary.left, false)] {
        if let Node::Number(number) = other.node {
            value(facts, binary, (number, &other.at), is_left, report);
        }
    }
}

/// A number that the other side can reach.
fn value(
    facts: &Facts,
    binary: &Binary,
    (number, at): (f64, &Range<usize>),
    is_left: bool,
    report: &mut Report<'_, '_>,
) {
    if let Some((low, high)) = facts.range {
        let is_never_above = matches!((binary.operator.as_str(), is_left), (">", true) | ("<", false))
            && number.total_cmp(&high).is_eq();
        if number < low || number > high || is_never_above {
            let message = if number < low {
                format!("buckets that begin at {low} tell nothing of quantiles below `{number}`")
            } else {
                format!("buckets that end at {high} never give a quantile above `{number}`")
            };
            report.push("threshold-range", at, message, "compare with a bound; check the unit");
        }
    }
    if let Some((name, states)) = &facts.states
        && matches!(binary.operator.as_str(), "==" | "!=")
        && !states.iter().any(|state| f64::from(*state).total_cmp(&number).is_eq())
    {
        let states: Vec<String> = states.iter().map(u32::to_string).collect();
        let message = format!("`{name}` is never {number}");
        report.push("unknown-state", at, message, format!("its states are {}", states.join(", ")));
    }
}
