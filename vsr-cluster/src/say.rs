//! What the program says, and the signals that end it.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ctrl-C, SIGTERM and SIGHUP. The first one is a message, and whoever gets it comes to an end; a second one ends the
/// process at once.
#[derive(Debug)]
pub struct Signals {
    came: Receiver<()>,
    leftover: Arc<Mutex<Option<PathBuf>>>,
}

/// What comes within this time is one signal: `timeout` sends it to the process and to its group.
const ONE: Duration = Duration::from_millis(250);

/// The exit code after a second signal, as a shell has it of a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

impl Signals {
    /// Takes signals from now on. Once in a process.
    ///
    /// # Errors
    /// If somebody takes them already.
    pub fn new() -> Result<Self, ctrlc::Error> {
        let (sender, came) = mpsc::channel();
        let leftover = Arc::<Mutex<Option<PathBuf>>>::default();
        let (left, mut first) = (Arc::clone(&leftover), None::<Instant>);
        ctrlc::set_handler(move || {
            match first {
                Some(at) if at.elapsed() < ONE => return,
                Some(_) => end_at_once(left.lock().unwrap_or_else(PoisonError::into_inner).take()),
                None => first = Some(Instant::now()),
            }
            // Whoever waited may have come to an end already.
            let _ = sender.send(());
        })?;
        Ok(Self { came, leftover })
    }

    /// Waits for one so long; tells whether it came.
    pub fn wait(&self, patience: Duration) -> bool {
        !matches!(self.came.recv_timeout(patience), Err(mpsc::RecvTimeoutError::Timeout))
    }

    /// A directory that must not stay behind, however the process ends.
    pub(crate) fn remove_in_the_end(&self, directory: &Path) {
        *self.leftover.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory.to_owned());
    }
}

fn end_at_once(leftover: Option<PathBuf>) -> ! {
    tell("ended at once, by a second signal");
    if let Some(directory) = leftover {
        // What cannot be removed is the system's to remove: it is in its directory for temporary files.
        let _ = fs::remove_dir_all(directory);
    }
    process::exit(INTERRUPTED)
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
        let live = io::stderr().is_terminal();
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
        let (mut stderr, line) = (io::stderr(), line());
        // Whether anybody reads the line is nobody's business here.
        let _ = if self.live { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
        (self.next, self.has_shown) = (now + self.pause(), true);
    }

    /// Leaves the last live line as it is.
    pub(crate) fn end(&self) {
        if self.live && self.has_shown {
            tell("");
        }
    }

    fn pause(&self) -> Duration {
        if self.live { LIVE } else { LOGGED }
    }
}

/// A line on stdout that is there at once, also when stdout is a pipe.
///
/// # Errors
/// If nobody reads it any more, or there is no room for it.
pub fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|error| {
        io::Error::new(error.kind(), format!("the standard output cannot be written: {error}"))
    })
}

/// A line on stderr, whether or not anybody reads it.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
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
