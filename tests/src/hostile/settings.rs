//! A settings file.

use runtime::settings::{BaseUrl, File, Source, Whole};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Whatever is written there, it is read or each fault is named; nothing is passed over.
pub fn file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let nothing: BTreeMap<String, String> = BTreeMap::new();
    let mut source = Source::new(&nothing, Some(File { name: "kizuna.toml", text }));
    let read = (
        source.value::<SocketAddr>("KIZUNA_LISTEN"),
        source.value::<BaseUrl>("KIZUNA_PUBLIC_URL"),
        source.value::<Whole<1, 1_000>>("KIZUNA_KAFKA_PARTITIONS"),
        source.value::<bool>("KIZUNA_CONSOLE"),
        source.family("KIZUNA_KAFKA_"),
    );
    let is_toml = text.parse::<toml::Table>().is_ok();
    match source.finish() {
        Ok(()) => assert!(is_toml, "what is no TOML is refused"),
        Err(invalid) => assert!(!invalid.0.is_empty() && !invalid.to_string().is_empty(), "each fault is named"),
    }
    drop(read);
}
