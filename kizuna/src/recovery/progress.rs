//! How far a long command is, on standard error, for people who watch.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines.
const EVERY: Duration = Duration::from_millis(200);

/// A line that is written over and over; silent where nobody watches.
pub struct Progress {
    what: &'static str,
    watched: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// Progress of what the words say.
    pub fn of(what: &'static str) -> Self {
        Self { what, watched: io::stderr().is_terminal(), shown: None }
    }

    /// What is told how much of how much is done.
    pub fn of_records() -> impl FnMut(u64, u64) + Send + 'static {
        let mut progress = Self::of("records read");
        move |done, total| progress.tell(done, Some(total))
    }

    /// So much is done, of so much where that is known.
    pub fn tell(&mut self, done: u64, total: Option<u64>) {
        if !self.watched || self.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        eprint!("\r{}: {done}{of}", self.what);
        // Nobody is told when standard error is closed.
        let _ = io::stderr().flush();
    }
}

/// Leaves an empty line behind.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            eprint!("\r\u{1b}[K");
        }
    }
}
