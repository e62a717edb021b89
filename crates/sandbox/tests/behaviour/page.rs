//! The page.

use crate::control::Running;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_SECURITY_POLICY, LOCATION};
use sandbox::line::Channel;

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

async fn text(running: &Running, path: &str) -> String {
    let response = running.client.get(format!("{}{path}", running.sandbox.control_url)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

/// Sends a form as a browser does; answers where it leads.
async fn sent(running: &Running, path: &str, fields: &[(&str, &str)]) -> String {
    let url = format!("{}{path}", running.sandbox.control_url);
    let response = running.client.post(url).form(fields).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn hostile_names_are_text_everywhere() {
    let running = Running::start().await;
    running.sandbox.handle().line(|platform, _| {
        let channel = Channel {
            display_name: HOSTILE.to_owned(),
            endpoint: Some(format!("https://example.com/{HOSTILE}")),
            ..platform.channels().next().unwrap().clone()
        };
        platform.put_channel(channel);
    });
    let properties = [("email", "taro@example.com"), ("firstname", HOSTILE), ("lastname", HOSTILE)];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    running.sandbox.handle().hubspot(|portal, now_ms| portal.add(now_ms, &properties)).unwrap();
    let group = serde_json::json!({"name": "note", "label": HOSTILE, "type": "string", "fieldType": "text",
                                   "groupName": "contactinformation"});
    let url = format!("{}/crm/properties/2026-09/contacts", running.sandbox.hubspot_api_url);
    let created =
        running.client.post(url).bearer_auth(&running.sandbox.hubspot_token).json(&group).send().await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    running.sandbox.handle().advance(1_000);
    let noted = [("email", "hanako@example.com"), ("note", HOSTILE)];
    let noted = noted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    running.sandbox.handle().hubspot(|portal, now_ms| portal.add(now_ms, &noted)).unwrap();

    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";
    let encoded = "%3Cscript%3Ealert(1)%3C/script%3E%22'%26";
    // Name and address of the channel, note and friend of the form; both names, label and value of the contacts, note.
    for (path, times) in [(format!("/?done={encoded}&user={encoded}"), 5), (format!("/table?done={encoded}"), 5)] {
        let page = text(&running, &path).await;
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches(escaped).count(), times, "{page}");
    }
}

#[tokio::test]
async fn the_page_runs_no_script_and_loads_nothing_from_elsewhere() {
    let running = Running::start().await;
    let response = running.client.get(&running.sandbox.control_url).send().await.unwrap();
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains(" src=\"http"), "{page}");
}

#[tokio::test]
async fn the_form_plays_a_friend_and_comes_back_with_what_was_done() {
    let running = Running::start().await;
    let channel = running.sandbox.line_channels().remove(0);
    let path = format!("/line/{}/play", channel.id);
    let back = sent(&running, &path, &[("user", "花子"), ("act", "message"), ("text", "a&b")]).await;
    assert!(text(&running, &back).await.contains("花子: message — no webhook URL is set"), "{back}");
    assert!(text(&running, &back).await.contains("value=\"花子\""), "the friend stays in the form");
    let handle = running.sandbox.handle();
    let id = sandbox::line::user_id(&channel.provider, "花子");
    let messages = handle.line(|platform, _| platform.bond(&channel.id, &id).unwrap().messages.clone());
    assert_eq!(messages[0].1, "a&b");

    // Every act of the page can be played with its one text field.
    let page = text(&running, "/").await;
    let acts: Vec<&str> = page.split("<option value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(acts.len() >= 22, "{acts:?}");
    for act in acts {
        let back = sent(&running, &path, &[("user", "花子"), ("act", act), ("text", "x")]).await;
        assert!(back.starts_with(&format!("/?done=%E8%8A%B1%E5%AD%90%3A%20{act}")), "{back}");
    }
}

#[tokio::test]
async fn a_contact_is_deleted_and_restored_by_its_buttons() {
    let running = Running::start().await;
    let id = running.contact("taro@example.com");
    let back = sent(&running, &format!("/hubspot/contacts/{id}/delete"), &[]).await;
    let table = text(&running, &back).await;
    assert!(table.contains(&format!("{id}: delete")) && table.contains(&format!("/hubspot/contacts/{id}/restore")));
    let other = running.contact("taro@example.com");
    let back = sent(&running, &format!("/hubspot/contacts/{id}/restore"), &[]).await;
    assert!(text(&running, &back).await.contains(&format!("contact {other} holds the same e-mail address")));
}

#[tokio::test]
async fn a_page_of_another_site_cannot_play() {
    let running = Running::start().await;
    let url = format!("{}/clock", running.sandbox.control_url);
    let request = running.client.get(url).header("sec-fetch-site", "cross-site");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}
