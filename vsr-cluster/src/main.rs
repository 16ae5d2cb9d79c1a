//! The program: `vsr-cluster demo` runs a cluster under load and serves its metrics.

use std::process::ExitCode;

use vsr_cluster::demo;
use vsr_cluster::options::{Command, USAGE};

fn main() -> ExitCode {
    match Command::from_environment() {
        Ok(Command::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Command::Demo(options)) => match demo::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("error: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
