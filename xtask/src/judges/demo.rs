//! The demo as a user starts it, with the address it prints and the replies it counts.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::workspace;

/// How long a build of the demo from nothing may take on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How long the demo may take to stop after its time is over, with that time included.
const STOP_LIMIT: Duration = Duration::from_secs(2 * 60);

/// A running demo; it ends with this value, at the latest.
pub struct Demo {
    child: Child,
    lines: Receiver<String>,
    address: String,
}

/// What clients saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replies {
    /// Replies to clients.
    pub count: f64,
    /// The time over which they came.
    pub seconds: f64,
}

impl Demo {
    /// Starts the demo for some time on a free port, and waits until it listens. Its log goes to the directory.
    ///
    /// # Errors
    /// If it does not start, with where its log is.
    pub fn start(directory: &Path, duration: &str) -> Result<Self, String> {
        Self::start_with(directory, duration, &[])
    }

    /// The same with more options.
    ///
    /// # Errors
    /// If it does not start, with where its log is.
    pub fn start_with(directory: &Path, duration: &str, options: &[&str]) -> Result<Self, String> {
        let mut demo = workspace::cargo(["xtask", "demo", "--listen", "127.0.0.1:0", "--for", duration]);
        demo.args(options);
        Self::spawn(directory, "demo.log", demo)
    }

    /// The process in which every exporter is at work, for some seconds.
    ///
    /// # Errors
    /// If it does not start, with where its log is.
    pub fn exporters(directory: &Path, seconds: u16) -> Result<Self, String> {
        let mut exporters = workspace::program("examples/exporters")?;
        exporters.arg(seconds.to_string());
        Self::spawn(directory, "exporters.log", exporters)
    }

    /// Starts a program that says where it listens.
    fn spawn(directory: &Path, log: &str, mut program: Command) -> Result<Self, String> {
        let log = directory.join(log);
        let errors = File::create(&log).map_err(|error| format!("`{}`: {error}", log.display()))?;
        let mut child = program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || forward(output, &sender));
        }
        let mut demo = Self { child, lines, address: String::new() };
        demo.address = demo
            .next_address(BUILD_LIMIT)
            .ok_or_else(|| format!("nothing says where it listens: see `{}`", log.display()))?;
        Ok(demo)
    }

    /// Where the next replica serves its own, in a demo of processes.
    pub fn next_address(&mut self, limit: Duration) -> Option<String> {
        let listening = |line: &str| {
            line.split_once("listening on http://").map(|(_, address)| address.trim().to_owned())
        };
        self.wait_for(listening, limit)
    }

    /// Where `/metrics` is served.
    pub fn address(&self) -> &str {
        self.address.split('/').next().unwrap_or_default()
    }

    /// The body of `/metrics`, in the format asked for.
    ///
    /// # Errors
    /// If the answer is no success, or of another type.
    pub fn scrape(&self, media_type: &str) -> Result<String, String> {
        let address = format!("http://{}/metrics", self.address());
        let mut answer = ureq::get(&address)
            .header("Accept", media_type)
            .call()
            .map_err(|error| format!("`{address}` cannot be scraped: {error}"))?;
        let answered =
            answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !answered.starts_with(media_type) {
            return Err(format!("asked for `{media_type}`, `{address}` answers with `{answered}`"));
        }
        answer.body_mut().read_to_string().map_err(|error| format!("`{address}` breaks off: {error}"))
    }

    /// Waits for the end of the demo and reads what its clients saw.
    ///
    /// # Errors
    /// If it does not end, fails, or does not say.
    pub fn replies(mut self) -> Result<Replies, String> {
        let replies = self
            .wait_for(Replies::read, STOP_LIMIT)
            .ok_or("the demo ends without its line `replies N in S s`, or not at all")?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(replies) } else { Err(format!("the demo ended with {status}")) }
    }

    /// The first line that says what is looked for, if it comes in time.
    fn wait_for<T>(&mut self, read: impl Fn(&str) -> Option<T>, limit: Duration) -> Option<T> {
        let deadline = std::time::Instant::now() + limit;
        loop {
            let left = deadline.checked_duration_since(std::time::Instant::now())?;
            // A closed pipe: the demo is over.
            let line = self.lines.recv_timeout(left).ok()?;
            if let Some(found) = read(&line) {
                return Some(found);
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Replies {
    /// Reads the line `replies N in S s`.
    fn read(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("replies ")?;
        let (count, rest) = rest.split_once(" in ")?;
        let seconds = rest.split(' ').next()?;
        Some(Self { count: count.parse().ok()?, seconds: seconds.parse().ok()? })
    }

    /// Replies per second.
    pub fn rate(self) -> f64 {
        self.count / self.seconds
    }
}

/// Passes on what the demo prints, line by line, until it ends.
fn forward(output: ChildStdout, lines: &std::sync::mpsc::Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // The pipe is read to its end even if nobody listens, so that the demo never waits for a reader.
        let _ = lines.send(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_replies_is_read() {
        assert_eq!(Replies::read("replies 9987 in 10.0 s"), Some(Replies { count: 9987.0, seconds: 10.0 }));
        assert_eq!(Replies::read("listening on http://127.0.0.1:9464"), None);
    }
}
