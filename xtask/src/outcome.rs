//! How a chore ends: clean, with findings, or refused because of its usage or its input.

use std::fmt;

/// What a chore that could do its work found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to tell: exit code 0.
    Clean,
    /// Something to repair, already printed: exit code 1.
    Findings,
}

/// Why a chore could not do its work: exit code 2.
#[derive(Debug)]
pub struct Refused(String);

/// The end of a chore.
pub type Outcome = Result<Verdict, Refused>;

impl Verdict {
    /// Clean if `clean` holds.
    pub const fn clean_if(clean: bool) -> Self {
        if clean { Self::Clean } else { Self::Findings }
    }
}

impl Refused {
    /// With a lower-case message that quotes the culprit.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for Refused {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}
