//! Who gets where: every route with every role, and the ways around that are none.

use super::{HOST, ORIGIN, Place, body, form, request};
use crate::console::access::{Needs, Role};
use crate::console::guard::{Gate, guard};
use crate::console::routes::ROUTES;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;

const ABSOLUTE_MS: i64 = 12 * 60 * 60_000;
const IDLE_MS: i64 = 30 * 60_000;

pub fn path(pattern: &str) -> String {
    pattern.replace("{number}", "1").replace("{id}", "999").replace("{key}", "none").replace("{token}", "none")
}

#[tokio::test]
async fn every_route_lets_through_exactly_the_roles_that_its_table_names() {
    let place = Place::new().await;
    for role in Role::ALL.map(Some).into_iter().chain([None]) {
        for route in ROUTES.iter().filter(|route| route.path != "/login" || !route.changes) {
            // Each with a session of its own: one of the routes ends it.
            let cookie = match role {
                Some(role) => {
                    place.accounts().people().unwrap().iter().for_each(|person| {
                        place.accounts().remove(person.id).unwrap().ok();
                    });
                    match place.accounts().people().unwrap().iter().find(|person| person.role == role) {
                        Some(person) => {
                            let token = place.accounts().begin_session(person.id).unwrap();
                            format!("kizuna_session={}", token.expose())
                        }
                        None => place.somebody(role).await,
                    }
                }
                None => String::new(),
            };
            let path = path(route.path);
            let answer =
                if route.changes { place.post(&path, &cookie, &[]).await } else { place.get(&path, &cookie).await };
            let case = format!("{role:?} {path} changes={} -> {}", route.changes, answer.status);
            match (route.needs, role) {
                (Needs::Role(_) | Needs::Person | Needs::Password, None) => {
                    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login"), "{case}");
                }
                (Needs::Role(needed), Some(role)) if role < needed => {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{case}");
                }
                (Needs::Password, Some(_)) => assert_eq!(answer.location(), "/", "{case}"),
                _ => {
                    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{case}");
                    assert!(!answer.status.is_server_error(), "{case}");
                    let is_exit = route.path == "/logout";
                    assert!(answer.location() != "/login" || is_exit, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    for (path, cookie) in [
        ("/", ""),
        ("/", &*cookie),
        ("/login", ""),
        ("/nowhere", ""),
        ("/assets/console.css", ""),
        ("/connect", &*cookie),
    ] {
        let answer = place.get(path, cookie).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "same-origin", "{path}");
        let is_asset = path.starts_with("/assets/");
        assert_eq!(answer.headers[header::CACHE_CONTROL] == "no-store", !is_asset, "{path}");
    }
}

#[tokio::test]
async fn a_form_without_the_proof_of_its_session_changes_nothing() {
    let place = Place::new().await;
    let (cookie, other) = (place.somebody(Role::Admin).await, place.somebody(Role::Viewer).await);
    let others_proof =
        crate::console::token::form_proof(&runtime::secret::Secret::new(other.split_once('=').unwrap().1));
    for proof in ["", "0", &*others_proof] {
        let fields = [("name", "eve"), ("role", "admin"), ("proof", proof)];
        let request = form("/people", &cookie).header(header::ORIGIN, ORIGIN).body(body(&fields)).unwrap();
        assert_eq!(place.send(request).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(place.accounts().people().unwrap().len(), 2);
    let added = place.post("/people", &cookie, &[("name", "eve"), ("role", "viewer")]).await;
    assert_eq!(added.status, StatusCode::OK);
}

#[tokio::test]
async fn every_route_that_changes_something_wants_the_proof() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let guarded = ROUTES.iter().filter(|route| matches!(route.needs, Needs::Role(_) | Needs::Person) && route.changes);
    for route in guarded {
        let request = form(&path(route.path), &cookie).header(header::ORIGIN, ORIGIN).body(body(&[])).unwrap();
        assert_eq!(place.send(request).await.status, StatusCode::FORBIDDEN, "{}", route.path);
    }
}

#[tokio::test]
async fn a_form_of_another_origin_or_of_none_is_refused_on_open_routes_too() {
    let place = Place::new().await;
    for origin in
        [None, Some("null"), Some("http://evil.example"), Some("https://127.0.0.1:8090"), Some("http://127.0.0.1")]
    {
        let mut request = form("/login", "");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let answer = place.send(request.body(body(&[("name", "a"), ("password", "b")])).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}");
    }
}

#[tokio::test]
async fn a_page_about_somebody_who_was_removed_is_about_nobody_who_came_later() {
    let place = Place::new().await;
    let accounts = place.accounts();
    let earlier = accounts.add("eve", Role::Viewer).unwrap().unwrap();
    accounts.remove(earlier).unwrap().ok().unwrap();
    let later = accounts.add("mallory", Role::Viewer).unwrap().unwrap();
    assert_ne!(earlier, later);
}

#[tokio::test]
async fn a_change_goes_on_although_the_browser_leaves_before_the_answer() {
    let place = Place::new().await;
    let (begins, mut begun) = mpsc::channel(1);
    let (ends, mut ended) = mpsc::channel(1);
    let free = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&free);
    let change = async move || {
        begins.send(()).await.unwrap();
        drop(wait.acquire().await);
        ends.send(()).await.unwrap();
    };
    let gate = Gate { console: place.console.clone(), needs: Needs::Nothing };
    let router = Router::new().route("/change", post(change)).layer(from_fn_with_state(gate, guard));
    let request = form("/change", "").header(header::ORIGIN, ORIGIN).body(body(&[])).unwrap();
    tokio::select! {
        _ = begun.recv() => {}
        answer = router.oneshot(request) => panic!("{answer:?}"),
    }
    free.add_permits(1);
    ended.recv().await.expect("it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_form_that_does_not_arrive_is_given_up() {
    let place = Place::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_running, shutdown) = runtime::shutdown::manual();
    tokio::spawn(place.console.clone().serve(listener, shutdown));
    let head = format!("POST /login HTTP/1.1\r\nhost: {HOST}\r\norigin: {ORIGIN}\r\ncontent-length: 30\r\n\r\n");
    client.write_all(format!("{head}name=").as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_name_that_somebody_else_gave_this_machine_is_answered_with_those_that_it_has() {
    let place = Place::with(&[("KIZUNA_CONSOLE_URL", "https://console.example")]).await;
    for (host, answered) in [
        ("127.0.0.1:8090", true),
        ("localhost:8090", true),
        ("[::1]:8090", true),
        ("console.example", true),
        ("evil.example:8090", false),
        ("console.example.evil", false),
    ] {
        let asked = request(Method::GET, "/login", "");
        let mut request = asked.body(Body::empty()).unwrap();
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
        let answer = place.send(request).await;
        assert_eq!(answer.status == StatusCode::OK, answered, "{host}");
        let told = ["KIZUNA_CONSOLE_URL", "localhost", "IP addresses"].iter().all(|part| answer.text.contains(part));
        assert_eq!(told, !answered, "{host}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_consoles_address_may_be_set_with_capitals_and_the_usual_port() {
    let place = Place::with(&[("KIZUNA_CONSOLE_URL", "https://Console.Example:443/")]).await;
    let mut request = form("/login", "").header(header::ORIGIN, "https://console.example").body(body(&[])).unwrap();
    request.headers_mut().insert(header::HOST, "console.example".parse().unwrap());
    assert_eq!(place.send(request).await.status, StatusCode::UNAUTHORIZED, "the form is read, and names nobody");
    assert_eq!(place.console.url(), "https://console.example");
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_after_half_a_day_whatever_happens() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Viewer).await;
    let is_in = async || place.get("/", &cookie).await.status == StatusCode::OK;
    place.clock.advance(IDLE_MS - 1);
    assert!(is_in().await, "used in time");
    for _ in 0..(ABSOLUTE_MS / IDLE_MS) - 1 {
        place.clock.advance(IDLE_MS - 60_000);
        assert!(is_in().await);
    }
    place.clock.advance(IDLE_MS - 1);
    assert!(!is_in().await, "after half a day");

    let other = place.accounts().people().unwrap()[0].id;
    let cookie = format!("kizuna_session={}", place.accounts().begin_session(other).unwrap().expose());
    place.clock.advance(IDLE_MS);
    assert_eq!(place.get("/", &cookie).await.location(), "/login", "idle");
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_where_people_come_over_https() {
    let place = Place::with(&[("KIZUNA_CONSOLE_URL", "https://console.example")]).await;
    let cookie = place.console.session_cookie(Some(&runtime::secret::Secret::new("t")));
    assert_eq!(cookie, "__Host-kizuna_session=t; Path=/; HttpOnly; SameSite=Strict; Secure");
    let plain = Place::new().await.console.session_cookie(None);
    assert_eq!(plain, "kizuna_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}
