//! Tests of the rules that notice a missing metric: one goes, the one beside it stays; then both go.

use std::time::Duration;

use vsr_metrics_catalog::model::{Alert, AlertTest, Catalog};

use super::tests::Case;

/// A sample is looked at for five minutes.
const LONGEST: Duration = Duration::from_secs(240);

/// A case for each metric, and one in which nothing at all is scraped.
pub(super) fn cases(catalog: &Catalog, alert: &Alert, beside: &str, metrics: &[String]) -> Vec<Case> {
    // A few evaluations are enough: what is judged is the time that the rule waits.
    let interval = (alert.hold / 4).clamp(catalog.scrape_interval, LONGEST.max(catalog.scrape_interval));
    let steps = |numerator: u32, denominator: u32| -> u32 {
        let steps = (alert.hold * numerator / denominator).as_millis() / interval.as_millis().max(1);
        u32::try_from(steps).unwrap_or(u32::MAX).max(1)
    };
    // Present, then gone for twice as long as it takes, then back.
    let (present, gone) = (4, steps(2, 1));
    let vanishes = interval * (present + 1);
    let case = |metric: &String, other: String, name: String, fires: bool| {
        let values = format!("1x{present} stale _x{} 1x{present}", gone - 1);
        let at = |steps: u32| vanishes + interval * steps;
        let (late, back) = (at(steps(3, 2)), at(gone + 1));
        let test = AlertTest {
            name: name.clone(),
            interval,
            series: vec![(beside.to_owned(), other), (metric.clone(), values)],
            quiet_at: if fires { vec![interval, at(steps(3, 4))] } else { vec![interval, late] },
            fires_at: if fires { vec![late] } else { Vec::new() },
            clears_at: if fires { vec![back] } else { Vec::new() },
        };
        Case { name, labels: vec![("metric".to_owned(), metric.clone())], test }
    };
    let always = format!("0x{}", gone + 2 * present + 2);
    let alone = metrics.iter().map(|metric| case(metric, always.clone(), format!("{metric} is gone"), true));
    let together = metrics
        .iter()
        .take(1)
        .map(|metric| case(metric, format!("0x{present} stale"), "nothing is scraped".to_owned(), false));
    alone.chain(together).collect()
}
