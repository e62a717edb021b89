//! The page: contacts as HubSpot shows them, and buttons to play a friend. Works without JavaScript.

use std::fmt::Write;

use serde_json::Value;

use crate::exchange::Response;
use crate::handle::Handle;
use crate::hubspot::{Contact, Portal};

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

/// `GET /`: the forms, with the table of contacts in a frame that refreshes itself.
pub(crate) fn index(handle: &Handle, announcement: &Value, done: Option<&str>) -> Response {
    let mut body = String::from("<header><h1>Kizuna サンドボックス · sandbox</h1>");
    if let Some(done) = done {
        put(&mut body, format_args!("<p class=\"done\" role=\"status\">{}</p>", escaped(done)));
    }
    body.push_str("</header><section class=\"channels\">");
    let channels: Vec<(String, String, Option<String>)> = handle.line(|platform, _| {
        platform.channels().map(|each| (each.id.clone(), each.display_name.clone(), each.endpoint.clone())).collect()
    });
    for (id, name, endpoint) in channels {
        channel(&mut body, &id, &name, endpoint.as_deref());
    }
    body.push_str("</section><iframe src=\"/table\" title=\"コンタクト · Contacts\"></iframe>");
    addresses(&mut body, announcement);
    page("Kizuna sandbox", "", &body)
}

/// `GET /table`: the contacts.
pub(crate) fn table(handle: &Handle) -> Response {
    let body = handle.hubspot(|portal, _| contacts(portal));
    page("Contacts", "<meta http-equiv=\"refresh\" content=\"2\">", &body)
}

fn channel(body: &mut String, id: &str, name: &str, endpoint: Option<&str>) {
    let state = endpoint.map_or_else(|| "Webhook URL 未設定 · not set".to_owned(), escaped);
    put(
        body,
        format_args!(
            "<form method=\"post\" action=\"/line/{}/play\"><h2>{} <small>{}</small></h2><p class=\"hint\">{state}</p>\
             <label>友だち · friend <input name=\"user\" value=\"たろう\" required></label>\
             <label>操作 · does <select name=\"act\">",
            escaped(id),
            escaped(name),
            escaped(id)
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

fn contacts(portal: &mut Portal) -> String {
    let columns: Vec<(String, String)> =
        portal.catalogue().custom().map(|each| (each.name.to_string(), each.label.clone())).collect();
    let mut body = format!("<h2>コンタクト · Contacts <small>{}</small></h2>", portal.contacts().live_count());
    body.push_str("<div class=\"scroll\"><table><thead><tr><th>レコード ID<br>Record ID<th>E メール<br>Email");
    for (_, label) in &columns {
        put(&mut body, format_args!("<th>{}", escaped(label)));
    }
    body.push_str("<th>更新日時<br>Last modified<th></tr></thead><tbody>");
    for contact in portal.contacts().iter().rev().take(SHOWN) {
        row(&mut body, contact, &columns);
    }
    body.push_str("</tbody></table></div>");
    if portal.contacts().iter().next().is_none() {
        body.push_str("<p class=\"hint\">まだコンタクトはありません · No contacts yet</p>");
    }
    body
}

fn row(body: &mut String, contact: &Contact, columns: &[(String, String)]) {
    let gone = contact.archived_ms.is_some();
    put(body, format_args!("<tr{}><td>{}", if gone { " class=\"gone\"" } else { "" }, contact.id));
    for name in std::iter::once("email").chain(columns.iter().map(|(name, _)| name.as_str())) {
        put(body, format_args!("<td>{}", escaped(&contact.value(name).unwrap_or_default())));
    }
    let (turn, words) = if gone { ("restore", "復元 · restore") } else { ("delete", "削除 · delete") };
    let changed = contact.value("lastmodifieddate").unwrap_or_default();
    put(
        body,
        format_args!(
            "<td>{changed}<td><form method=\"post\" action=\"/hubspot/contacts/{}/{turn}\"><button>{words}</button></form></tr>",
            contact.id
        ),
    );
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
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'";
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
    fn what_was_done_survives_the_way_through_a_query() {
        let text = "たろう: follow → 200 & <b>";
        assert_eq!(crate::fields::Fields::parse(&format!("done={}", percent_encoded(text))).get("done"), Some(text));
    }
}
