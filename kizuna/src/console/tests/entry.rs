//! Getting in: the set-up link, the password, the throttle, and getting out.

use super::{PASSWORD, Place};
use crate::console::access::Role;
use axum::http::StatusCode;
use std::thread;

const DAY_MS: i64 = 24 * 60 * 60_000;

fn path(link: &str) -> String {
    link.strip_prefix("http://127.0.0.1:8090").expect("an address of the console").to_owned()
}

const FILLED: [(&str, &str); 3] = [("name", "花子"), ("password", PASSWORD), ("again", PASSWORD)];

#[tokio::test]
async fn the_set_up_link_makes_an_administrator_once_and_is_not_given_again() {
    let place = Place::new().await;
    let link = path(&place.console.first_link().await.unwrap().unwrap());
    assert_eq!(place.get(&link, "").await.status, StatusCode::OK);
    let accepted = place.post(&link, "", &FILLED).await;
    assert_eq!((accepted.status, accepted.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(place.get("/people", &accepted.cookie()).await.status, StatusCode::OK);

    assert_eq!(place.get(&link, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(place.post(&link, "", &FILLED).await.status, StatusCode::NOT_FOUND);
    assert_eq!(place.console.first_link().await.unwrap(), None);
}

#[test]
fn a_link_to_a_console_that_listens_on_all_addresses_opens_on_this_machine() {
    for (listens, reached) in
        [("0.0.0.0:8090", "localhost:8090"), ("[::]:80", "localhost:80"), ("192.0.2.1:8090", "192.0.2.1:8090")]
    {
        assert_eq!(crate::console::reached(listens.parse().unwrap()), reached);
    }
}

#[tokio::test]
async fn a_set_up_link_works_for_a_day_and_until_the_next_one_is_made() {
    let place = Place::new().await;
    let first = path(&place.console.first_link().await.unwrap().unwrap());
    let second = path(&place.console.first_link().await.unwrap().unwrap());
    assert_eq!(place.get(&first, "").await.status, StatusCode::NOT_FOUND);
    place.clock.advance(DAY_MS - 1);
    assert_eq!(place.get(&second, "").await.status, StatusCode::OK);
    place.clock.advance(1);
    assert_eq!(place.post(&second, "", &FILLED).await.status, StatusCode::NOT_FOUND);
    assert!(!place.accounts().has_administrator().unwrap());
}

#[tokio::test]
async fn of_two_links_that_are_made_at_the_same_moment_one_works() {
    let place = Place::new().await;
    let accounts = place.accounts();
    let person = accounts.add("a", Role::Viewer).unwrap().unwrap();
    for is_person in [true, false] {
        let make = || if is_person { accounts.invite(person) } else { accounts.invite_administrator() };
        for _ in 0..200 {
            let links = thread::scope(|scope| {
                let made = [(); 2].map(|()| scope.spawn(make));
                made.map(|link| link.join().unwrap().unwrap())
            });
            let works = links.iter().filter(|link| accounts.invitation(link).unwrap().is_some());
            assert_eq!(works.count(), 1);
        }
    }
}

#[tokio::test]
async fn a_weak_or_mistyped_password_is_not_taken_and_the_link_still_works() {
    let place = Place::new().await;
    let link = path(&place.console.first_link().await.unwrap().unwrap());
    for fields in [
        [("name", "a"), ("password", "short"), ("again", "short")],
        [("name", "a"), ("password", PASSWORD), ("again", "another password")],
        [("name", ""), ("password", PASSWORD), ("again", PASSWORD)],
    ] {
        assert_eq!(place.post(&link, "", &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    assert_eq!(place.post(&link, "", &FILLED).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn only_name_and_password_together_sign_in_and_signing_out_ends_the_session() {
    let place = Place::new().await;
    place.somebody(Role::Viewer).await;
    for (name, password) in [("viewer", "wrong password"), ("nobody", PASSWORD), ("", "")] {
        let answer = place.post("/login", "", &[("name", name), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let entered = place.post("/login", "", &[("name", "viewer"), ("password", PASSWORD)]).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/"));
    let cookie = entered.cookie();
    assert_eq!(place.get("/", &cookie).await.status, StatusCode::OK);
    place.post("/logout", &cookie, &[]).await;
    assert_eq!(place.get("/", &cookie).await.location(), "/login");
}

#[tokio::test]
async fn who_guesses_has_to_wait_even_with_the_right_password() {
    let place = Place::new().await;
    place.somebody(Role::Viewer).await;
    for _ in 0..5 {
        place.post("/login", "", &[("name", "viewer"), ("password", "a guess")]).await;
    }
    let right = [("name", "viewer"), ("password", PASSWORD)];
    assert_eq!(place.post("/login", "", &right).await.status, StatusCode::TOO_MANY_REQUESTS);
    place.clock.advance(60_000);
    assert_eq!(place.post("/login", "", &right).await.status, StatusCode::SEE_OTHER);
}

/// Guesses passwords until nobody whom the console does not know may try any more.
async fn besiege(place: &Place) {
    for name in 0..60 {
        place.post("/login", "", &[("name", &*name.to_string()), ("password", "a guess")]).await;
    }
}

#[tokio::test]
async fn a_name_that_nobody_can_have_costs_no_attempt_and_is_not_remembered() {
    let place = Place::new().await;
    place.somebody(Role::Viewer).await;
    for attempt in 0..60 {
        let name = format!("{attempt}{}", "x".repeat(100));
        let answer = place.post("/login", "", &[("name", &name), ("password", "a guess")]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let right = [("name", "viewer"), ("password", PASSWORD)];
    assert_eq!(place.post("/login", "", &right).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_guesses_keeps_nobody_waiting_who_signed_in_from_the_same_browser_before() {
    let place = Place::new().await;
    place.somebody(Role::Viewer).await;
    place.somebody(Role::Operator).await;
    let [viewer, operator] = ["viewer", "operator"].map(|name| [("name", name), ("password", PASSWORD)]);
    let device = place.post("/login", "", &viewer).await.cookie_of("kizuna_device");
    besiege(&place).await;
    assert_eq!(place.post("/login", "", &viewer).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(place.post("/login", &device, &viewer).await.status, StatusCode::SEE_OTHER);
    let as_another = place.post("/login", &device, &operator).await;
    assert_eq!(as_another.status, StatusCode::TOO_MANY_REQUESTS, "it is known for one name");
}

#[tokio::test]
async fn who_guesses_at_a_browser_that_is_known_has_to_wait_there_alone() {
    let place = Place::new().await;
    place.somebody(Role::Viewer).await;
    let right = [("name", "viewer"), ("password", PASSWORD)];
    let devices = [
        place.post("/login", "", &right).await.cookie_of("kizuna_device"),
        place.post("/login", "", &right).await.cookie_of("kizuna_device"),
    ];
    for _ in 0..5 {
        place.post("/login", &devices[0], &[("name", "viewer"), ("password", "a guess")]).await;
    }
    let [first, second] =
        [place.post("/login", &devices[0], &right).await, place.post("/login", &devices[1], &right).await];
    assert_eq!((first.status, second.status), (StatusCode::TOO_MANY_REQUESTS, StatusCode::SEE_OTHER));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_of_its_person() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Viewer).await;
    let id = place.accounts().people().unwrap()[0].id;
    let link = place.accounts().invite(id).unwrap();
    place.post(&format!("/welcome/{}", link.expose()), "", &FILLED).await;
    assert_eq!(place.get("/", &cookie).await.location(), "/login");
}

#[tokio::test]
async fn the_language_stays_chosen_and_leads_back_only_into_the_console() {
    let place = Place::new().await;
    let chosen = place.post("/language", "", &[("language", "ja"), ("back", "/login")]).await;
    assert_eq!(chosen.location(), "/login");
    let page = place.get("/login", &chosen.cookie()).await;
    assert!(page.text.contains("lang=\"ja\"") && page.text.contains("ログイン"), "{}", page.text);
    for away in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\u{3042}/evil.example", ""]
    {
        let answer = place.post("/language", "", &[("language", "en"), ("back", away)]).await;
        assert_eq!(answer.location(), "/", "{away}");
    }
}

#[tokio::test]
async fn who_waits_for_a_busy_file_holds_up_nobody_else() {
    let place = Place::new().await;
    let busy = rusqlite::Connection::open(place.directory.path().join("console/accounts.sqlite3")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let link = place.console.first_link();
    tokio::pin!(link);
    tokio::select! {
        biased;
        _ = &mut link => panic!("the file is not free yet"),
        answer = place.get("/login", "") => assert_eq!(answer.status, StatusCode::OK),
    }
    busy.execute_batch("COMMIT").unwrap();
    assert!(link.await.unwrap().is_some());
}
