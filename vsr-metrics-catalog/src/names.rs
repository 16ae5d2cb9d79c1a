//! How names follow from names: methods, enums and variants from what the catalog exports.

use crate::model::{Family, GaugeValue, Instrument, Label, LabelValues, Unit};

/// The name in method names: without the catalog's prefix, `_total`, and the suffix that spells the unit.
///
/// ```
/// use vsr_metrics_catalog::{model::Unit, names::stem};
/// assert_eq!(stem("vsr_prepare_latency_ms", "vsr_", Some(Unit::Milliseconds)), "prepare_latency");
/// assert_eq!(stem("vsr_operations_total", "vsr_", Some(Unit::Operations)), "operations");
/// ```
pub fn stem(name: &str, prefix: &str, unit: Option<Unit>) -> String {
    let bare = name.strip_prefix(prefix).unwrap_or(name);
    let bare = bare.strip_suffix("_total").unwrap_or(bare);
    let shorter = unit.and_then(|unit| bare.strip_suffix(unit.suffix())?.strip_suffix('_'));
    shorter.filter(|shorter| !shorter.is_empty()).unwrap_or(bare).to_owned()
}

/// What can be done with a family: its methods are named by one of these and its stem. This table and nothing else
/// decides which there are.
pub fn verbs(family: &Family) -> &'static [&'static str] {
    let is_time = family.is_time();
    match &family.instrument {
        Instrument::Counter if is_time || family.unit == Some(Unit::Bytes) => &["add"],
        Instrument::Counter => &["increment", "add"],
        Instrument::Gauge(GaugeValue::U64 | GaugeValue::I64) => &["set", "add", "sub", "unset"],
        Instrument::Gauge(GaugeValue::F64 | GaugeValue::States(_)) => &["set", "unset"],
        Instrument::Histogram { .. } if is_time => &["record", "time"],
        Instrument::Histogram { .. } => &["record"],
    }
}

/// `snake_case` as `PascalCase`.
pub fn pascal(snake: &str) -> String {
    snake
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

/// `PascalCase` → `snake_case`; digits stay with the word before them.
pub fn snake(pascal: &str) -> String {
    let mut snake = String::with_capacity(pascal.len() + 8);
    for letter in pascal.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A name as the title of something: `prepare_latency` as `Prepare latency`.
pub fn title(snake: &str) -> String {
    let mut letters = snake.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).map(|letter| if letter == '_' { ' ' } else { letter }).collect()
}

/// The Rust type of a label: its key, and `Id` at the end of a bounded integer's.
pub fn label_type(label: &Label) -> String {
    let name = pascal(&label.key);
    match label.values {
        LabelValues::Range { .. } if !name.ends_with("Id") => name + "Id",
        _ => name,
    }
}

/// Whether a word is one that Rust takes for the name of no parameter, raw or not.
pub(crate) fn is_rusts_own(name: &str) -> bool {
    ["crate", "self", "super"].contains(&name)
}

/// Whether a name is lower-case words joined by single underscores.
pub(crate) fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What to do about a name that is not: of a letter that only looks like one of these, nobody would guess it.
pub(crate) fn snake_remedy(name: &str) -> String {
    let foreign = name.chars().find(|letter| !letter.is_ascii());
    let begins = name.starts_with(|letter: char| letter.is_ascii_digit());
    let why = match foreign {
        Some(letter) => format!("; `{}` is U+{:04X}, not ASCII", letter.escape_debug(), u32::from(letter)),
        None if begins => ", and begin with a letter".to_owned(),
        None => String::new(),
    };
    format!("use lower-case words joined by `_`{why}")
}

/// Nobody means a longer name, and to compare two of them takes time that grows with both.
const COMPARABLE: usize = 256;

/// The known name closest to a misspelt one.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_comparable = |name: &str| name.len() <= COMPARABLE;
    let similar = |known: &'a str| (strsim::jaro_winkler(name, known), known);
    let known = known.into_iter().filter(|known| is_comparable(name) && is_comparable(known));
    let best = known.map(similar).filter(|(score, _)| *score > 0.85).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, known)| known)
}

/// Identifiers outside of quotes, with their places. Recorded names hold colons, which makes them other words.
pub(crate) fn words(expression: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut quote, mut is_escaped, mut start) = (None, false, None);
    for (at, letter) in expression.char_indices().chain([(expression.len(), ' ')]) {
        let is_word = quote.is_none() && (letter.is_ascii_alphanumeric() || letter == '_' || letter == ':');
        match (start, is_word) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                words.push((from, &expression[from..at]));
                start = None;
            }
            _ => {}
        }
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(mark) if letter == mark => quote = None,
            Some(mark) => is_escaped = letter == '\\' && mark != '`',
            None if matches!(letter, '"' | '\'' | '`') => quote = Some(letter),
            None => {}
        }
    }
    words
}

/// A duration as Prometheus writes it: `250ms`, `15s`, `1h30m`, `30d`; larger units come first, each once.
pub(crate) fn duration(text: &str) -> Option<std::time::Duration> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut rest, mut units, mut milliseconds) = (text, &UNITS[..], 0_u64);
    loop {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..unit_at].parse().ok()?;
        let unit = &rest[unit_at..];
        let unit = &unit[..unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len())];
        let index = units.iter().position(|(name, _)| *name == unit)?;
        milliseconds = milliseconds.checked_add(number.checked_mul(units[index].1)?)?;
        units = &units[index + 1..];
        rest = &rest[unit_at + unit.len()..];
        if rest.is_empty() {
            return Some(std::time::Duration::from_millis(milliseconds));
        }
    }
}

/// A duration as Prometheus writes it, in the largest unit that leaves a whole number.
pub fn shown(duration: std::time::Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let unit =
        units.into_iter().find(|(_, size)| milliseconds >= *size && milliseconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{milliseconds}ms"), |(name, size)| format!("{}{name}", milliseconds / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs_f64());
        for (text, expected) in
            [("250ms", 0.25), ("15s", 15.0), ("1h30m", 5_400.0), ("3m5s", 185.0), ("1w", 604_800.0)]
        {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in
            ["", "5", "m", "5m1h", "5m5m", "5 m", "-5m", "5mm", "99999999999999999999s", "30500568904944w"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn words_stand_outside_of_quotes() {
        let found = words(r#"rate(a_b{c="d \" e",f='g'}[5m]) / x:y"#);
        let names: Vec<&str> = found.iter().map(|(_, word)| *word).collect();
        assert_eq!(names, ["rate", "a_b", "c", "f", "5m", "x:y"]);
        assert_eq!(found[1].0, 5);
    }
}
