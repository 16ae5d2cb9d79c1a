//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use vsr_metrics::export::http::address_from_env;

use crate::cluster::MAX_REPLICAS;
use crate::push::Receivers;
use crate::say::tell;
use crate::solo::SoloOptions;
use crate::storage::Durability;

mod matrix;
mod replica;
mod scenario;

pub use matrix::MatrixOptions;
pub use scenario::ScenarioOptions;

/// What the user wants.
#[derive(Debug)]
pub enum Command {
    /// Run the demo.
    Demo(DemoOptions),
    /// Run under load and judge.
    Soak(SoakOptions),
    /// Run one replica.
    Replica(SoloOptions),
    /// Run the simulation.
    Scenario(ScenarioOptions),
    /// Try a fault, and write what a scraper gets.
    Matrix(MatrixOptions),
    /// Print [`USAGE`].
    Help,
}

/// Options of the demo.
#[derive(Debug)]
pub struct DemoOptions {
    /// Where `/metrics` is served.
    pub listen: SocketAddr,
    /// How long; until it is stopped if nothing.
    pub duration: Option<Duration>,
    /// How many replicas.
    pub replicas: usize,
    /// How many others only listen.
    pub standbys: usize,
    /// Requests a second.
    pub rate: u64,
    /// So many requests of a fixed list instead, and then nothing.
    pub requests: Option<u64>,
    /// Whether something goes wrong now and then.
    pub chaos: bool,
    /// Whether each replica is a process of its own.
    pub processes: bool,
    /// Who receives what is pushed.
    pub receivers: Receivers,
    /// Where the logs go; a directory of its own, removed at the end, if nothing.
    pub data: Option<PathBuf>,
    /// When log entries count as kept.
    pub durability: Durability,
}

/// Options of the soak.
#[derive(Clone, Debug)]
pub struct SoakOptions {
    /// How many replicas.
    pub replicas: usize,
    /// Requests a second.
    pub rate: u64,
    /// How long.
    pub duration: Duration,
    /// Another rate, and how long it is kept up in the middle.
    pub burst: Option<(u64, Duration)>,
    /// When log entries count as kept.
    pub durability: Durability,
}

/// Why a command line makes no sense.
#[derive(Debug)]
pub struct UsageError(String);

/// How to call the program.
pub const USAGE: &str = "\
usage: vsr-cluster demo|soak|scenario|matrix|replica [options]

Ctrl-C ends a program well, with a verdict if it has one; a second one ends it at once, with exit code 130.

demo: a cluster under load, and its metrics
  --listen ADDRESS   where /metrics is served (127.0.0.1:9464, or as OTEL_EXPORTER_PROMETHEUS_HOST and _PORT say;
                     port 0 takes a free one)
  --for DURATION     stop after this time, such as 10s or 5m (run until stopped)
  --replicas N       1 to 9 (3)
  --standbys N       replicas that only listen, 0 to 6 (0; 1 with --chaos)
  --rate N           client requests a second, 1 to 100000 (1000)
  --requests N       a fixed list of so many requests instead, and then nothing
  --chaos            something goes wrong every few seconds, in turn; logs and sessions are kept for so short that
                     states are transferred and sessions evicted
  --processes        each replica is a process, over TCP, with /metrics of its own
  --statsd HOST:PORT send to a receiver of StatsD as well, in the plain dialect
  --otlp ADDRESS     push metrics, and traces of some operations, over OTLP/HTTP, such as to http://localhost:4318
  --data DIRECTORY   keep the logs here (a directory of its own, removed at the end)
  --fsync            synchronize logs with the device before they are acknowledged

soak: a cluster under load, and a verdict: metrics against a count of one's own, memory, threads, file descriptors
  --rate N           client requests a second (10000)
  --for DURATION     how long, such as 10s, 5m or 1h (1m)
  --burst N:DURATION another rate in the middle, such as 50000:1m
  --replicas N       1 to 9 (3)
  --fsync            as above

scenario: the simulation, in virtual time
  --seed N           where all chance comes from (1)
  --faults LIST      chapters of the story, separated by commas (all of them)
  --schedules N      random fault schedules instead, so many seeds from --seed on
  --for DURATION     so much virtual time instead, with a chapter of the story every hour

matrix: a fault in the simulation, and what a scraper would get, on stdout; `cargo xtask matrix` reads it
  NAME               which fault
  --list             which faults there are

replica: one replica of a cluster, over TCP
  --index N          its number
  --replicas N       how many replicas vote (3)
  --standbys N       how many others only listen (0)
  --peers ADDRESSES  where all replicas listen, in order and separated by commas, this one included; without it
                     the replica takes orders from its standard input
  --at ADDRESS       where it listens (its own of the peers)
  --listen ADDRESS   where /metrics is served (127.0.0.1:0)
  --data DIRECTORY   its disk
  --secret FILE      the secret of the cluster, the same file for all
  --checkpoint-every N  operations between checkpoints, and entries kept before one; the same for all (32768)
  --sessions N       client sessions, of which one more evicts the oldest; the same for all (4096)
  --statsd, --otlp, --fsync
                     as above";

const MAX_RATE: u64 = 100_000;

impl Command {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// If they make no sense.
    pub fn from_environment() -> Result<Self, UsageError> {
        parse(lexopt::Parser::from_env())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    match arguments.next()? {
        Some(Value(name)) if name == "demo" => demo(arguments),
        Some(Value(name)) if name == "soak" => soak(arguments),
        Some(Value(name)) if name == "scenario" => scenario::scenario(arguments),
        Some(Value(name)) if name == "matrix" => matrix::matrix(arguments),
        Some(Value(name)) if name == "replica" => replica::replica(arguments),
        Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(Value(name)) => Err(UsageError(format!(
            "unknown command `{}`, expected `demo`, `soak`, `scenario`, `matrix` or `replica`",
            name.display()
        ))),
        Some(other) => Err(other.unexpected().into()),
        None => Err(UsageError(
            "no command, expected `demo`, `soak`, `scenario`, `matrix` or `replica`".to_owned(),
        )),
    }
}

fn demo(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    let (listen, warnings) = address_from_env();
    for warning in warnings {
        tell(&format!("warning: {warning}"));
    }
    let mut options = DemoOptions {
        listen,
        duration: None,
        replicas: 3,
        standbys: 0,
        rate: 1000,
        requests: None,
        chaos: false,
        processes: false,
        receivers: Receivers::default(),
        data: None,
        durability: Durability::default(),
    };
    let mut standbys = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => options.listen = address(&mut arguments, "--listen")?,
            Long("for") => {
                let duration = read(&arguments.value()?, "--for", "a time like 10s or 5m", duration)?;
                options.duration = Some(duration);
            }
            Long("replicas") => options.replicas = replicas(&mut arguments)?,
            Long("rate") => options.rate = rate(&mut arguments)?,
            Long("standbys") => standbys = Some(count(&mut arguments, "--standbys", 0, 6)?),
            Long("requests") => {
                let requests =
                    read(&arguments.value()?, "--requests", "1 to 1000000", |text| within(text, 1_000_000))?;
                options.requests = Some(requests);
            }
            Long("chaos") => options.chaos = true,
            Long("processes") => options.processes = true,
            Long("statsd") => options.receivers.statsd = Some(statsd(&mut arguments)?),
            Long("otlp") => options.receivers.otlp = Some(arguments.value()?.string()?),
            Long("data") => options.data = Some(arguments.value()?.into()),
            Long("fsync") => options.durability = Durability::Sync,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    options.standbys = standbys.unwrap_or(usize::from(options.chaos));
    if options.replicas + options.standbys > MAX_REPLICAS {
        let most = format!("at most {MAX_REPLICAS} replicas and standbys together can be run");
        return Err(UsageError(most));
    }
    Ok(Command::Demo(options))
}

fn soak(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    let mut options = SoakOptions {
        replicas: 3,
        rate: 10_000,
        duration: Duration::from_secs(60),
        burst: None,
        durability: Durability::default(),
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("for") => {
                options.duration = read(&arguments.value()?, "--for", "a time like 10s or 5m", duration)?;
            }
            Long("burst") => {
                let burst = read(&arguments.value()?, "--burst", "a rate and a time like 50000:1m", burst)?;
                options.burst = Some(burst);
            }
            Long("replicas") => options.replicas = replicas(&mut arguments)?,
            Long("rate") => options.rate = rate(&mut arguments)?,
            Long("fsync") => options.durability = Durability::Sync,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Soak(options))
}

fn statsd(arguments: &mut lexopt::Parser) -> Result<String, UsageError> {
    let text = |text: &str| text.contains(':').then(|| text.to_owned());
    read(&arguments.value()?, "--statsd", "an address like localhost:8125", text)
}

fn replicas(arguments: &mut lexopt::Parser) -> Result<usize, UsageError> {
    count(arguments, "--replicas", 1, MAX_REPLICAS)
}

fn count(
    arguments: &mut lexopt::Parser,
    option: &str,
    least: usize,
    most: usize,
) -> Result<usize, UsageError> {
    read(&arguments.value()?, option, &format!("{least} to {most}"), |text| {
        text.parse().ok().filter(|number| (least..=most).contains(number))
    })
}

fn address(arguments: &mut lexopt::Parser, option: &str) -> Result<SocketAddr, UsageError> {
    read(&arguments.value()?, option, "an address like 127.0.0.1:9464", |text| text.parse().ok())
}

fn rate(arguments: &mut lexopt::Parser) -> Result<u64, UsageError> {
    read(&arguments.value()?, "--rate", "1 to 100000", |text| within(text, MAX_RATE))
}

fn read<T>(
    value: &std::ffi::OsStr,
    option: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, UsageError> {
    value
        .to_str()
        .and_then(parse)
        .ok_or_else(|| UsageError(format!("`{option}` expects {expected}, not `{}`", value.display())))
}

fn within(text: &str, most: u64) -> Option<u64> {
    text.parse().ok().filter(|number| (1..=most).contains(number))
}

/// Reads `50000:1m`.
fn burst(text: &str) -> Option<(u64, Duration)> {
    let (rate, time) = text.split_once(':')?;
    Some((within(rate, MAX_RATE)?, duration(time)?))
}

/// Reads `250ms`, `10s`, `5m`, `1h`. A time of nothing is none.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let total = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
    (total > 0).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let parser = lexopt::Parser::from_iter([&["vsr-cluster"], arguments].concat());
        parse(parser).expect_err("must be refused").to_string()
    }

    #[test]
    fn bad_values_are_named_with_what_was_expected() {
        assert_eq!(refused(&["demo", "--replicas", "10"]), "`--replicas` expects 1 to 9, not `10`");
        assert_eq!(refused(&["demo", "--replicas", "0"]), "`--replicas` expects 1 to 9, not `0`");
        assert_eq!(refused(&["demo", "--rate", "x"]), "`--rate` expects 1 to 100000, not `x`");
        assert_eq!(refused(&["demo", "--for", "5"]), "`--for` expects a time like 10s or 5m, not `5`");
        assert_eq!(
            refused(&["tour"]),
            "unknown command `tour`, expected `demo`, `soak`, `scenario`, `matrix` or `replica`"
        );
        assert_eq!(refused(&[]), "no command, expected `demo`, `soak`, `scenario`, `matrix` or `replica`");
    }

    #[test]
    fn a_replica_is_one_of_its_cluster() {
        let replica =
            |more: &[&'static str]| refused(&[&["replica", "--data", "d", "--secret", "s"], more].concat());
        assert_eq!(replica(&["--index", "3"]), "`--index` expects 0 to 2, as there are 3 replicas, not `3`");
        assert_eq!(
            replica(&["--index", "0", "--standbys", "1", "--peers", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"]),
            "`--peers` expects the addresses of all 4 replicas, not of `3`"
        );
    }

    #[test]
    fn a_scenario_is_of_one_kind() {
        let message = "`--schedules` does not go with `--for`: each asks for another simulation";
        assert_eq!(refused(&["scenario", "--for", "1h", "--schedules", "3"]), message);
        let message = "`--faults` does not go with `--for`: each asks for another simulation";
        assert_eq!(refused(&["scenario", "--faults", "rot", "--for", "1h"]), message);
        assert!(refused(&["scenario", "--faults", "rot,rust"]).contains("some of abdication, crash"));
        assert_eq!(
            refused(&["scenario", "--seed", "-1"]),
            "`--seed` expects 0 to 18446744073709551615, not `-1`"
        );
        assert_eq!(
            refused(&["scenario", "--for", "10001h"]),
            "`--for` expects a time like 10m or 24h, 10000h at most, not `10001h`"
        );
    }

    #[test]
    fn a_burst_is_a_rate_and_a_time() {
        assert_eq!(burst("50000:1m"), Some((50_000, Duration::from_secs(60))));
        assert_eq!(burst("50000"), None);
        assert_eq!(
            refused(&["soak", "--burst", "0:1s"]),
            "`--burst` expects a rate and a time like 50000:1m, not `0:1s`"
        );
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("0s"), None);
        assert_eq!(duration("99999999999999999999s"), None);
    }
}
