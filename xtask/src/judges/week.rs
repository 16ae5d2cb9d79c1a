//! A week of history in a minute: what Prometheus scraped just now, written as blocks of a week ago.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::prometheus::Prometheus;
use crate::test::output_of;

/// Seconds of a week.
const WEEK: f64 = 604_800.0;

/// Every sample of the last `window` seconds once more, a week earlier, as OpenMetrics.
///
/// # Errors
/// If Prometheus cannot be asked, or has nothing.
pub fn earlier(prometheus: &Prometheus, window: u64) -> Result<String, String> {
    let answer = prometheus.ask("query", &format!("{{__name__=~\".+\"}}[{window}s]"), &[])?;
    let mut text = String::new();
    for series in answer.as_array().into_iter().flatten() {
        let name = selector(&series["metric"]);
        for pair in series["values"].as_array().into_iter().flatten() {
            if let (Some(at), Some(value)) = (pair[0].as_f64(), pair[1].as_str()) {
                let _ = writeln!(text, "{name} {value} {:.3}", at - WEEK);
            }
        }
    }
    if text.is_empty() { Err("Prometheus has scraped nothing".into()) } else { Ok(text + "# EOF\n") }
}

/// Writes the samples as blocks into a data directory, which no Prometheus may hold open.
///
/// # Errors
/// In the words of promtool.
pub fn backfill(promtool: &Path, text: &str, directory: &Path) -> Result<(), String> {
    let file = directory.join("week.om");
    fs::write(&file, text).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let mut promtool = Command::new(promtool);
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(directory.join("data"));
    output_of(&mut promtool).map(drop)
}

/// The series as a scrape would write it.
fn selector(labels: &Value) -> String {
    let mut name = "";
    let mut pairs = Vec::new();
    for (label, value) in labels.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if label == "__name__" {
            name = value;
        } else {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            pairs.push(format!("{label}=\"{value}\""));
        }
    }
    format!("{name}{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_is_written_as_scraped() {
        let labels = serde_json::json!({ "__name__": "a", "b": "c\"d", "le": "+Inf" });
        assert_eq!(selector(&labels), "a{b=\"c\\\"d\",le=\"+Inf\"}");
    }
}
