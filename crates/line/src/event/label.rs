//! What "Last Response" shows for a message: its text, or a label for what is not text.

use crate::object::{members, text};
use serde::Deserialize;
use serde_json::value::RawValue;
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
    raw: &'a [u8],
    id: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// `None` if it is no object.
    pub fn read(raw: &'a [u8]) -> Option<Self> {
        let [id, kind, text] = members(raw, ["id", "type", "text"])?;
        Some(Self { raw, id, kind, text })
    }

    /// LINE's message ID.
    pub fn id(&self) -> Option<Cow<'a, str>> {
        self.id.and_then(text)
    }

    /// The text to show, never empty.
    pub fn text(&self, labels: &Labels) -> Box<str> {
        let Some(kind) = self.kind.and_then(text).filter(|kind| !kind.is_empty()) else {
            return labels.unnamed.as_str().into();
        };
        match &*kind {
            "text" => self.own_text().unwrap_or_else(|| "[text]".into()).into(),
            "sticker" => self.own_text().unwrap_or_else(|| labels.sticker.as_str().into()).into(),
            "image" => labels.image.as_str().into(),
            "video" => labels.video.as_str().into(),
            "audio" => labels.audio.as_str().into(),
            "file" => followed_by(&labels.file, self.string("fileName")),
            "location" => followed_by(&labels.location, self.place()),
            other => format!("[{other}]").into(),
        }
    }

    fn own_text(&self) -> Option<Cow<'a, str>> {
        self.text.and_then(text).filter(|text| !text.is_empty())
    }

    fn string(&self, name: &'static str) -> Option<Cow<'a, str>> {
        let [value] = members(self.raw, [name])?;
        value.and_then(text).filter(|text| !text.is_empty())
    }

    fn place(&self) -> Option<Cow<'a, str>> {
        let coordinates = || {
            let [latitude, longitude] = members(self.raw, ["latitude", "longitude"])?;
            Some(format!("{}, {}", latitude?.get(), longitude?.get()).into())
        };
        self.string("title").or_else(|| self.string("address")).or_else(coordinates)
    }
}

fn followed_by(label: &str, detail: Option<Cow<'_, str>>) -> Box<str> {
    match detail {
        Some(detail) => format!("{label} {detail}").into(),
        None => label.into(),
    }
}
