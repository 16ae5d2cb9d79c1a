//! Prometheus's naming conventions, as `promtool check metrics` applies them, and ours for help texts.

use super::{Findings, Subject};
use crate::diagnostic::Diagnostic;
use crate::model::Instrument;

/// Units that promtool takes for abbreviations when they stand as a word of a name.
const ABBREVIATED: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];
/// Words that promtool takes for units other than the base ones.
const OTHER_THAN_BASE: [&str; 6] =
    ["milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days"];

pub(super) fn base_unit(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    for family in &catalog.families {
        let word =
            family.name.split('_').find(|word| ABBREVIATED.contains(word) || OTHER_THAN_BASE.contains(word));
        if let Some(word) = word {
            let message = format!("`{}` names the unit `{word}`", family.name);
            let help = "use `seconds` or `bytes`, or add an exception with a reason";
            findings.about(&family.name, Diagnostic::error("base-unit", family.span, message).help(help));
        }
    }
}

pub(super) fn count_suffix(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    for family in &catalog.families {
        if family.name.ends_with("_count") && !matches!(family.instrument, Instrument::Histogram { .. }) {
            let message = format!("`{}` ends in `_count`, as the count of a histogram does", family.name);
            let help = "drop the suffix, or add an exception with a reason";
            findings.about(&family.name, Diagnostic::error("count-suffix", family.span, message).help(help));
        }
    }
}

pub(super) fn help_sentence(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    for family in &catalog.families {
        if !family.help.is_empty() && !family.help.ends_with('.') {
            let message = format!("the help of `{}` is no sentence", family.name);
            let finding =
                Diagnostic::error("help-sentence", family.span, message).help("end it with a period");
            findings.about(&family.name, finding.as_warning());
        }
    }
}
