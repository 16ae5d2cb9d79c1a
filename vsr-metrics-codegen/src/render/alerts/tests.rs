//! Unit tests of the alerts, for `promtool test rules`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use vsr_metrics_catalog::model::{Alert, AlertTest, Catalog, Condition};

use super::{alert_groups, burn, duration, missing, objective_groups};
use crate::promql::other_spelling;
use crate::render::yaml::scalar;
use crate::render::{GeneratedFile, origin};

/// One test of one rule of an alert.
pub(super) struct Case {
    /// Name of the test.
    pub(super) name: String,
    /// Labels that tell the rule from others of the same name.
    pub(super) labels: Vec<(String, String)>,
    /// Series, and when the rule fires.
    pub(super) test: AlertTest,
}

/// Cases that are judged by one file, because they share the distance of their evaluations.
struct Suite<'a> {
    interval: Duration,
    records: bool,
    cases: Vec<(&'a Alert, Case)>,
}

/// A file for each group of alerts, and for each distance of evaluations in it.
pub(in crate::render) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let mut suites: BTreeMap<String, Suite<'_>> = BTreeMap::new();
    for alert in catalog.alerts.iter().filter(|alert| !alert.changed) {
        for case in cases(catalog, alert) {
            let interval = case.test.interval;
            let standard = interval == catalog.scrape_interval;
            let distance = if standard { String::new() } else { format!("-{}", duration(interval)) };
            let suite = suites.entry(format!("{}{distance}", alert.group)).or_insert_with(|| Suite {
                interval,
                records: false,
                cases: Vec::new(),
            });
            suite.records |= matches!(alert.condition, Condition::Burn { .. });
            suite.cases.push((alert, case));
        }
    }
    suites
        .into_iter()
        .map(|(name, suite)| GeneratedFile {
            path: format!("alerts/tests/{name}.test.yml"),
            contents: contents(catalog, &suite),
        })
        .collect()
}

/// What an alert's author wrote, in both spellings of `le`, or what follows from its condition.
fn cases(catalog: &Catalog, alert: &Alert) -> Vec<Case> {
    match &alert.condition {
        Condition::Expression => alert.tests.iter().flat_map(written).collect(),
        Condition::Burn { slo } => {
            let slo = catalog.slos.iter().find(|known| known.name == *slo);
            slo.map(|slo| burn::cases(catalog, slo)).unwrap_or_default()
        }
        Condition::Missing { beside, metrics } => missing::cases(catalog, alert, beside, metrics),
    }
}

/// A case as written, and once more as a server sees it that spells whole bounds `100.0`.
fn written(test: &AlertTest) -> Vec<Case> {
    let case = |name: String, test: AlertTest| Case { name, labels: Vec::new(), test };
    let mut cases = vec![case(test.name.clone(), test.clone())];
    let mut other = test.clone();
    for (series, _) in &mut other.series {
        *series = other_spelling(series);
    }
    if other.series != test.series {
        cases.push(case(format!("{}, with whole bounds spelled 1.0", test.name), other));
    }
    cases
}

fn contents(catalog: &Catalog, suite: &Suite<'_>) -> String {
    let mut text = format!("# {}\nrule_files:\n  - ../{}.alerts.yml\n", origin(catalog), catalog.name);
    if suite.records {
        let _ = writeln!(text, "  - ../{}.objectives.yml", catalog.name);
    }
    let _ = writeln!(text, "evaluation_interval: {}", duration(suite.interval));
    if suite.records {
        // What is recorded in this round is what alerts look at in this round.
        text += "group_eval_order:\n";
        let recording = objective_groups(catalog).into_iter().map(|(name, _)| name);
        for name in recording.chain(alert_groups(catalog).into_iter().map(|(name, _)| name)) {
            let _ = writeln!(text, "  - {}", scalar(&name));
        }
    }
    text += "tests:\n";
    for (alert, case) in &suite.cases {
        text += &test(alert, case);
    }
    text
}

fn test(alert: &Alert, case: &Case) -> String {
    let Case { name, labels, test } = case;
    let mut text = format!("  - name: {}\n", scalar(&format!("{}: {name}", alert.name)));
    let _ = writeln!(text, "    interval: {}", duration(test.interval));
    text += "    input_series:\n";
    for (series, values) in &test.series {
        let _ = writeln!(text, "      - series: {}\n        values: {}", scalar(series), scalar(values));
    }
    text += "    promql_expr_test:\n";
    let mut times: Vec<(Duration, bool)> = Vec::new();
    times.extend(test.quiet_at.iter().map(|time| (*time, false)));
    times.extend(test.fires_at.iter().map(|time| (*time, true)));
    times.extend(test.clears_at.iter().map(|time| (*time, false)));
    times.sort_unstable();
    let matchers: Vec<String> = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\"")).collect();
    let matchers = matchers.concat();
    let firing = format!(
        "min by (alertname) (ALERTS{{alertname=\"{}\",alertstate=\"firing\"{matchers}}})",
        alert.name
    );
    for (time, fires) in times {
        let _ = writeln!(text, "      - expr: {}\n        eval_time: {}", scalar(&firing), duration(time));
        if fires {
            let labels = scalar(&format!("{{alertname=\"{}\"}}", alert.name));
            let _ = writeln!(text, "        exp_samples: [{{ labels: {labels}, value: 1 }}]");
        } else {
            text += "        exp_samples: []\n";
        }
    }
    text
}
