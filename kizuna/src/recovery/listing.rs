//! A list of any length on standard output, and what it comes to: told as it is found, so that memory stays bounded.

use serde_json::Value;
use std::io::{self, BufWriter, Stdout, Write};

/// Rows shown to people; programs get all.
const ROWS_MAX: usize = 100;

/// The list being told. As JSON it is one object: `list`, then the members of the summary, or `broken_off` where none came.
pub struct Listing {
    out: BufWriter<Stdout>,
    as_json: bool,
    has_ended: bool,
    rows: usize,
}

impl Listing {
    /// Begins a list.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn begin(as_json: bool) -> io::Result<Self> {
        let mut out = BufWriter::new(io::stdout());
        if as_json {
            out.write_all(b"{\"list\":[")?;
        }
        Ok(Self { out, as_json, has_ended: false, rows: 0 })
    }

    /// Adds a row, in both forms.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn row(&mut self, value: &Value, text: impl FnOnce() -> String) -> io::Result<()> {
        let is_first = self.rows == 0;
        self.rows += 1;
        match self.as_json {
            true => write!(self.out, "{}{value}", if is_first { "" } else { "," }),
            false if self.rows <= ROWS_MAX => writeln!(self.out, "{}", text()),
            false => Ok(()),
        }
    }

    /// Ends the list with a summary: an object with at least one member, or sentences.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn end(mut self, summary: &Value, text: &str) -> io::Result<()> {
        self.has_ended = true;
        if self.as_json {
            let members = summary.to_string();
            writeln!(self.out, "],{}", members.trim_start_matches('{'))?;
        } else {
            let hidden = self.rows.saturating_sub(ROWS_MAX);
            if hidden > 0 {
                writeln!(self.out, "... and {hidden} more; --json lists all")?;
            }
            writeln!(self.out, "{text}")?;
        }
        self.out.flush()
    }
}

/// An error is told elsewhere, but what reads the list is to get all of an object.
impl Drop for Listing {
    fn drop(&mut self) {
        if self.as_json && !self.has_ended {
            // Nobody is told when standard output is closed.
            let _ = writeln!(self.out, "],\"broken_off\":true}}");
        }
    }
}
