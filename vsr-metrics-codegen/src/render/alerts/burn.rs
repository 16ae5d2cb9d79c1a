//! Tests of burn rates, from the objective's own numbers: errors begin, the long window notices, errors end, the
//! short window notices.
//!
//! Errors come twice as fast as the rule allows. So the long window passes the limit when half of it is bad, and
//! the short one falls below it half of itself after the errors ended; a rule with another factor or another window
//! is caught by being early or late.

use std::time::Duration;

use vsr_metrics_catalog::model::{AlertTest, BURNS, Burn, Catalog, Indicator, Slo};

use super::tests::Case;

/// Events in one step.
const EVENTS: f64 = 1e6;

/// Steps in the short window.
const STEPS: u32 = 6;

/// One case for each pair of windows, in both spellings of `le`.
pub(super) fn cases(catalog: &Catalog, slo: &Slo) -> Vec<Case> {
    BURNS.iter().flat_map(|burn| case(catalog, slo, burn)).collect()
}

fn case(catalog: &Catalog, slo: &Slo, burn: &Burn) -> Vec<Case> {
    let share = 2.0 * burn.factor * slo.budget();
    if share >= 1.0 {
        // So generous an objective cannot be missed twice as fast as this.
        return Vec::new();
    }
    let (long, short) = (seconds(burn.long), seconds(burn.short));
    let step = Duration::from_secs(u64::from(short / STEPS));
    // Good for longer than the long window, so that one that looks back twice as far is told apart; then bad for
    // longer than the long window takes to notice, which is half of it.
    let long_steps = long * STEPS / short;
    let (good, notices) = (long_steps * 5 / 4, long_steps / 2);
    let bad = notices + notices / 2;
    let (ends, recovers) = (good + bad, STEPS / 2);
    let total = ends + 4 * STEPS;
    let errors = (EVENTS * share).round();
    let slower = |rate: f64| {
        let begin = EVENTS * f64::from(good);
        let end = begin + rate * f64::from(bad);
        let (first, last, rest) = (begin + rate, end + EVENTS, 4 * STEPS - 1);
        format!("0+{EVENTS}x{good} {first}+{rate}x{} {last}+{EVENTS}x{rest}", bad - 1)
    };
    let at = |steps: u32| step * steps;
    let times = |name: String, series: Vec<(String, String)>| Case {
        name: name.clone(),
        labels: vec![("window".to_owned(), burn.long.to_owned())],
        test: AlertTest {
            name,
            interval: step,
            series,
            quiet_at: vec![at(good), at(good + notices * 9 / 10)],
            fires_at: vec![at(good + notices * 11 / 10), at(ends + recovers * 2 / 3)],
            clears_at: vec![at(ends + recovers * 4 / 3)],
        },
    };
    let name = format!("{} times the budget of {}", 2.0 * burn.factor, burn.long);
    match &slo.indicator {
        Indicator::Latency { metric, bound } => {
            let spelled = [bound.to_string(), format!("{bound:?}")];
            let both = if spelled[0] == spelled[1] { &spelled[..1] } else { &spelled[..] };
            let all = format!("0+{EVENTS}x{total}");
            both.iter()
                .map(|bound| {
                    let series = vec![
                        (
                            format!("{metric}_bucket{{{}le=\"{bound}\"}}", constant(catalog)),
                            slower(EVENTS - errors),
                        ),
                        (format!("{metric}_count{{{}}}", constant(catalog)), all.clone()),
                    ];
                    times(format!("{name}, le=\"{bound}\""), series)
                })
                .collect()
        }
        Indicator::Ratio { good: selector, total: all } => {
            let all_failed = errors * f64::from(bad);
            let failed = format!("0x{good} {errors}+{errors}x{} {all_failed}x{}", bad - 1, 4 * STEPS - 1);
            vec![times(name, vec![(selector.clone(), slower(EVENTS - errors)), (all.clone(), failed)])]
        }
    }
}

/// The constant labels of one instance, as the beginning of a selector.
fn constant(catalog: &Catalog) -> String {
    catalog
        .constant_labels
        .iter()
        .map(|id| format!("{}=\"0\",", catalog.label(*id).name))
        .collect::<Vec<_>>()
        .concat()
}

/// Seconds of a window.
fn seconds(window: &str) -> u32 {
    let (number, unit) = window.split_at(window.len() - 1);
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        _ => 86_400,
    };
    number.parse::<u32>().unwrap_or(1) * unit
}
