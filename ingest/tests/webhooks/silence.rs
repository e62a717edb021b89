//! What is not said: no log line names a person, a text or a secret.

use crate::log::Mood;
use crate::world::{SECRET, TOKEN, USER, World, body, message};
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Pages(Arc<Mutex<Vec<u8>>>);

impl io::Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Pages {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn logs_name_connection_and_event_and_nobody() {
    let pages = Pages::default();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(pages.clone()).with_max_level(Level::DEBUG).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let webhook = body(&[&message("01FZ74A0TDDPYRVKNK77XKC3ZR")]);
    assert_eq!(world.receives(&webhook).await, 200);
    assert_eq!(world.post(TOKEN, "wrong", &webhook).await.status, 401);
    assert_eq!(world.receives(format!("very private words of {USER}").as_bytes()).await, 200);
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&webhook).await, 503);
    let text = String::from_utf8(pages.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("connection=1") && text.contains("01FZ74A0TDDPYRVKNK77XKC3ZR"), "{text}");
    for private in [USER, &USER[1..], "very private words", SECRET, TOKEN] {
        assert!(!text.contains(private), "{private} in {text}");
    }
}
