//! What a query returns, worked out from the inside to the outside: labels, measure, and whether it still is a
//! running total.

use std::collections::BTreeSet;

use super::series::{Meaning, Names, Part, TARGET_LABELS};
use super::tree::{Binary, Expr, Grouping, Node, Selector, Side};
use crate::model::Unit;

/// What is known of an expression's result.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Labels that its series have.
    pub(super) labels: BTreeSet<String>,
    /// Whether they may have others, because a series from outside went in.
    pub(super) open: bool,
    pub(super) measure: Measure,
    /// The name of a counter of which the result still is the running total.
    pub(super) total: Option<String>,
    /// Bounds of the histogram that the result still is made of, and what they are measured in.
    pub(super) buckets: Option<(Vec<f64>, Measure)>,
    /// Lowest and highest value that it can tell from others.
    pub(super) range: Option<(f64, f64)>,
    /// Numbers that a gauge with states takes, with its name.
    pub(super) states: Option<(String, Vec<u32>)>,
    /// Whether it is the same for all series: a number, or `vector(…)`.
    pub(super) is_constant: bool,
}

/// What a number is measured in, as far as that can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Measure {
    Of(Unit),
    Count,
    PerSecond,
    Ratio,
    State,
    #[default]
    Unknown,
}

/// Functions of counters alone.
pub(super) const COUNTER_FUNCTIONS: [&str; 4] = ["rate", "irate", "increase", "resets"];
/// Functions of gauges alone.
pub(super) const GAUGE_FUNCTIONS: [&str; 5] =
    ["delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"];

impl Facts {
    /// Of an expression.
    pub(super) fn of(expr: &Expr, names: &Names<'_>) -> Self {
        match &expr.node {
            Node::Number(_) => Self { is_constant: true, ..Self::default() },
            Node::Text(_) => Self::default(),
            Node::Selector(selector) => Self::of_selector(selector, names),
            Node::Subquery(inner) => Self::of(inner, names),
            Node::Call { function, arguments } => Self::of_call(function, arguments, names),
            Node::Aggregate { operation, grouping, parameter, inner } => {
                Self::of(inner, names).aggregated(operation, grouping.as_ref(), parameter.as_deref())
            }
            Node::Binary(binary) => Self::of_binary(binary, names),
        }
    }

    /// Of a series of which nothing is known.
    pub(super) fn unknown() -> Self {
        let labels = TARGET_LABELS.map(str::to_owned).into();
        Self { labels, open: true, buckets: Some((Vec::new(), Measure::Unknown)), ..Self::default() }
    }

    fn of_selector(selector: &Selector, names: &Names<'_>) -> Self {
        let Some(name) = &selector.name else { return Self::unknown() };
        match names.meaning(name) {
            Meaning::Outside | Meaning::Unknown => Self::unknown(),
            Meaning::Recorded(facts) => facts.clone(),
            Meaning::Exported(exported) => Self {
                labels: exported.label_names(),
                measure: exported.measure(),
                total: exported.is_counter().then(|| name.clone()),
                buckets: (exported.part == Part::Bucket).then(|| exported.buckets()),
                states: exported.states().map(|states| (name.clone(), states)),
                ..Self::default()
            },
        }
    }

    fn of_call(function: &str, arguments: &[Expr], names: &Names<'_>) -> Self {
        let series = arguments.iter().find(|one| !matches!(one.node, Node::Number(_) | Node::Text(_)));
        let inner = series.map(|series| Self::of(series, names)).unwrap_or_default();
        let of_measure = |measure| Self { measure, states: None, ..inner.clone() };
        let text = |index: usize| match arguments.get(index).map(|one| &one.node) {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        };
        match function {
            "rate" | "irate" | "deriv" => Self { total: None, ..of_measure(inner.measure.per_second()) },
            "increase" | "delta" | "idelta" | "predict_linear" | "double_exponential_smoothing" => {
                Self { total: None, states: None, ..inner }
            }
            "resets" | "changes" | "count_over_time" | "present_over_time" => {
                Self { total: None, buckets: None, ..of_measure(Measure::Count) }
            }
            "histogram_quantile" => {
                let (bounds, measure) = inner.buckets.clone().unwrap_or_default();
                let range = bounds.first().copied().zip(bounds.last().copied());
                let mut labels = inner.labels.clone();
                labels.remove("le");
                Self { labels, range, total: None, buckets: None, ..of_measure(measure) }
            }
            "absent" | "absent_over_time" => Self { labels: given_labels(arguments), ..Self::default() },
            "vector" | "pi" => Self { is_constant: true, ..Self::default() },
            "timestamp" => of_measure(Measure::Of(Unit::Seconds)),
            "time" => Self { is_constant: true, measure: Measure::Of(Unit::Seconds), ..Self::default() },
            "scalar" => Self { labels: BTreeSet::new(), open: false, is_constant: true, ..inner },
            "label_replace" | "label_join" => {
                let mut facts = inner;
                facts.labels.extend(text(1));
                facts
            }
            _ if function.ends_with("_over_time") || KEEPING.contains(&function) => inner,
            _ => Self { total: None, buckets: None, ..of_measure(Measure::Unknown) },
        }
    }

    fn aggregated(mut self, operation: &str, grouping: Option<&Grouping>, parameter: Option<&Expr>) -> Self {
        if matches!(operation, "topk" | "bottomk" | "limitk" | "limit_ratio") {
            return self;
        }
        match grouping {
            None => self.labels.clear(),
            Some(grouping) if grouping.keeps => {
                let is_open = self.open;
                let kept = grouping.labels.iter().map(|(label, _)| label.clone());
                self.labels = kept.filter(|label| is_open || self.labels.contains(label)).collect();
            }
            Some(grouping) => self.labels.retain(|label| !grouping.names(label)),
        }
        // What `by` names is all there is; without it, what came from outside may still be there.
        self.open &= grouping.is_some_and(|grouping| !grouping.keeps);
        match operation {
            "count" | "group" => Self {
                measure: Measure::Count,
                total: None,
                buckets: None,
                states: None,
                range: None,
                ..self
            },
            "count_values" => {
                if let Some(Node::Text(label)) = parameter.map(|parameter| &parameter.node) {
                    self.labels.insert(label.clone());
                }
                Self { measure: Measure::Count, total: None, buckets: None, states: None, ..self }
            }
            "stdvar" => Self { measure: Measure::Unknown, total: None, buckets: None, states: None, ..self },
            "sum" | "avg" | "stddev" | "quantile" => Self { states: None, ..self },
            _ => self,
        }
    }

    fn of_binary(binary: &Binary, names: &Names<'_>) -> Self {
        let (left, right) = (Self::of(&binary.left, names), Self::of(&binary.right, names));
        match binary.operator.as_str() {
            "and" | "unless" => return left,
            "or" => {
                if right.is_constant || right.labels.is_empty() && !right.open {
                    return left;
                }
                let labels = left.labels.intersection(&right.labels).cloned().collect();
                return Self { labels, open: left.open && right.open, ..left };
            }
            _ => {}
        }
        let is_scalar = |side: &Expr, facts: &Self| facts.is_constant && !is_vector(side);
        if is_scalar(&binary.right, &right) || is_scalar(&binary.left, &left) {
            let (facts, other) = if is_scalar(&binary.right, &right) { (left, right) } else { (right, left) };
            return facts.with_number(binary, other.is_constant);
        }
        let mut facts = match binary.many {
            Some((Side::Right, _)) => right.clone(),
            _ => left.clone(),
        };
        match (&binary.many, &binary.matching) {
            (Some((_, taken)), _) => facts.labels.extend(taken.iter().cloned()),
            (None, Some(grouping)) if grouping.keeps => {
                facts.labels = grouping.labels.iter().map(|(label, _)| label.clone()).collect();
                facts.open = false;
            }
            (None, Some(grouping)) => {
                facts.labels.retain(|label| !grouping.names(label));
            }
            (None, None) => {}
        }
        if binary.is_comparison {
            return if binary.is_bool {
                Self { measure: Measure::Ratio, total: None, ..facts }
            } else {
                facts
            };
        }
        let measure = match binary.operator.as_str() {
            "/" if left.measure == right.measure && left.measure != Measure::Unknown => Measure::Ratio,
            "+" | "-" if left.measure == right.measure => left.measure,
            _ => Measure::Unknown,
        };
        let total = left.total.clone().or(right.total);
        Self { measure, total, buckets: None, range: None, states: None, ..facts }
    }

    /// The result of an operation with a number.
    fn with_number(self, binary: &Binary, is_constant: bool) -> Self {
        let keeps = binary.is_comparison && !binary.is_bool
            || is_constant && matches!(binary.operator.as_str(), "+" | "-");
        let number = [&binary.left, &binary.right].into_iter().find_map(|side| match side.node {
            Node::Number(number) => Some(number),
            _ => None,
        });
        // `1 - ratio` is a ratio, `ratio * 100` percent; what else numbers do to a unit is not known.
        let measure = match (binary.operator.as_str(), self.measure) {
            _ if keeps => self.measure,
            ("*", Measure::Ratio) if number.is_some_and(|number| number.total_cmp(&100.0).is_eq()) => {
                Measure::Of(Unit::Percent)
            }
            _ => Measure::Unknown,
        };
        if binary.is_comparison && !binary.is_bool {
            return Self { measure, ..self };
        }
        Self { measure, range: None, states: None, buckets: None, ..self }
    }
}

/// Functions that change neither labels nor measure.
const KEEPING: [&str; 10] = [
    "abs",
    "ceil",
    "floor",
    "round",
    "clamp",
    "clamp_min",
    "clamp_max",
    "sort",
    "sort_desc",
    "sort_by_label",
];

impl Measure {
    fn per_second(self) -> Self {
        match self {
            Self::Of(Unit::Bytes) => Self::Of(Unit::BytesPerSecond),
            Self::Of(Unit::Operations) => Self::Of(Unit::OperationsPerSecond),
            Self::Of(Unit::Seconds) => Self::Ratio,
            Self::Count => Self::PerSecond,
            _ => Self::Unknown,
        }
    }
}

/// Whether an expression is a vector although it is the same for all: `vector(1)`.
fn is_vector(expr: &Expr) -> bool {
    matches!(&expr.node, Node::Call { function, .. } if function == "vector")
}

/// Labels that `absent` takes over from a selector's conditions.
fn given_labels(arguments: &[Expr]) -> BTreeSet<String> {
    let Some(Node::Selector(selector)) = arguments.first().map(|one| &one.node) else {
        return BTreeSet::new();
    };
    let equal = selector.matchers.iter().filter(|one| matches!(one.op, promql_parser::label::MatchOp::Equal));
    equal.map(|one| one.label.clone()).collect()
}
