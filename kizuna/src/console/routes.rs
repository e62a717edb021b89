//! Every address of the console with who may use it. What is not here is not there.

use super::Console;
use super::access::Role::{Admin, Operator, Viewer};
use super::access::{Needs, Role};
use super::guard::{Gate, guard, language_of};
use super::headers::protect;
use super::page::plain;
use super::pages::{
    account, audit, check, connect, connection, dashboard, entry, friend, friends, letters, people, replay, rotation,
    settings, welcome,
};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

/// An address.
pub struct Route {
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Does it change something? Then it takes POST, else GET.
    pub changes: bool,
    /// Who may use it.
    pub needs: Needs,
    to: fn(MethodFilter) -> MethodRouter<Console>,
}

const fn see(path: &'static str, role: Role, to: fn(MethodFilter) -> MethodRouter<Console>) -> Route {
    Route { path, changes: false, needs: Needs::Role(role), to }
}

const fn change(path: &'static str, role: Role, to: fn(MethodFilter) -> MethodRouter<Console>) -> Route {
    Route { path, changes: true, needs: Needs::Role(role), to }
}

const fn open(path: &'static str, changes: bool, to: fn(MethodFilter) -> MethodRouter<Console>) -> Route {
    Route { path, changes, needs: Needs::Nothing, to }
}

const fn own(path: &'static str, changes: bool, to: fn(MethodFilter) -> MethodRouter<Console>) -> Route {
    Route { path, changes, needs: Needs::Person, to }
}

const fn halfway(path: &'static str, changes: bool, to: fn(MethodFilter) -> MethodRouter<Console>) -> Route {
    Route { path, changes, needs: Needs::Password, to }
}

/// All of them.
pub const ROUTES: &[Route] = &[
    open("/assets/console.css", false, |how| on(how, style)),
    open("/assets/console.js", false, |how| on(how, script)),
    open("/login", false, |how| on(how, entry::show)),
    open("/login", true, |how| on(how, entry::sign_in)),
    open("/language", true, |how| on(how, entry::choose_language)),
    open("/welcome/{token}", false, |how| on(how, welcome::show)),
    open("/welcome/{token}", true, |how| on(how, welcome::accept)),
    halfway("/login/code", false, |how| on(how, entry::ask_code)),
    halfway("/login/code", true, |how| on(how, entry::take_code)),
    own("/logout", true, |how| on(how, entry::sign_out)),
    own("/account", false, |how| on(how, account::show)),
    own("/account/second-factor", true, |how| on(how, account::begin)),
    own("/account/second-factor/confirm", true, |how| on(how, account::confirm)),
    own("/account/second-factor/recovery-codes", true, |how| on(how, account::renew)),
    own("/account/second-factor/off", true, |how| on(how, account::switch_off)),
    see("/", Viewer, |how| on(how, dashboard::show)),
    see("/connect", Admin, |how| on(how, connect::show)),
    change("/connect", Admin, |how| on(how, connect::connect)),
    see("/connections/{number}", Viewer, |how| on(how, connection::show)),
    change("/connections/{number}", Operator, |how| on(how, connection::edit)),
    change("/connections/{number}/state", Operator, |how| on(how, connection::set_state)),
    see("/connections/{number}/check", Operator, |how| on(how, check::show)),
    change("/connections/{number}/check", Operator, |how| on(how, check::run)),
    see("/connections/{number}/rotation", Admin, |how| on(how, rotation::show)),
    change("/connections/{number}/rotation", Admin, |how| on(how, rotation::enter)),
    change("/connections/{number}/remove", Admin, |how| on(how, connection::remove)),
    see("/friends", Viewer, |how| on(how, friends::show)),
    see("/friend", Viewer, |how| on(how, friend::show)),
    see("/dead-letters", Viewer, |how| on(how, letters::show)),
    change("/dead-letters/{key}/retry", Operator, |how| on(how, letters::retry)),
    change("/dead-letters/{key}/drop", Operator, |how| on(how, letters::forget)),
    see("/replay", Operator, |how| on(how, replay::show)),
    change("/replay", Operator, |how| on(how, replay::look)),
    change("/replay/apply", Admin, |how| on(how, replay::apply)),
    see("/settings", Viewer, |how| on(how, settings::show)),
    see("/people", Admin, |how| on(how, people::show)),
    change("/people", Admin, |how| on(how, people::add)),
    change("/people/{id}/role", Admin, |how| on(how, people::set_role)),
    change("/people/{id}/link", Admin, |how| on(how, people::link)),
    change("/people/{id}/second-factor", Admin, |how| on(how, people::reset_second_factor)),
    change("/people/second-factor", Admin, |how| on(how, people::require_second_factor)),
    change("/people/{id}/remove", Admin, |how| on(how, people::remove)),
    see("/changes", Admin, |how| on(how, audit::show)),
];

/// The console as a service.
pub fn router(console: Console) -> Router {
    let guarded = |router: Router<Console>, route: &Route| {
        let gate = Gate { console: console.clone(), needs: route.needs };
        let how = if route.changes { MethodFilter::POST } else { MethodFilter::GET };
        router.route(route.path, (route.to)(how).layer(from_fn_with_state(gate, guard)))
    };
    let router = ROUTES.iter().fold(Router::new(), guarded);
    router.fallback(missing).method_not_allowed_fallback(missing).layer(from_fn(protect)).with_state(console)
}

async fn missing(headers: HeaderMap) -> Response {
    plain(StatusCode::NOT_FOUND, language_of(&headers))
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../assets/console.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/console.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")], text).into_response()
}
