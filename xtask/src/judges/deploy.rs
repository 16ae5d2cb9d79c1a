//! The programs that read the files to deploy from check them, and refuse broken ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{scratch, tools};
use crate::test::{End, output_of};
use crate::workspace;

/// A file below `docs/deploy`, the program's words before its name, and what breaks it.
struct Check {
    file: &'static str,
    words: &'static [&'static str],
    breaks: (&'static str, &'static str),
}

/// promtool reads the configurations, with the rules that they name.
pub fn promtool() -> End {
    let words = &["check", "config"];
    let checks = [
        Check { file: "prometheus.yml", words, breaks: ("scrape_configs:", "scrape_config:") },
        Check { file: "remote-write.yml", words, breaks: ("action: keep", "action: retain") },
    ];
    judge(tools::promtool(), &checks, "promtool")
}

/// vmagent reads its own.
pub fn vmagent() -> End {
    let words = &["-dryRun", "-remoteWrite.url=http://127.0.0.1:1", "-promscrape.config"];
    judge(
        tools::vmagent(),
        &[Check { file: "vmagent.yml", words, breaks: ("scrape_interval: 15s", "scrape_interval: 15 s") }],
        "vmagent",
    )
}

/// amtool reads the routes.
pub fn amtool() -> End {
    judge(
        tools::amtool(),
        &[Check {
            file: "alertmanager.yml",
            words: &["check-config"],
            breaks: ("receiver: pager", "receiver: nobody"),
        }],
        "amtool",
    )
}

/// Each file as it is, and broken.
fn judge(program: Result<PathBuf, String>, checks: &[Check], name: &str) -> End {
    match program {
        Ok(program) => End::from(
            scratch(&format!("deploy-{name}"))
                .and_then(|directory| checks.iter().try_for_each(|check| run(&program, check, &directory))),
        ),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn run(program: &Path, check: &Check, directory: &Path) -> Result<(), String> {
    let path = workspace::root().join("docs/deploy").join(check.file);
    let text = fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    read(program, check, &path)?;
    let broken = text.replacen(check.breaks.0, check.breaks.1, 1);
    if broken == text {
        return Err(format!("`{}` has no `{}` to break", check.file, check.breaks.0));
    }
    // A copy finds no rules beside it, so it looks for none.
    let broken = broken.replace("'../", "'no-rules/");
    let copy = directory.join(check.file);
    fs::write(&copy, broken).map_err(|error| format!("`{}`: {error}", copy.display()))?;
    match read(program, check, &copy) {
        Ok(()) => Err(format!("`{}` is not noticed in {}", check.breaks.1, check.file)),
        Err(_) => Ok(()),
    }
}

/// The last word takes the file: as a flag's value, or after it.
fn read(program: &Path, check: &Check, file: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    match check.words {
        [before @ .., flag] if flag.starts_with('-') => {
            command.args(before).arg(format!("{flag}={}", file.display()))
        }
        words => command.args(words).arg(file),
    };
    output_of(&mut command).map(drop)
}
