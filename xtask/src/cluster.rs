//! `cargo xtask demo`, `cargo xtask soak` and `cargo xtask scenario`: run the cluster, by becoming it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::outcome::{Outcome, Refused};
use crate::workspace;

/// How the demo is called.
pub const DEMO: &str = "usage: cargo xtask demo [--listen ADDR] [--for DURATION] [--replicas N] [--rate N]
       [--chaos] [--standbys N] [--processes] [--requests N] [--data DIRECTORY] [--fsync]
       [--statsd HOST:PORT] [--otlp ADDRESS]

  --listen ADDR      where /metrics is served (default 127.0.0.1:9464; port 0 takes a free one)
  --for DURATION     stop after so long, such as 15s (default: until Ctrl-C)
  --replicas N       how many replicas vote (default 3)
  --rate N           client requests per second (default 1000)
  --chaos            something goes wrong every few seconds, in turn, so that every dashboard moves
  --standbys N       replicas that only listen (default 0; 1 with --chaos)
  --processes        each replica is a process, over TCP; the second serves on the port after --listen, and so on
  --requests N       a fixed list of so many requests instead of a load, and then nothing
  --data DIRECTORY   keep the disks there (default: removed in the end)
  --fsync            synchronize logs before anything is acknowledged
  --statsd HOST:PORT send the same metrics to a receiver of StatsD as well, in the plain dialect
  --otlp ADDRESS     push metrics and traces there as well, such as http://localhost:4318

Ctrl-C ends it well; a second one at once, with exit code 130.";

/// How the soak is called.
pub const SOAK: &str = "usage: cargo xtask soak [--rate N] [--for DURATION] [--burst N:DURATION] [--replicas N] [--fsync]

  --rate N             client requests per second (default 10000)
  --for DURATION       how long, such as 20s or 1h (default 1m)
  --burst N:DURATION   another rate in the middle, such as 50000:1m
  --replicas N         how many replicas (default 3)
  --fsync              synchronize logs before anything is acknowledged

Exit code 1 if the metrics differ from an independent count, a request is lost, or memory, threads or file descriptors
grow. Ctrl-C ends it early, with its verdict; a second one at once, with exit code 130.";

/// How the scenario is called.
pub const SCENARIO: &str = "usage: cargo xtask scenario [--seed N] [--faults LIST] | --schedules N | --for DURATION

  --seed N         where all chance comes from (default 1); the same seed does the same thing
  --faults LIST    chapters of the story, separated by commas (default: all): abdication, crash, absence, weather,
                   rot, slow-disk, disk-failure, sessions, clock, forgery, partition, promotion, upgrade
  --schedules N    random fault schedules instead, so many seeds from --seed on
  --for DURATION   so much virtual time instead, such as 24h, with a chapter of the story every hour

Exit code 1 if replicas disagree, something acknowledged is lost, the metrics differ from an independent count, or a
family stays empty that the story should populate. Ctrl-C ends it early, with its verdict on what happened so far; a
second one at once, with exit code 130.";

/// Runs the demo.
pub fn demo(arguments: &[OsString]) -> Outcome {
    become_cluster("demo", arguments)
}

/// Runs the soak.
pub fn soak(arguments: &[OsString]) -> Outcome {
    become_cluster("soak", arguments)
}

/// Runs the scenario.
pub fn scenario(arguments: &[OsString]) -> Outcome {
    become_cluster("scenario", arguments)
}

/// Builds the cluster and replaces this process with it, so that a signal reaches it.
fn become_cluster(command: &str, arguments: &[OsString]) -> Outcome {
    eprintln!("building vsr-cluster, optimized; the first time takes a minute or two");
    let error = workspace::cargo(["run", "--release", "--quiet", "--package", "vsr-cluster", "--", command])
        .args(arguments)
        .exec();
    Err(Refused::new(format!("`cargo` cannot be started: {error}")))
}
