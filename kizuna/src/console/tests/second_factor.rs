//! The second factor: how it is set up, what signs somebody in, what counts once, and who may take it away.

use super::{Answer, PASSWORD, Place};
use crate::console::access::{Needs, Role};
use crate::console::accounts::SecondFactor;
use crate::console::routes::ROUTES;
use crate::console::totp;
use axum::http::{StatusCode, header};
use runtime::secret::Secret;

const STEP_MS: i64 = 30_000;

impl Place {
    fn id_of(&self, name: &str) -> i64 {
        self.accounts().person_named(name).unwrap().unwrap().id
    }

    /// Sets up a second factor as its person does; gives the app's secret and the recovery codes.
    async fn equip(&self, name: &str, cookie: &str) -> (Secret, Vec<String>) {
        assert_eq!(self.post("/account/second-factor", cookie, &[]).await.location(), "/account");
        let page = self.get("/account", cookie).await;
        let SecondFactor::Begun(secret) = self.accounts().second_factor(self.id_of(name)).unwrap() else {
            panic!("nothing was begun")
        };
        for part in [secret.expose(), "otpauth://totp/Kizuna", "<svg"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let on = self.post("/account/second-factor/confirm", cookie, &[("code", &self.code(&secret))]).await;
        assert_eq!(on.status, StatusCode::OK, "{}", on.text);
        let shown = on.text.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        // The code that switched it on is used up.
        self.clock.advance(STEP_MS);
        (secret, shown.collect())
    }

    fn code(&self, secret: &Secret) -> String {
        totp::code(secret, self.console.0.installation.clock.now_ms())
    }

    /// The cookie of somebody whose password was right.
    async fn password(&self, name: &str) -> String {
        let answer = self.post("/login", "", &[("name", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        answer.cookie()
    }

    async fn show(&self, challenge: &str, code: &str) -> Answer {
        self.post("/login/code", challenge, &[("code", code)]).await
    }

    fn is_equipped(&self, name: &str) -> bool {
        self.accounts().person_named(name).unwrap().unwrap().has_second_factor
    }
}

#[tokio::test]
async fn after_the_password_only_a_code_of_the_app_signs_in() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Viewer).await;
    let other = format!("kizuna_session={}", place.accounts().begin_session(place.id_of("viewer")).unwrap().expose());
    let (secret, codes) = place.equip("viewer", &cookie).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(place.get("/", &cookie).await.status, StatusCode::OK, "whoever set it up goes on");
    assert_eq!(place.get("/", &other).await.location(), "/login", "the other sessions end");

    let challenge = place.password("viewer").await;
    assert_eq!(place.get("/", &challenge).await.location(), "/login/code");
    for wrong in ["", "000000", "abcdef", PASSWORD] {
        assert_eq!(place.show(&challenge, wrong).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let entered = place.show(&challenge, &place.code(&secret)).await;
    assert_eq!(place.get("/", &entered.cookie()).await.status, StatusCode::OK);
    assert_eq!(place.get("/", &challenge).await.location(), "/login", "the challenge is used up");
    assert_eq!(place.recorded(), ["signed_in", "second_factor_on"]);
}

#[tokio::test]
async fn a_new_password_leaves_the_second_factor_in_force() {
    let place = Place::new().await;
    place.equip("viewer", &place.somebody(Role::Viewer).await).await;
    let link = place.accounts().invite(place.id_of("viewer")).unwrap();
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let accepted = place.post(&format!("/welcome/{}", link.expose()), "", &fields).await;
    assert_eq!(place.get("/", &accepted.cookie()).await.location(), "/login/code");
}

#[tokio::test]
async fn a_wrong_first_code_switches_nothing_on() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Viewer).await;
    place.post("/account/second-factor", &cookie, &[]).await;
    let refused = place.post("/account/second-factor/confirm", &cookie, &[("code", "000000")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!place.is_equipped("viewer"));
    let entered = place.password("viewer").await;
    assert_eq!(place.get("/", &entered).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_counts_once() {
    let place = Place::new().await;
    let (secret, _) = place.equip("viewer", &place.somebody(Role::Viewer).await).await;
    let code = place.code(&secret);
    let (first, second) = (place.password("viewer").await, place.password("viewer").await);
    assert_eq!(place.show(&first, &code).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place.show(&second, &code).await.status, StatusCode::UNAUTHORIZED, "again");
    let earlier = totp::code(&secret, place.console.0.installation.clock.now_ms() - STEP_MS);
    assert_eq!(place.show(&second, &earlier).await.status, StatusCode::UNAUTHORIZED, "and none before it");
    place.clock.advance(STEP_MS);
    assert_eq!(place.show(&second, &place.code(&secret)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_recovery_code_counts_once_in_whatever_way_it_is_typed() {
    let place = Place::new().await;
    let (_, codes) = place.equip("viewer", &place.somebody(Role::Viewer).await).await;
    let typed = codes[3].replace('-', " ").to_uppercase();
    let (first, second) = (place.password("viewer").await, place.password("viewer").await);
    assert_eq!(place.show(&first, &typed).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place.show(&second, &codes[3]).await.status, StatusCode::UNAUTHORIZED);
    let entered = place.show(&second, &codes[4]).await;
    assert!(place.get("/account", &entered.cookie()).await.text.contains("<strong>8</strong>"));
    assert!(place.recorded().contains(&"recovery_code_used".to_owned()));
}

#[tokio::test]
async fn ten_thousand_guessed_codes_in_a_day_come_to_a_hundred_attempts_whatever_the_password_does() {
    let place = Place::new().await;
    let (secret, _) = place.equip("viewer", &place.somebody(Role::Viewer).await).await;
    let (mut attempts, mut challenge) = (0, String::new());
    for guess in 0..10_000 {
        // A guesser who knows the password enters it again and again.
        if guess % 60 == 0 {
            challenge = place.password("viewer").await;
        }
        // A number that is no code of about now.
        let now_ms = place.console.0.installation.clock.now_ms();
        let good: Vec<_> = (-1..=1).map(|step| totp::code(&secret, now_ms + step * STEP_MS)).collect();
        let wrong = (guess..).map(|guess| format!("{guess:06}")).find(|code| !good.contains(code)).unwrap();
        match place.show(&challenge, &wrong).await.status {
            StatusCode::UNAUTHORIZED => attempts += 1,
            status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
        place.clock.advance(8_640);
    }
    assert!((90..=110).contains(&attempts), "{attempts}");
    let challenge = place.password("viewer").await;
    let right = place.show(&challenge, &place.code(&secret)).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS, "even with the right one");
}

#[tokio::test]
async fn whoever_has_entered_a_password_alone_gets_nowhere_but_to_the_code() {
    let place = Place::new().await;
    place.equip("admin", &place.somebody(Role::Admin).await).await;
    let challenge = place.password("admin").await;
    for route in ROUTES.iter().filter(|route| matches!(route.needs, Needs::Role(_) | Needs::Person)) {
        let path = super::access::path(route.path);
        let answer =
            if route.changes { place.post(&path, &challenge, &[]).await } else { place.get(&path, &challenge).await };
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login/code"), "{path}");
    }
    let page = place.get("/login/code", &challenge).await;
    assert!(!page.text.contains("<nav>") && page.text.contains("one-time-code"), "{}", page.text);
    place.clock.advance(10 * 60_000);
    assert_eq!(place.get("/login/code", &challenge).await.location(), "/login", "the password has to be entered anew");
}

#[tokio::test]
async fn where_everybody_must_have_it_whoever_has_not_is_led_to_it_before_anything_else() {
    let place = Place::new().await;
    let (admin, viewer) = (place.somebody(Role::Admin).await, place.somebody(Role::Viewer).await);
    place.equip("admin", &admin).await;
    assert_eq!(place.post("/people/second-factor", &admin, &[("required", "yes")]).await.location(), "/people");
    assert_eq!(place.get("/", &admin).await.status, StatusCode::OK);
    for route in ROUTES.iter().filter(|route| matches!(route.needs, Needs::Role(_))) {
        let path = super::access::path(route.path);
        let answer =
            if route.changes { place.post(&path, &viewer, &[]).await } else { place.get(&path, &viewer).await };
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"), "{path}");
    }
    let entered = place.password("viewer").await;
    assert_eq!(place.get("/", &entered).await.location(), "/account", "so at the next sign-in");
    assert!(place.get("/account", &entered).await.text.contains("An administrator requires"));
    place.equip("viewer", &entered).await;
    assert_eq!(place.get("/", &entered).await.status, StatusCode::OK);
    place.post("/people/second-factor", &admin, &[("required", "no")]).await;
    assert_eq!(place.recorded()[0], "second_factor_optional");
}

#[tokio::test]
async fn only_an_administrator_takes_it_away_from_others_which_ends_their_sessions() {
    let place = Place::new().await;
    let (admin, operator) = (place.somebody(Role::Admin).await, place.somebody(Role::Operator).await);
    let viewer = place.somebody(Role::Viewer).await;
    place.equip("viewer", &viewer).await;
    let reset = format!("/people/{}/second-factor", place.id_of("viewer"));
    for cookie in [&operator, &viewer] {
        assert_eq!(place.post(&reset, cookie, &[]).await.status, StatusCode::FORBIDDEN);
    }
    assert!(place.is_equipped("viewer"));
    assert_eq!(place.post(&reset, &admin, &[]).await.location(), "/people");
    assert!(!place.is_equipped("viewer"));
    assert_eq!(place.get("/", &viewer).await.location(), "/login");
    assert_eq!(place.recorded()[0], "second_factor_reset");
    let entered = place.password("viewer").await;
    assert_eq!(place.get("/", &entered).await.status, StatusCode::OK, "the password is enough again");
}

#[tokio::test]
async fn the_last_administrator_gets_in_again_by_a_command() {
    let place = Place::new().await;
    place.equip("admin", &place.somebody(Role::Admin).await).await;
    assert!(!place.console.reset_second_factor("nobody", "kizuna console").await.unwrap());
    assert!(place.console.reset_second_factor("ADMIN", "kizuna console").await.unwrap());
    let change = place.accounts().changes(1).unwrap().remove(0);
    assert_eq!((&*change.actor, &*change.action), ("kizuna console", "second_factor_reset"));
    let entered = place.password("admin").await;
    assert_eq!(place.get("/people", &entered).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_switches_it_off_or_renews_recovery_codes_shows_a_code() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Viewer).await;
    let (secret, first) = place.equip("viewer", &cookie).await;
    for path in ["/account/second-factor/off", "/account/second-factor/recovery-codes"] {
        let refused = place.post(path, &cookie, &[("code", "000000")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    let code = place.code(&secret);
    let renewed = place.post("/account/second-factor/recovery-codes", &cookie, &[("code", &code)]).await;
    assert!(renewed.text.contains("recovery-codes") && !first.iter().any(|code| renewed.text.contains(code)));
    let begun = place.post("/account/second-factor", &cookie, &[]).await;
    assert_eq!((begun.location(), place.is_equipped("viewer")), ("/account", true), "none is put in its place");
    place.clock.advance(STEP_MS);
    let old = place.post("/account/second-factor/off", &cookie, &[("code", &first[0])]).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY, "the earlier recovery codes no longer work");
    let code = place.code(&secret);
    assert_eq!(place.post("/account/second-factor/off", &cookie, &[("code", &code)]).await.location(), "/account");
    assert!(!place.is_equipped("viewer"));
    assert_eq!(place.recorded(), ["second_factor_off", "recovery_codes_renewed", "second_factor_on"]);
}

#[tokio::test]
async fn neither_the_file_nor_the_audit_log_shows_the_secret_or_a_recovery_code() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let (secret, codes) = place.equip("admin", &cookie).await;
    let on = place.get("/account", &cookie).await;
    let log = place.get("/changes", &cookie).await;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.directory.path().join("console")).unwrap() {
        files.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    for hidden in codes.iter().map(String::as_str).chain([secret.expose()]) {
        assert!(!on.text.contains(hidden) && !log.text.contains(hidden), "{hidden}");
        assert!(!files.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }
    assert_eq!(on.headers[header::CACHE_CONTROL], "no-store");
}
