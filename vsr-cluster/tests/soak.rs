//! The soak as users start it: a short one here, long ones by hand.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn soak(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vsr-cluster"));
    command.arg("soak").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it said, after making sure that all was well.
fn well(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with("verdict      all is well\n"), "{said}");
    said
}

/// The number after a word at the beginning of a line.
fn number(said: &str, word: &str) -> f64 {
    let line = said.lines().find_map(|line| line.strip_prefix(word)).expect("the line");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_short_soak_with_a_burst_is_counted_exactly() {
    let output = soak(&["--rate", "1000", "--for", "2s", "--burst", "5000:1s"]).output().expect("it runs");
    let operations = number(&well(&output), "operations");
    assert!((6000.0..8000.0).contains(&operations), "2 s of 1000 and 1 s of 5000 are not {operations}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_soak_ends_with_its_verdict() {
    let child = soak(&["--rate", "500", "--for", "10s"]).spawn().expect("it runs");
    // Longer than a tenth of the time, after which memory was measured once.
    std::thread::sleep(Duration::from_secs(3));
    let began = Instant::now();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    well(&child.wait_with_output().expect("an end"));
    assert!(began.elapsed() < Duration::from_secs(5));
}
