//! What the program says, and the signals that end it.

use std::io::Write as _;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

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

/// A line on stdout that is there at once, also when stdout is a pipe.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
