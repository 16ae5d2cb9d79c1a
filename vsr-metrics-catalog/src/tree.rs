//! The only file that knows of YAML's syntax: from the parser's events to values, with the place of each; and what
//! the walk itself finds: broken syntax, keys written twice, nesting, anchors and tags that a catalog has no use for.

#[cfg(test)]
mod oracle;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::diagnostic::{Diagnostic, Diagnostics, is_invisible};
use crate::node::Node;
use crate::places::Places;
use crate::source::Span;

/// Deeper than any catalog nests.
const MAX_DEPTH: usize = 32;
/// More nodes than ten thousand metrics need.
const MAX_NODES: usize = 1_000_000;
/// More bytes than the paths of so many nodes have together, unless their keys are no names.
const MAX_PATHS: usize = 128 * MAX_NODES;

/// What the text says.
pub(crate) struct Tree {
    /// The document; null if there is none.
    pub(crate) root: Node,
    pub(crate) places: Places,
    /// Whether a section is written twice, so that the entries of the second are not known.
    pub(crate) lost_section: bool,
}

/// Reads the text; `None` if what was found makes it pointless to read further.
pub(crate) fn read(text: &str, diagnostics: &mut Diagnostics) -> Option<Tree> {
    let tree = Tree { root: Node::Null, places: Places::default(), lost_section: false };
    let mut walk = Walk { tree, levels: Vec::new(), paths: 0, diagnostics };
    let (mut documents, mut nodes) = (0, 0);
    for event in Parser::new_from_str(text) {
        let (event, at) = match event {
            Ok(event) => event,
            Err(error) => {
                walk.diagnostics.push(broken(error.info(), span(error.marker(), 1)));
                return None;
            }
        };
        let is_one_line = at.start.line() == at.end.line();
        let length = if is_one_line { at.end.col().saturating_sub(at.start.col()) } else { 1 };
        let span = span(&at.start, length);
        nodes += 1;
        documents += usize::from(matches!(event, Event::DocumentStart(_)));
        let refused = match &event {
            Event::DocumentStart(_) if documents > 1 => Some((
                "several-documents",
                "a catalog is one YAML document",
                "remove the line, or make a file of each",
            )),
            _ if matches!(event, Event::Alias(_)) || anchor(&event) != 0 => Some(ALIAS),
            _ if walk.levels.len() > MAX_DEPTH => {
                Some(("nesting-too-deep", "nested deeper than any catalog needs", "close brackets before"))
            }
            _ if nodes > MAX_NODES => {
                Some(("too-large", "more nodes than any catalog needs", "make several catalogs of it"))
            }
            _ if walk.paths > MAX_PATHS => {
                Some(("too-large", "longer keys than any catalog needs", "shorten the names"))
            }
            _ => None,
        };
        if let Some((code, message, help)) = refused {
            walk.diagnostics.push(Diagnostic::error(code, span, message).help(help));
            return None;
        }
        walk.event(event, span);
    }
    Some(walk.tree)
}

/// What is told of anchors and aliases, the rule's name first.
const ALIAS: (&str, &str, &str) = (
    "alias",
    "anchors and aliases are not part of the catalog language",
    "write out what is meant, or quote a text that begins with `&` or `*`",
);

/// What the parser could not read, with what most likely helps.
fn broken(info: &str, span: Span) -> Diagnostic {
    if info.contains("anchor") {
        return Diagnostic::error(ALIAS.0, span, ALIAS.1).help(ALIAS.2);
    }
    let help = if info.contains("unprintable") {
        "remove it"
    } else {
        "indent with spaces, close brackets and quotes, and quote a text that holds `: ` or ` #`"
    };
    Diagnostic::error("yaml-syntax", span, format!("not valid YAML: {info}")).help(help)
}

fn span(marker: &Marker, length: usize) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(marker.line()).max(1),
        column: number(marker.col()) + 1,
        length: number(length).max(1),
    }
}

fn anchor(event: &Event<'_>) -> usize {
    match event {
        Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
            *anchor
        }
        _ => 0,
    }
}

/// A collection that is being read.
struct Level {
    path: String,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<(String, Node)>, seen: HashMap<String, Span>, key: Key },
}

/// The key whose value comes next.
enum Key {
    /// A key comes next.
    None,
    Of(String),
    /// Its value belongs to nothing: it is written for the second time, or is no word.
    Refused,
}

struct Walk<'a> {
    tree: Tree,
    levels: Vec<Level>,
    /// Bytes of all paths so far.
    paths: usize,
    diagnostics: &'a mut Diagnostics,
}

impl Walk<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.refuse_invisible(&text, span);
                if self.awaits_key() {
                    self.key(&text, span);
                } else {
                    let path = self.path();
                    self.tree.places.note_value(&path, span);
                    let plain = style == ScalarStyle::Plain;
                    self.add(if plain { plain_value(&text) } else { Node::Text(text.into_owned()) });
                }
            }
            Event::MappingStart(_, tag) => {
                let map = Items::Map { entries: Vec::new(), seen: HashMap::new(), key: Key::None };
                self.open(map, tag.is_some(), span);
            }
            Event::SequenceStart(_, tag) => self.open(Items::List(Vec::new()), tag.is_some(), span),
            Event::MappingEnd | Event::SequenceEnd => {
                let value = match self.levels.pop().map(|level| level.items) {
                    Some(Items::Map { entries, .. }) => Node::Map(entries),
                    Some(Items::List(items)) => Node::List(items),
                    None => Node::Null,
                };
                self.add(value);
            }
            _ => {}
        }
    }

    fn refuse_tag(&mut self, is_tagged: bool, span: Span) {
        if is_tagged {
            let error =
                Diagnostic::error("tag", span, "tags such as `!!str` are not part of the catalog language");
            self.diagnostics.push(error.help("quote what is meant as text"));
        }
    }

    /// Letters that nobody sees stand in help texts, in documentation and on every scrape; and the compiler refuses
    /// those that turn the direction of what follows.
    fn refuse_invisible(&mut self, text: &str, span: Span) {
        if let Some(letter) = text.chars().find(|c| is_invisible(*c) && !matches!(c, '\n' | '\t')) {
            let message = format!("the character U+{:04X} cannot be seen", u32::from(letter));
            self.diagnostics.push(Diagnostic::error("invisible-character", span, message).help("remove it"));
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.levels.last(), Some(Level { items: Items::Map { key: Key::None, .. }, .. }))
    }

    /// A key, as text: YAML reads an unquoted `1` or `true` as something else.
    fn key(&mut self, text: &str, span: Span) {
        let is_section = self.levels.len() == 1;
        let Some(Level { path, items: Items::Map { seen, key, .. } }) = self.levels.last_mut() else {
            return;
        };
        if let Some(first) = seen.get(text) {
            let error = Diagnostic::error("duplicate-key", span, format!("`{text}` is written twice"));
            let help = format!("the first one stands in line {}; keep one of them", first.line);
            self.diagnostics.push(error.help(help));
            self.tree.lost_section |= is_section;
            *key = Key::Refused;
            return;
        }
        seen.insert(text.to_owned(), span);
        *key = Key::Of(text.to_owned());
        let path = if path.is_empty() { text.to_owned() } else { format!("{path}.{text}") };
        self.tree.places.note_key(&path, span);
    }

    fn open(&mut self, items: Items, is_tagged: bool, span: Span) {
        self.refuse_tag(is_tagged, span);
        if self.awaits_key() {
            let error = Diagnostic::error("wrong-type", span, "a key must be a word");
            self.diagnostics.push(error.help("write `key: value`; quote a text that begins with `{` or `[`"));
        }
        let path = self.path();
        self.tree.places.note_value(&path, span);
        self.levels.push(Level { path, items });
    }

    /// The path of the node that begins now; of what belongs to nothing, one that nobody asks for.
    fn path(&mut self) -> String {
        let path = match self.levels.last() {
            None => String::new(),
            Some(Level { path, items: Items::List(items) }) => format!("{path}[{}]", items.len()),
            Some(Level { path, items: Items::Map { key: Key::Of(key), .. } }) if path.is_empty() => {
                key.clone()
            }
            Some(Level { path, items: Items::Map { key: Key::Of(key), .. } }) => format!("{path}.{key}"),
            Some(Level { path, .. }) => format!("{path}.\n"),
        };
        self.paths += path.len();
        path
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, value: Node) {
        match self.levels.last_mut().map(|level| &mut level.items) {
            None => self.tree.root = value,
            Some(Items::List(items)) => items.push(value),
            Some(Items::Map { entries, key, .. }) => match std::mem::replace(key, Key::None) {
                Key::Of(name) => entries.push((name, value)),
                Key::Refused => {}
                // It stands where a key belongs, and was refused; so is its value.
                Key::None => *key = Key::Refused,
            },
        }
    }
}

/// A scalar without quotes, by YAML's core schema.
pub(crate) fn plain_value(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Bool(true),
        "false" | "False" | "FALSE" => return Node::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Node::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Node::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Node::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // `inf` and `nan` are words, and a number with a leading zero is a text such as an area code.
    let leads = |c: char| c.is_ascii_digit() || c == '.';
    let is_padded =
        unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.chars().all(|c| c.is_ascii_digit());
    if !unsigned.starts_with(leads) || is_padded {
        return Node::Text(text.to_owned());
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix).filter(|digits| !digits.starts_with('+'))?;
        u64::from_str_radix(digits, radix).ok()
    };
    let whole = text.parse().ok().or_else(|| radix("0x", 16)).or_else(|| radix("0o", 8));
    if let Some(number) = whole {
        return Node::Natural(number);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Node::Negative(number);
    }
    match text.parse::<f64>() {
        Ok(number) => Node::Float(number),
        Err(_) => Node::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        assert_eq!(plain_value("~"), Node::Null);
        assert_eq!(plain_value("True"), Node::Bool(true));
        assert_eq!(plain_value("18446744073709551615"), Node::Natural(u64::MAX));
        assert_eq!(plain_value("-5"), Node::Negative(-5));
        assert_eq!(plain_value("+5"), Node::Natural(5));
        assert_eq!(plain_value("0x1F"), Node::Natural(31));
        assert_eq!(plain_value("0o17"), Node::Natural(15));
        assert_eq!(plain_value("1e3"), Node::Float(1000.0));
        assert_eq!(plain_value(".5"), Node::Float(0.5));
        assert_eq!(plain_value("-.inf"), Node::Float(f64::NEG_INFINITY));
        for word in ["yes", "on", "inf", "nan", "NaN", "007", "1.0.0", "15s", "0x", "1_000", "+", "-", "0x+1"]
        {
            assert_eq!(plain_value(word), Node::Text(word.to_owned()), "{word}");
        }
    }
}
