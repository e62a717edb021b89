//! Which call a method and a path mean, in the dated and the legacy spelling.

use http::Method;

use crate::fields::decode_path;

/// The API version a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `2026-09`: rules set by an administrator hold for the API too.
    September2026,
    /// `2026-03`.
    March2026,
    /// `v3`.
    V3,
}

impl Version {
    fn named(text: &str) -> Option<Self> {
        match text {
            "2026-09" => Some(Self::September2026),
            "2026-03" => Some(Self::March2026),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }
}

macro_rules! endpoints {
    ($($(#[$doc:meta])* $variant:ident = $name:literal needs [$($scope:literal),*],)+) => {
        /// One call of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Endpoint {
            $($(#[$doc])* $variant,)+
        }

        impl Endpoint {
            /// Its name in statistics, in the history and in faults.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The scopes of which one must have been granted; empty = none is needed.
            pub fn scopes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($scope),*],)+ }
            }
        }

        /// The names of all endpoints.
        pub const ENDPOINTS: &[&str] = &[$($name),+];
    };
}

endpoints! {
    ContactList = "contacts/list" needs ["crm.objects.contacts.read"],
    ContactRead = "contacts/read" needs ["crm.objects.contacts.read"],
    ContactCreate = "contacts/create" needs ["crm.objects.contacts.write"],
    ContactUpdate = "contacts/update" needs ["crm.objects.contacts.write"],
    ContactArchive = "contacts/archive" needs ["crm.objects.contacts.write"],
    BatchRead = "contacts/batch/read" needs ["crm.objects.contacts.read"],
    BatchCreate = "contacts/batch/create" needs ["crm.objects.contacts.write"],
    BatchUpdate = "contacts/batch/update" needs ["crm.objects.contacts.write"],
    BatchUpsert = "contacts/batch/upsert" needs ["crm.objects.contacts.write"],
    BatchArchive = "contacts/batch/archive" needs ["crm.objects.contacts.write"],
    Search = "contacts/search" needs ["crm.objects.contacts.read"],
    Merge = "contacts/merge" needs ["crm.objects.contacts.write"],
    GdprDelete = "contacts/gdpr-delete" needs ["crm.objects.contacts.write"],
    PropertyList = "properties/list" needs ["crm.schemas.contacts.read", "crm.objects.contacts.read"],
    PropertyRead = "properties/read" needs ["crm.schemas.contacts.read", "crm.objects.contacts.read"],
    PropertyCreate = "properties/create" needs ["crm.schemas.contacts.write"],
    PropertyUpdate = "properties/update" needs ["crm.schemas.contacts.write"],
    PropertyArchive = "properties/archive" needs ["crm.schemas.contacts.write"],
    PropertyBatchRead = "properties/batch/read" needs ["crm.schemas.contacts.read", "crm.objects.contacts.read"],
    PropertyBatchCreate = "properties/batch/create" needs ["crm.schemas.contacts.write"],
    PropertyBatchArchive = "properties/batch/archive" needs ["crm.schemas.contacts.write"],
    GroupList = "groups/list" needs ["crm.schemas.contacts.read", "crm.objects.contacts.read"],
    GroupRead = "groups/read" needs ["crm.schemas.contacts.read", "crm.objects.contacts.read"],
    GroupCreate = "groups/create" needs ["crm.schemas.contacts.write"],
    GroupUpdate = "groups/update" needs ["crm.schemas.contacts.write"],
    GroupArchive = "groups/archive" needs ["crm.schemas.contacts.write"],
    CustomPropertyLimits = "limits/custom-properties" needs ["crm.objects.contacts.read", "crm.objects.contacts.write"],
    AccountDetails = "account/details" needs [],
    DailyUsage = "account/daily-usage" needs [],
}

/// A call with what its path says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub endpoint: Endpoint,
    pub version: Version,
    /// A contact's ID or a property's or group's name.
    pub subject: String,
}

impl Route {
    /// Reads method and path; none for what HubSpot (or this sandbox) does not have.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(decode_path).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.contains(&"") {
            return None;
        }
        let (version, area, rest) = match segments.as_slice() {
            ["crm", version @ "v3", area, rest @ ..] => (version, *area, rest),
            ["crm", area, version, rest @ ..] => (version, *area, rest),
            ["account-info", version, rest @ ..] => (version, "account-info", rest),
            _ => return None,
        };
        let version = Version::named(version)?;
        let (endpoint, subject) = match area {
            "objects" => contacts(method.as_str(), rest),
            "properties" => properties(method.as_str(), rest),
            "limits" if rest == ["custom-properties"] && method == Method::GET => {
                Some((Endpoint::CustomPropertyLimits, ""))
            }
            "account-info" if method == Method::GET => account(rest),
            _ => None,
        }?;
        Some(Self { endpoint, version, subject: subject.to_owned() })
    }
}

fn contacts<'a>(method: &str, rest: &[&'a str]) -> Option<(Endpoint, &'a str)> {
    let (&("contacts" | "0-1"), rest) = rest.split_first()? else { return None };
    Some(match (method, rest) {
        ("GET", []) => (Endpoint::ContactList, ""),
        ("POST", []) => (Endpoint::ContactCreate, ""),
        ("POST", ["search"]) => (Endpoint::Search, ""),
        ("POST", ["merge"]) => (Endpoint::Merge, ""),
        ("POST", ["gdpr-delete"]) => (Endpoint::GdprDelete, ""),
        ("POST", ["batch", "read"]) => (Endpoint::BatchRead, ""),
        ("POST", ["batch", "create"]) => (Endpoint::BatchCreate, ""),
        ("POST", ["batch", "update"]) => (Endpoint::BatchUpdate, ""),
        ("POST", ["batch", "upsert"]) => (Endpoint::BatchUpsert, ""),
        ("POST", ["batch", "archive"]) => (Endpoint::BatchArchive, ""),
        ("GET", [id]) => (Endpoint::ContactRead, id),
        ("PATCH", [id]) => (Endpoint::ContactUpdate, id),
        ("DELETE", [id]) => (Endpoint::ContactArchive, id),
        _ => return None,
    })
}

fn properties<'a>(method: &str, rest: &[&'a str]) -> Option<(Endpoint, &'a str)> {
    let (&("contacts" | "0-1"), rest) = rest.split_first()? else { return None };
    Some(match (method, rest) {
        ("GET", []) => (Endpoint::PropertyList, ""),
        ("POST", []) => (Endpoint::PropertyCreate, ""),
        ("POST", ["batch", "read"]) => (Endpoint::PropertyBatchRead, ""),
        ("POST", ["batch", "create"]) => (Endpoint::PropertyBatchCreate, ""),
        ("POST", ["batch", "archive"]) => (Endpoint::PropertyBatchArchive, ""),
        ("GET", ["groups"]) => (Endpoint::GroupList, ""),
        ("POST", ["groups"]) => (Endpoint::GroupCreate, ""),
        ("GET", ["groups", name]) => (Endpoint::GroupRead, name),
        ("PATCH", ["groups", name]) => (Endpoint::GroupUpdate, name),
        ("DELETE", ["groups", name]) => (Endpoint::GroupArchive, name),
        ("GET", [name]) => (Endpoint::PropertyRead, name),
        ("PATCH", [name]) => (Endpoint::PropertyUpdate, name),
        ("DELETE", [name]) => (Endpoint::PropertyArchive, name),
        _ => return None,
    })
}

fn account<'a>(rest: &[&'a str]) -> Option<(Endpoint, &'a str)> {
    match rest {
        ["details"] => Some((Endpoint::AccountDetails, "")),
        ["api-usage", "daily"] | ["api-usage", "daily", "private-apps"] => Some((Endpoint::DailyUsage, "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: Method, path: &str) -> Option<(&'static str, Version, String)> {
        Route::of(&method, path).map(|route| (route.endpoint.name(), route.version, route.subject))
    }

    #[test]
    fn dated_and_legacy_paths_mean_the_same_call() {
        let update = |version| Some(("contacts/batch/update", version, String::new()));
        assert_eq!(route(Method::POST, "/crm/objects/2026-09/contacts/batch/update"), update(Version::September2026));
        assert_eq!(route(Method::POST, "/crm/objects/2026-03/0-1/batch/update"), update(Version::March2026));
        assert_eq!(route(Method::POST, "/crm/v3/objects/contacts/batch/update"), update(Version::V3));
        let read = Some(("properties/read", Version::V3, "email".to_owned()));
        assert_eq!(route(Method::GET, "/crm/v3/properties/contacts/email"), read);
        let limits = Some(("limits/custom-properties", Version::September2026, String::new()));
        assert_eq!(route(Method::GET, "/crm/limits/2026-09/custom-properties"), limits);
    }

    #[test]
    fn an_email_in_the_path_is_decoded() {
        let read = Some(("contacts/read", Version::September2026, "a+b@line.me".to_owned()));
        assert_eq!(route(Method::GET, "/crm/objects/2026-09/contacts/a+b%40line.me"), read);
    }

    #[test]
    fn what_hubspot_does_not_have_is_no_route() {
        for path in
            ["/crm/objects/2025-01/contacts", "/crm/objects/2026-09/deals", "/crm/objects/2026-09/contacts/", "", "x"]
        {
            assert_eq!(route(Method::DELETE, path), None, "{path}");
        }
        assert_eq!(route(Method::PUT, "/crm/objects/2026-09/contacts/1"), None);
    }
}
