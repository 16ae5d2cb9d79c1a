//! What serde says of a value of the wrong type, in words of YAML; and what its author meant, where that is sure.

use crate::node::Node;
use crate::tree::plain_value;

/// serde's words for values, in those of YAML.
pub(super) fn plain(message: &str) -> String {
    let rest = ["invalid type: ", "invalid value: ", "invalid length "];
    let rest = rest.into_iter().find_map(|begin| message.strip_prefix(begin));
    let Some((found, expected)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    format!("expected {}, found {}", word(expected), word(found))
}

/// One of serde's words.
fn word(text: &str) -> String {
    match text {
        "unit value" => "nothing".to_owned(),
        "sequence" | "a sequence" => "a list".to_owned(),
        "a tuple of size 2" | "2 elements in sequence" => "a list of two".to_owned(),
        "map" => "a map".to_owned(),
        "a string" => "a text".to_owned(),
        "f64" => "a number".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" => "a whole number from zero on".to_owned(),
        text => {
            let text = text.replace("floating point", "the number").replace("integer", "the number");
            text.replace("string", "the text")
        }
    }
}

/// What the author of a value has to do, and the value that was meant where that is sure.
pub(super) fn meant(message: &str, found: Option<&Node>) -> (Option<Node>, String) {
    let expected = message.rsplit_once("expected ").map_or("", |(_, expected)| expected);
    let (meant, help) = match (expected, found) {
        (_, Some(Node::Null)) => (None, "give it a value, or remove the key"),
        ("a string", Some(node)) if node.as_text().is_some() => {
            (node.as_text().map(Node::Text), "put it into quotes")
        }
        ("f64" | "u32" | "u64", Some(Node::Text(text))) if is_number(text) => {
            (Some(plain_value(text)), "write it without quotes")
        }
        ("a sequence", _) => (None, "write a list, in brackets"),
        ("a tuple of size 2" | "2 elements in sequence", _) => {
            (None, "write the first and the last: `[0, 15]`")
        }
        ("a map" | "a map from names to values", _) => (None, "write `key: value`, one in a line"),
        _ => return (None, format!("write {}", word(expected))),
    };
    (meant, help.to_owned())
}

fn is_number(text: &str) -> bool {
    matches!(plain_value(text), Node::Natural(_) | Node::Float(_))
}
