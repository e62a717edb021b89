//! What "Last Response" shows for a message: its text, or a label for what is not text.

use crate::object::{Found, members, text};
use serde::Deserialize;
use std::borrow::Cow;

/// The labels of messages that are not text. Japanese unless configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// A sticker that carries no text of its own.
    pub sticker: String,
    /// An image.
    pub image: String,
    /// A video.
    pub video: String,
    /// A voice or sound message.
    pub audio: String,
    /// A file; its name follows.
    pub file: String,
    /// A location; its title, address or coordinates follow.
    pub location: String,
    /// A message of which LINE does not say what it is.
    pub unnamed: String,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            sticker: "[スタンプ]".into(),
            image: "[画像]".into(),
            video: "[動画]".into(),
            audio: "[音声]".into(),
            file: "[ファイル]".into(),
            location: "[位置情報]".into(),
            unnamed: "[メッセージ]".into(),
        }
    }
}

/// The `message` of an event.
pub(super) struct Message<'a> {
    /// The whole event, for what only some messages have.
    pub event: &'a [u8],
    /// `message.type`.
    pub kind: Option<&'a [u8]>,
    /// `message.text`.
    pub text: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// The text to show, never empty.
    pub fn shown(&self, labels: &Labels) -> Box<str> {
        let Some(kind) = self.kind.and_then(text).filter(|kind| !kind.is_empty()) else {
            return labels.unnamed.as_str().into();
        };
        match &*kind {
            "text" => self.own_text().unwrap_or("[text]".into()).into(),
            "sticker" => self.own_text().unwrap_or(labels.sticker.as_str().into()).into(),
            "image" => labels.image.as_str().into(),
            "video" => labels.video.as_str().into(),
            "audio" => labels.audio.as_str().into(),
            "file" => followed_by(&labels.file, self.file_name()),
            "location" => followed_by(&labels.location, self.place()),
            other => format!("[{other}]").into(),
        }
    }

    fn own_text(&self) -> Option<Cow<'a, str>> {
        filled(self.text)
    }

    fn file_name(&self) -> Option<Cow<'a, str>> {
        let [name] = self.members(["fileName"])?;
        filled(name)
    }

    fn place(&self) -> Option<Cow<'a, str>> {
        let [title, address, latitude, longitude] = self.members(["title", "address", "latitude", "longitude"])?;
        let number = |value| std::str::from_utf8(value).ok();
        let coordinates = || Some(format!("{}, {}", number(latitude?)?, number(longitude?)?).into());
        filled(title).or_else(|| filled(address)).or_else(coordinates)
    }

    fn members<const N: usize>(&self, names: [&str; N]) -> Option<Found<'a, N>> {
        let [message] = members(self.event, ["message"])?;
        members(message?, names)
    }
}

/// A text that is not empty.
fn filled(value: Option<&[u8]>) -> Option<Cow<'_, str>> {
    value.and_then(text).filter(|text| !text.is_empty())
}

fn followed_by(label: &str, detail: Option<Cow<'_, str>>) -> Box<str> {
    match detail {
        Some(detail) => format!("{label} {detail}").into(),
        None => label.into(),
    }
}
