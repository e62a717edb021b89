//! Asks whoever types a command whether it is meant, and for what nobody is to see.

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
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

/// A secret: a line of `input`, which is standard input. On a terminal it is asked for, and not shown while it is typed.
///
/// # Errors
/// When it cannot be read.
pub fn secret_line(what: &str, input: &mut dyn BufRead) -> io::Result<String> {
    let mut line = String::new();
    if !io::stdin().is_terminal() {
        input.read_line(&mut line)?;
        return Ok(line);
    }
    let hidden = Hidden::begin()?;
    eprint!("Type {what}, which is not shown: ");
    io::stderr().flush()?;
    let read = input.read_line(&mut line);
    drop(hidden);
    eprintln!();
    read?;
    // Without a line end it was broken off.
    Ok(if line.ends_with('\n') { line } else { String::new() })
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // A signal would end no reading, and the process would stay: so Ctrl-C ends the input.
        hidden.local_modes.remove(LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOF] = shown.special_codes[SpecialCodeIndex::VINTR];
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that went away.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
