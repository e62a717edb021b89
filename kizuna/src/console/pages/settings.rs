//! How this installation is set up, without any secret.

use crate::console::Console;
use crate::console::guard::Visitor;
use crate::console::page::{Frame, page};
use crate::server::console_address;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

#[derive(Template)]
#[template(path = "settings.html")]
struct Overview {
    frame: Frame,
    /// Variable and value.
    rows: Vec<(&'static str, String)>,
    version: &'static str,
}

/// The page. Only what is listed here is shown: a new setting is not, before somebody decides that it may be.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Response {
    let frame = Frame::new(visitor);
    let installation = &console.0.installation;
    let settings = &installation.settings;
    let words = frame.words;
    let is_set = |given: bool| if given { words.is_set } else { words.is_not_set }.to_owned();
    let console = console_address(settings);
    let rows = vec![
        ("KIZUNA_PLAN", settings.plan().to_string()),
        ("KIZUNA_PUBLIC_URL", settings.public_url.as_ref().map_or_else(|| is_set(false), ToString::to_string)),
        ("KIZUNA_CONSOLE_LISTEN", console.map_or_else(|| "off".to_owned(), |address| address.to_string())),
        ("KIZUNA_CONSOLE_URL", settings.console_url.as_ref().map_or_else(|| is_set(false), ToString::to_string)),
        ("KIZUNA_LISTEN", settings.listen.to_string()),
        ("KIZUNA_ADMIN_LISTEN", settings.admin_listen.to_string()),
        ("KIZUNA_LINE_API_URL", settings.line_api_url.to_string()),
        ("KIZUNA_HUBSPOT_API_URL", settings.hubspot_api_url.to_string()),
        ("KIZUNA_HUBSPOT_TOKEN", is_set(settings.hubspot_token.is_some())),
        ("KIZUNA_MASTER_KEY", if settings.master_key.is_some() { words.is_set } else { words.key_file }.to_owned()),
        ("KIZUNA_SCHEMA_REGISTRY_URL", is_set(settings.schema_registry_url.is_some())),
        ("KIZUNA_PROPERTY_PREFIX", settings.property_prefix.0.prefix().to_owned()),
        ("KIZUNA_KAFKA_BROKERS", is_set(settings.kafka_brokers.is_some())),
        ("KIZUNA_DATA_DIR", settings.data_dir.display().to_string()),
    ];
    page(&Overview { frame, rows, version: env!("CARGO_PKG_VERSION") })
}
