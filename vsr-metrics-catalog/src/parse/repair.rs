//! Reads one entry to its end: each mistake is told, mended in memory, and the entry is read again.
//!
//! Some repairs are sure: an unknown key is dropped, or read as the known one that is close. Such an entry stays in
//! the catalog. Others only let the reading go on, such as a number where a text was missing; what comes out of
//! them is not used.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::{Reader, suggestion, words};
use crate::diagnostic::{Diagnostic, WRONG_TYPE};
use crate::names;
use crate::node::Node;

/// More mistakes than one entry is worth.
const MAX_MISTAKES: usize = 64;

/// One step from a value to a value within.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Reader<'_> {
    /// The entry at `path`, if it is sound after sure repairs.
    pub(super) fn read<T: DeserializeOwned>(&mut self, path: &str, mut value: Node) -> Option<T> {
        let mut guessed: Vec<Vec<Step>> = Vec::new();
        for _ in 0..MAX_MISTAKES {
            let (steps, message) = match attempt::<T>(&value) {
                Ok(spec) => return guessed.is_empty().then_some(spec),
                Err(mistake) => mistake,
            };
            let place = match missing(&steps, &message) {
                // It was there, and was taken away because of another mistake.
                Some(place) if guessed.contains(&place) => place,
                _ => match self.refuse(path, &steps, &message, &mut value) {
                    Repair::Sure => continue,
                    Repair::Guess(place) => place,
                },
            };
            if !guess::<T>(&mut value, &place) {
                return None;
            }
            guessed.push(place);
        }
        None
    }

    /// Tells a mistake in the words of this language rather than serde's, and mends it where that is sure.
    fn refuse(&mut self, path: &str, steps: &[Step], message: &str, value: &mut Node) -> Repair {
        let whole = shown(path, steps);
        let words = quoted(message);
        let name = words.first().cloned().unwrap_or_default();
        let known: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        if message.starts_with("unknown field") {
            // serde's path already ends in the unknown key.
            self.unknown_key(&whole, &name, &known);
            let (owner, owner_path) = match steps.split_last() {
                Some((Step::Key(last), owner)) if *last == name => (owner, shown(path, owner)),
                _ => (steps, whole),
            };
            if let Some(owner) = within(value, owner)
                && let Some(written) = owner.take(&name)
                && let Some(meant) = names::closest(&name, known.iter().copied())
                && owner.get_mut(meant).is_none()
            {
                self.places.respell(&format!("{owner_path}.{name}"), &format!("{owner_path}.{meant}"));
                owner.put(meant, written);
            }
            Repair::Sure
        } else if message.starts_with("missing field") {
            let owner = whole.rsplit('.').next().unwrap_or(&whole);
            let span = self.places.key(&whole);
            let error = Diagnostic::error("missing-key", span, format!("`{name}` is missing in `{owner}`"));
            self.diagnostics.push(error.help(format!("add `{name}:`")));
            Repair::Guess(missing(steps, message).unwrap_or_default())
        } else if message.starts_with("unknown variant") {
            let span = self.places.value(&whole);
            let error = Diagnostic::error("unknown-word", span, format!("`{name}` is not a word known here"));
            self.diagnostics.push(error.help(suggestion(&name, &known)));
            let close = names::closest(&name, known.iter().copied());
            let place = within(value, steps);
            if let (Some(word), Some(place)) = (close.or(known.first().copied()), place) {
                *place = Node::Text(word.to_owned());
            }
            if close.is_some() { Repair::Sure } else { Repair::Guess(Vec::new()) }
        } else {
            let span = self.places.value(&whole);
            let place = within(value, steps);
            let (meant, help) = words::meant(message, place.as_deref());
            let key = whole.rsplit('.').next().unwrap_or(&whole);
            let is_time = meant.is_some() && TIMES.contains(&key.split('[').next().unwrap_or(key));
            let help = if is_time { A_TIME } else { &help };
            let error = Diagnostic::error(WRONG_TYPE, span, words::plain(message)).help(help);
            self.diagnostics.push(error);
            if let (Some(meant), Some(place)) = (meant, place) {
                *place = meant;
                return Repair::Sure;
            }
            Repair::Guess(steps.to_vec())
        }
    }
}

/// Keys that hold a duration, or several.
const TIMES: [&str; 8] =
    ["for", "interval", "window", "range", "scrape_interval", "fires_at", "quiet_at", "quiet_again_at"];
/// In quotes, a number alone would be no duration either.
const A_TIME: &str = "write a number and a unit: `250ms`, `15s`, `5m`, `1h`, `30d`";

/// What became of a mistake.
enum Repair {
    /// It is mended as its author meant it.
    Sure,
    /// Something has to stand at this place for the reading to go on; nothing more if the place is empty.
    Guess(Vec<Step>),
}

/// Reads; or where reading failed, and why.
fn attempt<T: DeserializeOwned>(value: &Node) -> Result<T, (Vec<Step>, String)> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| (steps(error.path()), error.into_inner().to_string()))
}

/// Puts something at a place so that reading gets past it; `false` if nothing does.
fn guess<T: DeserializeOwned>(value: &mut Node, place: &[Step]) -> bool {
    let Some((last, owner)) = place.split_last() else { return true };
    let one = || Node::Natural(1);
    // Nothing at all is best, where that is allowed.
    if let Step::Key(key) = last {
        within(value, owner).and_then(|owner| owner.take(key));
        match attempt::<T>(value) {
            Err((reached, message)) if reached == owner && message.starts_with("missing field") => {}
            _ => return true,
        }
    }
    let candidates = [
        Node::Text("?".to_owned()),
        one(),
        Node::Map(Vec::new()),
        Node::List(Vec::new()),
        Node::List(vec![one(), one()]),
    ];
    for candidate in candidates {
        match (within(value, owner), last) {
            (Some(owner @ Node::Map(_)), Step::Key(key)) => drop(owner.put(key, candidate)),
            (Some(Node::List(items)), Step::Index(index)) if *index < items.len() => {
                items[*index] = candidate;
            }
            _ => return false,
        }
        // What is missing in a candidate is no mistake of the author's.
        if attempt::<T>(value).map_or_else(|(reached, _)| !reached.starts_with(place), |_| true) {
            return true;
        }
    }
    false
}

/// Where something is missing, if that is the mistake.
fn missing(steps: &[Step], message: &str) -> Option<Vec<Step>> {
    let name = message.starts_with("missing field").then(|| quoted(message).into_iter().next())??;
    Some(steps.iter().cloned().chain([Step::Key(name)]).collect())
}

fn within<'a>(value: &'a mut Node, steps: &[Step]) -> Option<&'a mut Node> {
    steps.iter().try_fold(value, |value, step| match (value, step) {
        (value @ Node::Map(_), Step::Key(key)) => value.get_mut(key),
        (Node::List(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn shown(path: &str, steps: &[Step]) -> String {
    steps.iter().fold(path.to_owned(), |path, step| match step {
        Step::Key(key) => format!("{path}.{key}"),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

/// The words that serde's message puts into backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
