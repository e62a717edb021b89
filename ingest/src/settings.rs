//! The bounds of what a client may do.

use std::time::Duration;

/// The bounds of what a client may do. The defaults are for the open internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest body, bytes. LINE documents no maximum and asks for room; bodies seen have less than one kilobyte.
    pub body_bytes_max: usize,
    /// Longest request head, bytes.
    pub header_bytes_max: usize,
    /// Time for a request head to arrive, from its first byte; on a new connection, from the start.
    pub header_timeout: Duration,
    /// Time for a body to arrive.
    pub body_timeout: Duration,
    /// Time between two requests of a connection. Longer than the 60 s that proxies keep a connection for reuse:
    /// whoever closes first should be the side that sends.
    pub idle_timeout: Duration,
    /// Time for a body to arrive that the next two times do not count: they begin when the body is there, or so long after the
    /// request head. With it, the answer is due before LINE gives up, which it does after 2 s.
    pub body_grace: Duration,
    /// Time until the answer.
    pub answer_timeout: Duration,
    /// Time until events that the log has not confirmed go to the spool, where there is one. The rest of `answer_timeout` is
    /// for the spool's disk.
    pub log_timeout: Duration,
    /// Connections at a time. More wait until one ends.
    pub connections_max: u32,
    /// Bytes of large bodies in memory that nobody has verified yet, at a time. Further ones wait, and are refused with 503 when
    /// their time is over.
    pub unverified_bytes_max: u32,
    /// Bytes on their way into the log at a time. More are refused with 503 at once, or spooled, so that a log that stalls does not
    /// fill the memory.
    pub pending_bytes_max: u32,
    /// Time for open requests and appends to end at shutdown.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            header_bytes_max: 16 * 1024,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            body_grace: Duration::from_millis(400),
            answer_timeout: Duration::from_millis(1_500),
            log_timeout: Duration::from_millis(800),
            connections_max: 8_192,
            unverified_bytes_max: 64 * 1024 * 1024,
            pending_bytes_max: 64 * 1024 * 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_due_before_line_gives_up_however_long_the_body_takes() {
        let Settings { body_grace, answer_timeout, .. } = Settings::default();
        assert!(body_grace + answer_timeout < Duration::from_secs(2));
    }
}
