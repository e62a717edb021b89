//! Every call Kizuna makes to HubSpot: where it goes, what it changes, which limits it counts against.

use crate::limit::Kind;
use reqwest::Method;

/// The version of HubSpot's interface that all paths are built from.
pub const VERSION: &str = "2026-09";

/// Where HubSpot is.
pub const BASE_URL: &str = "https://api.hubapi.com";

/// One kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    ContactRead,
    ContactBatchRead,
    ContactSearch,
    ContactBatchCreate,
    ContactBatchUpdate,
    ContactArchive,
    ContactErase,
    GroupRead,
    GroupCreate,
    PropertyBatchRead,
    PropertyBatchCreate,
    PropertyUpdate,
    PropertyRoom,
    AccountRead,
    UsageRead,
}

/// What a call may have changed when its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it may simply be made again.
    Read,
    /// Something, or not.
    Write,
}

impl Endpoint {
    /// One word, for metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ContactRead => "contact_read",
            Self::ContactBatchRead => "contact_batch_read",
            Self::ContactSearch => "contact_search",
            Self::ContactBatchCreate => "contact_batch_create",
            Self::ContactBatchUpdate => "contact_batch_update",
            Self::ContactArchive => "contact_archive",
            Self::ContactErase => "contact_erase",
            Self::GroupRead => "group_read",
            Self::GroupCreate => "group_create",
            Self::PropertyBatchRead => "property_batch_read",
            Self::PropertyBatchCreate => "property_batch_create",
            Self::PropertyUpdate => "property_update",
            Self::PropertyRoom => "property_room",
            Self::AccountRead => "account_read",
            Self::UsageRead => "usage_read",
        }
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::ContactRead | Self::GroupRead | Self::PropertyRoom | Self::AccountRead | Self::UsageRead => {
                Method::GET
            }
            Self::ContactArchive => Method::DELETE,
            Self::PropertyUpdate => Method::PATCH,
            _ => Method::POST,
        }
    }

    pub(crate) const fn effect(self) -> Effect {
        match self {
            Self::ContactBatchCreate
            | Self::ContactBatchUpdate
            | Self::ContactArchive
            | Self::ContactErase
            | Self::GroupCreate
            | Self::PropertyBatchCreate
            | Self::PropertyUpdate => Effect::Write,
            _ => Effect::Read,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::ContactSearch => Kind::Search,
            _ => Kind::General,
        }
    }

    /// Does the sync stand still without it? Then a missing scope stops all calls.
    pub(crate) const fn is_vital(self) -> bool {
        matches!(self, Self::ContactRead | Self::ContactBatchRead | Self::ContactBatchCreate | Self::ContactBatchUpdate)
    }

    /// May the very thing it asks for be missing? Elsewhere "not found" speaks of the path, and so of a wrong address.
    pub(crate) const fn may_be_missing(self) -> bool {
        match self {
            Self::ContactRead
            | Self::ContactArchive
            | Self::ContactErase
            | Self::GroupRead
            | Self::PropertyUpdate
            | Self::PropertyRoom
            | Self::UsageRead => true,
            Self::ContactBatchRead
            | Self::ContactSearch
            | Self::ContactBatchCreate
            | Self::ContactBatchUpdate
            | Self::GroupCreate
            | Self::PropertyBatchRead
            | Self::PropertyBatchCreate
            | Self::AccountRead => false,
        }
    }

    /// The parts of the path; `name` is the thing that the path names.
    pub(crate) fn path<'a>(self, version: &'a str, name: &'a str) -> Vec<&'a str> {
        let contacts = |rest: &[&'a str]| [&["crm", "objects", version, "contacts"], rest].concat();
        let properties = |rest: &[&'a str]| [&["crm", "properties", version, "contacts"], rest].concat();
        match self {
            Self::ContactRead | Self::ContactArchive => contacts(&[name]),
            Self::ContactBatchRead => contacts(&["batch", "read"]),
            Self::ContactSearch => contacts(&["search"]),
            Self::ContactBatchCreate => contacts(&["batch", "create"]),
            Self::ContactBatchUpdate => contacts(&["batch", "update"]),
            Self::ContactErase => contacts(&["gdpr-delete"]),
            Self::GroupRead => properties(&["groups", name]),
            Self::GroupCreate => properties(&["groups"]),
            Self::PropertyBatchRead => properties(&["batch", "read"]),
            Self::PropertyBatchCreate => properties(&["batch", "create"]),
            Self::PropertyUpdate => properties(&[name]),
            Self::PropertyRoom => vec!["crm", "limits", version, "custom-properties"],
            Self::AccountRead => vec!["account-info", version, "details"],
            Self::UsageRead => vec!["account-info", version, "api-usage", "daily", "private-apps"],
        }
    }
}
