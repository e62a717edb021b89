//! Asks whoever types a command whether it is meant, and for what nobody is to see.

use runtime::shutdown::Shutdown;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use tokio::task::spawn_blocking;

/// Does somebody sit there who can be asked?
pub fn is_watched() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks; only `yes` is yes.
///
/// # Errors
/// When the answer cannot be read, and [`ErrorKind::Interrupted`] when a signal came instead of it.
pub async fn agreed(question: &str, shutdown: &Shutdown) -> io::Result<bool> {
    eprint!("{question} Type yes: ");
    io::stderr().flush()?;
    // A signal would end no reading, so it is not waited for: the thread ends with the process.
    let answer = spawn_blocking(|| io::stdin().lines().next().transpose());
    tokio::select! {
        answer = answer => Ok(answer??.is_some_and(|answer| answer.trim() == "yes")),
        () = shutdown.clone().requested() => {
            eprintln!();
            Err(interrupted())
        }
    }
}

fn interrupted() -> io::Error {
    io::Error::new(ErrorKind::Interrupted, "interrupted, and nothing was done")
}

/// A secret: a line of `input`, which is standard input. On a terminal it is asked for, and not shown while it is typed.
///
/// # Errors
/// When it cannot be read, and [`ErrorKind::Interrupted`] when it was broken off on a terminal.
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
    if line.ends_with('\n') { Ok(line) } else { Err(interrupted()) }
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
