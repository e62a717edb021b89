//! What is logged, kept for each test by its thread.
//!
//! One subscriber for the whole program, and there before anything logs: where each test has its own, a test without one that comes to
//! a log line first makes it silent for all.

use std::cell::RefCell;
use std::io;
use std::sync::Once;
use tracing::Level;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on, and forgets what this thread logged before.
pub fn keep() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| OfThisThread).with_max_level(Level::DEBUG).init();
    });
    LINES.with_borrow_mut(Vec::clear);
}

/// What was logged on this thread.
pub fn kept() -> String {
    LINES.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}
