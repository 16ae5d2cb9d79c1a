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
const EVENTS: u64 = 1_000_000;

/// Steps in the short window.
const STEPS: u32 = 6;

/// One case for each pair of windows, in both spellings of `le`.
pub(super) fn cases(catalog: &Catalog, slo: &Slo) -> Vec<Case> {
    BURNS.iter().flat_map(|burn| case(catalog, slo, burn)).collect()
}

fn case(catalog: &Catalog, slo: &Slo, burn: &Burn) -> Vec<Case> {
    let limit = burn.factor * slo.budget();
    if limit >= 1.0 {
        // So generous an objective cannot be missed that fast.
        return Vec::new();
    }
    let (long, short) = (seconds(burn.long), seconds(burn.short));
    let share = (2.0 * limit).min(1.0);
    let step = Duration::from_secs(u64::from(short / STEPS));
    let long_steps = long * STEPS / short;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few steps")]
    let part = |steps: u32, share: f64| (f64::from(steps) * share).round() as u32;
    // Good for longer than the long window, so that one that looks back twice as far is told apart; then bad for
    // longer than the long window takes to notice.
    let (good, notices) = (long_steps * 5 / 4, part(long_steps, limit / share));
    let bad = notices + notices / 2;
    let ends = good + bad;
    let recovers = part(STEPS, 1.0 - limit / share);
    let total = ends + 4 * STEPS;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most all events of a step"
    )]
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    let errors = (EVENTS as f64 * share).round() as u64;
    let slower = |rate: u64| {
        let at_end = EVENTS * u64::from(good) + rate * u64::from(bad);
        format!(
            "0+{EVENTS}x{good} {}+{rate}x{} {}+{EVENTS}x{}",
            EVENTS * u64::from(good) + rate,
            bad - 1,
            at_end + EVENTS,
            4 * STEPS - 1
        )
    };
    let at = |steps: u32| step * steps;
    let times = |name: String, series: Vec<(String, String)>| Case {
        name: name.clone(),
        labels: vec![("window".to_owned(), burn.long.to_owned())],
        test: AlertTest {
            name,
            interval: step,
            series,
            quiet_at: vec![at(good), at(good + part(notices, 0.9))],
            fires_at: vec![at(good + part(notices, 1.1)), at(ends + part(recovers, 0.6))],
            clears_at: vec![at(ends + part(recovers, 1.4))],
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
            let failed = format!(
                "0x{good} {errors}+{errors}x{} {}x{}",
                bad - 1,
                errors * u64::from(bad),
                4 * STEPS - 1
            );
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
