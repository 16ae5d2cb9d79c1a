//! The program: `vsr-cluster demo` runs a cluster under load and serves its metrics, `vsr-cluster soak` judges one,
//! `vsr-cluster scenario` simulates one, `vsr-cluster matrix` tries faults, `vsr-cluster replica` is one replica of one.

use std::process::ExitCode;

use vsr_cluster::options::{Command, USAGE};
use vsr_cluster::say::{say, tell};
use vsr_cluster::{demo, matrix, scenario, soak, solo};
use vsr_metrics::export::http::StartError;

fn main() -> ExitCode {
    match Command::from_environment() {
        Ok(Command::Help) => ended(say(USAGE).map(|()| true).map_err(Into::into)),
        Ok(Command::Demo(options)) => ended(demo::run(&options).map(|()| true)),
        Ok(Command::Soak(options)) => ended(soak::run(&options)),
        Ok(Command::Scenario(options)) => ended(scenario::run(&options)),
        Ok(Command::Matrix(options)) => ended(matrix::run(options).map_err(Into::into)),
        Ok(Command::Replica(options)) => ended(solo::run(&options).map(|()| true)),
        Err(error) => {
            tell(&format!("error: {error}\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

/// Success if nothing failed and all is well.
fn ended(result: Result<bool, Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                // Some name their causes themselves.
                if !message.contains(&cause_text) {
                    message = format!("{message}: {cause_text}");
                }
                source = cause.source();
            }
            if error.downcast_ref().is_some_and(StartError::is_address_in_use) {
                message += "; `--listen` takes another address, and with port 0 a free one";
            }
            tell(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}
