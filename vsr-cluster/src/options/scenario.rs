//! Options of the scenario.

use std::time::Duration;

use lexopt::prelude::*;

use super::{Command, UsageError, duration, read, within};
use crate::sim::Fault;

/// Options of the scenario.
#[derive(Clone, Debug)]
pub struct ScenarioOptions {
    /// Where all chance comes from.
    pub seed: u64,
    /// Chapters of the story.
    pub faults: Vec<Fault>,
    /// How many random schedules to run instead, from the seed on.
    pub schedules: Option<u64>,
    /// How much virtual time to let pass instead, with a chapter every hour.
    pub length: Option<Duration>,
}

const SEEDS: &str = "0 to 18446744073709551615";
/// More than a year, and a list of what happens each hour that fits into memory.
const LONGEST: Duration = Duration::from_secs(10_000 * 3600);

/// Reads them.
pub(super) fn scenario(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    let mut options = ScenarioOptions { seed: 1, faults: Fault::ALL.to_vec(), schedules: None, length: None };
    let mut has_faults = false;
    let number = |text: &str| text.parse().ok();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seed") => options.seed = read(&arguments.value()?, "--seed", SEEDS, number)?,
            Long("faults") => {
                let names = Fault::ALL.map(Fault::name).join(", ");
                has_faults = true;
                options.faults = read(&arguments.value()?, "--faults", &format!("some of {names}"), faults)?;
            }
            Long("schedules") => {
                let count =
                    read(&arguments.value()?, "--schedules", "1 to 1000000", |text| within(text, 1_000_000))?;
                options.schedules = Some(count);
            }
            Long("for") => {
                let length = |text: &str| duration(text).filter(|length| *length <= LONGEST);
                let expected = "a time like 10m or 24h, 10000h at most";
                options.length = Some(read(&arguments.value()?, "--for", expected, length)?);
            }
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let asked = [
        ("--faults", has_faults),
        ("--schedules", options.schedules.is_some()),
        ("--for", options.length.is_some()),
    ];
    let mut asked = asked.into_iter().filter(|(_, is_asked)| *is_asked).map(|(option, _)| option);
    if let (Some(one), Some(other)) = (asked.next(), asked.next()) {
        return Err(UsageError(format!(
            "`{one}` does not go with `{other}`: each asks for another simulation"
        )));
    }
    Ok(Command::Scenario(options))
}

/// Chapters by name.
fn faults(text: &str) -> Option<Vec<Fault>> {
    text.split(',').map(|name| Fault::ALL.into_iter().find(|fault| fault.name() == name)).collect()
}
