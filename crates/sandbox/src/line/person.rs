//! People who use LINE, as one provider knows them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A person's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// User ID within the provider.
    pub user_id: String,
    /// Name, free text.
    pub display_name: String,
    /// Picture; none = no picture set.
    pub picture_url: Option<String>,
    /// Status message.
    pub status_message: Option<String>,
    /// Language tag, as `ja`.
    pub language: Option<String>,
    /// False for the rare people who never agreed to share their profile.
    pub consent: bool,
    /// False after the LINE account was deleted.
    pub exists: bool,
}

/// Changes of a profile; what is left out stays, an empty text takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Likeness {
    /// New name.
    pub display_name: Option<String>,
    /// New picture.
    pub picture_url: Option<String>,
    /// New status message.
    pub status_message: Option<String>,
    /// New language.
    pub language: Option<String>,
}

impl Person {
    /// The person `user` stands for: a user ID, or a nickname that becomes the display name.
    pub(super) fn named(provider: &str, user: &str) -> Self {
        let user_id = user_id(provider, user);
        let display_name = if user_id == user { given_name(user).to_owned() } else { user.to_owned() };
        Self {
            picture_url: Some(format!("https://profile.line-scdn.net/0h{}", &user_id[1..17])),
            user_id,
            display_name,
            status_message: None,
            language: Some("ja".to_owned()),
            consent: true,
            exists: true,
        }
    }

    pub(super) fn change(&mut self, likeness: &Likeness) {
        let set = |field: &mut Option<String>, new: &Option<String>| {
            if let Some(new) = new {
                *field = Some(new.clone()).filter(|text| !text.is_empty());
            }
        };
        set(&mut self.picture_url, &likeness.picture_url);
        set(&mut self.status_message, &likeness.status_message);
        set(&mut self.language, &likeness.language);
        if let Some(name) = &likeness.display_name {
            self.display_name.clone_from(name);
        }
    }
}

/// The user ID of `user` under `provider`: a user ID stands for itself, a nickname for a fixed one.
pub fn user_id(provider: &str, user: &str) -> String {
    if well_formed(user) {
        return user.to_owned();
    }
    let digest = Sha256::digest(format!("{provider}/{user}"));
    format!("U{}", &hex::encode(digest)[..32])
}

/// `U` and 32 lower-case hexadecimal digits.
pub(super) fn well_formed(user_id: &str) -> bool {
    user_id.strip_prefix('U').is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

fn given_name(user_id: &str) -> &'static str {
    const NAMES: &[&str] =
        &["佐藤 花子", "鈴木一郎", "たかはし", "田中🌸", "Mei", "渡辺 健", "山本(営業)", "小林さくら"];
    let sum: usize = user_id.bytes().map(usize::from).sum();
    NAMES[sum % NAMES.len()]
}
