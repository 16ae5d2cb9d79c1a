//! The simulation as users start it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

fn scenario(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vsr-cluster"));
    command.arg("scenario").args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_story_ends_with_a_table_of_what_was_populated_and_compared() {
    let output = scenario(&["--faults", "rot,disk-failure", "--seed", "5"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("\nall is well\n"), "{said}");
    let row = |family: &str| -> Vec<&str> {
        let line = said.lines().find(|line| line.starts_with(&format!("{family} ")));
        line.unwrap_or_else(|| panic!("no `{family}` in\n{said}")).split_whitespace().collect()
    };
    let compared = |family| row(family)[4].parse::<u64>().expect("a number");
    assert_eq!(compared("vsr_scrub_tours_completed_total"), 4, "of each replica");
    assert!(compared("vsr_view_number") > 400, "again and again");
    assert!(said.contains("vsr_disk_free_bytes                   the sampler's"), "{said}");
}

/// Starts it, sends it a signal once it says something, and waits for its end.
#[cfg(unix)]
fn interrupted(arguments: &[&str], signal: &str) -> (Option<i32>, String, String) {
    let mut child = scenario(arguments).spawn().expect("it runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    if arguments.contains(&"--for") {
        // It says nothing before its end.
        std::thread::sleep(Duration::from_secs(2));
    } else {
        stdout.read_line(&mut said).expect("a line");
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    stdout.read_to_string(&mut said).expect("text");
    let output = child.wait_with_output().expect("an end");
    (output.status.code(), said, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn an_interrupted_story_ends_with_a_verdict_and_a_table_of_what_it_populated() {
    for signal in ["-INT", "-TERM"] {
        let (code, said, stderr) = interrupted(&["--seed", "5"], signal);
        assert_eq!(code, Some(0), "{said}{stderr}");
        assert!(said.contains("\nstopped by a signal, after "), "{said}");
        assert!(said.contains(" of 13: "), "{said}");
        assert!(said.contains("\nall is well\n"), "{said}");
        assert!(said.contains("\nvsr_operations_total "), "{said}");
        assert!(said.contains("\nnot before it was stopped: `vsr_standby_promotions_total`\n"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_day_ends_with_a_verdict() {
    let (code, said, stderr) = interrupted(&["--for", "10000h"], "-INT");
    assert_eq!(code, Some(0), "{said}{stderr}");
    assert!(said.starts_with("stopped by a signal, after "), "{said}");
    assert!(said.contains("\nall is well\n"), "{said}");
}

#[test]
fn an_output_that_nobody_reads_is_an_error_and_no_panic() {
    for arguments in [&["--faults", "abdication"][..], &["--help"]] {
        let mut child = scenario(arguments).spawn().expect("it runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("an end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("error: the standard output cannot be written: "), "{stderr}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_of_schedules_says_how_far_it_came() {
    let child = scenario(&["--schedules", "1000000"]).spawn().expect("it runs");
    std::thread::sleep(Duration::from_secs(2));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(" schedules, 0 failed; "), "{said}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ended early, by a signal"));
}
