//! A catalog's text, and where in it each node stands.

use std::path::{Path, PathBuf};

/// A place in the source: line and column count from 1; the length is in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Line, from 1; 0 where no place is known.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Characters covered.
    pub length: u32,
}

/// The text of one catalog.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl SourceFile {
    /// Text with the path under which diagnostics name it. A byte order mark, which some editors write, is no
    /// part of it.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let lines = line_starts(&text);
        Self { path: path.into(), text, lines }
    }

    /// The path under which diagnostics name the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line, counted from 1, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.lines.get(index)?;
        let end = self.lines.get(index + 1).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\r', '\n']))
    }

    /// The text from a place on.
    pub(crate) fn from(&self, line: u32, column: u32) -> &str {
        let start = (line as usize).checked_sub(1).and_then(|index| self.lines.get(index));
        let text = start.map_or("", |start| &self.text[*start..]);
        let skipped = (column as usize).saturating_sub(1);
        text.char_indices().nth(skipped).map_or("", |(at, _)| &text[at..])
    }
}

/// YAML ends a line with `\n`, `\r\n` or a `\r` alone.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
    starts.filter(|start| *start == 0 || *start < bytes.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let source = SourceFile::new("a", "\u{feff}one\ntwo\r\nthree\rfour");
        let lines: Vec<_> = (0..6).map(|number| source.line(number)).collect();
        assert_eq!(lines, [None, Some("one"), Some("two"), Some("three"), Some("four"), None]);
        assert_eq!(source.from(3, 4), "ee\rfour");
        assert_eq!(source.from(9, 1), "");
    }
}
