//! What the program says, and the signals that end it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// A message for each Ctrl-C or SIGTERM.
#[derive(Debug)]
pub struct Signals(Receiver<()>);

impl Signals {
    /// Takes signals from now on. Once in a process.
    ///
    /// # Errors
    /// If somebody takes them already.
    pub fn new() -> Result<Self, ctrlc::Error> {
        let (sender, signals) = mpsc::channel();
        ctrlc::set_handler(move || {
            let _ = sender.send(());
        })?;
        Ok(Self(signals))
    }

    /// Waits for one so long; tells whether it came.
    pub fn wait(&self, patience: Duration) -> bool {
        !matches!(self.0.recv_timeout(patience), Err(mpsc::RecvTimeoutError::Timeout))
    }
}

/// The line on stderr that says how it goes: one that changes in a terminal, else a new one now and then.
#[derive(Debug)]
pub(crate) struct Progress {
    live: bool,
    next: Instant,
    has_shown: bool,
}

/// A program that runs in a terminal shows itself more often than one whose lines end up in a file.
const LIVE: Duration = Duration::from_secs(1);
const LOGGED: Duration = Duration::from_secs(10);

impl Progress {
    /// Work that begins now; what is over within a second says nothing.
    pub(crate) fn new() -> Self {
        let live = std::io::stderr().is_terminal();
        let mut progress = Self { live, next: Instant::now(), has_shown: false };
        progress.next += progress.pause();
        progress
    }

    /// Shows the line if it is time to.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let (mut stderr, line) = (std::io::stderr(), line());
        // Whether anybody reads the line is nobody's business here.
        let _ = if self.live { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
        (self.next, self.has_shown) = (now + self.pause(), true);
    }

    /// Leaves the last live line as it is.
    pub(crate) fn end(&self) {
        if self.live && self.has_shown {
            eprintln!();
        }
    }

    fn pause(&self) -> Duration {
        if self.live { LIVE } else { LOGGED }
    }
}

/// A line on stdout that is there at once, also when stdout is a pipe.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_when_it_is_time_to_and_then_not_for_a_while() {
        let mut progress = Progress { live: false, next: Instant::now(), has_shown: false };
        let mut lines = 0;
        for _ in 0..3 {
            progress.show(|| {
                lines += 1;
                "how it goes".to_owned()
            });
        }
        assert_eq!((lines, progress.has_shown), (1, true));
        assert!(progress.next > Instant::now() + LOGGED / 2);
    }
}
