//! The simulation as users start it.

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
