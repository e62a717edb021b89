//! The program at a terminal, where it can ask.

use crate::place::{PATIENCE, Place};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use tokio::time::timeout;

/// A terminal: what somebody types goes into the first and comes out of it as seen; the second is the program's end.
fn terminal() -> (File, File) {
    let desk = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&desk).unwrap();
    unlockpt(&desk).unwrap();
    let name = ptsname(&desk, Vec::new()).unwrap();
    let program = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (desk.into(), program.into())
}

/// Reads on until the terminal shows this.
fn wait_for(desk: &mut File, seen: &mut String, text: &str) {
    while !seen.contains(text) {
        let mut bytes = [0; 1024];
        let count = desk.read(&mut bytes).unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

/// Runs a command at a terminal, where somebody types an answer to each of these questions. Gives how it ended, what the terminal
/// showed, and what was printed.
pub async fn at_a_terminal(
    place: &Place,
    arguments: &[&str],
    typed: &[(&'static str, String)],
) -> (i32, String, String) {
    let (mut desk, program) = terminal();
    let mut command = place.program_in_session(arguments);
    command.stdin(program.try_clone().unwrap()).stderr(program).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    drop(command);
    let typed = typed.to_vec();
    let at_the_desk = tokio::task::spawn_blocking(move || {
        let mut seen = String::new();
        for (question, answer) in typed {
            wait_for(&mut desk, &mut seen, question);
            desk.write_all(answer.as_bytes()).unwrap();
        }
        // Once the program is gone, a read fails.
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = desk.read(&mut bytes) {
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        seen
    });
    let ended = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let seen = timeout(PATIENCE, at_the_desk).await.unwrap().unwrap();
    (ended.status.code().unwrap(), seen, String::from_utf8(ended.stdout).unwrap())
}

/// Begins to erase somebody, and gives this answer to the question.
async fn erase(place: &Place, answer: &str) -> (i32, String, String) {
    let add = ["connection", "add", "--name", "x", "--channel-id", "1", "--channel-secret", "s", "--skip-line-checks"];
    assert_eq!(place.run(&add).await.status, 0);
    let erase = ["erase", "U8e742f61d673b39c7fff3cecb7536ef0"];
    at_a_terminal(place, &erase, &[("Type yes:", answer.to_owned())]).await
}

#[tokio::test]
async fn whoever_erases_at_a_terminal_is_asked_first() {
    let (status, seen, printed) = erase(&Place::new(), "no\n").await;
    assert!(status == 1 && seen.contains("nothing was erased") && printed.is_empty(), "{status} {seen} {printed}");
}

#[tokio::test]
async fn ctrl_c_at_the_question_ends_the_program_and_nothing_is_done() {
    let (status, seen, printed) = erase(&Place::new(), "\u{3}").await;
    assert!(status == 130 && seen.contains("nothing was done") && printed.is_empty(), "{status} {seen} {printed}");
}
