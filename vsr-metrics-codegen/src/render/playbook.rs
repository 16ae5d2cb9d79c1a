//! The playbook: what an incident commander follows, from the first alert to the review.

use std::fmt::Write as _;
use std::time::Duration;

use vsr_metrics_catalog::model::{Catalog, Fault, Firing, Matrix, Playbook};

use super::markdown::{anchor, code, head, prose, row};
use super::runbook::steps;
use super::{GeneratedFile, file, origin};
use crate::promql::both_spellings;

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let Some(book) = &catalog.playbook else { return Vec::new() };
    let mut text = format!("<!-- {} -->\n\n# Incident playbook of `{}`\n\n", origin(catalog), catalog.name);
    text += "The [runbook](runbook.md) says what to do about one alert. This page says how to lead an incident.\n";
    text += &pairs("Severities", ["Priority", "Who responds, and how soon"], &book.severities);
    text += &pairs("Roles", ["Role", "Duties"], &book.roles);
    let _ = write!(text, "\n## The first five minutes\n\n{}", steps(&book.first_minutes));
    text += &list("Triage: what comes before what", &book.triage);
    text += &symptoms(book);
    text += &matrix(&catalog.matrix);
    text += &list("Communication", &book.communication);
    text += &list("When it is over", &book.over_when);
    text += &list("Review", &book.review);
    file("playbook.md", text)
}

fn pairs(title: &str, columns: [&str; 2], pairs: &[(String, String)]) -> String {
    let rows: Vec<String> = pairs.iter().map(|(name, text)| row(&[prose(name), prose(text)])).collect();
    format!("\n## {title}\n\n{}{}", head(&columns), rows.concat())
}

fn list(title: &str, items: &[String]) -> String {
    let items: Vec<String> =
        items.iter().zip(1..).map(|(item, number)| format!("{number}. {}\n", prose(item.trim()))).collect();
    format!("\n## {title}\n\n{}", items.concat())
}

/// From what is seen to the sections that help, the likeliest first.
fn symptoms(book: &Playbook) -> String {
    let mut text = format!(
        "\n## From symptom to runbook section\n\n{}",
        head(&["What is seen", "It is so if this returns something", "Go on with"])
    );
    for symptom in &book.symptoms {
        let query = symptom.query.as_deref().map(|query| code(&both_spellings(query))).unwrap_or_default();
        text += &row(&[prose(&symptom.seen), query, sections(symptom.alerts.iter())]);
    }
    text
}

/// What the faults that are tried on a simulated cluster make fire.
fn matrix(matrix: &Matrix) -> String {
    if matrix.faults.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n## Which alerts come together\n\n");
    text += "Observed, not guessed: `cargo xtask matrix` tries each fault on a cluster in virtual time, and Prometheus' rule\n";
    text += "engine evaluates these rules on what a scraper gets. Times count from the beginning of the fault. A row is a\n";
    text += "fault alone; where more fires, more is wrong. The replica is the one that the alert's labels name: 0 to 2 are the\n";
    text += "members, of which 0 leads at first, the others are standbys.\n\n";
    text += &head(&["Fault", "Lasts", "Alert", "Replica", "Fires after", "Is quiet after"]);
    text += &matrix.faults.iter().map(fault).collect::<String>();
    if !matrix.untried.is_empty() {
        text += "\nAlerts that none of these faults makes fire:\n\n";
        for (alert, reason) in &matrix.untried {
            let _ = writeln!(text, "- {}: {}", section(alert), prose(reason));
        }
    }
    text
}

/// One fault; its alerts in lines of their own.
fn fault(fault: &Fault) -> String {
    let column =
        |cell: &dyn Fn(&Firing) -> String| fault.fired.iter().map(cell).collect::<Vec<_>>().join("<br>");
    let alerts = column(&|firing| section(&firing.alert));
    row(&[
        prose(&fault.about),
        fault.lasted.map(spoken).unwrap_or_default(),
        if fault.fired.is_empty() { "none".to_owned() } else { alerts },
        column(&|firing| replicas(&firing.replicas)),
        column(&|firing| spoken(firing.from)),
        column(&quiet),
    ])
}

/// When it was quiet again, and how often it came if it came back.
fn quiet(firing: &Firing) -> String {
    let to = spoken(firing.to);
    if firing.times > 1 { format!("{to}, came {} times", firing.times) } else { to }
}

fn replicas(replicas: &[u64]) -> String {
    let numbers: Vec<String> = replicas.iter().map(u64::to_string).collect();
    if numbers.is_empty() { "cluster".to_owned() } else { numbers.join(", ") }
}

/// `1h2m3s`.
fn spoken(time: Duration) -> String {
    let all = time.as_secs();
    let mut text = String::new();
    for (number, unit) in [(all / 3600, "h"), (all / 60 % 60, "m"), (all % 60, "s")] {
        if number > 0 || (all == 0 && unit == "s") {
            let _ = write!(text, "{number}{unit}");
        }
    }
    text
}

fn sections<'a>(alerts: impl Iterator<Item = &'a String>) -> String {
    alerts.map(|alert| section(alert)).collect::<Vec<_>>().join("<br>")
}

fn section(alert: &str) -> String {
    format!("[{alert}](runbook.md#{})", anchor(alert))
}
