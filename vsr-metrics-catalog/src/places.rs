//! Where in the YAML each node stands, from a walk over the parser's events; and what the walk itself finds:
//! broken syntax, keys written twice, nesting and aliases that a catalog has no use for.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// Deeper than any catalog nests.
const MAX_DEPTH: usize = 32;
/// More nodes than ten thousand metrics need.
const MAX_NODES: usize = 1_000_000;

/// Places by path: `metrics.vsr_operations_total.labels[0]`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    keys: HashMap<String, Span>,
    values: HashMap<String, Span>,
}

impl Places {
    /// The place of a key, or of the nearest node around it.
    pub(crate) fn key(&self, path: &str) -> Span {
        self.keys.get(path).copied().unwrap_or_else(|| self.value(path))
    }

    /// The place of a value, or of the nearest node around it.
    pub(crate) fn value(&self, path: &str) -> Span {
        if let Some(span) = self.values.get(path).or_else(|| self.keys.get(path)) {
            return *span;
        }
        let end = path.rfind(['.', '[']).unwrap_or(0);
        if end == 0 { Span { line: 1, column: 1, length: 1 } } else { self.key(&path[..end]) }
    }
}

/// A collection that is being walked.
struct Level {
    path: String,
    /// The key whose value comes next, in a map; the number of items so far, in a list.
    state: State,
    seen: HashMap<String, Span>,
}

enum State {
    Key,
    Value(String),
    Item(usize),
}

/// Walks the text; `None` if what was found makes it pointless to read further.
pub(crate) fn walk(text: &str, diagnostics: &mut Diagnostics) -> Option<Places> {
    let mut places = Places::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut documents = 0;
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, at) = match event {
            Ok(event) => event,
            Err(error) => {
                let span = at(error.marker(), 1);
                diagnostics.error("yaml-syntax", span, format!("not valid YAML: {}", error.info()));
                return None;
            }
        };
        let length =
            if at.start.line() == at.end.line() { at.end.col().saturating_sub(at.start.col()) } else { 1 };
        let span = self::at(&at.start, length);
        nodes += 1;
        let refused = match &event {
            Event::Alias(_) => Some(("alias", "aliases are not part of the catalog language")),
            Event::DocumentStart(_)
                if {
                    documents += 1;
                    documents > 1
                } =>
            {
                Some(("several-documents", "a catalog is one YAML document"))
            }
            _ if levels.len() > MAX_DEPTH => {
                Some(("nesting-too-deep", "nested deeper than any catalog needs"))
            }
            _ if nodes > MAX_NODES => Some(("too-large", "more nodes than any catalog needs")),
            _ => None,
        };
        if let Some((code, message)) = refused {
            diagnostics.error(code, span, message.to_owned());
            return None;
        }
        match event {
            Event::Scalar(text, ..) => scalar(&mut places, &mut levels, &text, span, diagnostics),
            Event::MappingStart(..) => open(&mut places, &mut levels, span, State::Key),
            Event::SequenceStart(..) => open(&mut places, &mut levels, span, State::Item(0)),
            Event::MappingEnd | Event::SequenceEnd => {
                levels.pop();
                next(&mut levels);
            }
            _ => {}
        }
    }
    Some(places)
}

fn at(marker: &saphyr_parser::Marker, length: usize) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(marker.line()).max(1),
        column: number(marker.col()) + 1,
        length: number(length).max(1),
    }
}

fn scalar(places: &mut Places, levels: &mut [Level], text: &str, span: Span, diagnostics: &mut Diagnostics) {
    if let Some(level) = levels.last_mut()
        && let State::Key = level.state
    {
        let path = if level.path.is_empty() { text.to_owned() } else { format!("{}.{text}", level.path) };
        if let Some(first) = level.seen.insert(text.to_owned(), span) {
            diagnostics.push(Diagnostic {
                help: Some(format!("the first one stands in line {}; keep one of them", first.line)),
                ..Diagnostic::error("duplicate-key", span, format!("`{text}` is written twice"))
            });
        }
        places.keys.entry(path.clone()).or_insert(span);
        level.state = State::Value(path);
        return;
    }
    let path = path(levels);
    places.values.entry(path).or_insert(span);
    next(levels);
}

fn open(places: &mut Places, levels: &mut Vec<Level>, span: Span, state: State) {
    let path = path(levels);
    places.values.entry(path.clone()).or_insert(span);
    levels.push(Level { path, state, seen: HashMap::new() });
}

/// The path of the node that begins now.
fn path(levels: &[Level]) -> String {
    match levels.last() {
        None => String::new(),
        Some(Level { state: State::Value(path), .. }) => path.clone(),
        Some(Level { path, state: State::Item(index), .. }) => format!("{path}[{index}]"),
        // A collection as a key: serde refuses it with a message of its own.
        Some(Level { path, state: State::Key, .. }) => format!("{path}.?"),
    }
}

/// Moves on behind a finished node.
fn next(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        level.state = match level.state {
            State::Item(index) => State::Item(index + 1),
            State::Value(_) => State::Key,
            State::Key => State::Value(format!("{}.?", level.path)),
        };
    }
}
