//! A catalog's text, and where in it each node stands.

use std::path::{Path, PathBuf};

/// A place in the source: line and column count from 1; the length is in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
}

impl SourceFile {
    /// Text with the path under which diagnostics name it. A byte order mark, which some editors write, is no
    /// part of it.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Self { path: path.into(), text }
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
        self.text.lines().nth(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}
