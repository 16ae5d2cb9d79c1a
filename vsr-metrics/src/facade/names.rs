//! Names and texts that were chosen by others: made safe, and kept for ever in one place.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Label values of all registries of the process. They are never freed, because a snapshot may outlive its registry; so
/// their number is bounded, and each stands here once.
static TEXTS: RwLock<Option<Texts>> = RwLock::new(None);

#[derive(Default)]
struct Texts {
    list: Vec<&'static str>,
    places: HashMap<&'static str, u32>,
}

/// The most different label values of a process.
const MOST_TEXTS: usize = 1 << 16;
/// The most bytes of a label value; a longer one is cut.
const LONGEST_VALUE: usize = 256;
/// Labels that scraping and exposition add.
const RESERVED: [&str; 3] = ["le", "quantile", "overflow"];

/// The place of a label value, if there is one for it.
pub(super) fn place(value: &str) -> Option<u32> {
    let value = cut(value);
    let known = |texts: &Option<Texts>| texts.as_ref().and_then(|texts| texts.places.get(value).copied());
    if let Some(place) = known(&TEXTS.read().unwrap_or_else(PoisonError::into_inner)) {
        return Some(place);
    }
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(place) = known(&texts) {
        return Some(place);
    }
    let texts = texts.get_or_insert_default();
    let place = u32::try_from(texts.list.len()).ok().filter(|_| texts.list.len() < MOST_TEXTS)?;
    let value = String::leak(value.to_owned());
    texts.list.push(value);
    texts.places.insert(value, place);
    Some(place)
}

/// The label value at a place.
pub(super) fn text(place: u32) -> Option<&'static str> {
    let texts = TEXTS.read().unwrap_or_else(PoisonError::into_inner);
    texts.as_ref()?.list.get(usize::try_from(place).ok()?).copied()
}

/// The beginning of a value, up to a character.
fn cut(value: &str) -> &str {
    let ends = value.char_indices().map(|(start, c)| start + c.len_utf8());
    &value[..ends.take_while(|end| *end <= LONGEST_VALUE).last().unwrap_or(0)]
}

/// A name that Prometheus takes.
pub(super) fn metric(name: &str) -> String {
    safe(name)
}

/// A label name that Prometheus takes, and that nobody else gives a meaning.
pub(super) fn label(name: &str) -> String {
    let mut name = safe(name.trim_start_matches("__"));
    if RESERVED.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn safe(name: &str) -> String {
    let mut safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !safe.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        safe.insert(0, '_');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (name, expected) in [
            ("http.requests", "http_requests"),
            ("a\nb{c=\"d\"} 1", "a_b_c__d___1"),
            ("9lives", "_9lives"),
            ("größe", "gr__e"),
            ("", "_"),
            ("already_fine", "already_fine"),
        ] {
            assert_eq!(metric(name), expected);
        }
        for (name, expected) in
            [("__name__", "name__"), ("le", "le_"), ("overflow", "overflow_"), ("____", "_")]
        {
            assert_eq!(label(name), expected);
        }
    }

    #[test]
    fn a_text_has_one_place_and_is_cut_between_characters() {
        let long = "ß".repeat(200);
        let place_of_long = place(&long).expect("there is room");
        assert_eq!(place(&long), Some(place_of_long));
        assert_eq!(text(place_of_long), Some(&*"ß".repeat(128)));
        assert_eq!(text(u32::MAX), None);
    }
}
