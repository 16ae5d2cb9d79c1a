//! Options of the trials of faults.

use lexopt::prelude::*;

use super::{Command, UsageError};
use crate::sim::{TRIALS, Trial};

/// Which trial to make.
#[derive(Clone, Copy, Debug)]
pub enum MatrixOptions {
    /// None: say which there are.
    List,
    /// This one.
    Run(&'static Trial),
}

/// Reads them.
pub(super) fn matrix(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    let mut chosen = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("list") => chosen = Some(MatrixOptions::List),
            Value(name) if chosen.is_none() => {
                let trial = name.to_str().and_then(Trial::named);
                let trial = trial.ok_or_else(|| {
                    let names: Vec<&str> = TRIALS.iter().map(|trial| trial.name).collect();
                    UsageError(format!(
                        "no fault is called `{}`, expected one of {}",
                        name.display(),
                        names.join(", ")
                    ))
                })?;
                chosen = Some(MatrixOptions::Run(trial));
            }
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let chosen =
        chosen.ok_or_else(|| UsageError("`matrix` needs the name of a fault, or `--list`".to_owned()))?;
    Ok(Command::Matrix(chosen))
}
