//! A step of the test command, and how one ends that is a single program.

use std::process::Command;

/// One thing to check.
pub struct Step {
    /// What is checked.
    pub name: &'static str,
    /// When it runs.
    pub scope: Scope,
    /// The check.
    pub run: fn() -> End,
}

/// What a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing but the stable toolchain.
    Fast,
    /// A program that has to be installed.
    Installed,
}

/// How a step ended.
pub enum End {
    /// All is well.
    Passed,
    /// With what there is to read about it.
    Failed(String),
    /// It cannot run here; the text says how to change that.
    LeftOut(String),
}

impl Step {
    /// A step that needs nothing but the stable toolchain.
    pub const fn fast(name: &'static str, run: fn() -> End) -> Self {
        Self { name, scope: Scope::Fast, run }
    }

    /// A step that needs an installed program.
    pub const fn installed(name: &'static str, run: fn() -> End) -> Self {
        Self { name, scope: Scope::Installed, run }
    }
}

impl End {
    /// Runs a program to its end; it passes with exit code 0.
    pub fn of(command: &mut Command) -> Self {
        Self::from(output_of(command).map(drop))
    }

    /// Passed if nothing was found, or failed with all that was.
    pub fn from_findings(findings: &[String]) -> Self {
        if findings.is_empty() { Self::Passed } else { Self::Failed(findings.join("\n")) }
    }
}

impl From<Result<(), String>> for End {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(output) => Self::Failed(output),
        }
    }
}

/// What a program prints on standard output.
///
/// # Errors
/// If it cannot be started or fails, with the command and everything it printed.
pub fn output_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} cannot be started: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}\n{printed}{errors}", output.status))
}
