//! The page: contacts as HubSpot shows them, and buttons to play a friend. Works without JavaScript.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use crate::exchange::Response;
use crate::handle::Handle;
use crate::hubspot::{Contact, Portal};
use crate::line::Channel;

/// Contacts on the page, newest first.
const SHOWN: usize = 200;

const STYLE: &str = include_str!("page.css");

/// Acts the page offers, with what they are called.
const ACTS: &[(&str, &str)] = &[
    ("message", "メッセージ · message"),
    ("follow", "友だち追加 · follow"),
    ("unfollow", "ブロック · unfollow"),
    ("sticker", "スタンプ · sticker"),
    ("image", "画像 · image"),
    ("video", "動画 · video"),
    ("audio", "音声 · audio"),
    ("file", "ファイル · file"),
    ("location", "位置情報 · location"),
    ("postback", "ポストバック · postback"),
    ("unsend", "送信取消 · unsend"),
];

/// What a form that was just sent leaves on the page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Left<'a> {
    /// What came of it.
    pub done: Option<&'a str>,
    /// The friend who was played, to go on with.
    pub user: Option<&'a str>,
}

/// `GET /`: the forms, with the contacts in a frame that refreshes itself.
pub(crate) fn index(handle: &Handle, announcement: &Value, left: Left<'_>) -> Response {
    let mut body = String::from("<header><h1>Kizuna <span>サンドボックス · sandbox</span></h1>");
    note(&mut body, left.done);
    body.push_str("</header><section class=\"channels\">");
    let channels: Vec<Channel> = handle.line(|platform, _| platform.channels().cloned().collect());
    for each in &channels {
        channel(&mut body, each, left.user.unwrap_or("たろう"));
    }
    body.push_str("</section><iframe src=\"/table\" title=\"コンタクト · Contacts\"></iframe>");
    addresses(&mut body, announcement);
    page("Kizuna sandbox", "", &body)
}

/// `GET /table`: the contacts.
pub(crate) fn table(handle: &Handle, left: Left<'_>) -> Response {
    let mut body = String::new();
    note(&mut body, left.done);
    handle.hubspot(|portal, _| contacts(&mut body, portal));
    // A note stays long enough to be read.
    let seconds = if left.done.is_some() { 6 } else { 2 };
    page("Contacts", &format!("<meta http-equiv=\"refresh\" content=\"{seconds}; url=/table\">"), &body)
}

fn note(body: &mut String, done: Option<&str>) {
    if let Some(done) = done {
        put(body, format_args!("<p class=\"done\" role=\"status\">{}</p>", escaped(done)));
    }
}

fn channel(body: &mut String, channel: &Channel, user: &str) {
    let url = channel.endpoint.as_deref().unwrap_or("Webhook URL 未設定 · not set");
    put(
        body,
        format_args!(
            "<form method=\"post\" action=\"/line/{id}/play\"><h2>{name} <small>{id}</small></h2>\
             <p class=\"hint\">{url}</p>\
             <label>友だち · friend <input name=\"user\" value=\"{user}\" required></label>\
             <label>操作 · does <select name=\"act\">",
            id = escaped(&channel.id),
            name = escaped(&channel.display_name),
            url = escaped(url),
            user = escaped(user),
        ),
    );
    for (act, words) in ACTS {
        put(body, format_args!("<option value=\"{act}\">{words}</option>"));
    }
    body.push_str(
        "</select></label><label class=\"wide\">テキスト · text <input name=\"text\" value=\"こんにちは！\"></label>\
         <button>送る · play</button></form>",
    );
}

fn contacts(body: &mut String, portal: &Portal) {
    let labels: Vec<(&str, &str)> = portal.catalogue().custom().map(|each| (&*each.name, &*each.label)).collect();
    put(body, format_args!("<h2>コンタクト · Contacts <small>{}</small></h2>", portal.contacts().live_count()));
    body.push_str("<div class=\"contacts\">");
    for contact in portal.contacts().iter().rev().take(SHOWN) {
        card(body, contact, &labels);
    }
    body.push_str("</div>");
    if portal.contacts().iter().next().is_none() {
        body.push_str("<p class=\"hint\">まだコンタクトはありません · No contacts yet</p>");
    }
}

/// One contact: who it is, and its custom properties.
fn card(body: &mut String, contact: &Contact, labels: &[(&str, &str)]) {
    let (class, turn, words) = match contact.archived_ms {
        Some(_) => (" gone", "restore", "復元 · restore"),
        None => ("", "delete", "削除 · delete"),
    };
    let shown = |name| contact.value(name).unwrap_or_default();
    let name = format!("{} {}", shown("firstname"), shown("lastname"));
    put(
        body,
        format_args!(
            "<article class=\"contact{class}\"><form method=\"post\" action=\"/hubspot/contacts/{id}/{turn}\">\
             <button>{words}</button></form><h3>{email}</h3>\
             <p class=\"hint\">{name} ID {id} · 更新 · changed {changed}</p>",
            id = contact.id,
            email = escaped(&shown("email")),
            name = escaped(name.trim()),
            changed = shown("lastmodifieddate"),
        ),
    );
    values(body, contact, labels);
    body.push_str("</article>");
}

/// Labels that end in ` _ 2` stand in one row, with a column for each number.
fn values(body: &mut String, contact: &Contact, labels: &[(&str, &str)]) {
    let mut rows: BTreeMap<&str, BTreeMap<u32, String>> = BTreeMap::new();
    for (name, label) in labels {
        if let Some(value) = contact.value(name) {
            let (row, column) = numbered(label);
            rows.entry(row).or_default().insert(column, escaped(&value));
        }
    }
    let columns: BTreeSet<u32> = rows.values().flat_map(BTreeMap::keys).copied().collect();
    body.push_str("<table><thead><tr><td>");
    for column in &columns {
        put(body, format_args!("<th scope=\"col\">_ {column}"));
    }
    body.push_str("<tbody>");
    for (row, values) in &rows {
        put(body, format_args!("<tr><th scope=\"row\">{}", escaped(row)));
        for column in &columns {
            put(body, format_args!("<td>{}", values.get(column).map_or("", String::as_str)));
        }
    }
    body.push_str("</table>");
}

/// A label without its number; 0 when it has none.
fn numbered(label: &str) -> (&str, u32) {
    let parts = label.rsplit_once(" _ ").and_then(|(row, number)| Some((row, number.parse().ok()?)));
    parts.unwrap_or((label, 0))
}

fn addresses(body: &mut String, announcement: &Value) {
    body.push_str("<details><summary>接続情報 · Addresses and keys</summary><pre>");
    body.push_str(&escaped(&serde_json::to_string_pretty(announcement).unwrap_or_default()));
    body.push_str("</pre></details>");
}

fn page(title: &str, head: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}<title>{title}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-src 'self'; \
                  frame-ancestors 'self'; base-uri 'none'";
    Response::html(200, &html).with_header("content-security-policy", policy).with_header("cache-control", "no-store")
}

fn put(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("writing to a String cannot fail");
}

/// Text that means itself in HTML, in element content and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text as a value in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            put(&mut encoded, format_args!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_means_something_in_html_is_escaped() {
        assert_eq!(escaped("<b a=\"1\" b='2'>&"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
    }

    #[test]
    fn a_number_at_the_end_of_a_label_is_its_column() {
        assert_eq!(numbered("LINE Follow _ 12"), ("LINE Follow", 12));
        assert_eq!(numbered("Note _ to self"), ("Note _ to self", 0));
    }

    #[test]
    fn what_was_done_survives_the_way_through_a_query() {
        let text = "たろう: follow → 200 & <b>";
        assert_eq!(crate::fields::Fields::parse(&format!("done={}", percent_encoded(text))).get("done"), Some(text));
    }
}
