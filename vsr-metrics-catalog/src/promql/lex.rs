//! Where in a query its parts stand. The parser gives a tree without places; the order of parts of one kind is the
//! same in tree and text, so the places are found by counting.

use std::collections::VecDeque;
use std::ops::Range;

/// The places of all parts, each kind in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) selectors: VecDeque<SelectorAt>,
    /// Names of functions and aggregations.
    pub(super) words: VecDeque<Range<usize>>,
    pub(super) numbers: VecDeque<Range<usize>>,
    /// Operators between two operands.
    pub(super) operators: VecDeque<Range<usize>>,
    /// Labels in `by`, `without`, `on`, `ignoring` and `group_…`.
    pub(super) groupings: Vec<Range<usize>>,
}

/// The places of a selector's parts.
#[derive(Clone, Debug, Default)]
pub(super) struct SelectorAt {
    /// The name, or the brace where there is none.
    pub(super) name: Range<usize>,
    /// Label and quoted value of each matcher.
    pub(super) matchers: Vec<(Range<usize>, Range<usize>)>,
    /// `[5m]`, with its brackets.
    pub(super) window: Option<Range<usize>>,
}

/// Finds the places. A text that is no PromQL gives places of no use, and nothing worse.
pub(super) fn tokens(text: &str) -> Tokens {
    let mut lexer =
        Lexer { bytes: text.as_bytes(), text, at: 0, follows_operand: false, tokens: Tokens::default() };
    while lexer.at < text.len() {
        lexer.next();
    }
    lexer.tokens
}

struct Lexer<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    /// Whether an operator here stands between two operands.
    follows_operand: bool,
    tokens: Tokens,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&is_skipped) {
            self.at += 1;
        }
        start..self.at
    }

    fn space(&mut self) {
        loop {
            self.skip(|b| b.is_ascii_whitespace());
            if self.peek() != Some(b'#') {
                return;
            }
            self.skip(|b| b != b'\n');
        }
    }

    fn next(&mut self) {
        self.space();
        let Some(byte) = self.peek() else { return };
        match byte {
            b'"' | b'\'' | b'`' => {
                self.string();
                self.follows_operand = true;
            }
            b'{' => self.selector(self.at..self.at + 1),
            b'[' => {
                self.window();
                self.follows_operand = true;
            }
            b'@' => {
                self.at += 1;
                self.space();
                self.skip(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'));
                self.skip(|b| matches!(b, b'(' | b')'));
            }
            b'0'..=b'9' | b'.' => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => self.word(),
            b')' => {
                self.at += 1;
                self.follows_operand = true;
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'=' | b'!' | b'<' | b'>' => self.operator(),
            _ => {
                // Past the whole character, which may be no ASCII.
                self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
                self.follows_operand = false;
            }
        }
    }

    /// A quoted text; its content is what is returned.
    fn string(&mut self) -> Range<usize> {
        let Some(quote) = self.peek() else { return self.at..self.at };
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            if byte == quote {
                break;
            }
            self.at += 1;
            if byte == b'\\' && quote != b'`' {
                // Whatever is escaped, the whole character.
                self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
            }
        }
        let end = self.at.min(self.bytes.len());
        self.at = (end + 1).min(self.bytes.len());
        start.min(end)..end
    }

    fn operator(&mut self) {
        let range = self.skip(|b| matches!(b, b'=' | b'!' | b'<' | b'>'));
        if range.is_empty() {
            self.at += 1;
        }
        if self.follows_operand {
            self.tokens.operators.push_back(range.start..self.at);
        }
        self.follows_operand = false;
    }

    fn number(&mut self) {
        let start = self.at;
        loop {
            self.skip(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
            let is_exponent = matches!(self.bytes[self.at - 1], b'e' | b'E')
                && !self.text[start..self.at].starts_with("0x")
                && matches!(self.peek(), Some(b'+' | b'-'));
            if !is_exponent {
                break;
            }
            self.at += 1;
        }
        self.tokens.numbers.push_back(start..self.at);
        self.follows_operand = true;
    }

    fn word(&mut self) {
        let range = self.skip(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
        let word = self.text[range.clone()].to_ascii_lowercase();
        match word.as_str() {
            "and" | "or" | "unless" | "atan2" => {
                self.tokens.operators.push_back(range);
                self.follows_operand = false;
                return;
            }
            "bool" => return,
            "offset" => {
                self.space();
                self.skip(|b| b.is_ascii_alphanumeric() || b == b'-');
                return;
            }
            "by" | "without" => return self.grouping(self.follows_operand),
            "on" | "ignoring" | "group_left" | "group_right" => return self.grouping(false),
            "inf" | "nan" => {
                self.tokens.numbers.push_back(range);
                self.follows_operand = true;
                return;
            }
            _ => {}
        }
        let end = self.at;
        self.space();
        let next = self.text[self.at..].split(|c: char| !c.is_ascii_alphabetic()).next();
        let is_aggregation = matches!(next.map(str::to_ascii_lowercase).as_deref(), Some("by" | "without"));
        if self.peek() == Some(b'(') || is_aggregation {
            self.tokens.words.push_back(range);
            self.follows_operand = false;
        } else {
            self.at = end;
            self.selector(range);
        }
    }

    fn grouping(&mut self, follows_operand: bool) {
        self.space();
        if self.peek() == Some(b'(') {
            self.at += 1;
            while self.peek().is_some_and(|byte| byte != b')') {
                let label = self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
                if label.is_empty() {
                    self.at += 1;
                } else {
                    self.tokens.groupings.push(label);
                }
            }
            self.at = (self.at + 1).min(self.bytes.len());
        }
        self.follows_operand = follows_operand;
    }

    fn selector(&mut self, name: Range<usize>) {
        let mut selector = SelectorAt { name, ..SelectorAt::default() };
        let end = self.at;
        self.space();
        if self.peek() == Some(b'{') {
            self.at += 1;
            selector.matchers = self.matchers();
        } else {
            self.at = end;
        }
        let end = self.at;
        self.space();
        if self.peek() == Some(b'[') {
            selector.window = Some(self.window());
        } else {
            self.at = end;
        }
        self.tokens.selectors.push_back(selector);
        self.follows_operand = true;
    }

    fn matchers(&mut self) -> Vec<(Range<usize>, Range<usize>)> {
        let mut matchers = Vec::new();
        let mut label = self.at..self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'}' => {
                    self.at += 1;
                    break;
                }
                b'"' | b'\'' | b'`' => {
                    let value = self.string();
                    matchers.push((label.clone(), value));
                }
                _ if byte.is_ascii_alphanumeric() || byte == b'_' => {
                    label = self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
                }
                _ => self.at += 1,
            }
        }
        matchers
    }

    fn window(&mut self) -> Range<usize> {
        let start = self.at;
        self.skip(|b| b != b']');
        self.at = (self.at + 1).min(self.bytes.len());
        start..self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_the_order_of_the_text() {
        let text = r#"sum by (a, le) (rate(x_total{b="c\"}", d=~'e'}[5m] offset 1m)) / -2.5e-3 > bool count(y) by (f) - 1"#;
        let tokens = tokens(text);
        let all = |ranges: &VecDeque<Range<usize>>| -> Vec<&str> {
            ranges.iter().map(|range| &text[range.clone()]).collect()
        };
        assert_eq!(all(&tokens.words), ["sum", "rate", "count"]);
        assert_eq!(all(&tokens.numbers), ["2.5e-3", "1"]);
        assert_eq!(all(&tokens.operators), ["/", ">", "-"]);
        let labels: Vec<&str> = tokens.groupings.iter().map(|range| &text[range.clone()]).collect();
        assert_eq!(labels, ["a", "le", "f"]);
        let names: Vec<&str> = tokens.selectors.iter().map(|one| &text[one.name.clone()]).collect();
        assert_eq!(names, ["x_total", "y"]);
        let first = &tokens.selectors[0];
        assert_eq!(first.window.clone().map(|range| &text[range]), Some("[5m]"));
        let matchers: Vec<_> = first
            .matchers
            .iter()
            .map(|(label, value)| (&text[label.clone()], &text[value.clone()]))
            .collect();
        assert_eq!(matchers, [("b", r#"c\"}"#), ("d", "e")]);
    }

    #[test]
    fn nothing_is_too_odd() {
        for text in [
            "",
            "{",
            "x{",
            "x{a=\"",
            "x[",
            "by (",
            "1e",
            "é",
            "@",
            "\"\\",
            "x{}}",
            "\"\\é\"é",
            "[5m]",
            "#",
            "a # b",
        ] {
            tokens(text);
        }
    }
}
