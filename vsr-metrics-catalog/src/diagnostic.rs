//! What is told to the author of a catalog: a rule's name, a place, a message and a remedy.

use std::collections::HashSet;
use std::fmt::Write;

use crate::source::{SourceFile, Span};

/// The code of a value that is of another type than it must be.
pub(crate) const WRONG_TYPE: &str = "wrong-type";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The catalog cannot be used as it is.
    Error,
    /// It can, but it breaks a convention.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable `kebab-case` name of the rule, such as `bucket-order`.
    pub code: &'static str,
    /// How bad.
    pub level: Level,
    /// Where.
    pub span: Span,
    /// What is wrong: lower case, the culprit in backticks, and what was expected.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// All findings of one catalog, in the order of the file.
#[derive(Clone, Debug, Default)]
#[must_use = "findings that nobody reads are lost"]
pub struct Diagnostics {
    findings: Vec<Diagnostic>,
}

impl Level {
    /// The word that opens a finding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// An error without a remedy.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, level: Level::Error, span, message: message.into(), help: None }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    /// The finding as text, with its place, the line of the source and a caret under the culprit.
    pub fn render(&self, source: &SourceFile) -> String {
        let Span { line, column, length } = self.span;
        let mut text = format!("{}: {} [{}]", self.level.as_str(), self.message, self.code);
        let gutter = line.to_string().len().max(2);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{:gutter$}--> {}", "", source.path().display());
        if let Some(code) = source.line(line).filter(|code| !code.trim().is_empty()) {
            let (code, caret) = excerpt(code, column as usize - 1, length as usize);
            let _ = write!(
                text,
                ":{line}:{column}\n{:gutter$} |\n{line:>gutter$} | {code}\n{:gutter$} | {caret}",
                "", ""
            );
        } else if line > 0 {
            let _ = write!(text, ":{line}:{column}");
        }
        if let Some(help) = &self.help {
            let _ = write!(text, "\n{:gutter$} = help: {help}", "");
        }
        text
    }
}

/// Whether a character has no look of its own but changes that of others: where they stand, or in which direction.
pub(crate) fn is_invisible(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line and the carets under a part of it. Tabs become spaces, so that both line up; of a long line, only the
/// part around the culprit is shown.
fn excerpt(line: &str, start: usize, length: usize) -> (String, String) {
    const WIDTH: usize = 120;
    let begin = start.saturating_sub(WIDTH / 2).min(line.chars().count().saturating_sub(WIDTH));
    let shown: String =
        line.chars().skip(begin).take(WIDTH).map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    let left = start - begin.min(start);
    let carets = length.clamp(1, shown.chars().count().saturating_sub(left).max(1));
    (shown, format!("{}{}", " ".repeat(left), "^".repeat(carets)))
}

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }

    /// Adds an error without a remedy.
    pub fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.push(Diagnostic::error(code, span, message));
    }

    /// All findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.findings.iter()
    }

    /// Whether any finding makes the catalog unusable.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// All findings as text, a blank line between two.
    pub fn render_all(&self, source: &SourceFile) -> String {
        self.iter().map(|finding| finding.render(source)).collect::<Vec<_>>().join("\n\n")
    }

    /// Puts the findings into the order of the file. What else is told of a value of the wrong type follows from
    /// that.
    pub(crate) fn sort(&mut self) {
        let of_wrong_type = |finding: &&Diagnostic| finding.code == WRONG_TYPE;
        let places: HashSet<Span> =
            self.findings.iter().filter(of_wrong_type).map(|finding| finding.span).collect();
        self.findings.retain(|finding| finding.code == WRONG_TYPE || !places.contains(&finding.span));
        self.findings.sort_by(|a, b| (a.span, a.level, a.code).cmp(&(b.span, b.level, b.code)));
        self.findings.dedup();
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
