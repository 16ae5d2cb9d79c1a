//! Python's reference parsers read both formats and compare what they find.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{FORMATS, exposition, scratch, tools};
use crate::test::{End, output_of};

/// The script that parses and compares.
const SCRIPT: &str = include_str!("python/compare.py");

/// Seeds of the random expositions; a failure names its seed.
const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

/// The full output in both formats says the same.
pub fn agree() -> End {
    let python = match tools::python() {
        Ok(python) => python,
        Err(remedy) => return End::LeftOut(remedy),
    };
    End::from(scratch("python").and_then(|directory| {
        for (format, _) in FORMATS {
            write(&directory.join(format), &exposition(&["full", "--format", format])?)?;
        }
        compare(&python, &["agree"], &[&directory.join("text"), &directory.join("openmetrics")])
    }))
}

/// Random label values and helps come out of the parsers as they went in.
pub fn round_trip() -> End {
    let python = match tools::python() {
        Ok(python) => python,
        Err(remedy) => return End::LeftOut(remedy),
    };
    End::from(scratch("random").and_then(|directory| {
        SEEDS.iter().try_for_each(|seed| {
            let seed = seed.to_string();
            for (format, _) in FORMATS {
                let facts = directory.join("facts.json");
                let facts_path = facts.to_string_lossy();
                let text = exposition(&["random", &seed, "--format", format, "--facts", &facts_path])?;
                let file = directory.join(format);
                write(&file, &text)?;
                compare(&python, &["facts", format], &[&file, &facts])
                    .map_err(|error| format!("seed {seed}: {error}"))?;
            }
            Ok(())
        })
    }))
}

/// A scrape can be parsed.
///
/// # Errors
/// With the parser's words.
pub fn accepts(python: &Path, format: &str, file: &Path) -> Result<(), String> {
    compare(python, &["accept", format], &[file])
}

/// Runs the script.
fn compare(python: &Path, words: &[&str], files: &[&Path]) -> Result<(), String> {
    output_of(Command::new(python).args(["-c", SCRIPT]).args(words).args(files)).map(drop)
}

/// Writes a file that a parser will read.
fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("`{}`: {error}", file.display()))
}
