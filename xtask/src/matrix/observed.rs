//! What was seen, as a file: written by the chore, compared by the test, rendered by `cargo xtask gen`.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use vsr_metrics_catalog::model::{Fault, Firing, Matrix};

use super::expected::UNTRIED;
use super::trial::Alerts;
use crate::workspace;

/// Where, from the root.
pub const FILE: &str = "docs/alerts/fault-matrix.json";

/// Writes what was seen.
pub fn write(seen: &[Alerts]) -> Result<(), String> {
    fs::write(workspace::root().join(FILE), text(seen)).map_err(|error| format!("`{FILE}`: {error}"))?;
    println!("wrote {FILE}; `cargo xtask gen` renders it");
    Ok(())
}

/// What differs from the file, with what to do about it.
pub fn compare(seen: &[Alerts]) -> Vec<String> {
    let stored = fs::read_to_string(workspace::root().join(FILE)).unwrap_or_default();
    let expected = text(seen);
    if stored == expected {
        return Vec::new();
    }
    let mut lines = stored.lines();
    let differing = expected.lines().enumerate().find(|(_, line)| lines.next() != Some(line));
    let (number, line) = differing.unwrap_or((stored.lines().count(), "the end of the file"));
    let seen = line.trim();
    vec![format!(
        "{FILE}:{}: seen `{seen}`; run `cargo xtask matrix --write` and `cargo xtask gen`",
        number + 1
    )]
}

/// One line for each firing, so that a change can be read.
fn text(seen: &[Alerts]) -> String {
    let fault = |alerts: &Alerts| {
        let firing = |firing: &super::trial::Firing| {
            let mut facts = json!({ "alert": firing.alert, "from": firing.from, "to": firing.to });
            // What goes without saying is left out.
            if !firing.replicas.is_empty() {
                facts["replicas"] = json!(firing.replicas);
            }
            if firing.times > 1 {
                facts["times"] = json!(firing.times);
            }
            format!("      {facts}")
        };
        let fired: Vec<String> = alerts.firings.iter().map(firing).collect();
        let fired =
            if fired.is_empty() { "[]".to_owned() } else { format!("[\n{}\n    ]", fired.join(",\n")) };
        let (name, about) = (json!(alerts.fault), json!(alerts.about));
        format!(
            "  {{ \"fault\": {name}, \"about\": {about}, \"lasts\": {}, \"fired\": {fired} }}",
            alerts.lasts
        )
    };
    let faults: Vec<String> = seen.iter().map(fault).collect();
    format!("[\n{}\n]\n", faults.join(",\n"))
}

/// What the file says; nothing if there is none.
///
/// # Errors
/// If it says something else than what was seen of faults.
pub fn read() -> Result<Matrix, String> {
    let Ok(text) = fs::read_to_string(workspace::root().join(FILE)) else { return Ok(Matrix::default()) };
    let faults = parse(&text)
        .ok_or_else(|| format!("`{FILE}` is not what `cargo xtask matrix --write` writes; write it again"))?;
    let untried = UNTRIED.iter().map(|(alert, reason)| ((*alert).to_owned(), (*reason).to_owned()));
    Ok(Matrix { faults, untried: untried.collect() })
}

fn parse(text: &str) -> Option<Vec<Fault>> {
    let parsed: Value = serde_json::from_str(text).ok()?;
    parsed.as_array()?.iter().map(fault).collect()
}

fn fault(value: &Value) -> Option<Fault> {
    let seconds = |value: &Value| value.as_u64().map(Duration::from_secs);
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let firing = |value: &Value| {
        let replicas = value["replicas"].as_array().into_iter().flatten();
        Some(Firing {
            alert: word(&value["alert"])?,
            replicas: replicas.map(Value::as_u64).collect::<Option<_>>()?,
            from: seconds(&value["from"])?,
            to: seconds(&value["to"])?,
            times: value["times"].as_u64().unwrap_or(1),
        })
    };
    Some(Fault {
        name: word(&value["fault"])?,
        about: word(&value["about"])?,
        lasted: Some(seconds(&value["lasts"])?).filter(|lasted| !lasted.is_zero()),
        fired: value["fired"].as_array()?.iter().map(firing).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::trial;

    #[test]
    fn what_is_written_is_read() {
        let firings = vec![
            trial::Firing { alert: "VsrX".to_owned(), replicas: vec![1], from: 45, to: Some(600), times: 2 },
            trial::Firing { alert: "VsrY".to_owned(), replicas: vec![], from: 60, to: Some(600), times: 1 },
        ];
        let seen = |firings| Alerts {
            fault: "x".to_owned(),
            about: "It \"breaks\".".to_owned(),
            lasts: 60,
            until: 900,
            firings,
        };
        let faults = parse(&text(&[seen(firings), seen(Vec::new())])).expect("faults");
        let [one, other] = &faults[0].fired[..] else { panic!("two alerts") };
        assert_eq!(one.to, Duration::from_secs(600));
        assert_eq!((&one.replicas[..], one.times), (&[1][..], 2));
        assert_eq!((&other.replicas[..], other.times), (&[][..], 1));
        assert_eq!((faults[1].about.as_str(), faults[1].fired.len()), ("It \"breaks\".", 0));
        assert_eq!(parse("[{}]"), None);
    }
}
