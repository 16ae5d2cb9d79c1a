//! Every expression of a catalog in one list, wherever it stands, so that nothing that is checked is forgotten.

use crate::source::{SourceFile, Span};

/// Text in which names of metrics stand.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The text, with a value for every word in braces that stands for one, and for Grafana's variables.
    pub text: String,
    /// The text as YAML reads it.
    pub written: String,
    /// What kind of text it is.
    pub form: Form,
    /// Who wrote it.
    pub owner: Owner,
    /// Where the text begins; the place of its key, or its first quote.
    pub span: Span,
}

/// What an expression can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// PromQL.
    Query,
    /// The series of a rule test: a selector with all its labels.
    Series,
    /// The name of a family, alone, or compared with one of its bounds.
    Name,
    /// A sentence in which `{{ $labels.… }}` stands for labels.
    Template,
}

/// Whose an expression is: an index into the catalog's list of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A recording rule.
    Rule(usize),
    /// A service level objective.
    Slo(usize),
    /// An alert's condition.
    Alert(usize),
    /// A step of an alert's runbook.
    Runbook(usize),
    /// A test of an alert.
    Test(usize),
    /// A panel of a dashboard.
    Dashboard(usize),
    /// The playbook.
    Playbook,
}

impl Expression {
    /// The place of a part of the text, given in bytes.
    pub fn place(&self, source: &SourceFile, offset: usize, length: usize) -> Span {
        let marks = Marks::new(source, self.span, &self.written);
        let of = |offset| marks.of(written_at(&self.text, &self.written, offset));
        let (start, end) = (of(offset), of((offset + length).saturating_sub(1)));
        match (start, end) {
            (Some((line, column)), Some((last, end))) if line == last && end >= column => {
                Span { line, column, length: end - column + 1 }
            }
            (Some((line, column)), _) => Span { line, column, length: 1 },
            (None, _) => self.span,
        }
    }
}

/// Where in the text as written stands what is at a place of the text with values filled in. What is filled in
/// stands where its word does.
fn written_at(text: &str, written: &str, offset: usize) -> usize {
    let (mut at, mut from) = (0, 0);
    while let Some((word, end)) = next_word(written, from) {
        let literal = word - from;
        if offset < at + literal {
            break;
        }
        at += literal;
        // The value ends where what follows the word in one text begins in the other.
        let follows = next_word(written, end).map_or(written.len(), |(next, _)| next);
        let value = text.get(at..).and_then(|rest| {
            let follows = &written[end..follows];
            if follows.is_empty() { Some(rest.len()) } else { rest.find(follows) }
        });
        let value = value.unwrap_or(0);
        if offset < at + value {
            return word;
        }
        at += value;
        from = end;
    }
    from + (offset - at.min(offset))
}

/// The next `{word}`, `{{ word }}` or `$__word`: where it begins, and where it ends.
fn next_word(written: &str, from: usize) -> Option<(usize, usize)> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins = written[from..].match_indices(['{', '$']).map(|(at, _)| from + at);
    begins.into_iter().find_map(|begin| {
        let rest = &written[begin..];
        let length = if let Some(rest) = rest.strip_prefix("$__") {
            3 + rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len())
        } else {
            let end = rest.find('}')?;
            let braces = rest.chars().take_while(|letter| *letter == '{').count();
            let inner = rest.get(braces..end)?.trim();
            if inner.is_empty() || !inner.chars().all(is_letter) {
                return None;
            }
            end + braces
        };
        Some((begin, begin + length))
    })
}

/// Where each character of a scalar stands. YAML folds lines and knows escapes, so the two are walked side by side.
struct Marks(Vec<(usize, (u32, u32))>);

impl Marks {
    fn new(source: &SourceFile, span: Span, text: &str) -> Self {
        let mut raw = Raw::new(source.from(span.line, span.column), span);
        raw.open();
        let mut marks = Vec::new();
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let next_is_space = letters.peek().is_some_and(|(_, next)| next.is_whitespace());
            match raw.advance(letter, next_is_space) {
                Some(place) => marks.push((at, place)),
                None => break,
            }
        }
        Self(marks)
    }

    fn of(&self, offset: usize) -> Option<(u32, u32)> {
        let index = self.0.partition_point(|(at, _)| *at <= offset).checked_sub(1)?;
        let is_past = index + 1 == self.0.len() && offset > self.0[index].0 + 3;
        (!is_past).then(|| self.0[index].1)
    }
}

/// The source from the beginning of a scalar on.
struct Raw<'a> {
    letters: std::iter::Peekable<std::str::Chars<'a>>,
    line: u32,
    column: u32,
    quote: Option<char>,
}

impl<'a> Raw<'a> {
    fn new(text: &'a str, span: Span) -> Self {
        Self { letters: text.chars().peekable(), line: span.line, column: span.column, quote: None }
    }

    /// Steps over what opens a scalar: a quote, or the head of a block.
    fn open(&mut self) {
        match self.letters.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.quote = Some(*quote);
                self.step();
            }
            Some('>' | '|') => while self.step().is_some_and(|letter| letter != '\n') {},
            _ => {}
        }
    }

    fn step(&mut self) -> Option<char> {
        let letter = self.letters.next()?;
        let ends_line = letter == '\n' || letter == '\r' && self.letters.peek() != Some(&'\n');
        if ends_line {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(letter)
    }

    fn skip_space(&mut self) {
        while self.letters.peek().is_some_and(|letter| letter.is_whitespace()) {
            self.step();
        }
    }

    /// The place of the next letter of the text; `None` where source and text are no longer alike.
    fn advance(&mut self, letter: char, next_is_space: bool) -> Option<(u32, u32)> {
        if letter.is_whitespace() {
            let place = (self.line, self.column);
            if self.letters.peek()?.is_whitespace() {
                self.step();
                if !next_is_space {
                    self.skip_space();
                }
                return Some(place);
            }
        } else {
            self.skip_space();
        }
        let place = (self.line, self.column);
        let written = self.step()?;
        match (self.quote, written) {
            (Some('"'), '\\') => {
                let escaped = self.step()?;
                if escaped == '\n' || escaped == '\r' {
                    self.skip_space();
                    return self.advance(letter, next_is_space);
                }
                let digits = match escaped {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                for _ in 0..digits {
                    self.step()?;
                }
                Some(place)
            }
            (Some('\''), '\'') => (letter == '\'').then(|| self.step()).flatten().map(|_| place),
            (_, written) => (written == letter).then_some(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(yaml: &str, text: &str, words: &[&str]) -> Vec<(u32, u32, u32)> {
        let source = SourceFile::new("a.yaml", yaml);
        let span = Span { line: 1, column: 5, length: 1 };
        let expression = Expression {
            text: text.to_owned(),
            written: text.to_owned(),
            form: Form::Query,
            owner: Owner::Alert(0),
            span,
        };
        let place =
            |word: &&str| expression.place(&source, text.find(word).expect("it is there"), word.len());
        words.iter().map(place).map(|span| (span.line, span.column, span.length)).collect()
    }

    #[test]
    fn plain_texts_run_over_lines() {
        assert_eq!(
            places("a:  sum(b) > 1\n", "sum(b) > 1", &["sum", "b", "1"]),
            [(1, 5, 3), (1, 9, 1), (1, 14, 1)]
        );
        assert_eq!(places("a:  sum(b)\n      > c", "sum(b) > c", &["> c"]), [(2, 7, 3)]);
    }

    #[test]
    fn blocks_begin_in_the_next_line() {
        assert_eq!(places("a:  >-\n  x\n  and yy\n", "x and yy", &["x", "yy"]), [(2, 3, 1), (3, 7, 2)]);
        assert_eq!(places("a:  |\n  x\n    and yy\n", "x\n  and yy\n", &["x", "yy"]), [(2, 3, 1), (3, 9, 2)]);
    }

    #[test]
    fn escapes_are_longer_than_what_they_mean() {
        assert_eq!(places(r#"a:  "{b=\"c\"} + d""#, r#"{b="c"} + d"#, &["c", "d"]), [(1, 11, 1), (1, 18, 1)]);
        assert_eq!(places("a:  '''b'' + d'", "'b' + d", &["b", "d"]), [(1, 8, 1), (1, 14, 1)]);
        assert_eq!(places("a:  \"\\x41 + \\\n   dd\"", "A + dd", &["dd"]), [(2, 4, 2)]);
    }

    #[test]
    fn words_in_braces_stand_for_others() {
        let written = "rate({m}_total{a=\"b\"}[{w}]) > {{ threshold }} or x[$__range]";
        let text = "rate(app_jobs_total{a=\"b\"}[5m]) > 100 or x[1h]";
        let at = |word: &str| written_at(text, written, text.find(word).expect("it is there"));
        assert_eq!(&written[at("app_jobs")..][..3], "{m}");
        assert_eq!(&written[at("_total")..][..6], "_total");
        assert_eq!(&written[at("a=")..][..2], "a=");
        assert_eq!(&written[at("5m")..][..3], "{w}");
        assert_eq!(&written[at(">")..][..1], ">");
        assert_eq!(&written[at("100")..][..4], "{{ t");
        assert_eq!(&written[at("or")..][..2], "or");
        assert_eq!(&written[at("1h")..][..8], "$__range");
    }
}
