//! The rules of Grafana's dashboard linter, by its names for them, and what this project adds.
//!
//! `docs/grafana.md` lists them. Each takes a board and gives what is wrong with it; the last test breaks a board in
//! every way that a rule is there for.

use promql_parser::parser::{self, Expr, VectorSelector};
use serde_json::{Value, json};

use super::{committed, panels, place, queries};

/// Name of a rule, and what it finds.
type Rule = (&'static str, fn(&Value) -> Vec<String>);

const RULES: &[Rule] = &[
    ("template-datasource-rule", template_datasource),
    ("template-job-rule", |board| template(board, "job", "Job")),
    ("template-instance-rule", |board| template(board, "instance", "Instance")),
    ("template-label-promql-rule", template_promql),
    ("template-on-time-change-reload-rule", template_reload),
    ("panel-datasource-rule", panel_datasource),
    ("panel-title-description-rule", panel_title_description),
    ("panel-units-rule", panel_units),
    ("panel-no-targets-rule", panel_no_targets),
    ("target-promql-rule", target_promql),
    ("target-rate-interval-rule", target_rate_interval),
    ("target-counter-agg-rule", target_counter),
    ("target-job-rule", |board| target_matcher(board, "job")),
    ("target-instance-rule", |board| target_matcher(board, "instance")),
    ("uneditable-dashboard-rule", uneditable),
    ("board-identity", identity),
];

/// What makes a board break a rule.
type Break = fn(&mut Value);

/// What stands for `$__rate_interval` while a query is parsed: no author writes it.
const RATE_INTERVAL: &str = "13m7s";

/// Units of Grafana that boards here may use.
const UNITS: [&str; 11] =
    ["short", "none", "percent", "percentunit", "ms", "s", "bytes", "binBps", "ops", "cps", "iops"];

#[test]
fn boards_obey_the_linter() {
    let boards = committed();
    assert!(boards.len() > 10, "{} boards", boards.len());
    let findings: Vec<String> = boards.iter().flat_map(findings).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_rule_finds_what_it_is_for() {
    let sound = committed().swap_remove(0);
    assert_eq!(findings(&sound), [""; 0]);
    let breaks: &[(&str, Break)] = &[
        ("template-datasource-rule", |board| board["templating"]["list"][0]["query"] = "loki".into()),
        ("template-job-rule", |board| board["templating"]["list"][1]["allValue"] = Value::Null),
        ("template-instance-rule", |board| board["templating"]["list"][2]["multi"] = false.into()),
        ("template-label-promql-rule", |board| {
            board["templating"]["list"][1]["query"]["query"] = "label_values(up{, job)".into();
        }),
        ("template-on-time-change-reload-rule", |board| board["templating"]["list"][2]["refresh"] = 1.into()),
        ("panel-datasource-rule", |board| board["panels"][1]["datasource"]["uid"] = "P1".into()),
        ("panel-title-description-rule", |board| board["panels"][1]["description"] = "".into()),
        ("panel-units-rule", |board| {
            board["panels"][1]["fieldConfig"]["defaults"]["unit"] = "furlong".into();
        }),
        ("panel-no-targets-rule", |board| board["panels"][1]["targets"] = json!([])),
        ("target-promql-rule", |board| query(board, "sum(")),
        ("target-rate-interval-rule", |board| {
            query(board, "rate(a_total{job=~\"$job\",instance=~\"$instance\"}[5m])");
        }),
        ("target-counter-agg-rule", |board| query(board, "a_total{job=~\"$job\",instance=~\"$instance\"}")),
        ("target-job-rule", |board| query(board, "a{instance=~\"$instance\"}")),
        ("target-instance-rule", |board| query(board, "a{job=~\"$job\"}")),
        ("uneditable-dashboard-rule", |board| board["editable"] = true.into()),
        ("board-identity", |board| board["uid"] = "x".repeat(41).into()),
    ];
    for (name, break_it) in breaks {
        let mut board = sound.clone();
        break_it(&mut board);
        let found = findings(&board);
        assert!(found.iter().any(|finding| finding.starts_with(name)), "{name} finds nothing: {found:?}");
    }
    let tried: Vec<&str> = breaks.iter().map(|(name, _)| *name).collect();
    assert_eq!(RULES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), tried, "each rule has its break");
}

/// Replaces a query of the board.
fn query(board: &mut Value, expr: &str) {
    board["panels"][1]["targets"][0]["expr"] = expr.into();
}

fn findings(board: &Value) -> Vec<String> {
    let found = |(name, rule): &Rule| {
        rule(board).into_iter().map(|finding| format!("{name}: {finding}")).collect::<Vec<_>>()
    };
    RULES.iter().flat_map(found).collect()
}

fn variables(board: &Value) -> &[Value] {
    board["templating"]["list"].as_array().expect("variables")
}

fn template_datasource(board: &Value) -> Vec<String> {
    let sources: Vec<&Value> = variables(board).iter().filter(|one| one["type"] == "datasource").collect();
    let is_sound = matches!(sources[..], [one] if one["name"] == "datasource" && one["label"] == "Data source" && one["query"] == "prometheus");
    said(!is_sound, || board["title"].to_string())
}

fn template(board: &Value, name: &str, label: &str) -> Vec<String> {
    let is_sound = variables(board).iter().any(|one| {
        one["name"] == name
            && one["label"] == label
            && one["type"] == "query"
            && one["datasource"]["uid"] == "${datasource}"
            && one["multi"] == true
            && one["includeAll"] == true
            && one["allValue"] == ".+"
    });
    said(!is_sound, || format!("{}: {name}", board["title"]))
}

/// `label_values(SELECTOR, LABEL)`.
fn template_promql(board: &Value) -> Vec<String> {
    let is_sound = |variable: &&Value| {
        let query = variable["query"]["query"].as_str().unwrap_or_default();
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        inner
            .and_then(|inner| inner.rsplit_once(", "))
            .is_some_and(|(selector, label)| parser::parse(selector).is_ok() && label == variable["name"])
    };
    let wrong = variables(board).iter().filter(|one| one["type"] == "query" && !is_sound(one));
    wrong.map(|variable| format!("{}: {}", board["title"], variable["name"])).collect()
}

fn template_reload(board: &Value) -> Vec<String> {
    let stale = variables(board).iter().filter(|one| one["type"] == "query" && one["refresh"] != 2);
    stale.map(|variable| format!("{}: {}", board["title"], variable["name"])).collect()
}

fn panel_datasource(board: &Value) -> Vec<String> {
    let wrong = panels(board).filter(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        std::iter::once(*panel).chain(targets).any(|holder| holder["datasource"]["uid"] != "${datasource}")
    });
    wrong.map(|panel| place(board, panel)).collect()
}

fn panel_title_description(board: &Value) -> Vec<String> {
    let is_empty = |value: &Value| value.as_str().is_none_or(|text| text.trim().is_empty());
    let wrong = panels(board).filter(|panel| is_empty(&panel["title"]) || is_empty(&panel["description"]));
    wrong.map(|panel| place(board, panel)).collect()
}

fn panel_units(board: &Value) -> Vec<String> {
    let unit =
        |panel: &Value| panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default().to_owned();
    let wrong = panels(board).filter(|panel| !UNITS.contains(&unit(panel).as_str()));
    wrong.map(|panel| format!("{}: `{}`", place(board, panel), unit(panel))).collect()
}

fn panel_no_targets(board: &Value) -> Vec<String> {
    panels(board).filter(|panel| queries(panel).next().is_none()).map(|panel| place(board, panel)).collect()
}

fn target_promql(board: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for panel in panels(board) {
        for query in queries(panel) {
            if let Err(error) = parsed(query) {
                findings.push(format!("{}: {error}: {query}", place(board, panel)));
            }
        }
    }
    findings
}

/// A `rate` or `irate` over a fixed window loses points, or smears them, when the time range changes.
fn target_rate_interval(board: &Value) -> Vec<String> {
    let expected = parser::parse(&format!("a[{RATE_INTERVAL}]")).map(|expr| match expr {
        Expr::MatrixSelector(matrix) => matrix.range,
        _ => unreachable!("a range selector"),
    });
    visit(board, |expr, parents| match expr {
        Expr::MatrixSelector(matrix) => {
            let is_rate = matches!(parents.last(), Some(Expr::Call(call)) if ["rate", "irate"].contains(&call.func.name));
            is_rate && Ok(matrix.range) != expected
        }
        _ => false,
    })
}

/// A counter's total says when it was started; only its growth says anything.
fn target_counter(board: &Value) -> Vec<String> {
    visit(board, |expr, parents| match expr {
        Expr::VectorSelector(selector) => is_total(selector),
        Expr::MatrixSelector(matrix) => {
            let is_growth = matches!(parents.last(), Some(Expr::Call(call)) if ["rate", "irate", "increase"].contains(&call.func.name));
            is_total(&matrix.vs) && !is_growth
        }
        _ => false,
    })
}

fn is_total(selector: &VectorSelector) -> bool {
    selector.name.as_deref().is_some_and(|name| name.ends_with("_total"))
}

/// An alert's series has no instance: its expression may have summed over them.
fn target_matcher(board: &Value, label: &str) -> Vec<String> {
    let lacks = |selector: &VectorSelector| {
        let wanted = format!("{label}=~\"${label}\"");
        let is_exempt = label == "instance" && selector.name.as_deref() == Some("ALERTS");
        !is_exempt && !selector.matchers.matchers.iter().any(|matcher| matcher.to_string() == wanted)
    };
    visit(board, |expr, _| match expr {
        Expr::VectorSelector(selector) => lacks(selector),
        Expr::MatrixSelector(matrix) => lacks(&matrix.vs),
        _ => false,
    })
}

fn uneditable(board: &Value) -> Vec<String> {
    said(board["editable"] != false, || board["title"].to_string())
}

/// Ours: a uid that Grafana takes, `FOLDER / NAME`, tags, UTC, a pinned schema, a shared time, a link to the others.
fn identity(board: &Value) -> Vec<String> {
    let uid = board["uid"].as_str().unwrap_or_default();
    let tag = &board["tags"][0];
    let is_sound = !uid.is_empty()
        && uid.len() <= 40
        && board["title"].as_str().is_some_and(|title| title.starts_with("VSR / "))
        && tag == "vsr"
        && board["timezone"] == "utc"
        && board["schemaVersion"].is_u64()
        && board["links"].as_array().is_some_and(|links| {
            links.iter().any(|link| link["type"] == "dashboards" && link["tags"][0] == *tag)
        });
    said(!is_sound, || board["title"].to_string())
}

fn said(is_wrong: bool, what: impl Fn() -> String) -> Vec<String> {
    is_wrong.then(what).into_iter().collect()
}

/// A query as PromQL, with something in the place of Grafana's own variables.
fn parsed(query: &str) -> Result<Expr, String> {
    parser::parse(&query.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", "1h"))
}

/// Queries in which some expression, with those around it, is wrong.
fn visit(board: &Value, is_wrong: impl Fn(&Expr, &[&Expr]) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for panel in panels(board) {
        for query in queries(panel) {
            let Ok(expr) = parsed(query) else { continue };
            if any(&expr, &mut Vec::new(), &is_wrong) {
                findings.push(format!("{}: {query}", place(board, panel)));
            }
        }
    }
    findings
}

fn any<'e>(expr: &'e Expr, parents: &mut Vec<&'e Expr>, is_wrong: &impl Fn(&Expr, &[&Expr]) -> bool) -> bool {
    if is_wrong(expr, parents) {
        return true;
    }
    let inner: Vec<&Expr> = match expr {
        Expr::Aggregate(aggregate) => {
            std::iter::once(&*aggregate.expr).chain(aggregate.param.as_deref()).collect()
        }
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Call(call) => call.args.args.iter().map(|argument| &**argument).collect(),
        _ => Vec::new(),
    };
    parents.push(expr);
    let found = inner.into_iter().any(|inner| any(inner, parents, is_wrong));
    parents.pop();
    found
}
