//! `cargo xtask demo`: runs the cluster, by becoming it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::outcome::{Outcome, Refused};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask demo [--listen ADDR] [--for DURATION] [--replicas N] [--rate N]

  --listen ADDR    where /metrics is served (default 127.0.0.1:9464; port 0 takes a free one)
  --for DURATION   stop after so long, such as 15s (default: until Ctrl-C)
  --replicas N     how many replicas (default 3)
  --rate N         client requests per second (default 1000)";

/// Builds the cluster and replaces this process with it, so that a signal reaches it.
pub fn run(arguments: &[OsString]) -> Outcome {
    eprintln!("building vsr-cluster, optimized; the first time takes a minute or two");
    let error = workspace::cargo(["run", "--release", "--quiet", "--package", "vsr-cluster", "--", "demo"])
        .args(arguments)
        .exec();
    Err(Refused::new(format!("`cargo` cannot be started: {error}")))
}
