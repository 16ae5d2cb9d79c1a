//! Operations between two vectors: some elements meet one of the other side, and none meets several.

use std::collections::BTreeSet;
use std::ops::Range;

use promql_parser::label::MatchOp;

use super::facts::Facts;
use super::series::TARGET_LABELS;
use super::tree::{Binary, Expr, Node, Side};
use super::{Graph, Report};

/// Labels that scraping always adds; what else a deployment adds may be missing on both sides.
const ALWAYS: [&str; 2] = ["job", "instance"];

/// Checks one operation.
pub(super) fn check(graph: &Graph<'_>, binary: &Binary, at: &Range<usize>, report: &mut Report<'_, '_>) {
    if matches!(binary.operator.as_str(), "or" | "unless") {
        return;
    }
    let sides = [(&binary.left, Side::Left), (&binary.right, Side::Right)]
        .map(|(expr, side)| (expr, side, Facts::of(expr, &graph.names)));
    if sides.iter().any(|(expr, _, facts)| facts.is_constant || matches!(expr.node, Node::Text(_))) {
        return;
    }
    if binary.operator != "and" {
        for (expr, side, facts) in &sides {
            ambiguous(binary, expr, *side, facts, at, report);
        }
    }
    if sides.iter().all(|(_, _, facts)| !facts.open) {
        let [left, right] = sides.map(|(_, _, facts)| facts);
        disjoint(binary, &left, &right, at, report);
    }
}

/// Several series of a side that look the same to the operation: Prometheus refuses to choose.
fn ambiguous(
    binary: &Binary,
    expr: &Expr,
    side: Side,
    facts: &Facts,
    at: &Range<usize>,
    report: &mut Report<'_, '_>,
) {
    let Some(matching) = &binary.matching else { return };
    if facts.open || binary.many.as_ref().is_some_and(|(many, _)| *many == side) {
        return;
    }
    let fixed = fixed_labels(expr);
    let is_unseen = |label: &&String| matching.keeps != matching.names(label);
    let apart: Vec<&str> = facts
        .labels
        .iter()
        .filter(is_unseen)
        .map(String::as_str)
        .filter(|label| !TARGET_LABELS.contains(label) && !fixed.contains(label))
        .collect();
    if let [first, ..] = apart[..] {
        let (here, group) = match side {
            Side::Left => ("left", "group_left"),
            Side::Right => ("right", "group_right"),
        };
        let message = format!("series on the {here} that differ in `{first}` alone meet the same one");
        let help = if matching.keeps {
            format!("aggregate `{first}` away, name it in the match, or add `{group} ()`")
        } else {
            format!("aggregate `{first}` away, do not ignore it, or add `{group} ()`")
        };
        report.push("ambiguous-match", at, message, help);
    }
}

/// Sides whose labels differ: no element of one has the labels of one of the other.
fn disjoint(binary: &Binary, left: &Facts, right: &Facts, at: &Range<usize>, report: &mut Report<'_, '_>) {
    if binary.matching.as_ref().is_some_and(|matching| matching.keeps) {
        return;
    }
    let compared = |facts: &Facts| -> BTreeSet<String> {
        let ignored = |label: &str| binary.matching.as_ref().is_some_and(|matching| matching.names(label));
        let counts = |label: &str| ALWAYS.contains(&label) || !TARGET_LABELS.contains(&label);
        facts.labels.iter().filter(|label| counts(label) && !ignored(label)).cloned().collect()
    };
    let (left, right) = (compared(left), compared(right));
    // A label of the catalog's own says more than one of scraping.
    let difference = left.symmetric_difference(&right);
    if let Some(label) = difference.min_by_key(|label| TARGET_LABELS.contains(&label.as_str())) {
        let (with, without) = if left.contains(label) { ("left", "right") } else { ("right", "left") };
        let message = format!("nothing matches: only series on the {with} have the label `{label}`");
        let help = format!("aggregate `{label}` away, or match with `on` the labels of the {without}");
        report.push("no-match", at, message, help);
    }
}

/// Labels of which the selectors below choose one value.
fn fixed_labels(expr: &Expr) -> BTreeSet<&str> {
    let mut fixed = BTreeSet::new();
    expr.walk(&mut |expr| {
        if let Node::Selector(selector) = &expr.node {
            let equal = selector.matchers.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal));
            fixed.extend(equal.map(|matcher| matcher.label.as_str()));
        }
    });
    fixed
}
