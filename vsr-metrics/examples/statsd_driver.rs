//! Sends to StatsD what it is told on its standard input, for the real receivers that judge it.
//!
//! ```text
//! statsd_driver ADDRESS
//!   add N       count N operations          gauge N     set the offset of the clock
//!   observe MS  record a latency            flush       send; says `accepted` or `kept`
//! ```

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use vsr_metrics::export::statsd::Sender;
use vsr_metrics::{METRICS, ReplicaId, Status};

const USAGE: &str = "usage: statsd_driver ADDRESS, then lines `add N`, `gauge N`, `observe MS`, `flush`";
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or(USAGE)?;
    METRICS.set_replica_id(ReplicaId::new(0)?);
    // It sends when it is told to, and at no other time.
    let sender = Sender::udp(&address).interval(Duration::from_secs(3_600)).start(&METRICS)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("add", number) => METRICS.add_operations(Status::Success, number.parse()?),
            ("gauge", number) => METRICS.set_clock_offset(number.parse()?),
            ("observe", number) => {
                let seconds = number.parse::<f64>()? / 1e3;
                METRICS.record_prepare_latency(Duration::try_from_secs_f64(seconds)?);
            }
            ("flush", "") => {
                let outcome = if sender.flush(PATIENCE).is_ok() { "accepted" } else { "kept" };
                let mut output = std::io::stdout().lock();
                writeln!(output, "{outcome}")?;
                output.flush()?;
            }
            _ => return Err(USAGE.into()),
        }
    }
    sender.stop(PATIENCE)?;
    Ok(())
}
