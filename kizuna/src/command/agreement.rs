//! Asks whoever types a command whether it is meant.

use std::io::{self, BufRead, IsTerminal, Write};

/// Does somebody sit there who can be asked?
pub fn is_watched() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks; only `yes` is yes.
///
/// # Errors
/// When the answer cannot be read.
pub fn agreed(question: &str) -> io::Result<bool> {
    eprint!("{question} Type yes: ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
