//! `connection add`, killed while it waits for each of its calls to LINE and HubSpot in turn, before and after the call had
//! its effect; run again, it completes, and nothing is doubled.

use crate::place::{Ended, Place, eventually, sandbox};
use sandbox::{Sandbox, hubspot, line};
use serde_json::json;
use std::process::Stdio;

/// Nobody answers there, and it does not matter: LINE can be told of a server that is started later.
const PUBLIC_URL: &str = "http://127.0.0.1:9";

/// Lets the call after `skip` others hang, without or with its effect.
#[derive(Clone, Copy, Debug)]
struct Stall {
    at_line: bool,
    takes_effect: bool,
    skip: u32,
}

impl Stall {
    fn order(self, sandbox: &Sandbox) {
        let Self { at_line, takes_effect, skip } = self;
        if at_line {
            let kind = if takes_effect { line::FaultKind::TimeoutAfterWrite } else { line::FaultKind::Timeout };
            let fault = line::Fault { skip, ..line::Fault::next(kind) };
            sandbox.handle().line(|platform, _| platform.inject(fault));
        } else {
            let kind = if takes_effect { hubspot::FaultKind::TimeoutAfterWrite } else { hubspot::FaultKind::Timeout };
            let fault = hubspot::Fault { skip, ..hubspot::Fault::next(kind) };
            sandbox.handle().hubspot(|portal, _| portal.inject(fault));
        }
    }

    /// Does a call hang?
    fn happened(self, sandbox: &Sandbox) -> bool {
        let at_line = |fact: &line::Fact| matches!(fact, line::Fact::Call { fault: Some(_), .. });
        let at_hubspot = |fact: &hubspot::Fact| matches!(fact, hubspot::Fact::Call { fault: Some(_), .. });
        if self.at_line {
            sandbox.handle().line(|platform, _| platform.history().entries().any(|entry| at_line(&entry.fact)))
        } else {
            sandbox.handle().hubspot(|portal, _| portal.history().entries().any(|entry| at_hubspot(&entry.fact)))
        }
    }
}

fn add(sandbox: &Sandbox) -> Vec<String> {
    let channel = sandbox.line_channels().swap_remove(0);
    let flags = [
        "connection",
        "add",
        "--json",
        "--channel-id",
        &channel.id,
        "--channel-secret",
        &channel.secret,
        "--access-token",
    ];
    flags.into_iter().map(str::to_owned).chain(channel.access_token).collect()
}

async fn run(place: &Place, sandbox: &Sandbox) -> Ended {
    let arguments = add(sandbox);
    place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Kills it where it stalls. False if it came to its end first.
async fn was_killed(place: &Place, sandbox: &Sandbox, stall: Stall) -> bool {
    stall.order(sandbox);
    let arguments = add(sandbox);
    let mut command = place.program(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let stalled = eventually("a call hangs, or it ends", async || {
        let ended = child.try_wait().unwrap().is_some();
        let stalled = stall.happened(sandbox);
        (ended || stalled).then_some(stalled)
    })
    .await;
    child.kill().await.unwrap();
    sandbox.handle().line(|platform, _| platform.clear_faults());
    sandbox.handle().hubspot(|portal, _| portal.clear_faults());
    stalled
}

/// Kills it at every call of one service.
async fn killed_everywhere(at_line: bool, takes_effect: bool) {
    let mut skip = 0;
    loop {
        let stall = Stall { at_line, takes_effect, skip };
        let sandbox = sandbox().await;
        let place = Place::beside(&sandbox).with("KIZUNA_PUBLIC_URL", PUBLIC_URL);
        if !was_killed(&place, &sandbox, stall).await {
            break;
        }
        let known = place.json(&["connection", "list"]).await;
        let added = run(&place, &sandbox).await;
        assert_eq!(added.status, 0, "{stall:?}: {added:?}");
        let added = added.json();
        assert_eq!(added["number"], 1, "{stall:?}");
        if known["connections"] != json!([]) {
            let shown = place.json(&["connection", "show", "1"]).await;
            assert_eq!(shown["created_at_ms"], known["connections"][0]["created_at_ms"], "{stall:?}");
        }
        let list = place.json(&["connection", "list", "--all"]).await;
        assert_eq!((&list["in_use"], &list["unfinished"]), (&json!(1), &json!([])), "{stall:?}");
        let properties = sandbox.handle().hubspot(|portal, _| portal.catalogue().custom().count());
        assert_eq!(properties, 7, "{stall:?}");
        assert_eq!(sandbox.line_channels()[0].endpoint.as_deref(), added["webhook_url"].as_str(), "{stall:?}");
        skip += 1;
    }
    assert!(skip >= 3, "{skip} calls of a service are too few: was the stall ordered?");
}

#[tokio::test]
async fn killed_before_any_call_to_line_has_its_effect_it_completes_when_run_again() {
    killed_everywhere(true, false).await;
}

#[tokio::test]
async fn killed_after_any_call_to_line_had_its_effect_it_completes_when_run_again() {
    killed_everywhere(true, true).await;
}

#[tokio::test]
async fn killed_before_any_call_to_hubspot_has_its_effect_it_completes_when_run_again() {
    killed_everywhere(false, false).await;
}

#[tokio::test]
async fn killed_after_any_call_to_hubspot_had_its_effect_it_completes_when_run_again() {
    killed_everywhere(false, true).await;
}
