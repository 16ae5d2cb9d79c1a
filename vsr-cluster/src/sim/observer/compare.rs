//! The comparison of what was counted with what the metrics say.

use std::collections::{BTreeMap, BTreeSet};

use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::{LabelText, Series, Value};

use super::super::families::{Compared, row};
use super::gauges::{Expected, Gauge};
use super::numbers::Numbers;
use crate::counts::Comparison;
use crate::message::ReplicaIndex;

/// Counters and durations of all replicas, by the text of their label.
pub(super) fn totals(replicas: &BTreeMap<String, &Numbers>, snapshot: &Snapshot) -> Comparison {
    let mut comparison = Comparison::default();
    for family in snapshot.families() {
        let name = family.descriptor().name;
        match row(name) {
            None => comparison.differing.push(format!("nothing says how `{name}` is compared")),
            Some(row) if row.compared == Compared::Observer => {
                for series in family.series() {
                    total(name, &series, replicas, &mut comparison);
                }
            }
            Some(_) => {}
        }
    }
    comparison
}

fn total(
    family: &'static str,
    series: &Series<'_>,
    replicas: &BTreeMap<String, &Numbers>,
    comparison: &mut Comparison,
) {
    let labels = |name| series.labels().find(|(label, _)| *label == name).map(|(_, text)| text);
    let replica = labels("replica_id").map(|text| text.to_string()).unwrap_or_default();
    let own = series.labels().find(|(label, _)| *label != "replica_id");
    let label = own.map_or("", |(_, text)| match text {
        LabelText::Name(name) => name,
        LabelText::Integer(_) => "",
    });
    let Some(numbers) = replicas.get(&replica) else {
        return comparison.differing.push(format!("`{family}` of replica `{replica}`, which there is not"));
    };
    let (compared, differing) = match series.value() {
        Value::Counter(amount) => {
            let (said, counted) = (amount.stored, numbers.count(family, label));
            (1, (said != counted).then(|| format!("says {said}, counted {counted}")))
        }
        Value::Histogram(histogram) => numbers.compare(family, &histogram),
        Value::Gauge(_) => (0, Some("is a gauge that is compared as a total".to_owned())),
    };
    comparison.add(family, compared);
    if let Some(differing) = differing {
        comparison.differing.push(format!("`{family}` {label} of replica `{replica}` {differing}"));
    }
}

/// All gauges of one replica.
pub(super) fn gauges(replica: ReplicaIndex, expected: &[Gauge], snapshot: &Snapshot) -> Comparison {
    let mut comparison = Comparison::default();
    let mut found: BTreeMap<(&str, Option<usize>), f64> = BTreeMap::new();
    let mut families: BTreeSet<&'static str> = BTreeSet::new();
    for family in snapshot.families() {
        let name = family.descriptor().name;
        if row(name).is_none_or(|row| row.compared != Compared::Always) {
            continue;
        }
        families.insert(name);
        for series in family.series() {
            if let Value::Gauge(number) = series.value() {
                found.insert((name, label(&series)), number.as_f64());
            }
        }
    }
    for (family, label, expected) in expected {
        let said = found.remove(&(family, *label));
        families.remove(family);
        comparison.add(family, 1);
        if !is_as(said, *expected) {
            let label = label.map_or(String::new(), |label| format!(" {label}"));
            comparison.differing.push(format!(
                "`{family}`{label} of replica `{replica}` says {said:?}, should say {expected:?}"
            ));
        }
    }
    for ((family, label), said) in found {
        let differing =
            format!("`{family}` {label:?} of replica `{replica}` says {said}, and should be absent");
        comparison.differing.push(differing);
    }
    for absent in families {
        comparison.add(absent, 1);
    }
    comparison
}

fn is_as(said: Option<f64>, expected: Expected) -> bool {
    match (said, expected) {
        (Some(said), Expected::Exactly(number)) => (said - number).abs() <= number.abs() * 1e-12,
        (Some(said), Expected::Between(least, most)) => (least..=most).contains(&said),
        (Some(said), Expected::UpTo(most)) => (0.0..=most).contains(&said),
        (None, Expected::UpTo(_)) => true,
        (None, Expected::Exactly(_) | Expected::Between(..)) => false,
    }
}

/// The number that a gauge's own label has, if it has one.
fn label(series: &Series<'_>) -> Option<usize> {
    series.labels().find_map(|(name, text)| match text {
        LabelText::Integer(number) if name != "replica_id" => usize::try_from(number).ok(),
        _ => None,
    })
}
